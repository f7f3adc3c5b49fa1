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
    """One visitor. Replaced, never changed."""

    job: Job | None = None


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
        forgotten = []
        with self._lock:
            before = self._sessions.pop(key, Session())
            self._sessions[key] = replace(before, job=job)
            while len(self._sessions) > self._max_sessions:
                forgotten.append(self._sessions.popitem(last=False)[1])
        for session in (before, *forgotten):
            _stop(session)

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


def _stop(session: Session) -> None:
    if session.job is not None:
        session.job.stop()
