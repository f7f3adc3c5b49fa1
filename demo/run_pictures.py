"""The pictures that a run was tested on, found again in a data set that is open: a run itself keeps none.

The same data set tells how many of them it could have learned by heart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from demo.session import Session, Sessions, VisitorsRun

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset, LabelledImages

# What `core.datasets.own` calls classes of one's own, all of them.
_OWN = "my pictures"


def find_pictures(sessions: Sessions, visitor: str) -> bool:
    """Give the visitor's runs what the open data set has for them; whether the run on the screen got something."""
    session = sessions.get(visitor)
    if session.dataset is None:
        return False
    after = sessions.change_runs(visitor, lambda run: with_pictures(run, session))
    return session.run(session.shown) is not after.run(session.shown)


def with_pictures(run: VisitorsRun, session: Session) -> VisitorsRun:
    """The run with what is known of its pictures, if the open data set is the one that it was tested on; else itself."""
    images = _tested_images(run, session.dataset)
    if images is None:
        return run
    alike = run.alike
    if session.inspection is not None:
        alike = sum(pair.split == images.split for pair in session.inspection.near_duplicates)
    if run.tested is not None and alike == run.alike:
        return run
    return replace(run, tested=images if run.tested is None else run.tested, alike=alike)


def _tested_images(run: VisitorsRun, dataset: Dataset) -> LabelledImages | None:
    """The split that the run was tested on.

    Classes of one's own are all called alike: two collections of the same size are not told apart, so after a reload
    none counts.
    """
    split = run.record.metrics.get("split")
    if run.evaluation is None or split not in dataset.splits:
        return None
    images = dataset.splits[split]
    if run.tested is not None:
        return images if run.tested.items == images.items else None
    record = run.record.dataset
    if dataset.name == _OWN or record.name != dataset.name or run.record.class_names != dataset.class_names:
        return None
    counts = {name: tuple(images.counts().tolist()) for name, images in dataset.splits.items()}
    same = dict(record.counts) == counts and images.labels.tolist() == run.evaluation.labels.tolist()
    return images if same else None
