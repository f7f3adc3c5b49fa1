"""Dial a distance: what the strongest change of each size does to one photo."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image

from core import runtime
from core.attack.attack import check_photo
from core.attack.bounded import Bounded
from core.attack.goals import Become, Goal, fooled
from core.attack.measures import Measures, measure
from core.attack.minimal import Minimal
from core.attack.settings import AttackSettings
from core.attack.victims import Victim
from core.images import to_pictures, to_pixels
from core.norms import Norm
from core.prediction import Prediction

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
        smallest: distance of the smallest change that was found to work, which need not be one of those dialled; None: none.
        points: one a distance, the smallest first; nobody's probability is less than at a smaller distance.
        pictures: theirs, 8-bit RGB.
    """

    step: int
    total_steps: int
    smallest: float | None
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
    max_seconds: float | None = None,
) -> Iterator[Dialled]:
    """Attack one photo at every distance side by side; the last snapshot holds the curve.

    First the smallest change that works is looked for; every distance from there on goes on from it. What is found is a bound
    from below: a stronger change of the same size may exist.

    Args:
        distances: in [0, 1] units; None: `DISTANCES`.
        steps: gradients on the way to the smallest change, and as many of every distance.
        every_steps: how often the pictures are judged.
        max_seconds: no step begins after these.

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
    began = time.monotonic()
    run = runtime.on_one_thread(partial(_Run, victim, victim.view(photo), goal, settings, wanted))
    total = 2 * steps
    for step in range(1, total + 1):
        late = max_seconds is not None and time.monotonic() - began >= max_seconds
        if not late:
            runtime.on_one_thread(run.look_for_smallest if step <= steps else run.advance)
        if late or step % every_steps == 0 or step == total:
            yield runtime.on_one_thread(partial(run.snapshot, step, total))
        if late:
            return


class _Run:
    """One dial, between two steps. Not shared."""

    @torch.inference_mode(False)
    def __init__(
        self, victim: Victim, original: Image.Image, goal: Goal, settings: AttackSettings, distances: tuple[float, ...]
    ) -> None:
        self._victim, self._original, self._goal, self._distances = victim, original, goal, distances
        self._settings = settings
        (before,) = victim.predict([original])
        self._own = before.top(1)[0].index
        self._start = to_pixels([original]).contiguous().to(victim.first.backbone.device)
        self._minimal = Minimal(victim.logits, self._start, [goal], settings.norm, eight_bits=True, judge=victim.judge)
        self._bounded: Bounded | None = None

    @torch.inference_mode(False)
    @torch.no_grad()
    def look_for_smallest(self) -> None:
        self._minimal.step()

    @torch.inference_mode(False)
    @torch.no_grad()
    def advance(self) -> None:
        """One step of every distance."""
        if self._bounded is None:
            count = len(self._distances)
            farther = [self._found and distance >= self._smallest for distance in self._distances]
            begin = torch.cat([self._minimal.best - self._start if at else 0 * self._start for at in farther])
            self._bounded = Bounded(
                self._victim.logits,
                self._start.expand(count, -1, -1, -1),
                [self._goal] * count,
                self._settings,
                radii=self._distances,
                perturbation=begin,
            )
        self._bounded.step()

    @property
    def _smallest(self) -> float:
        """Infinite before anything was found to work."""
        return float(self._minimal.sizes[0])

    @property
    def _found(self) -> bool:
        return math.isfinite(self._smallest)

    def snapshot(self, step: int, total: int) -> Dialled:
        """The curve as it is now; a distance also has what was found at a smaller one, where that is stronger."""
        pixels = self._start.expand(len(self._distances), -1, -1, -1) if self._bounded is None else self._bounded.best
        (small,) = to_pictures(self._minimal.best)
        pictures = [*to_pictures(pixels), small, self._original]
        readings = self._victim.readings(pictures)
        *own, of_smallest, of_original = zip(pictures, readings, strict=True)
        best = of_original
        points, shown = [], []
        for distance, candidate in zip(self._distances, own, strict=True):
            others = [of_smallest] if self._found and self._smallest <= distance else []
            best = max(best, candidate, *others, key=self._strength)
            points.append(self._point(distance, *best))
            shown.append(best[0])
        return Dialled(step, total, self._smallest if self._found else None, tuple(points), tuple(shown))

    def _strength(self, seen: tuple[Image.Image, tuple[Prediction, ...]]) -> tuple[bool, float]:
        """Of a picture: whether it fools, and by how much, by the network that is fooled least."""
        _, readings = seen
        shares = [float(said.probabilities[self._goal.label]) for said in readings]
        sure = min(shares) if isinstance(self._goal, Become) else -max(shares)
        return fooled(readings, self._goal), sure

    def _point(self, distance: float, picture: Image.Image, readings: tuple[Prediction, ...]) -> DialPoint:
        said = readings[0].probabilities
        return DialPoint(
            distance,
            measure(self._original, picture),
            float(said[self._goal.label]),
            float(said[self._own]),
            fooled(readings, self._goal),
        )
