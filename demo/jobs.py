"""Work in a few fixed threads, with a queue that one can see.

A job runs a generator of complete snapshots. Handlers watch it without holding a thread, so the number of threads that
run torch is fixed, whatever the number of visitors; Gradio's own concurrency limit does not bound them after a cancel.
Stop is a flag that the worker reads between two snapshots: the last snapshot is always delivered.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import contextvars
import logging
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.allocator import give_back_pages
from core.errors import PetLensError

logger = logging.getLogger(__name__)

State = Literal["queued", "running", "done", "stopped", "failed"]
UNFINISHED = ("queued", "running")
# Items of one call: more would make the first of them wait for the last.
MOST_TOGETHER = 16
# By these a visitor is told how long the queue takes: few, since a class does the same at the same time.
_LAST_JOBS = 8
# What is kept in memory for the next layer is given back after so long a job, or when there was none for so long.
_LONG_SECONDS, _IDLE_SECONDS = 1.0, 2.0


class BusyError(PetLensError):
    """The queue is full."""


@dataclass(frozen=True)
class Progress:
    """What a watcher sees of a job.

    Attributes:
        place: in the queue; 0: not waiting.
        snapshot: the newest.
        wait_seconds: until it begins, if those before it take as long as the last ones did; None: not known.
    """

    state: State
    place: int
    snapshot: Any
    wait_seconds: float | None = None


class Job:
    """One piece of work, for `Pool.submit`. Its worker writes, any number of watchers read."""

    def __init__(self, work: Callable[[], Iterator[Any]]) -> None:
        self.state: State = "queued"
        self.place = 0
        self.wait_seconds: float | None = None
        self.snapshot: Any = None
        self.error: BaseException | None = None
        self._work = work
        # what its words are said in: see `languages`
        self._surroundings = contextvars.copy_context()
        self._withdraw: Callable[[Job], None] | None = None
        self._stop = threading.Event()
        self._afterwards: list[Callable[[], None]] = []
        self._watchers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Ask the job to end after its present step. A job that still waits leaves the queue, or never comes into one."""
        self._stop.set()
        if self._withdraw is not None:
            self._withdraw(self)
        else:
            self._become("stopped")

    def afterwards(self, action: Callable[[], None]) -> None:
        """Something quick that is done once the job has ended, by whoever ends it; at once, if it has."""
        with self._lock:
            if self.unfinished:
                self._afterwards.append(action)
                return
        action()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked the job to end."""
        return self._stop.is_set()

    @property
    def unfinished(self) -> bool:
        """Whether there is more to come."""
        return self.state in UNFINISHED

    async def watch(self, every_seconds: float = 0.2) -> AsyncIterator[Progress]:
        """Progress whenever there is news, at most once in `every_seconds`; the final one always.

        Raises:
            BaseException: what the work raised.
        """
        changed = asyncio.Event()
        with self._lock:
            self._watchers[changed] = asyncio.get_running_loop()
        try:
            while True:
                changed.clear()
                finished = not self.unfinished
                if finished and self.error is not None:
                    raise self.error
                yield Progress(self.state, self.place, self.snapshot, self.wait_seconds)
                if finished:
                    return
                await changed.wait()
                if self.unfinished:
                    # wait for more news, but let the end through at once
                    with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                        await asyncio.wait_for(self._finished(changed), every_seconds)
        finally:
            with self._lock:
                self._watchers.pop(changed, None)

    async def _finished(self, changed: asyncio.Event) -> None:
        while self.unfinished:
            changed.clear()
            await changed.wait()

    def _run(self) -> None:
        if self.stopping:
            self._become("stopped")
            return
        self._become("running")
        try:
            with contextlib.closing(self._work()) as snapshots:
                for snapshot in snapshots:
                    self.snapshot = snapshot
                    if self.stopping:
                        break
                    self._notify()
        except BaseException as error:
            self.error = error
            self._become("failed")
        else:
            self._become("stopped" if self._stop.is_set() else "done")

    def _become(self, state: State) -> None:
        with self._lock:
            if not self.unfinished:  # stopped twice: an end is the end
                return
            self.place, self.wait_seconds = 0, None
            self.state, after = state, []
            if not self.unfinished:
                after, self._afterwards = self._afterwards, []
        self._notify()
        for action in after:
            try:
                action()
            except Exception:  # the worker's thread has other jobs to do
                logger.exception("what was to be done after a job")

    def _move_to(self, place: int, wait_seconds: float | None) -> None:
        if place != self.place:
            self.place, self.wait_seconds = place, wait_seconds
            self._notify()

    def _notify(self) -> None:
        with self._lock:
            for changed, loop in self._watchers.items():
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches
                    loop.call_soon_threadsafe(changed.set)


class Together(Job):
    """A piece of work that is done at once with others of its kind that wait: see `Pool.run_together`."""

    def __init__(self, work: Callable[[Sequence[Any]], Sequence[Any]], item: Any, alike: Hashable) -> None:
        super().__init__(lambda: iter(()))
        self.alike = alike
        self._items_work, self._item = work, item

    def _run_with(self, others: Sequence[Together]) -> None:
        """All of them, in the surroundings of this one."""
        jobs = []
        for job in (self, *others):
            if job.stopping:
                job._become("stopped")
            else:
                job._become("running")
                jobs.append(job)
        if not jobs:
            return
        items = [job._item for job in jobs]
        try:
            outcomes = self._items_work(items)
            if len(outcomes) != len(items):
                raise ValueError(f"{len(outcomes)} results of {len(items)} items")
        except Exception:  # of one item, perhaps: the others' visitors have nothing to do with it
            outcomes = [self._outcome_of(item) for item in items]
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                job.error = outcome
                job._become("failed")
            else:
                job.snapshot = outcome
                job._become("done")

    def _outcome_of(self, item: Any) -> Any:
        try:
            (outcome,) = self._items_work([item])
        except BaseException as error:
            return error
        return outcome


class Pool:
    """A fixed number of worker threads and a first-come queue with a limit."""

    def __init__(self, name: str, *, threads: int, max_waiting: int) -> None:
        self._waiting: collections.deque[Job] = collections.deque()
        self._max_waiting = max_waiting
        self._threads = threads
        self._took: collections.deque[float] = collections.deque(maxlen=_LAST_JOBS)
        self._changed = threading.Condition()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, work: Callable[[], Iterator[Any]] | Job) -> Job:
        """Queue a generator function, or a job made of one; not one that was stopped before it came here.

        Raises:
            BusyError: the queue is full.
        """
        job = work if isinstance(work, Job) else Job(work)
        with self._changed:
            if not job.unfinished:
                return job
            if len(self._waiting) >= self._max_waiting:
                raise BusyError("Many people are using this machine right now. Try again in a minute.")
            self._waiting.append(job)
            job.place = len(self._waiting)
            job.wait_seconds = self._expected(job.place)
            job._withdraw = self._remove
            self._changed.notify()
        return job

    def _remove(self, job: Job) -> None:
        """Take a stopped job out of the queue, if it is still there."""
        with self._changed:
            if job not in self._waiting:
                return
            self._waiting.remove(job)
            self._renumber()
        job._become("stopped")

    def _renumber(self) -> None:
        for place, waiting in enumerate(self._waiting, start=1):
            waiting._move_to(place, self._expected(place))

    def _expected(self, place: int) -> float | None:
        """Seconds until the job at that place begins."""
        return place * statistics.median(self._took) / self._threads if self._took else None

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a plain function in the pool and wait for its result, without holding a thread."""

        def once() -> Iterator[Any]:
            yield function(*arguments)

        job = self.submit(once)
        result = None
        try:
            async for progress in job.watch():
                result = progress.snapshot
        finally:
            job.stop()  # nobody waits any more: if it has not begun, it need not
        return result

    async def run_together(self, work: Callable[[Sequence[Any]], Sequence[Any]], item: Any, alike: Hashable) -> Any:
        """Like `run` for one item, but those that wait for the same kind of work are done at once, in one call.

        Args:
            work: from some items to as many results; one that is an error is raised for its item alone.
            alike: equal for items that may be done together, by the `work` of any of them.
        """
        job = self.submit(Together(work, item, alike))
        result = None
        try:
            async for progress in job.watch():
                result = progress.snapshot
        finally:
            job.stop()
        return result

    def _take_alike(self, job: Job) -> list[Together]:
        """Out of the queue, those that are done together with a job that is next."""
        if not isinstance(job, Together):
            return []
        alike = [other for other in self._waiting if isinstance(other, Together) and other.alike == job.alike]
        for other in alike[: MOST_TOGETHER - 1]:
            self._waiting.remove(other)
        return alike[: MOST_TOGETHER - 1]

    def _work(self) -> None:
        while True:
            job, others = self._next()
            began = time.monotonic()
            if isinstance(job, Together):
                job._surroundings.run(job._run_with, others)
            else:
                job._surroundings.run(job._run)
            seconds = time.monotonic() - began
            del job, others  # with what they hold
            with self._changed:
                self._took.append(seconds)
            if seconds > _LONG_SECONDS:
                give_back_pages()

    def _next(self) -> tuple[Job, list[Together]]:
        """The job that is next, once there is one, and those that are done together with it."""
        with self._changed:
            waited = self._changed.wait_for(lambda: self._waiting, _IDLE_SECONDS)
            if waited:
                return self._take()
        give_back_pages()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            return self._take()

    def _take(self) -> tuple[Job, list[Together]]:
        job = self._waiting.popleft()
        others = self._take_alike(job)
        self._renumber()
        return job, others
