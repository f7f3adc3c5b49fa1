"""Labels and probabilities -> accuracy, classes, confusion, mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np

from core.errors import DatasetError, SettingsError
from core.evaluation.calibration import Calibration, calibrate
from core.evaluation.intervals import wilson_interval

# How far the probabilities of one picture may be from adding up to 1: bfloat16 keeps 8 bits of each.
SUM_TOLERANCE = 0.02


@dataclass(frozen=True)
class ClassFigures:
    """One class. What would divide by zero is None.

    Attributes:
        name: of the class.
        n: pictures that show it.
        correct: those of them that are called so.
        said: pictures that are called so, rightly or not.
        recall: correct / n; None without pictures.
        recall_low: lower end of its 95 % interval; None without pictures.
        recall_high: upper end; None without pictures.
        precision: correct / said; None where it is never said.
        f1: harmonic mean of both, 2 correct / (n + said); None where both are nothing.
    """

    name: str
    n: int
    correct: int
    said: int
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class ConfusedPair:
    """Pictures of the class `truth` that are called `said`: how many, and their share of that class, in (0, 1]."""

    truth: int
    said: int
    count: int
    share: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network said of `N` pictures of `K` classes, and how good that is. Made by `evaluate`.

    Equal probabilities are ranked in the order of the classes, on every machine.

    Attributes:
        class_names: `K` names.
        labels: `(N,)` int64, the true classes.
        probabilities: `(N, K)` float32 in [0, 1], each row adding up to 1.
        said: `(N,)` int64, the most probable classes.
        rank: `(N,)` int64, how many classes come before the true one; 0 where the network is right.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray = field(repr=False)
    probabilities: np.ndarray = field(repr=False)
    said: np.ndarray = field(repr=False)
    rank: np.ndarray = field(repr=False)

    @property
    def n(self) -> int:
        """Pictures."""
        return len(self.labels)

    @property
    def correct(self) -> int:
        """Pictures that are called by their right name."""
        return int(np.count_nonzero(self.rank == 0))

    @property
    def accuracy(self) -> float:
        """Share of the pictures that is called by its right name."""
        return self.correct / self.n

    @property
    def accuracy_low(self) -> float:
        """Lower end of the accuracy's 95 % interval."""
        return wilson_interval(self.correct, self.n)[0]

    @property
    def accuracy_high(self) -> float:
        """Upper end of the accuracy's 95 % interval."""
        return wilson_interval(self.correct, self.n)[1]

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have pictures: rare classes count as much as common ones.

        References:
            Brodersen, Ong, Stephan, Buhmann 2010, "The balanced accuracy and its posterior distribution".
        """
        recalls = [one.recall for one in self.per_class if one.recall is not None]
        return sum(recalls) / len(recalls)

    @property
    def top3(self) -> float:
        """Share of the pictures whose right name is among the first three; with three classes or fewer it is 1."""
        return float(np.mean(self.rank < min(3, len(self.class_names))))

    @property
    def majority(self) -> float:
        """The accuracy of always saying the most frequent class: what a network must beat."""
        return max(one.n for one in self.per_class) / self.n

    @cached_property
    def confusion(self) -> np.ndarray:
        """`(K, K)` int64: row = the true class, column = what is said."""
        classes = len(self.class_names)
        return np.bincount(self.labels * classes + self.said, minlength=classes * classes).reshape(classes, classes)

    @cached_property
    def shares(self) -> np.ndarray:
        """`(K, K)` float64: `confusion` with each row divided by its sum; rows of classes without pictures are 0."""
        totals = self.confusion.sum(axis=1, keepdims=True)
        return self.confusion / np.maximum(totals, 1)

    @cached_property
    def per_class(self) -> tuple[ClassFigures, ...]:
        """The `K` classes, in their order."""
        columns = self.confusion.sum(axis=1), np.diag(self.confusion), self.confusion.sum(axis=0)
        return tuple(
            _class_figures(name, *map(int, counts)) for name, *counts in zip(self.class_names, *columns, strict=True)
        )

    def most_confused(self, count: int = 10) -> tuple[ConfusedPair, ...]:
        """The mistakes that are made most often, the most frequent first; fewer than `count` where there are fewer.

        Raises:
            SettingsError: `count` is not a whole number above 0.
        """
        _check_count(count)
        mistakes = self.confusion - np.diag(np.diag(self.confusion))
        truths, said = np.nonzero(mistakes)
        counts, shares = mistakes[truths, said], self.shares[truths, said]
        order = np.lexsort((-shares, -counts))[:count]  # the last key counts first; ties stay in the classes' order
        return tuple(ConfusedPair(int(truths[at]), int(said[at]), int(counts[at]), float(shares[at])) for at in order)

    def worst_mistakes(self, count: int = 12) -> np.ndarray:
        """Indices of the pictures that are wrong with the highest probability, the surest first, `(<= count,)` int64.

        Raises:
            SettingsError: `count` is not a whole number above 0.
        """
        _check_count(count)
        return self._surest_first(np.flatnonzero(self.rank > 0))[:count]

    def most_unsure(self, count: int = 12) -> np.ndarray:
        """Indices of the pictures whose strongest answer is weakest, right or wrong, `(<= count,)` int64.

        Raises:
            SettingsError: `count` is not a whole number above 0.
        """
        _check_count(count)
        return np.argsort(self.confidence, kind="stable")[:count]

    def cell(self, truth: int, said: int) -> np.ndarray:
        """Indices of the pictures of class `truth` that are called `said`, the surest first, int64.

        Raises:
            SettingsError: one of them is not the number of a class.
        """
        last = len(self.class_names) - 1
        for label in (truth, said):
            if not _is_whole(label) or not 0 <= label <= last:
                raise SettingsError(
                    "There is no class number {label}; they run from 0 to {last}.",
                    label=label,
                    last=last,
                )
        return self._surest_first(np.flatnonzero((self.labels == truth) & (self.said == said)))

    @property
    def confidence(self) -> np.ndarray:
        """`(N,)` float32: the probability of what is said."""
        return self.probabilities[np.arange(self.n), self.said]

    def calibration(self, bins: int = 10) -> Calibration:
        """Whether the probabilities mean what they say.

        Raises:
            SettingsError: `bins` is not from 1 to 100.
        """
        return calibrate(self.confidence, self.rank == 0, bins=bins)

    def headline(self) -> dict[str, float | int]:
        """The figures that the command line prints, ready for JSON; shares in [0, 1]."""
        names = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "top3", "n")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict:
        """All figures, ready for JSON: the headline's, and those of the classes; nothing of single pictures."""
        return {
            **self.headline(),
            "majority": self.majority,
            "calibration_error": self.calibration().error,
            "classes": [asdict(one) for one in self.per_class],
            "confusion": self.confusion.tolist(),
        }

    def _surest_first(self, indices: np.ndarray) -> np.ndarray:
        return indices[np.argsort(-self.confidence[indices], kind="stable")]


