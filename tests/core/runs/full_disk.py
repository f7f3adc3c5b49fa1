"""A disk on which nothing more fits, met inside one process: writing fails, and the process lives."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def full_disk(largest_file: int = 100) -> Iterator[None]:
    """No file of this process grows beyond so many bytes.

    For `with`, and not a fixture: those end after the test runner has written its dot, and its output may be a file too.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
