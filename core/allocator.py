"""How memory is kept between two layers: a setting of glibc, made before anything else when `core` is imported.

glibc hands every large tensor back to the kernel and faults it in again, page by page, at the next layer. It keeps its pages
when its thresholds say so, but only those of the arena that the main thread has: an arena of another thread is cut into heaps
of 64 MB, each of which is unmapped as soon as it is empty, whatever the thresholds say. So all threads share one arena, which
works only as long as no thread has an arena of its own: hence the early moment.

What is kept so belongs to nobody else: `give_back_pages` is for the moments when nothing that large is to come soon.

`PETLENS_ALLOCATOR=default` leaves all as it comes.
"""

import contextlib
import ctypes
import os

KEEP = "keep"
CHOICES = (KEEP, "default")

# glibc's mallopt parameters (malloc.h)
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# Old glibc refuses an mmap threshold above half of a thread's heap (32 MiB); newer ones take any.
_THRESHOLDS_BYTES = (1 << 30, 32 << 20)


def keep_freed_pages() -> bool:
    """Whether that was done: elsewhere than on glibc nothing is, nor where the host has said otherwise."""
    return _keeps() and _is_glibc() and _tell_glibc()


def give_back_pages() -> bool:
    """Return to the system what is kept but free; whether there was any. Where nothing is kept, nothing is done.

    Takes some milliseconds for a gigabyte, and whoever needs the pages again faults them in again: for the end of a job of
    seconds, or for idle times.
    """
    return _keeps() and _is_glibc() and ctypes.CDLL(None).malloc_trim(0) == 1


def _keeps() -> bool:
    return os.environ.get("PETLENS_ALLOCATOR", KEEP) == KEEP


def _is_glibc() -> bool:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # no such call, no such name: another system
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    return False


def _tell_glibc() -> bool:
    mallopt = ctypes.CDLL(None).mallopt
    answers = [
        any(mallopt(parameter, size) == 1 for size in _THRESHOLDS_BYTES)
        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)
    ]
    return all([*answers, mallopt(_M_ARENA_MAX, 1) == 1])
