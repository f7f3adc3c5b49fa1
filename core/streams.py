"""Streams of snapshots, and work in chunks on all processors."""

from __future__ import annotations

import collections
import contextlib
import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from core import runtime

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


def last(stream: Iterable[T]) -> T:
    """Run a stream to its end: its last snapshot, which holds the result."""
    newest = collections.deque(stream, maxlen=1)
    if not newest:
        raise ValueError("the stream was empty")
    return newest[0]


def relayed(stream: Generator[T, None, R], show: Callable[[T], S]) -> Generator[S, None, R]:
    """Yield `show(snapshot)` for each snapshot of a stream; return what the stream returns.

    Closing this closes the stream.
    """
    with contextlib.closing(stream):
        while True:
            try:
                snapshot = next(stream)
            except StopIteration as end:
                return end.value
            yield show(snapshot)


def result_of(stream: Generator[Any, None, R]) -> R:
    """Run a stream to its end: what it returns."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value


def every(seconds: float, stream: Iterable[T]) -> Iterator[T]:
    """Thin a stream out: at most one snapshot in `seconds`; the first and the last always."""
    shown_at, waiting = -float("inf"), None
    for snapshot in stream:
        waiting = snapshot
        if time.monotonic() - shown_at >= seconds:
            shown_at, waiting = time.monotonic(), None
            yield snapshot
    if waiting is not None:
        yield waiting


def in_chunks(
    function: Callable[[Sequence[T]], R], items: Sequence[T], size: int, *, hurried: bool = False
) -> Iterator[R]:
    """`function` of each chunk of `size` items, on all processors: results in order, each as soon as it is there.

    Two chunks a processor wait at most: memory stays bounded whatever the number of items. Closing the iterator ends
    the work after the chunks that are being computed.

    Args:
        hurried: somebody waits for just these: they do not queue behind what others have to be done.
    """
    pool = runtime.hurried_workers() if hurried else runtime.workers()
    chunks = (items[start : start + size] for start in range(0, len(items), size))
    pending: collections.deque[Future[Any]] = collections.deque()
    try:
        for chunk in itertools.islice(chunks, 2 * runtime.processor_count()):
            pending.append(pool.submit(function, chunk))
        while pending:
            result = pending.popleft().result()
            for chunk in itertools.islice(chunks, 1):
                pending.append(pool.submit(function, chunk))
            yield result
    finally:
        for future in pending:
            future.cancel()
