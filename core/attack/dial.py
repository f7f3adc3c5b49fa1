"""Dial a distance: what the strongest change of each size does to one photo."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image

from core import runtime
from core.attack.attack import check_photo
from core.attack.bounded import Bounded
from core.attack.goals import Goal, reached
from core.attack.measures import Measures, measure
from core.attack.settings import AttackSettings
from core.attack.victims import Victim
from core.images import to_pictures, to_pixels
from core.norms import Norm

# From what hardly ever works to what always does.
DISTANCES: dict[Norm, tuple[float, ...]] = {
    "l2": (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4, 4.0),
    "linf": tuple(steps / 255 for steps in (1, 2, 3, 4, 6, 8, 12, 16)),
}
STEPS = 24


@dataclass(frozen=True)
class DialPoint:
    """One distance.

    Attributes:
        distance: that was allowed.
        measures: of the picture, whose distance is no larger.
        probability: of the goal's class.
        own: of the class that is read in the photo.
        success: whether the goal is reached.
    """

    distance: float
    measures: Measures
    probability: float
    own: float
    success: bool


@dataclass(frozen=True, eq=False)
class Dialled:
    """The curve so far: all distances grow at once.

    Attributes:
        step, total_steps: taken, and to be taken.
        points: one a distance, the smallest first.
        pictures: theirs, 8-bit RGB.
    """

    step: int
    total_steps: int
    points: tuple[DialPoint, ...]
    pictures: tuple[Image.Image, ...] = dataclasses.field(repr=False)


def dial(
    victim: Victim,
    photo: Image.Image,
    goal: Goal,
    norm: Norm,
    *,
    distances: Sequence[float] | None = None,
    steps: int = STEPS,
    every_steps: int = 4,
) -> Iterator[Dialled]:
    """Attack one photo at every distance side by side; the last snapshot holds the curve.

    What is found is a bound from below: a stronger change of the same size may exist.

    Args:
        distances: in [0, 1] units; None: `DISTANCES`.
        every_steps: how often the pictures are judged.

    Raises:
        ImageError: the photo is too small or has one colour only.
        SettingsError: a distance or a number of steps out of range.
    """
    check_photo(photo)
    wanted = tuple(sorted(DISTANCES[norm] if distances is None else distances))
    settings = AttackSettings(
        method="pgd", norm=norm, epsilon=wanted[0], steps=steps, momentum=0.75, objective="margin"
    )
    for distance in wanted:
        dataclasses.replace(settings, epsilon=distance)  # checked
    original = victim.view(photo)
    (before,) = victim.predict([original])
    own = before.top(1)[0].index
    with torch.inference_mode(False):
        start = to_pixels([original]).contiguous().to(victim.first.backbone.device).expand(len(wanted), -1, -1, -1)
        method = Bounded(victim.logits, start, [goal] * len(wanted), settings, radii=wanted)
    for step in range(1, steps + 1):
        runtime.on_one_thread(partial(_advance, method))
        if step % every_steps and step < steps:
            continue
        pictures = to_pictures(method.best)
        points = []
        for distance, picture, prediction in zip(wanted, pictures, victim.predict(pictures), strict=True):
            points.append(
                DialPoint(
                    distance,
                    measure(original, picture),
                    float(prediction.probabilities[goal.label]),
                    float(prediction.probabilities[own]),
                    all(reached([prediction.top(1)[0].index], [goal])),
                )
            )
        yield Dialled(step, steps, tuple(points), tuple(pictures))


@torch.inference_mode(False)
@torch.no_grad()
def _advance(method: Bounded) -> None:
    method.step()
