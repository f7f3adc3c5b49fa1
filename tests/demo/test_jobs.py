"""The job pool: order, places, stop, limits."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from core import ImageError
from demo import jobs
from demo.jobs import BusyError, Job, Pool
from tests.waiting import until


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


def test_who_waits_hears_how_long_the_last_ones_took(pool):
    first, gate = _Gate(), _Gate()
    began = time.monotonic()
    done = pool.submit(first)
    assert first.began.wait(10)
    assert pool.submit(gate).wait_seconds is None, "nothing was done yet: nobody knows"
    time.sleep(0.2)
    first.go.set()
    assert gate.began.wait(10)
    took = time.monotonic() - began
    assert done.state == "done"
    waiting = [pool.submit(lambda: _numbers(1)) for _ in range(3)]
    expected = [job.wait_seconds for job in waiting]
    assert 0.2 <= expected[0] <= took
    assert expected == pytest.approx([expected[0] * place for place in (1, 2, 3)])
    waiting[0].stop()
    assert waiting[1].wait_seconds == pytest.approx(expected[0])
    gate.go.set()
    asyncio.run(pool.run(lambda: 0))
    assert waiting[2].wait_seconds is None, "it waits no more"


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


def _together(pool, work, items, alike="alike", *, while_busy=True):
    """What each of some items gets that are asked for while the only thread is busy, or what it raises."""
    gate = _Gate()
    if while_busy:
        pool.submit(gate)
        assert gate.began.wait(10)

    async def ask():
        asked = [asyncio.ensure_future(pool.run_together(work, item, alike)) for item in items]
        await asyncio.sleep(0.05)
        gate.go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(ask(), 20))


@pytest.fixture
def wide():
    return Pool("wide", threads=1, max_waiting=60)


def test_what_piles_up_is_done_in_one_call_and_each_gets_its_own(wide):
    calls = []

    def double(items):
        calls.append(list(items))
        return [2 * item for item in items]

    assert _together(wide, double, range(5)) == [0, 2, 4, 6, 8]
    assert calls == [[0, 1, 2, 3, 4]]
    assert _together(wide, double, range(40)) == [2 * item for item in range(40)]
    assert [len(call) for call in calls[1:]] == [16, 16, 8]
    assert _together(wide, double, [7], while_busy=False) == [14]


def test_an_error_of_one_is_its_own(wide):
    def odd_is_wrong(items):
        return [ImageError("odd") if item % 2 else item for item in items]

    got = _together(wide, odd_is_wrong, range(4))
    assert [got[0], got[2]] == [0, 2]
    assert all(isinstance(one, ImageError) for one in (got[1], got[3]))

    def fails(items):
        raise RuntimeError("all")

    assert [str(one) for one in _together(wide, fails, range(3))] == ["all"] * 3

    def fails_with_one(items):
        if 1 in items:
            raise MemoryError("one")
        return list(items)

    got = _together(wide, fails_with_one, range(3))
    assert (got[0], str(got[1]), got[2]) == (0, "one", 2), "the others have nothing to do with it"
    assert all(isinstance(one, ValueError) for one in _together(wide, lambda items: [], range(3)))
    assert asyncio.run(wide.run(lambda: 1)) == 1, "the thread lives on"


def test_only_alike_work_is_done_together_and_who_left_is_left_out(wide):
    calls = []

    def note(items):
        calls.append(list(items))
        return list(items)

    gate = _Gate()
    wide.submit(gate)
    assert gate.began.wait(10)

    async def ask():
        first, other, third, left = (
            asyncio.ensure_future(wide.run_together(note, item, alike))
            for item, alike in ((1, "a"), (2, "b"), (3, "a"), (4, "a"))
        )
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.sleep(0.05)
        gate.go.set()
        return await asyncio.gather(first, other, third)

    assert asyncio.run(asyncio.wait_for(ask(), 20)) == [1, 2, 3]
    assert calls == [[1, 3], [2]]


def test_a_full_queue_is_said_to_each(pool):
    gate = _Gate()
    pool.submit(gate)
    assert gate.began.wait(10)

    async def ask():
        asked = [asyncio.ensure_future(pool.run_together(list, item, "a")) for item in range(4)]
        await asyncio.sleep(0.05)
        gate.go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    got = asyncio.run(asyncio.wait_for(ask(), 20))
    assert got[:3] == [0, 1, 2]
    assert isinstance(got[3], BusyError)


def test_memory_is_given_back_after_a_long_job_and_when_there_is_none(monkeypatch):
    given = []
    # the threads of other tests' pools go on
    monkeypatch.setattr(jobs, "give_back_pages", lambda: given.append(threading.current_thread().name))
    monkeypatch.setattr(jobs, "_IDLE_SECONDS", 0.2)
    pool = Pool("tidy", threads=1, max_waiting=3)
    until(lambda: given.count("tidy-0") == 1)  # nothing to do yet
    _watch(pool.submit(lambda: _numbers(3)))
    until(lambda: given.count("tidy-0") == 2)
    time.sleep(0.5)
    assert given.count("tidy-0") == 2  # once for each pause
    monkeypatch.setattr(jobs, "_LONG_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "_IDLE_SECONDS", 60.0)
    _watch(pool.submit(lambda: _numbers(3)))
    until(lambda: given.count("tidy-0") == 3)


def test_what_is_to_be_done_afterwards_is_done_once_whenever_it_was_said(pool):
    done, gate = [], _Gate()
    job = pool.submit(gate)
    job.afterwards(lambda: done.append("early"))
    assert done == []
    gate.go.set()
    until(lambda: done == ["early"])
    job.afterwards(lambda: done.append("late"))
    assert done == ["early", "late"]


def test_a_job_that_is_stopped_before_it_has_a_place_has_ended_and_takes_none(pool):
    done, job, gate = [], Job(lambda: _numbers(3)), _Gate()
    job.afterwards(lambda: done.append("over"))
    job.stop()
    job.stop()
    assert job.state == "stopped"
    running = pool.submit(gate)
    assert gate.began.wait(10)
    for _ in range(10):  # more than may wait
        assert pool.submit(job) is job
    assert pool.submit(lambda: _numbers(3)).place == 1
    gate.go.set()
    until(lambda: running.state == "done")
    assert done == ["over"]


def test_what_fails_afterwards_does_not_end_the_worker(pool, caplog):
    gate = _Gate()
    job = pool.submit(gate)
    job.afterwards(lambda: 1 / 0)
    gate.go.set()
    until(lambda: "ZeroDivisionError" in caplog.text)
    next_one = pool.submit(lambda: _numbers(3))
    until(lambda: next_one.state == "done")
