"""Work in order on all processors, and how it ends."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from core import runtime
from core.training.feeding import in_order


def test_who_leaves_early_tells_those_that_compute_before_waiting_for_them():
    ended, began = threading.Event(), threading.Event()
    waited_in_vain = []

    def endless(_number: int) -> None:
        began.set()
        if not ended.wait(20):
            waited_in_vain.append(True)

    parts = in_order(endless, range(3), left=ended.set)
    next(parts)
    assert began.wait(20)
    parts.close()
    assert waited_in_vain == []


def test_who_comes_to_the_end_tells_nobody():
    told = []
    results = [future.result() for _, future in in_order(lambda number: number, range(5), left=lambda: told.append(1))]
    assert (results, told) == ([0, 1, 2, 3, 4], [])


class _Hasty(ThreadPoolExecutor):
    """One thread that is held up until somebody cancels a piece of work, and then does all that is left at once."""

    def __init__(self) -> None:
        super().__init__(1)
        self.gate = threading.Event()

    def submit(self, function, /, *arguments):
        future = super().submit(lambda: (self.gate.wait(), function(*arguments))[1])
        cancel = future.cancel

        def cancel_and_let_go() -> bool:
            cancelled = cancel()
            if cancelled and not self.gate.is_set():
                self.gate.set()
                super(_Hasty, self).submit(lambda: None).result(1)
            return cancelled

        future.cancel = cancel_and_let_go
        return future


def test_when_it_is_closed_no_part_waits_for_one_that_was_cancelled(monkeypatch):
    pool = _Hasty()
    monkeypatch.setattr(runtime, "workers", lambda: pool)
    monkeypatch.setattr(runtime, "processor_count", lambda: 2)
    done = [threading.Event() for _ in range(4)]
    waited_in_vain = []

    def after_the_one_before(number: int) -> None:
        if number and not done[number - 1].wait(0.5):
            waited_in_vain.append(number)
        done[number].set()

    parts = in_order(after_the_one_before, range(4))
    assert isinstance(next(parts)[1], Future)
    parts.close()
    pool.shutdown()
    assert waited_in_vain == []
