"""Several processes that work as one, under `torchrun`: who does which part, and how the parts come together.

Nobody outside `torchrun` notices this module: the world then has one process, which does everything.
Knows nothing of networks or pictures. Between processes only numbers travel, never pickles.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist

from core import runtime
from core.errors import PetLensError, SettingsError

logger = logging.getLogger(__name__)

# Seconds that a process waits for the others before it takes them for lost: one of them may have to fetch or examine
# pictures first. A process that ended is noticed at once, whatever the number.
_TIMEOUT_SECONDS = 1800


class LostProcessError(PetLensError):
    """Another process of the run ended or does not answer."""


@dataclass(frozen=True)
class World:
    """All processes of a run, seen from one of them.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and talks to people."""
        return self.rank == 0

    def mine(self, count: int) -> np.ndarray:
        """Which of `count` things are this process's: every `size`-th, so that easy and hard ones are mixed."""
        return np.arange(self.rank, count, self.size)

    def gather_rows(self, rows: np.ndarray, count: int) -> np.ndarray:
        """The rows of all processes in their original order, on every process.

        Args:
            rows: `(n, D)`, those of `mine(count)`, in its order.
            count: `N`, rows in all.

        Returns:
            `(N, D)`, of the same type.

        Raises:
            LostProcessError: another process ended or does not answer.
        """
        assert len(rows) == len(self.mine(count))
        if self.size == 1:
            return rows
        most = -(-count // self.size)  # parts differ by one row at most; all are sent at the length of the longest
        padded = torch.zeros(most, *rows.shape[1:], dtype=torch.from_numpy(rows[:0]).dtype)
        padded[: len(rows)] = torch.from_numpy(np.ascontiguousarray(rows))
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with told_when_lost():
            dist.all_gather(parts, padded)
        # row i of process r is number i * size + r
        return torch.stack(parts, dim=1).flatten(0, 1)[:count].numpy()

    def sum(self, numbers: torch.Tensor) -> torch.Tensor:
        """The sum of a small tensor over all processes, on the processor.

        Raises:
            LostProcessError: another process ended or does not answer.
        """
        total = numbers.detach().cpu().clone()
        if self.size > 1:
            with told_when_lost():
                dist.all_reduce(total)
        return total

    def from_first(self, content: bytes | None) -> bytes | None:
        """What the first process has, or None where it has nothing; what the others pass does not matter.

        Raises:
            LostProcessError: another process ended or does not answer.
        """
        if self.size == 1:
            return content
        length = torch.tensor([-1 if content is None or not self.is_first else len(content)])
        with told_when_lost():
            dist.broadcast(length, src=0)
            if length.item() <= 0:
                return None if length.item() < 0 else b""
            sent = torch.empty(int(length), dtype=torch.uint8)
            if self.is_first:
                sent = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            dist.broadcast(sent, src=0)
        return sent.numpy().tobytes()


def world() -> World:
    """The world that this process belongs to: of one, unless `started` is open."""
    return _current[-1]


def is_launched() -> bool:
    """Whether `torchrun` (or somebody who sets the same variables) started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE") or 1) > 1


@contextlib.contextmanager
def started() -> Iterator[World]:
    """Join the other processes, and leave them at the end; in a process that runs alone, nothing happens.

    To be opened in the main thread before the first network is loaded: it chooses this process's graphics card and
    gives it its share of the processors. gloo carries what lies in the processor's memory, NCCL what lies in a
    card's. `PETLENS_TIMEOUT` (1800) is how many seconds to wait for a silent process.

    Raises:
        LostProcessError: the others do not come, or one of them ends.
        SettingsError: `PETLENS_TIMEOUT` is not a number of seconds.
    """
    if not is_launched():
        yield World()
        return
    timeout = datetime.timedelta(seconds=_timeout_seconds())
    local = int(os.environ.get("LOCAL_RANK") or 0)
    with_cards = torch.cuda.is_available() and os.environ.get("PETLENS_DEVICE", "cuda").startswith("cuda")
    if with_cards:
        torch.cuda.set_device(local % torch.cuda.device_count())
    runtime.configure()
    with _told_when_terminated():
        with told_when_lost():
            dist.init_process_group("cpu:gloo,cuda:nccl" if with_cards else "gloo", timeout=timeout)
        joined = World(dist.get_rank(), dist.get_world_size())
        logger.info("process %d of %d", joined.rank + 1, joined.size)
        _current.append(joined)
        try:
            yield joined
        finally:
            _current.remove(joined)
            with warnings.catch_warnings(), contextlib.suppress(RuntimeError):
                warnings.simplefilter("ignore")
                dist.destroy_process_group()


@contextlib.contextmanager
def told_when_lost() -> Iterator[None]:
    """Turn what torch says when another process is gone into words.

    Only what comes from a collective operation is turned; an error of this process's own passes.
    """
    try:
        yield
    except RuntimeError as error:  # gloo raises no type of its own
        if not isinstance(error, dist.DistError) and not any(sign in str(error) for sign in _SIGNS):
            raise
        raise LostProcessError(_LOST) from error


@contextlib.contextmanager
def _told_when_terminated() -> Iterator[None]:
    """`torchrun` terminates the others when one process is lost: they end in order, with the reason.

    Only Python's main thread may have a handler; in another thread termination stays what it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number, _frame) -> None:
        raise LostProcessError(_LOST)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


_LOST = (
    "Another process of this run was lost: it ended, or did not answer in time. Start the same command again; "
    "training goes on from its last checkpoint."
)
# What gloo, NCCL and torch's store write when the other side is gone.
_SIGNS = (
    "gloo",
    "Connection closed by peer",
    "Connection reset",
    "Connection refused",
    "Broken pipe",
    "Timed out",
    "timed out",
    "Timeout",
    "NCCL",
    "ProcessGroup",
    "process group",
)
_current: list[World] = [World()]


def _timeout_seconds() -> float:
    text = os.environ.get("PETLENS_TIMEOUT", str(_TIMEOUT_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise SettingsError("PETLENS_TIMEOUT is {text!r}; it must be a number of seconds from 1 to 86400.", text=text)
    return seconds
