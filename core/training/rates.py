"""Find a learning rate: try them all, from far too low to far too high, in one short run."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from core import runtime
from core.errors import SettingsError
from core.training.examples import Examples
from core.training.head_settings import HeadSettings
from core.training.head_training import HeadTraining

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 120
# The loss of one batch jumps: what is shown is a running mean, as in Smith 2017.
_SMOOTHING = 0.85
# Ends where the loss is this many times the lowest.
_LOST = 4.0
_STEPS_AT_ONCE = 10


@dataclass(frozen=True)
class RateSnapshot:
    """The curve so far; in the last snapshot the rate that it suggests.

    Attributes:
        rates: rising.
        losses: smoothed, of the batch at each rate.
        suggested: where the loss falls fastest; None until the end, or if it never falls.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float | None = None


def find_rate(train: Examples, class_names: tuple[str, ...], settings: HeadSettings) -> Iterator[RateSnapshot]:
    """Learning-rate range test (Smith 2017, arXiv:1506.01186): the rate rises by a factor at each step.

    Raises:
        SettingsError: L-BFGS chooses the length of its steps itself.
    """
    if settings.optimiser == "lbfgs":
        raise SettingsError("L-BFGS finds the length of its steps itself: there is no rate to look for.")
    endless = dataclasses.replace(settings, epochs=1000, schedule="constant")
    training = runtime.on_one_thread(HeadTraining, train, None, class_names, endless)
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for number in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (number / (STEPS - 1))
        loss = runtime.on_one_thread(training.step_at, rate)
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        smoothed = mean / (1 - _SMOOTHING ** (number + 1))
        if not math.isfinite(smoothed) or (losses and smoothed > _LOST * min(losses)):
            break
        rates.append(rate)
        losses.append(smoothed)
        if number % _STEPS_AT_ONCE == 0:
            yield RateSnapshot(tuple(rates), tuple(losses))
    yield RateSnapshot(tuple(rates), tuple(losses), _steepest(rates, losses))


def _steepest(rates: list[float], losses: list[float]) -> float | None:
    """The rate at which the loss falls fastest on the logarithmic scale."""
    slopes = [after - before for before, after in itertools.pairwise(losses)]
    if not slopes or min(slopes) >= 0:
        return None
    return rates[slopes.index(min(slopes))]
