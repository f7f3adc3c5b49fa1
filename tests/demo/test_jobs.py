"""The job pool: order, places, stop, limits."""

from __future__ import annotations

import asyncio
import threading

import pytest

from core import ImageError
from demo.jobs import BusyError, Job, Pool


@pytest.fixture
def pool():
    return Pool("test", threads=1, max_waiting=3)


def _numbers(count: int):
    yield from range(count)


class _Gate:
    """Work that says when it began and goes on when it is let."""

    def __init__(self, steps: int = 1) -> None:
        self.began, self.go, self.steps, self.done = threading.Event(), threading.Event(), steps, 0

    def __call__(self):
        self.began.set()
        for step in range(self.steps):
            assert self.go.wait(10)
            self.done = step + 1
            yield step


def _watch(job: Job, every_seconds: float = 0.0) -> list:
    async def collect():
        return [progress async for progress in job.watch(every_seconds)]

    return asyncio.run(asyncio.wait_for(collect(), 20))


def test_the_last_snapshot_is_always_delivered(pool):
    progress = _watch(pool.submit(lambda: _numbers(1000)), every_seconds=0.05)
    assert (progress[-1].state, progress[-1].snapshot) == ("done", 999)
    assert len(progress) < 100


def test_stop_ends_the_work_and_still_delivers_what_there_is(pool):
    gate = _Gate(steps=1_000_000)
    gate.go.set()
    job = pool.submit(gate)

    async def stop_after_news():
        seen = []
        async for progress in job.watch(0.01):
            seen.append(progress)
            if progress.snapshot is not None:
                job.stop()
        return seen

    seen = asyncio.run(asyncio.wait_for(stop_after_news(), 20))
    assert seen[-1].state == "stopped"
    assert seen[-1].snapshot == gate.done - 1 < 999_999


def test_a_job_that_is_stopped_while_it_waits_never_starts(pool):
    first, second = _Gate(), _Gate()
    pool.submit(first)
    waiting = pool.submit(second)
    waiting.stop()
    assert [progress.state for progress in _watch(waiting)] == ["stopped"]  # at once, not when its turn comes
    first.go.set()
    assert asyncio.run(pool.run(lambda: 7)) == 7
    assert not second.began.is_set()


def test_stopped_jobs_make_room_in_the_queue(pool):
    gate = _Gate()
    pool.submit(gate)
    assert gate.began.wait(10)
    waiting = [pool.submit(lambda: _numbers(1)) for _ in range(3)]
    for job in waiting[:2]:
        job.stop()
    assert waiting[2].place == 1
    pool.submit(lambda: _numbers(1))
    gate.go.set()


def test_places_count_down_as_the_queue_moves(pool):
    first, second = _Gate(), _Gate()
    pool.submit(first)
    assert first.began.wait(10)
    pool.submit(second)
    last = pool.submit(lambda: _numbers(1))
    assert last.place == 2

    async def places():
        seen = []
        async for progress in last.watch(0.0):
            if progress.place not in seen:
                seen.append(progress.place)
            if progress.place == 2:
                first.go.set()
            if progress.place == 1:
                second.go.set()
        return seen

    assert asyncio.run(asyncio.wait_for(places(), 20)) == [2, 1, 0]


def test_a_full_queue_says_so(pool):
    gate = _Gate()
    pool.submit(gate)
    assert gate.began.wait(10)
    for _ in range(3):
        pool.submit(lambda: _numbers(1))
    with pytest.raises(BusyError, match="Try again"):
        pool.submit(lambda: _numbers(1))
    gate.go.set()


def test_an_error_reaches_whoever_watches_and_the_pool_works_on(pool):
    def broken():
        yield 1
        raise ImageError("damaged")

    with pytest.raises(ImageError, match="damaged"):
        _watch(pool.submit(broken))
    assert asyncio.run(pool.run(lambda: 7)) == 7


def test_several_watchers_see_the_same_end(pool):
    gate = _Gate()
    job = pool.submit(gate)

    async def both():
        async def last():
            return [progress async for progress in job.watch()][-1]

        tasks = [asyncio.create_task(last()) for _ in range(2)]
        await asyncio.sleep(0)
        gate.go.set()
        return await asyncio.gather(*tasks)

    assert {(progress.state, progress.snapshot) for progress in asyncio.run(asyncio.wait_for(both(), 20))} == {
        ("done", 0)
    }


def test_a_finished_job_can_still_be_watched(pool):
    job = pool.submit(lambda: _numbers(2))
    assert _watch(job)[-1] == _watch(job)[-1]


def test_who_leaves_while_waiting_gives_up_the_place(pool):
    gate, never = _Gate(), threading.Event()
    pool.submit(gate)
    assert gate.began.wait(10)

    async def leave():
        task = asyncio.create_task(pool.run(never.set))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())
    gate.go.set()
    assert asyncio.run(pool.run(lambda: 7)) == 7
    assert not never.is_set()


def test_the_number_of_threads_is_fixed(pool):
    names = {asyncio.run(pool.run(lambda: threading.current_thread().name)) for _ in range(20)}
    assert names == {"test-0"}
