"""How this machine computes: threads, device and precision.

Nothing happens at import. `configure` runs once, when the first network is loaded (or earlier, by hand).
Knows nothing of pictures or networks.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import logging
import math
import os
import platform
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import torch

from core import allocator
from core.errors import SettingsError

logger = logging.getLogger(__name__)

R = TypeVar("R")


@functools.cache
def configure() -> None:
    """Tell torch how many processors there really are, and check what the host said of the allocator. Idempotent."""
    wanted = os.environ.get("PETLENS_ALLOCATOR", allocator.KEEP)
    if wanted not in allocator.CHOICES:
        raise SettingsError("PETLENS_ALLOCATOR is {wanted!r}; it must be keep or default.", wanted=wanted)
    torch.set_num_threads(processor_count())


def processor_count() -> int:
    """Processors that this process may use: the affinity mask, cut by a container's quota, shared with the other
    processes that `torchrun` started on this machine.

    torch sees all processors of the host; in a container that is allowed two of them, its threads get in each other's way.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    allowed = math.ceil(min(allowed, _container_quota(Path("/sys/fs/cgroup"))))
    beside = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, allowed // max(1, int(beside) if beside.isdecimal() else 1))


@functools.cache
def device() -> torch.device:
    """The device that networks run on: `PETLENS_DEVICE`, else CUDA where there is one, else the processor."""
    name = os.environ.get("PETLENS_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise SettingsError(
            "PETLENS_DEVICE is {name!r}, which this machine does not have. Try cpu.", name=name
        ) from error


@functools.cache
def inference_dtype() -> torch.dtype:
    """Number format for inference: bfloat16 where the processor multiplies it natively, else float32.

    A processor without such instructions emulates bfloat16, many times slower than float32.
    `PETLENS_PRECISION` (`float32` or `bfloat16`) overrides. Gradients with respect to pixels always use float32:
    there bfloat16 is slower even on processors that have it.
    """
    wanted = os.environ.get("PETLENS_PRECISION")
    if wanted:
        if wanted not in ("float32", "bfloat16"):
            raise SettingsError("PETLENS_PRECISION is {wanted!r}; it must be float32 or bfloat16.", wanted=wanted)
        return getattr(torch, wanted)
    if device().type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if _processor_flags() & {"avx512_bf16", "amx_bf16"} else torch.float32


@functools.cache
def workers() -> ThreadPoolExecutor:
    """One thread a processor, each of which computes with a single thread: the whole process shares this pool.

    Independent chunks on separate threads beat one chunk spread over all processors: no thread waits for another
    between two layers, and decoding one chunk overlaps with the network's work on another.
    """
    return _single_threads("pixels")


@functools.cache
def hurried_workers() -> ThreadPoolExecutor:
    """The same for the little that somebody waits for: the queue of `workers` may be long."""
    return _single_threads("hurried")


def on_one_thread(function: Callable[..., R], *arguments: Any) -> R:
    """`function(*arguments)` on a thread that computes alone; waits for it, and returns what it returns.

    A step on embeddings takes under a millisecond. Split over two threads it gains little on an idle machine, and on a
    busy one each product waits until the second thread gets its turn: ten times slower, measured with four busy
    neighbours on two cores. These threads are others than the `workers`, whose queue may be long. To set the caller's own
    number of threads for a while would also set that of threads that are born meanwhile, for good.
    """
    future = _steppers().submit(function, *arguments)
    try:
        return future.result()
    finally:
        # Ctrl-C ends the waiting, not the work
        concurrent.futures.wait([future])


@functools.cache
def _steppers() -> ThreadPoolExecutor:
    return _single_threads("steps")


def _single_threads(name: str) -> ThreadPoolExecutor:
    """A pool with one thread a processor, all of them begun, each of which computes alone."""
    count = processor_count()
    started = threading.Barrier(count + 1)

    def start_worker() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # makes the number this thread's own: until then, setting another below would undo it
        started.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix=name, initializer=start_worker)
    for _ in range(count):
        pool.submit(lambda: None)
    started.wait()
    # set_num_threads also sets the number that threads yet to be born will take: put that back.
    torch.set_num_threads(count)
    return pool


def processor_name() -> str:
    """The processor's name as the system gives it, for benchmark files."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _container_quota(cgroup: Path) -> float:
    """Processors that a container's CPU quota allows (cgroup v2, then v1); infinity where there is none."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        quota_us = int((cgroup / "cpu/cpu.cfs_quota_us").read_text())
        period_us = int((cgroup / "cpu/cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else math.inf
    return math.inf


def _processor_flags() -> set[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    return set()
