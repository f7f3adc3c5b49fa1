"""What belongs to one visitor, in one bounded registry.

Gradio keeps a `gr.State` for an hour after the tab was closed; what lives here is freed when the page goes, and the
longest idle visitor makes room when there are too many. The key is Gradio's session hash, a secret of the browser tab.
"""

from __future__ import annotations

import collections
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from demo.jobs import Job

if TYPE_CHECKING:
    from core.ascent.snapshot import Steering
    from core.datasets.inspection import Inspection
    from core.datasets.labelled import Dataset, LabelledImages
    from core.evaluation import Evaluation
    from core.runs.record import RunRecord
    from core.training.history import History
    from core.transfer.result import LabResult
    from demo.fool_run import Attempt, DialledPhoto
    from demo.ideal_run import Drawing
    from demo.inside_map_run import Mapped
    from demo.inside_run import Excited

# Runs that one visitor may have on the page at once; the oldest leaves the page, not the disk.
MAX_RUNS = 12

# Results of the lab that one visitor may have in its chart at once.
MAX_TRIED = 12

# Results that are kept to be gone on with, of each kind one a visitor: an ideal image holds up to some tens of megabytes,
# an attack, a curve against distance or a map a few. Photos that excite a layer come to 15 megabytes.
MAX_RESULTS, MAX_EXCITED = 40, 12

# A visitor may classify photos while a training goes on or a picture grows; of each kind there is one at a time.
Kind = Literal[
    "job",
    "training",
    "drawing",
    "attack",
    "dial",
    "defence",
    "experiment",
    "lab",
    "exciting",
    "channel",
    "testing",
    "mapping",
]


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
        alike: how many of those pictures are nearly the same as one to learn from; None where nobody has looked.
        colour: of its curves, an index into the plot's palette; `Sessions.keep_run` chooses it.
    """

    token: str
    folder: Path
    record: RunRecord
    history: History = field(repr=False)
    evaluation: Evaluation | None = field(default=None, repr=False)
    tested: LabelledImages | None = field(default=None, repr=False)
    alike: int | None = None
    colour: int = 0


@dataclass(frozen=True)
class Tried:
    """One result of the lab, with what the visitor had guessed.

    Attributes:
        result: what was measured.
        guess: the accuracy, in [0, 1].
        number: what it is called in the chart, from 1; those that have left it keep theirs.
    """

    result: LabResult
    guess: float
    number: int


@dataclass(frozen=True)
class Session:
    """One visitor. Replaced, never changed.

    Attributes:
        job: the long job that the visitor started last, while it runs.
        training: the same of the Train tab.
        drawing: the same of the Ideal image tab.
        steering: what may be turned while that one runs.
        ideal: the ideal image that was drawn last.
        attack: the job of the Fool it tab, likewise.
        dial, defence: the jobs of that tab's dial and defence corner.
        attempt: the attack that was made last.
        dialled: the curve against distance that was made last.
        experiment: the job of the lesson's training tricks, likewise.
        lab: the job of the transfer-distance lab, likewise.
        tried: what that measured, the oldest first.
        exciting, channel, testing, mapping: the jobs of the Look inside tab: photos for a channel, its ideal image, the test
            of an explanation, the map.
        excited: what was found for the channels of a layer last.
        mapped: the map that was laid out last.
        turn: counts what the visitor asked of "One photo"; who answers an older turn is late.
        looks: counts the same of the Look inside tab.
        cards: the answer to this turn, once it was given.
        dataset: what the visitor chose to train on.
        inspection: what is odd about it; None before that is known.
        opening: the job that opens what was chosen last; who watches another one is late.
        folder: holds the visitor's own pictures; it goes when the session does.
        runs: what the visitor trained or loaded, the oldest first.
        shown: the token of the run whose results are on the screen.
    """

    job: Job | None = None
    training: Job | None = None
    drawing: Job | None = None
    steering: Steering | None = field(default=None, repr=False)
    ideal: Drawing | None = field(default=None, repr=False)
    attack: Job | None = None
    dial: Job | None = None
    defence: Job | None = None
    attempt: Attempt | None = field(default=None, repr=False)
    dialled: DialledPhoto | None = field(default=None, repr=False)
    experiment: Job | None = None
    lab: Job | None = None
    tried: tuple[Tried, ...] = ()
    exciting: Job | None = None
    channel: Job | None = None
    testing: Job | None = None
    mapping: Job | None = None
    excited: Excited | None = field(default=None, repr=False)
    mapped: Mapped | None = field(default=None, repr=False)
    turn: int = 0
    looks: int = 0
    cards: tuple | None = None
    dataset: Dataset | None = None
    inspection: Inspection | None = field(default=None, repr=False)
    opening: Job | None = None
    folder: Path | None = None
    runs: tuple[VisitorsRun, ...] = ()
    shown: str = ""

    def run(self, token: str) -> VisitorsRun | None:
        """The visitor's run of that token."""
        return next((run for run in self.runs if run.token == token), None)

    def free_colour(self, token: str) -> int:
        """The colour of the visitor's run of that token; for a new one the first that no other run has."""
        known = self.run(token)
        if known is not None:
            return known.colour
        taken = {run.colour for run in self.runs}
        return next(colour for colour in range(MAX_RUNS + 1) if colour not in taken)


