"""What the Fool it tab shows before anybody pressed Go: a change that was made before, put onto the app's own picture now.

Only the change is kept, `assets/fooled-cheetah.png`; the picture comes with a package, and what the network reads in both is
asked when the tab is opened. `python -m demo.fool_example` makes the change anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import core
from core.attack.settings import AttackSettings
from demo.fool_form import SIAMESE, first_example
from demo.fool_run import victim_of

if TYPE_CHECKING:
    from core.attack.snapshot import Attacked

_CHANGE = Path(__file__).resolve().parent.parent / "assets" / "fooled-cheetah.png"
# Nobody sees it, and the network is not only just convinced.
_SETTINGS = AttackSettings(method="pgd", norm="l2", epsilon=0.9, steps=60, momentum=0.75, objective="margin")


@dataclass(frozen=True, eq=False)
class Example:
    """A picture that was attacked before.

    Attributes:
        own: what the network reads in the photo.
        network: its title.
        attacked: the picture: before, after, and how far apart.
    """

    own: str
    network: str
    attacked: Attacked = field(repr=False)


def ready_made() -> Example | None:
    """The example, judged now; None where the picture or the change is missing, or it does not fool the network here."""
    from core.attack.files import with_change
    from core.attack.goals import Become

    photo = first_example()
    if photo is None or not _CHANGE.is_file():
        return None
    victim = victim_of(core.DEFAULT_BACKBONE)
    goal = Become(victim.first.label_of(SIAMESE))
    try:
        attacked = with_change(victim, core.read_image(photo.path), core.read_image(_CHANGE), goal)
    except core.PetLensError:  # another picture than the one that the change was made for
        return None
    if not attacked.success:
        return None
    return Example(attacked.before.top(1)[0].title, victim.title, attacked)


def main() -> None:
    """Make the change."""
    from core.attack.attack import attack
    from core.attack.files import change_of
    from core.attack.goals import Become
    from core.streams import last

    victim = victim_of(core.DEFAULT_BACKBONE)
    photo = core.read_image(first_example().path)
    goal = Become(victim.first.label_of(SIAMESE))
    (attacked,) = last(attack(victim, [photo], [goal], _SETTINGS, all_processors=True)).attacked
    change_of(attacked).save(_CHANGE, optimize=True)
    best, measures = attacked.prediction.top(1)[0], attacked.measures
    print(
        f"{_CHANGE.name}: {best.title} {best.probability:.0%}, L2 {measures.l2:.2f}, {_CHANGE.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