def evaluate(labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> Evaluation:
    """Compare what a network says with what the pictures show.

    Args:
        labels: `(N,)` integers from 0 to K - 1; N at least 1.
        probabilities: `(N, K)` float in [0, 1], each row adding up to 1.
        class_names: `K` names, at least 2.

    Raises:
        DatasetError: there are no pictures.
        SettingsError: shapes, labels or probabilities do not fit together, or a network that broke down while it
            was trained gives values that are no numbers.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    _check_labels(labels, len(class_names))
    _check_probabilities(probabilities, (len(labels), len(class_names)))
    labels = labels.astype(np.int64)
    true_probability = np.take_along_axis(probabilities, labels[:, None], axis=1)
    before = np.arange(len(class_names)) < labels[:, None]
    rank = ((probabilities > true_probability) | ((probabilities == true_probability) & before)).sum(axis=1)
    return Evaluation(
        class_names=tuple(class_names),
        labels=labels,
        probabilities=probabilities.astype(np.float32),
        said=probabilities.argmax(axis=1).astype(np.int64),
        rank=rank.astype(np.int64),
    )


def _check_labels(labels: np.ndarray, classes: int) -> None:
    if classes < 2:
        raise SettingsError("An evaluation needs at least 2 classes, not {classes}.", classes=classes)
    if labels.ndim != 1 or (labels.size and not np.issubdtype(labels.dtype, np.integer)):
        raise SettingsError(
            "Labels must be whole numbers in one row, not {dtype} of shape {shape}.",
            dtype=labels.dtype,
            shape=labels.shape,
        )
    if not labels.size:
        raise DatasetError("There are no pictures to evaluate on. Give this split some pictures.")
    if labels.min() < 0 or labels.max() >= classes:
        raise SettingsError(
            "Labels must run from 0 to {classes}, not from {lowest} to {highest}.",
            classes=classes - 1,
            lowest=labels.min(),
            highest=labels.max(),
        )


def _check_probabilities(probabilities: np.ndarray, shape: tuple[int, int]) -> None:
    if probabilities.shape != shape or not np.issubdtype(probabilities.dtype, np.floating):
        said = f"{probabilities.dtype} of shape {probabilities.shape}"
        raise SettingsError(
            "Probabilities must be fractions of shape {shape}: pictures x classes, not {said}.",
            shape=shape,
            said=said,
        )
    broken = int(np.count_nonzero(~np.isfinite(probabilities).all(axis=1)))
    if broken:
        raise SettingsError(
            "For {broken} of {count} pictures the network gives no numbers (NaN): it broke down while it was "
            "trained. Train it again with a lower learning rate.",
            broken=broken,
            count=len(probabilities),
        )
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if probabilities.min() < 0 or abs(sums - 1).max() > SUM_TOLERANCE:
        worst = sums[abs(sums - 1).argmax()]
        raise SettingsError(
            "Probabilities must be from 0 to 1 and add up to 1 for each picture; the lowest is {lowest:.3g}, one sum "
            "is {worst:.3g}. Logits must go through softmax first.",
            lowest=probabilities.min(),
            worst=worst,
        )


def _class_figures(name: str, n: int, correct: int, said: int) -> ClassFigures:
    low, high = wilson_interval(correct, n) if n else (None, None)
    return ClassFigures(
        name=name,
        n=n,
        correct=correct,
        said=said,
        recall=correct / n if n else None,
        recall_low=low,
        recall_high=high,
        precision=correct / said if said else None,
        f1=2 * correct / (n + said) if n + said else None,
    )


def _check_count(count: int) -> None:
    if not _is_whole(count) or count < 1:
        raise SettingsError("count must be a whole number above 0, not {count}.", count=count)


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
