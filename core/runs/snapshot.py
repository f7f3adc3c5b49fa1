"""What is seen of a run while it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.datasets.labelled import LabelledImages
from core.evaluation import Evaluation
from core.runs.record import RunRecord
from core.training.history import TrainSnapshot

Phase = Literal["embedding", "choosing", "training", "tuning", "testing", "finished"]


@dataclass(frozen=True, eq=False)
class RunSnapshot:
    """How far a run is, complete in itself.

    Attributes:
        phase: what happens now: the training pictures are looked at once (and embedded, but for training from scratch); cross-validation; the head learns; the stages
            learn; the final pictures are looked at, for the only time; done.
        done, total: pictures, trials or steps of this phase.
        folder: where the run is kept; None on all but the first of several processes.
        record: the run described; complete when finished.
        training: the newest of training or tuning; None before it begins.
        images_per_second: of this phase; 0 before it is known.
        seconds_left: of this phase; None before it is known.
        evaluation: of the final pictures, when finished.
        tested: those pictures, in the order of the evaluation.
        notes: what happened in words, such as an early stop.
    """

    phase: Phase
    done: int
    total: int
    folder: Path | None
    record: RunRecord
    training: TrainSnapshot | None = field(default=None, repr=False)
    images_per_second: float = 0.0
    seconds_left: float | None = None
    evaluation: Evaluation | None = field(default=None, repr=False)
    tested: LabelledImages | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
