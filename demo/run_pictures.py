"""The pictures that a run was tested on, found again in a data set that is open: a run itself keeps none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from demo.session import Sessions, VisitorsRun

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset

# What `core.datasets.own` calls classes of one's own, all of them.
_OWN = "my pictures"


def find_pictures(sessions: Sessions, visitor: str) -> bool:
    """Give the visitor's runs the pictures of the open data set; whether the run on the screen got some."""
    session = sessions.get(visitor)
    if session.dataset is None or all(run.tested is not None for run in session.runs):
        return False
    before = session.run(session.shown)
    after = sessions.change_runs(visitor, lambda run: with_pictures(run, session.dataset))
    found = after.run(session.shown)
    return before is not None and before.tested is None and found is not None and found.tested is not None


def with_pictures(run: VisitorsRun, dataset: Dataset) -> VisitorsRun:
    """The run with its pictures, if this is the data set that it was tested on; else as it is.

    Classes of one's own are all called alike: two collections of the same size are not told apart, so none counts.
    """
    if run.tested is not None or run.evaluation is None or dataset.name == _OWN:
        return run
    split = run.record.metrics.get("split")
    record = run.record.dataset
    if record.name != dataset.name or run.record.class_names != dataset.class_names or split not in dataset.splits:
        return run
    counts = {name: tuple(images.counts().tolist()) for name, images in dataset.splits.items()}
    images = dataset.splits[split]
    if dict(record.counts) != counts or not np.array_equal(images.labels, run.evaluation.labels):
        return run
    return replace(run, tested=images)
