"""What belongs to one visitor, in one bounded registry.

Gradio keeps a `gr.State` for an hour after the tab was closed; what lives here is freed when the page goes, and the
longest idle visitor makes room when there are too many. The key is Gradio's session hash, a secret of the browser tab.
"""

from __future__ import annotations

import collections
import threading
from dataclasses import dataclass, replace

from demo.jobs import Job


@dataclass(frozen=True)
class Session:
    """One visitor. Replaced, never changed.

    Attributes:
        job: the long job that the visitor started last, while it runs.
        turn: counts what the visitor asked of "One photo"; who answers an older turn is late.
        cards: the answer to this turn, once it was given.
    """

    job: Job | None = None
    turn: int = 0
    cards: tuple | None = None


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
