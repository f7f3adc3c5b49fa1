"""Two networks on the same pictures: is one better, or is it chance?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.errors import DatasetError
from core.evaluation import Evaluation, wilson_interval

Verdict = Literal["better", "worse", "same"]

# The usual level: where both are equally good, one comparison in twenty says that they are not.
LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """What two networks said of the same `n` pictures. "Better" and "worse" are said of the second.

    Attributes:
        n: pictures.
        first_correct, second_correct: those that each calls by their right name.
        only_first, only_second: those that one of them does, and the other does not.
    """

    n: int
    first_correct: int
    second_correct: int
    only_first: int
    only_second: int

    @property
    def first_accuracy(self) -> float:
        """Share that the first calls by its right name."""
        return self.first_correct / self.n

    @property
    def second_accuracy(self) -> float:
        """Share that the second calls by its right name."""
        return self.second_correct / self.n

    @property
    def first_interval(self) -> tuple[float, float]:
        """The first's 95 % interval."""
        return wilson_interval(self.first_correct, self.n)

    @property
    def second_interval(self) -> tuple[float, float]:
        """The second's 95 % interval."""
        return wilson_interval(self.second_correct, self.n)

    @property
    def difference(self) -> float:
        """How much more of the pictures the second calls by their right name, in [-1, 1]."""
        return (self.second_correct - self.first_correct) / self.n

    @property
    def p_value(self) -> float:
        """How often chance alone splits the pictures that only one gets right at least as unevenly.

        McNemar's test, exact: were both equally good, each of these pictures would fall to either side as a coin does.

        References:
            McNemar 1947, "Note on the sampling error of the difference between correlated proportions".
            Dietterich 1998, "Approximate statistical tests for comparing supervised classification learning
            algorithms".
        """
        tosses = self.only_first + self.only_second
        fewer = min(self.only_first, self.only_second)
        ways = so_many = 1
        for count in range(fewer):
            so_many = so_many * (tosses - count) // (count + 1)
            ways += so_many
        # whole numbers until here: 2 to the power of some thousands is no float
        return min(1.0, 2 * ways / 2**tosses)

    @property
    def verdict(self) -> Verdict:
        """What these pictures can show: "same" is also said where they are too few to tell."""
        if self.p_value >= LEVEL:
            return "same"
        return "better" if self.only_second > self.only_first else "worse"


def compare(first: Evaluation, second: Evaluation) -> Comparison:
    """Compare what two networks said of the same pictures, in the same order.

    Raises:
        DatasetError: these were not the same pictures.
    """
    if not np.array_equal(first.labels, second.labels):
        raise DatasetError("The two trainings were not tested on the same pictures.")
    right, too = first.rank == 0, second.rank == 0
    return Comparison(
        n=first.n,
        first_correct=first.correct,
        second_correct=second.correct,
        only_first=int(np.count_nonzero(right & ~too)),
        only_second=int(np.count_nonzero(too & ~right)),
    )
