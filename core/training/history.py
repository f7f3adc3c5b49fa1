"""What training records as it goes, and the snapshots that it yields."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.head import Head

COLUMNS = ("step", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "rate")


@dataclass(frozen=True, eq=False)
class History:
    """The curves so far: columns of one length, a row for each time that the network was measured.

    Attributes:
        step: optimiser steps done, rising.
        train_loss, validation_loss: mean cross-entropy in nats; None where it was not measured.
        train_accuracy, validation_accuracy: in [0, 1]; None where not measured.
        rate: the learning rate at that step.
    """

    step: tuple[int, ...] = ()
    train_loss: tuple[float | None, ...] = ()
    train_accuracy: tuple[float | None, ...] = ()
    validation_loss: tuple[float | None, ...] = ()
    validation_accuracy: tuple[float | None, ...] = ()
    rate: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.step)

    def with_row(self, **row: float | None) -> History:
        """This history and one more row, which names every column."""
        assert set(row) == set(COLUMNS)
        return History(**{column: (*getattr(self, column), row[column]) for column in COLUMNS})

    def as_dict(self) -> dict[str, list]:
        """Columns as lists, ready for JSON."""
        return {column: list(getattr(self, column)) for column in COLUMNS}

    @classmethod
    def from_dict(cls, columns: dict[str, list]) -> History:
        """Columns as `as_dict` gave them."""
        return cls(**{column: tuple(columns[column]) for column in COLUMNS})


@dataclass(frozen=True, eq=False)
class TrainSnapshot:
    """How far a training is, complete in itself.

    Attributes:
        step, total_steps: optimiser steps done, and those that it takes if nothing ends it early.
        epoch, epochs: passes over the pictures done (a fraction), and to do.
        history: the curves so far.
        images_per_second: pictures that the optimiser sees in a second.
        seconds_left: an estimate; None before there is one.
        head: the head as it is now, in the space of the embeddings; None while it is not available.
        best_epoch: passes after which the validation loss was lowest so far; None where the run diverged.
        note: what happened in words, when something did: that it stopped early, that it diverged.
    """

    step: int
    total_steps: int
    epoch: float
    epochs: int
    history: History = field(repr=False)
    images_per_second: float = 0.0
    seconds_left: float | None = None
    head: Head | None = field(default=None, repr=False)
    best_epoch: float | None = None
    note: str = ""
