"""What glibc does with freed pages, counted by the page faults of a thread that is not the first."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from core import allocator, runtime
from core.errors import SettingsError
from tests.conftest import PROJECT

# tensors of a network's layers come and go, in a thread of its own
SCRIPT = """
import resource, threading
import core
import torch

def layers(megabytes):
    for _ in range(5):
        kept = [torch.ones(megabytes * 250_000) for _ in range(12)]
        del kept

def rounds():
    torch.set_num_threads(1)
    found = []
    for megabytes in (2, 6, 12, 40):
        layers(megabytes)
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        layers(megabytes)
        found.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
    print(sum(found))

thread = threading.Thread(target=rounds)
thread.start()
thread.join()
"""


# the same, and how many megabytes the process has before, and after the pages were given back
GIVES_BACK = """
import threading
import core
from core import allocator
import torch

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 1_000_000

def layers():
    kept = [torch.ones(2_000_000) for _ in range(40)]
    kept.append(torch.ones(1))  # lies behind them: the end of the heap is not free

thread = threading.Thread(target=layers)
thread.start()
thread.join()
before = megabytes()
assert allocator.give_back_pages()
print(before - megabytes())
"""
ON_GLIBC = pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="a setting of glibc")


def printed(script: str, setting: str | None) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PETLENS_", "MALLOC_"))}
    if setting is not None:
        environment["PETLENS_ALLOCATOR"] = setting
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@ON_GLIBC
def test_every_thread_keeps_its_freed_pages_unless_the_host_says_otherwise():
    given_back = printed(SCRIPT, "default")
    assert given_back > 100_000
    assert printed(SCRIPT, None) < given_back / 10  # a few always come: a block that did not fit where it was before


@ON_GLIBC
def test_what_is_kept_can_be_given_back():
    assert printed(GIVES_BACK, None) > 250  # of 320 MB


def test_a_wrong_word_of_the_hosts_changes_nothing_and_is_refused_when_networks_are_loaded(monkeypatch):
    monkeypatch.setenv("PETLENS_ALLOCATOR", "all")
    assert not allocator.keep_freed_pages()
    with pytest.raises(SettingsError, match="keep or default"):
        runtime.configure.__wrapped__()