class Sessions:
    """Sessions by key; thread-safe.

    Args:
        max_sessions: the longest idle is forgotten first.
        grace_seconds: how long a training goes on that was left, for a page that is loaded again.
    """

    def __init__(self, max_sessions: int, grace_seconds: float = 60.0) -> None:
        self._max_sessions, self._grace_seconds = max_sessions, grace_seconds
        self._sessions: collections.OrderedDict[str, Session] = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Session:
        """The visitor's session; an empty one for somebody new."""
        with self._lock:
            if key in self._sessions:
                self._sessions.move_to_end(key)
            return self._sessions.get(key, Session())

    def start(self, key: str, job: Job, *, kind: Kind = "job") -> None:
        """Remember a visitor's job; the one of that kind before it is stopped."""
        with self._lock:
            before = self._sessions.pop(key, Session())
            forgotten = self._keep(key, replace(before, **{kind: job}))
        _stop(before, kind)
        for session in forgotten:
            self._free(session)

    def next_turn(self, key: str) -> int:
        """The number of the visitor's newest request."""
        with self._lock:
            before = self._sessions.pop(key, Session())
            forgotten = self._keep(key, replace(before, turn=before.turn + 1, cards=None))
        for session in forgotten:
            self._free(session)
        return before.turn + 1

    def next_look(self, key: str) -> int:
        """The number of the visitor's newest look inside."""
        return self.change(key, looks=self.get(key).looks + 1).looks

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
            self._free(session)
        return after

    def keep_run(self, key: str, run: VisitorsRun) -> Session:
        """Add a run, or replace the one of the same token; its results are shown next."""
        with self._lock:
            before = self._sessions.pop(key, Session())
            run = replace(run, colour=before.free_colour(run.token))
            others = tuple(other for other in before.runs if other.token != run.token)
            after = replace(before, runs=(*others, run)[-MAX_RUNS:], shown=run.token)
            forgotten = self._keep(key, after)
        for session in forgotten:
            self._free(session)
        return after

    def keep_result(self, key: str, *, most: int = MAX_RESULTS, **result: Any) -> None:
        """Remember what a long job of the visitor's ended with, if the page is still there.

        Args:
            most: results of this kind that all visitors together have; the oldest is forgotten.
            result: one field of the session, such as `ideal`.
        """
        ((name, value),) = result.items()
        with self._lock:
            if key not in self._sessions:
                return
            self._sessions[key] = replace(self._sessions[key], **{name: value})
            self._sessions.move_to_end(key)
            with_one = [other for other, session in self._sessions.items() if getattr(session, name) is not None]
            for other in with_one[:-most]:
                self._sessions[other] = replace(self._sessions[other], **{name: None})

    def keep_tried(self, key: str, result: LabResult, guess: float) -> tuple[Tried, ...]:
        """Add a result of the lab, if the page is still there; returns all that the visitor has, the oldest first."""
        with self._lock:
            if key not in self._sessions:
                return ()
            before = self._sessions[key].tried
            number = before[-1].number + 1 if before else 1
            after = (*before, Tried(result, guess, number))[-MAX_TRIED:]
            self._sessions[key] = replace(self._sessions[key], tried=after)
            self._sessions.move_to_end(key)
        return after

    def change_runs(self, key: str, change: Callable[[VisitorsRun], VisitorsRun]) -> Session:
        """Replace each of the visitor's runs by what `change`, which must be quick, makes of it."""
        with self._lock:
            session = self._sessions.get(key, Session())
            after = replace(session, runs=tuple(map(change, session.runs)))
            if key in self._sessions:
                self._sessions[key] = after
        return after

    def finish(self, key: str, job: Job, *, kind: Kind = "job") -> None:
        """The visitor's job is over: keep neither it nor its results."""
        with self._lock:
            session = self._sessions.get(key, Session())
            if getattr(session, kind) is job:
                self._sessions[key] = replace(session, **{kind: None})

    def stop(self, key: str, *, kind: Kind = "job") -> None:
        """Stop the visitor's job of that kind, if any."""
        _stop(self.get(key), kind)

    def drop(self, key: str, *kinds: Kind) -> None:
        """Stop the visitor's jobs of these kinds; what they find is not shown any more, as of one that was replaced."""
        with self._lock:
            before = self._sessions.get(key, Session())
            if key in self._sessions:
                self._sessions[key] = replace(before, **dict.fromkeys(kinds))
        _stop(before, *kinds)

    def is_current(self, key: str, job: Job, *, kind: Kind) -> bool:
        """Whether the visitor still waits for this job, and for no newer one of its kind."""
        return getattr(self.get(key), kind) is job

    def forget(self, key: str) -> None:
        """The page is gone: stop the visitor's jobs, delete the visitor's pictures and free the session. A training goes on
        for a while: see `Sessions`."""
        with self._lock:
            session = self._sessions.pop(key, Session())
        self._free(session)

    def __len__(self) -> int:
        return len(self._sessions)

    def _keep(self, key: str, session: Session) -> list[Session]:
        """Store as the newest; returns those that had to make room."""
        self._sessions[key] = session
        return [self._sessions.popitem(last=False)[1] for _ in range(len(self._sessions) - self._max_sessions)]

    def _free(self, session: Session) -> None:
        _stop(session, *(kind for kind in get_args(Kind) if kind != "training"))
        if session.training is not None:  # a page that is loaded again may come back for it
            timer = threading.Timer(self._grace_seconds, self._stop_if_nobody_has, [session.training])
            timer.daemon = True
            timer.start()
            session.training.afterwards(timer.cancel)
        if session.folder is None:
            return
        # on a thread of its own: handlers that make room for a visitor run on the event loop
        deleting = threading.Thread(target=shutil.rmtree, args=(session.folder, True), name="forget", daemon=True)
        if session.training is not None:  # which may learn from these very pictures
            session.training.afterwards(deleting.start)
        else:
            deleting.start()

    def _stop_if_nobody_has(self, training: Job) -> None:
        with self._lock:
            if any(session.training is training for session in self._sessions.values()):
                return
        training.stop()


def _stop(session: Session, *kinds: Kind) -> None:
    for kind in kinds:
        job = getattr(session, kind)
        if job is not None:
            job.stop()
