"""One training of one visitor: from a plan and the chosen pictures to a `VisitorsRun`."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core import places
from core.errors import DatasetError
from core.texts import say
from demo.jobs import BusyError, Job
from demo.session import Session, VisitorsRun

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset
    from core.runs.plan import Plan
    from core.runs.snapshot import RunSnapshot

_TOKEN = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    """A name that nobody can guess, for the folder of a run."""
    return secrets.token_hex(16)


def is_token(text: object) -> bool:
    """Whether this can be the name of a visitor's run."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def folder_of(token: str) -> Path:
    """Where the run of that token lies."""
    assert is_token(token)
    return places.runs_folder() / token


class UnderWay:
    """Runs that are being trained: two tabs of one browser know the same runs, and must not go on with one at once; and a
    page that is loaded again finds the one that it left."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def add(self, token: str, job: Job) -> None:
        """A training that waits for its turn or goes on, for `find`; another one of the same run will end with an error."""
        with self._lock:
            if token in self._jobs:
                return
            self._jobs[token] = job
        job.afterwards(partial(self._remove, token))

    def _remove(self, token: str) -> None:
        with self._lock:
            del self._jobs[token]

    def find(self, tokens: Sequence[str]) -> tuple[str, Job] | None:
        """The newest of these runs that is being trained, and its job."""
        with self._lock:
            return next(((token, self._jobs[token]) for token in reversed(tokens) if token in self._jobs), None)

    def token_of(self, job: Job | None) -> str | None:
        """The run that this job trains; None where there is no such one, or it has ended."""
        with self._lock:
            return next((token for token, known in self._jobs.items() if known is job), None)

    @contextlib.contextmanager
    def hold(self, token: str) -> Iterator[None]:
        """Claim a run for as long as the block lasts; the lock itself is not held.

        Raises:
            BusyError: it is being trained already.
        """
        with self._lock:
            if token in self._tokens:
                raise BusyError("This run is still being trained, perhaps in another tab. Stop it there first.")
            self._tokens.add(token)
        try:
            yield
        finally:
            with self._lock:
                self._tokens.discard(token)


def begin(
    plan: Plan, dataset: Dataset, token: str, *, max_gb: int | None = None, max_days: int | None = None
) -> Iterator[RunSnapshot]:
    """A new run, for which others make room if the host set limits; those that are being trained stay."""
    from core.runs.pipeline import train_run

    if max_gb is not None or max_days is not None:
        from core.runs.storage import sweep_runs

        sweep_runs(
            places.runs_folder(),
            max_bytes=None if max_gb is None else max_gb * 10**9,
            max_age_seconds=None if max_days is None else max_days * 86_400.0,
        )

    return train_run(plan, dataset, folder=folder_of(token))


def go_on(dataset: Dataset, token: str) -> Iterator[RunSnapshot]:
    """What was left of a run that was stopped."""
    from core.runs.pipeline import resume_run

    return resume_run(folder_of(token), dataset)


def bounded(
    make: Callable[[], Iterator[RunSnapshot]], token: str, under_way: UnderWay, *, max_seconds: float
) -> Iterator[RunSnapshot]:
    """The snapshots of a run until it is done or its time is over; what was learned by then is stored."""
    ends = time.monotonic() + max_seconds
    with under_way.hold(token), contextlib.closing(make()) as snapshots:
        for snapshot in snapshots:
            yield snapshot
            if time.monotonic() > ends:
                return


def visitors_run(token: str, snapshot: RunSnapshot) -> VisitorsRun:
    """The run as the page keeps it, after its last snapshot."""
    from core.runs.storage import read_history, read_record

    folder = snapshot.folder
    return VisitorsRun(
        token=token,
        folder=folder,
        record=read_record(folder),  # stored after the last snapshot
        # one that was gone on with and stopped at once has learned nothing since
        history=snapshot.training.history if snapshot.training else read_history(folder),
        evaluation=snapshot.evaluation,
        tested=snapshot.tested,
    )


def unfinished_run(session: Session) -> VisitorsRun | None:
    """The visitor's newest run that can be gone on with."""
    return next((run for run in reversed(session.runs) if run.record.state != "finished"), None)


def check_same_pictures(run: VisitorsRun, dataset: Dataset | None) -> Dataset:
    """The data set, if it is the one that the run learned from.

    Raises:
        DatasetError: it is another one.
    """
    from core.runs.record import describe_dataset

    learned_from = run.record.dataset
    chosen = describe_dataset(dataset) if dataset is not None else None
    if chosen is None or (chosen.name, chosen.counts) != (learned_from.name, learned_from.counts):
        raise DatasetError(
            "{name} learned from {title}. Choose these pictures at the top, then press Go on.",
            name=run.record.name,
            title=say(learned_from.title),
        )
    return dataset
