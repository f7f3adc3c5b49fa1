"""What belongs to one visitor, in one bounded registry.

Gradio keeps a `gr.State` for an hour after the tab was closed; what lives here is freed when the page goes, and the
longest idle visitor makes room when there are too many. The key is Gradio's session hash, a secret of the browser tab.
"""

from __future__ import annotations

import collections
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.jobs import Job

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset, LabelledImages
    from core.evaluation import Evaluation
    from core.runs.record import RunRecord
    from core.training.history import History

# Runs that one visitor may have on the page at once; the oldest leaves the page, not the disk.
MAX_RUNS = 12


@dataclass(frozen=True, eq=False)
class VisitorsRun:
    """One run of one visitor, as the page shows it.

    Attributes:
        token: the name of its folder, 32 random hexadecimal digits: who knows it may see the run.
        folder: where it lies.
        record: the run described.
        history: its curves.
        evaluation: how it did on the final pictures; None while it is not finished.
        tested: those pictures, in the order of the evaluation; None where they are not at hand (a run loaded from a zip).
    """

    token: str
    folder: Path
    record: RunRecord
    history: History = field(repr=False)
    evaluation: Evaluation | None = field(default=None, repr=False)
    tested: LabelledImages | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Session:
    """One visitor. Replaced, never changed.

    Attributes:
        job: the long job that the visitor started last, while it runs.
        turn: counts what the visitor asked of "One photo"; who answers an older turn is late.
        cards: the answer to this turn, once it was given.
        dataset: what the visitor chose to train on.
        runs: what the visitor trained or loaded, the oldest first.
        shown: the token of the run whose results are on the screen.
    """

    job: Job | None = None
    turn: int = 0
    cards: tuple | None = None
    dataset: Dataset | None = None
    runs: tuple[VisitorsRun, ...] = ()
    shown: str = ""

    def run(self, token: str) -> VisitorsRun | None:
        """The visitor's run of that token."""
        return next((run for run in self.runs if run.token == token), None)


class Sessions:
    """Sessions by key; thread-safe."""

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._sessions: collections.OrderedDict[str, Session] = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Session:
        """The visitor's session; an empty one for somebody new."""
        with self._lock:
            if key in self._sessions:
                self._sessions.move_to_end(key)
            return self._sessions.get(key, Session())

    def start(self, key: str, job: Job) -> None:
        """Remember a visitor's job; the one before it is stopped."""
        with self._lock:
            before = self._sessions.pop(key, Session())
            forgotten = self._keep(key, replace(before, job=job))
        for session in (before, *forgotten):
            _stop(session)

    def next_turn(self, key: str) -> int:
        """The number of the visitor's newest request."""
        with self._lock:
            before = self._sessions.pop(key, Session())
            forgotten = self._keep(key, replace(before, turn=before.turn + 1, cards=None))
        for session in forgotten:
            _stop(session)
        return before.turn + 1

    def answer(self, key: str, turn: int, cards: tuple) -> None:
        """Remember what was shown, unless the visitor has asked again since."""
        with self._lock:
            session = self._sessions.get(key, Session())
            if session.turn == turn:
                self._sessions[key] = replace(session, cards=cards)

    def change(self, key: str, **changes: Any) -> Session:
        """Replace some fields of the visitor's session; returns the new one."""
        with self._lock:
            after = replace(self._sessions.pop(key, Session()), **changes)
            forgotten = self._keep(key, after)
        for session in forgotten:
            _stop(session)
        return after

    def keep_run(self, key: str, run: VisitorsRun) -> Session:
        """Add a run, or replace the one of the same token; its results are shown next."""
        with self._lock:
            before = self._sessions.pop(key, Session())
            others = tuple(other for other in before.runs if other.token != run.token)
            after = replace(before, runs=(*others, run)[-MAX_RUNS:], shown=run.token)
            forgotten = self._keep(key, after)
        for session in forgotten:
            _stop(session)
        return after

    def finish(self, key: str, job: Job) -> None:
        """The visitor's job is over: keep neither it nor its results."""
        with self._lock:
            session = self._sessions.get(key, Session())
            if session.job is job:
                self._sessions[key] = replace(session, job=None)

    def stop(self, key: str) -> None:
        """Stop the visitor's job, if any."""
        _stop(self.get(key))

    def forget(self, key: str) -> None:
        """The page is gone: stop the visitor's job and free the session."""
        with self._lock:
            session = self._sessions.pop(key, Session())
        _stop(session)

    def __len__(self) -> int:
        return len(self._sessions)

    def _keep(self, key: str, session: Session) -> list[Session]:
        """Store as the newest; returns those that had to make room."""
        self._sessions[key] = session
        return [self._sessions.popitem(last=False)[1] for _ in range(len(self._sessions) - self._max_sessions)]


def _stop(session: Session) -> None:
    if session.job is not None:
        session.job.stop()
