"""Run an experiment: two trainings, one after the other, and their comparison. One stream of snapshots."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.datasets.labelled import Dataset
from core.experiments.comparison import Comparison, compare
from core.experiments.experiment import Experiment
from core.runs.pipeline import train_run
from core.runs.plan import Plan
from core.runs.snapshot import RunSnapshot


@dataclass(frozen=True, eq=False)
class ExperimentSnapshot:
    """How far an experiment is, complete in itself.

    Attributes:
        experiment: what is tried.
        first, second: the newest of each training; None before it begins. The second is the one with the change.
        comparison: both on the final pictures; None before both are done, and where one of them could not be tested.
    """

    experiment: Experiment
    first: RunSnapshot | None = field(default=None, repr=False)
    second: RunSnapshot | None = field(default=None, repr=False)
    comparison: Comparison | None = None

    @property
    def now(self) -> Literal["first", "second"]:
        """Which of the two trains at the moment."""
        return "first" if self.second is None else "second"


def run_experiment(experiment: Experiment, dataset: Dataset, *, seed: int = 0) -> Iterator[ExperimentSnapshot]:
    """Train twice with the same seed and the same pictures, and compare; the last snapshot holds the comparison.

    The runs lie in a temporary folder that goes at the end: what was learned is told, not kept. Embeddings are cached
    on disk as ever, so that the second training, and any later experiment on these pictures, only trains.

    Raises:
        BackboneError: the network is not to be had.
        DatasetError: there are too few pictures.
    """
    snapshot = ExperimentSnapshot(experiment)
    with tempfile.TemporaryDirectory(prefix="pet-lens-experiment-") as folder:
        for side in ("first", "second"):
            plan = _seeded(getattr(experiment, side), seed)
            # a run's folder is made by the run
            with contextlib.closing(train_run(plan, dataset, folder=Path(folder) / side)) as runs:
                for run in runs:
                    snapshot = dataclasses.replace(snapshot, **{side: run})
                    if side == "first" or run.evaluation is None:
                        yield snapshot
    first, second = snapshot.first.evaluation, snapshot.second.evaluation
    if first is not None and second is not None:
        snapshot = dataclasses.replace(snapshot, comparison=compare(first, second))
    yield snapshot


def _seeded(plan: Plan, seed: int) -> Plan:
    return dataclasses.replace(plan, head=dataclasses.replace(plan.head, seed=seed))
