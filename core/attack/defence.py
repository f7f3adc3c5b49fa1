"""What helps against it? The same attack on defended networks, over a handful of photos.

Each defence is judged twice: by pictures made for the plain network, whose maker knew nothing of it, and by pictures made for
the defence itself. Only the second says whether it defends (Carlini et al. 2019, arXiv:1902.06705).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from core.attack.attack import attack
from core.attack.goals import Misclassify, reached
from core.attack.settings import AttackSettings
from core.attack.snapshot import AttackSnapshot
from core.attack.victims import Victim
from core.errors import SettingsError


@dataclass(frozen=True)
class Defended:
    """How one network fared.

    Attributes:
        title: of it.
        photos: how many were attacked.
        blind: share of the photos in which it reads something else than before, by pictures made for the plain network.
        aware: the same by pictures made for itself.
        l2: median distance of those that worked; None where none did.
    """

    title: str
    photos: int
    blind: float
    aware: float
    l2: float | None


def defend(
    plain: Victim, defences: Sequence[Victim], photos: Sequence[Image.Image], settings: AttackSettings
) -> Iterator[tuple[Defended, ...]]:
    """Attack the plain network, then each defence, untargeted: all rows so far, after each network and at each look.

    Raises:
        SettingsError: there is no photo.
        ImageError: a photo that cannot be attacked.
    """
    if not photos:
        raise SettingsError("There is no photo to defend.")
    rows: tuple[Defended, ...] = ()
    yield rows
    made: list[Image.Image] = []
    for victim in (plain, *defences):
        present = [prediction.top(1)[0].index for prediction in victim.predict(photos)]
        goals = [Misclassify(label) for label in present]
        snapshots = attack(victim, photos, goals, settings, look_every_seconds=2.0)
        final = next(snapshots)
        for snapshot in snapshots:
            final = snapshot
            yield rows
        pictures = [one.picture for one in final.attacked]
        made = made or pictures
        rows = (*rows, _row(victim, goals, final, made))
        yield rows


def _row(victim: Victim, goals: Sequence[Misclassify], final: AttackSnapshot, made: Sequence[Image.Image]) -> Defended:
    read = [prediction.top(1)[0].index for prediction in victim.predict(made)]
    worked = [one.measures.l2 for one in final.attacked if one.success]
    count = len(final.attacked)
    return Defended(
        victim.title,
        count,
        sum(reached(read, goals)) / count,
        len(worked) / count,
        statistics.median(worked) if worked else None,
    )
