"""What helps against it? The same attack on defended networks, over a handful of photos.

Each defence is judged twice: by pictures made for the plain network, whose maker knew nothing of it, and by pictures made for
the defence itself. Only the second says whether it defends (Carlini et al. 2019, arXiv:1902.06705).
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from core.attack.attack import attack
from core.attack.goals import Misclassify, fooled
from core.attack.settings import AttackSettings
from core.attack.snapshot import AttackSnapshot
from core.attack.victims import Victim
from core.errors import SettingsError

STEPS = 20


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


@dataclass(frozen=True)
class Defending:
    """Where it is.

    Attributes:
        rows: of the networks that are done, the plain one first.
        title: of the network that is attacked now; "" at the end.
        share: of all work that is done, in [0, 1].
    """

    rows: tuple[Defended, ...]
    title: str
    share: float


def defend(
    plain: Victim,
    defences: Sequence[Victim],
    photos: Sequence[Image.Image],
    settings: AttackSettings,
    *,
    max_seconds: float | None = None,
    most_steps: int = STEPS,
) -> Iterator[Defending]:
    """Attack the plain network, then each defence, untargeted.

    Args:
        max_seconds: of the whole call; attacks that are cut short count with what they have reached.
        most_steps: fewer are taken of settings that want more: away from a class is not far.

    Raises:
        SettingsError: there is no photo.
        ImageError: a photo that cannot be attacked.
    """
    if not photos:
        raise SettingsError("There is no photo to defend.")
    began = time.monotonic()
    settings = dataclasses.replace(settings, steps=min(settings.steps, most_steps))
    victims = (plain, *defences)
    rows: tuple[Defended, ...] = ()
    made: list[Image.Image] = []
    for number, victim in enumerate(victims):
        present = [prediction.top(1)[0].index for prediction in victim.predict(photos)]
        goals = [Misclassify(label) for label in present]
        # what is left of the time, shared with the networks that wait
        left = None
        if max_seconds is not None:
            left = max(0.0, max_seconds - (time.monotonic() - began)) / (len(victims) - number)
        for snapshot in attack(victim, photos, goals, settings, max_seconds=left, look_every_seconds=math.inf):
            final = snapshot
            yield Defending(rows, victim.title, (number + snapshot.step / snapshot.total_steps) / len(victims))
        pictures = [one.picture for one in final.attacked]
        made = made or pictures
        rows = (*rows, _row(victim, goals, final, made))
    yield Defending(rows, "", 1.0)


def _row(victim: Victim, goals: Sequence[Misclassify], final: AttackSnapshot, made: Sequence[Image.Image]) -> Defended:
    blind = [fooled(read, goal) for read, goal in zip(victim.readings(made), goals, strict=True)]
    worked = [one.measures.l2 for one in final.attacked if one.success]
    count = len(final.attacked)
    return Defended(
        victim.title,
        count,
        sum(blind) / count,
        len(worked) / count,
        statistics.median(worked) if worked else None,
    )
