"""Opening a data set while somebody watches: opened, shown on a sheet, looked at for what is odd about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.texts import mark, say
from demo.jobs import Job, Pool

if TYPE_CHECKING:
    from core.datasets.inspection import Inspection
    from core.datasets.labelled import Dataset, OpenSnapshot

SHEET_COLUMNS, SHEET_ROWS, SHEET_TILE_PX = 10, 5, 96


@dataclass(frozen=True, eq=False)
class Opened:
    """A data set, as far as it is opened.

    Attributes:
        text: what is going on, for the visitor, in English: many may watch it; empty when all is done.
        share: how much of that is done, 0 to 1; None where nobody knows.
        dataset: once it is open; what follows takes longer and need not be waited for.
        sheet: some of its pictures, as one PIL picture; None before it is drawn.
        inspection: what is odd about it.
    """

    text: str = ""
    share: float | None = None
    dataset: Dataset | None = None
    sheet: Any = field(default=None, repr=False)
    inspection: Inspection | None = field(default=None, repr=False)


def open_and_look(opening: Callable[[], Iterator[OpenSnapshot]]) -> Iterator[Opened]:
    """Open, draw the sheet, inspect; the data set comes as soon as it can be trained on.

    Raises:
        DatasetError: it cannot be opened.
    """
    dataset = None
    for snapshot in opening():
        dataset = snapshot.dataset
        if dataset is None:
            yield Opened(_doing(snapshot), snapshot.done / snapshot.total if snapshot.total else None)
    yield from look_at(dataset)


def look_at(dataset: Dataset) -> Iterator[Opened]:
    """The sheet and the inspection of a data set that is open."""
    from core.datasets.inspection import contact_sheet, inspect

    yield Opened(mark("Drawing some of the pictures …"), dataset=dataset)
    shown = dataset.splits.get("train") or dataset.split(dataset.final_split)
    opened = Opened(
        dataset=dataset,
        sheet=contact_sheet(shown, columns=SHEET_COLUMNS, rows=SHEET_ROWS, tile_px=SHEET_TILE_PX),
    )
    for snapshot in inspect(dataset):
        if snapshot.inspection is None:
            share = snapshot.done / max(1, snapshot.total)
            yield replace(opened, text=mark("Looking for pictures that are there twice"), share=share)
    yield replace(opened, inspection=snapshot.inspection)


def _doing(snapshot: OpenSnapshot) -> str:
    counted = {"done": snapshot.done, "total": snapshot.total}
    if snapshot.phase == "unpacking":
        return say("Unpacking: {done:,} of {total:,}", **counted) if snapshot.total else mark("Unpacking …")
    if not snapshot.total:
        return mark("Examining the pictures …")
    return say("Examining the pictures: {done:,} of {total:,}", **counted)


def open_source(source: str | Path) -> Iterator[Opened]:
    """A data set known by name, or a zip that a visitor brought."""
    from core.datasets.opening import open_gradually

    return open_and_look(partial(open_gradually, source))


class Openings:
    """Data sets known by name: the first visitor opens one, who comes later watches the same job or finds it done."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def known(self, name: str) -> Opened | None:
        """What is known of a data set that somebody has opened, or opens."""
        with self._lock:
            job = self._jobs.get(name) if isinstance(name, str) else None
        return job.snapshot if job is not None else None

    def job(self, name: str) -> Job:
        """The job that opens this data set, or has opened it; a new one where there is none, or it failed."""
        with self._lock:
            job = self._jobs.get(name)
            if job is None or not (job.unfinished or job.state == "done"):
                job = self._jobs[name] = self._pool.submit(partial(open_source, name))
            return job
