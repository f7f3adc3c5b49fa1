"""One point of the lab's chart, and those that ship. Imports no torch: a page is built from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.errors import DatasetError

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "transfer-lab.json"

_SHARES = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "guessing")


@dataclass(frozen=True)
class LabResult:
    """How far a data set is, and how well a network learned it.

    Attributes:
        dataset, title: as in `Dataset`.
        network, network_title: the source network: its timm name, and the name that people know it by.
        distance: from ImageNet; see `Distance.value`; None where it cannot be told.
        accuracy: on the final split, in [0, 1].
        accuracy_low, accuracy_high: the ends of its 95 % interval.
        balanced_accuracy: the mean of the classes' accuracies, in [0, 1].
        guessing: the accuracy of always saying the most frequent class, in [0, 1].
        classes: how many.
        trained_on, tested_on: pictures.

    Raises:
        DatasetError: a number is outside its range: the file that it comes from is damaged.
    """

    dataset: str
    title: str
    network: str
    network_title: str
    distance: float | None
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    guessing: float
    classes: int
    trained_on: int
    tested_on: int

    def __post_init__(self) -> None:
        sound = all(0 <= getattr(self, name) <= 1 for name in _SHARES) and self.classes >= 2
        if not sound or (self.distance is not None and not 0 <= self.distance < float("inf")):
            raise DatasetError("A result of the lab for {title} has a number outside its range.", title=self.title)

    @property
    def above_guessing(self) -> float:
        """(accuracy - guessing) / (1 - guessing): 0 is no better than always saying the most frequent class, 1 is all
        right; below 0 it is worse than that. It makes two classes and 37 comparable.

        References:
            Cohen 1960, "A coefficient of agreement for nominal scales": the same correction, for other guesses
        """
        return corrected(self.accuracy, self.guessing)

    @property
    def above_guessing_low(self) -> float:
        """Lower end of its 95 % interval."""
        return corrected(self.accuracy_low, self.guessing)

    @property
    def above_guessing_high(self) -> float:
        """Upper end of its 95 % interval."""
        return corrected(self.accuracy_high, self.guessing)


def shipped_results(path: Path = SHIPPED) -> tuple[LabResult, ...]:
    """What was measured with the networks that have a reference, at the default settings; one for each data set.

    Written by `python -m benchmarks.transfer_distance`.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return tuple(LabResult(**row) for row in stored["results"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError("{name}, which holds the lab's results, is missing or damaged.", name=path.name) from error


def corrected(accuracy: float, guessing: float) -> float:
    """What of an accuracy is not owed to guessing, at most 1; 0 where all pictures show one class.

    Args:
        accuracy, guessing: in [0, 1].
    """
    return (accuracy - guessing) / (1 - guessing) if guessing < 1 else 0.0
