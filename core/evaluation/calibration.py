"""Is a network as sure as it should be? Of the pictures where it says "80 %", 80 in 100 should be right."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from core.errors import SettingsError
from core.evaluation.intervals import wilson_interval

MOST_BINS = 100


@dataclass(frozen=True)
class CalibrationBin:
    """The pictures whose strongest answer has a probability in (low, high].

    Attributes:
        low: lower edge, not included.
        high: upper edge, included.
        n: pictures in it.
        confidence: mean probability of the strongest answer, in [0, 1]; None in an empty bin.
        accuracy: share that is right, in [0, 1]; None in an empty bin.
        accuracy_low: lower end of its 95 % interval; None in an empty bin.
        accuracy_high: upper end; None in an empty bin.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy.

    Attributes:
        bins: of equal width, from 0 to 1.
        error: expected calibration error, in [0, 1]: the mean over all pictures of |accuracy - confidence| of their
            bin.
        confidence: mean probability of the strongest answer over all pictures.
        accuracy: share of all pictures that is right.
        verdict: "fitting" where the mean confidence lies in the 95 % interval of the accuracy.
    """

    bins: tuple[CalibrationBin, ...]
    error: float
    confidence: float
    accuracy: float
    verdict: Literal["fitting", "too sure", "not sure enough"]


def calibrate(confidence: np.ndarray, right: np.ndarray, *, bins: int = 10) -> Calibration:
    """Sort the pictures into bins by confidence and compare it with the accuracy in each.

    Args:
        confidence: `(N,)` float in [0, 1], the probability of each picture's strongest answer; N at least 1.
        right: `(N,)` bool, whether that answer is right.
        bins: how many, from 1 to 100.

    Raises:
        SettingsError: `bins` is outside its range.

    References:
        Guo, Pleiss, Sun, Weinberger 2017 (arXiv:1706.04599), section 2.
    """
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or not 1 <= bins <= MOST_BINS:
        raise SettingsError(
            "bins must be a whole number from 1 to {most_bins}, not {bins}.",
            most_bins=MOST_BINS,
            bins=bins,
        )
    confidence = confidence.astype(np.float64)
    edges = np.linspace(0.0, 1.0, int(bins) + 1)
    # a probability on an edge belongs to the bin below it, and rounding may have lifted one a little above 1
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, int(bins) - 1)
    made = tuple(
        _bin(float(low), float(high), confidence[place == at], right[place == at])
        for at, (low, high) in enumerate(pairwise(edges))
    )
    n = len(confidence)
    error = sum(one.n / n * abs(one.accuracy - one.confidence) for one in made if one.n)
    mean, (low, high) = float(confidence.mean()), wilson_interval(int(right.sum()), n)
    verdict = "too sure" if mean > high else "not sure enough" if mean < low else "fitting"
    return Calibration(made, float(error), mean, float(right.mean()), verdict)


def _bin(low: float, high: float, confidence: np.ndarray, right: np.ndarray) -> CalibrationBin:
    n = len(confidence)
    if not n:
        return CalibrationBin(low, high, 0, None, None, None, None)
    interval = wilson_interval(int(right.sum()), n)
    return CalibrationBin(low, high, n, float(confidence.mean()), float(right.mean()), *interval)
