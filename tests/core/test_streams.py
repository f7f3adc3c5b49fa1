"""Streams of snapshots, and work in chunks."""

from __future__ import annotations

import threading

import pytest

from core import runtime
from core.streams import every, in_chunks, last, relayed, result_of


def test_last_is_the_last_snapshot():
    assert last(iter([1, 2, 3])) == 3
    with pytest.raises(ValueError, match="empty"):
        last(iter([]))


def test_every_keeps_the_first_and_the_last():
    assert list(every(3600, iter(range(5)))) == [0, 4]
    assert list(every(0, iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(every(3600, iter([]))) == []
    assert list(every(3600, iter([7]))) == [7]


def test_chunks_come_in_order_and_hold_every_item():
    assert list(in_chunks(list, range(10), 3)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert list(in_chunks(list, [], 3)) == []
    assert list(in_chunks(list, range(4), 3, hurried=True)) == [[0, 1, 2], [3]]


def test_who_is_in_a_hurry_does_not_queue_behind_others():
    free = threading.Event()
    slow = in_chunks(lambda chunk: free.wait(30), range(50), 1)
    taken = threading.Thread(target=lambda: list(slow))
    taken.start()
    try:
        assert list(in_chunks(sum, [1, 2, 3], 3, hurried=True)) == [6]
    finally:
        free.set()
        taken.join()


def test_an_error_in_a_chunk_reaches_the_caller():
    def fail_at_four(chunk):
        if 4 in chunk:
            raise RuntimeError("four")
        return chunk

    with pytest.raises(RuntimeError, match="four"):
        list(in_chunks(fail_at_four, range(10), 1))


def test_memory_is_bounded_and_closing_ends_the_work():
    started = []
    lock = threading.Lock()

    def note(chunk):
        with lock:
            started.append(chunk[0])
        return chunk[0]

    chunks = in_chunks(note, range(1000), 1)
    assert next(chunks) == 0
    chunks.close()
    runtime.workers().submit(lambda: None).result()
    # those that were queued when it was closed may have begun; none was queued afterwards
    assert len(started) <= 2 * runtime.processor_count() + 1


def _counting(closed: list):
    """Yields 1 and 2, and returns 3."""
    try:
        yield 1
        yield 2
        return 3
    finally:
        closed.append(True)


def test_a_relayed_stream_shows_each_snapshot_and_returns_the_result():
    shown = []

    def outer():
        shown.append((yield from relayed(_counting([]), lambda number: number * 10)))

    assert list(outer()) == [10, 20]
    assert shown == [3]
    assert result_of(_counting([])) == 3


def test_closing_a_relayed_stream_closes_the_one_within():
    closed = []
    stream = relayed(_counting(closed), str)
    next(stream)
    stream.close()
    assert closed == [True]
