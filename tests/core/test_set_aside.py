from __future__ import annotations

import errno
import os
import sys
import tempfile

import pytest
import torch

from core.ascent.snapshot import AscentState
from core.attack.snapshot import AttackState
from core.set_aside import set_aside, set_bytes_aside


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _several() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(3, 5, 7, generator=generator).transpose(0, 2),
        torch.tensor(3.5, dtype=torch.float64),
        torch.tensor([True, False, True]),
        torch.zeros(0, 4),
        torch.randn(2, 9, generator=generator, dtype=torch.complex64),
        torch.arange(5),
        torch.randn(4, generator=generator).bfloat16(),
    ]


def test_values_shapes_and_number_formats_are_the_same_and_no_file_is_left(files):
    several = _several()
    aside = set_aside(several)
    for one, other in zip(aside, several, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert torch.equal(one, other)
    assert list(files.iterdir()) == []
    assert set_aside([]) == []


def test_bytes_are_the_same(files):
    contents = [b"one", bytes(range(256)) * 9, b"x"]
    aside = set_bytes_aside(contents)
    assert [bytes(one) for one in aside] == contents
    assert [bytes(one) for one in set_bytes_aside(aside)] == contents
    assert set_bytes_aside([]) == []
    assert list(files.iterdir()) == []


def test_what_is_changed_afterwards_changes_nothing_else():
    before = torch.zeros(4)
    (first,) = set_aside([before])
    first += 1
    before -= 1
    assert first.tolist() == [1, 1, 1, 1]
    (second,) = set_aside([first])
    assert second.tolist() == [1, 1, 1, 1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_it_takes_neither_memory_nor_an_open_file():
    size = 1 << 28

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    tensor = torch.ones(size // 4)
    opened, before = len(os.listdir("/proc/self/fd")), resident()
    aside = set_aside([tensor])
    assert resident() - before < size / 4
    assert len(os.listdir("/proc/self/fd")) == opened
    assert aside[0][-1] == 1


def test_without_room_on_the_disk_they_stay(files, monkeypatch):
    def full(*_args, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    several = _several()
    monkeypatch.setattr(torch, "from_file", full)
    assert all(one is other for one, other in zip(set_aside(several), several, strict=True))
    monkeypatch.setattr(tempfile, "mkstemp", full)
    assert all(one is other for one, other in zip(set_aside(several), several, strict=True))
    assert list(files.iterdir()) == []


def test_states_are_the_same_afterwards():
    tensors = _several()
    drawing = AscentState(3, 64, (tensors[0],), {"mean": tensors[4], "square": tensors[1]}, tensors[5]).set_aside()
    assert (drawing.step, drawing.side_px) == (3, 64)
    assert torch.equal(drawing.parameters[0], tensors[0])
    assert torch.equal(drawing.optimiser["mean"], tensors[4])
    assert torch.equal(drawing.optimiser["square"], tensors[1])
    assert torch.equal(drawing.generator, tensors[5])
    attack = AttackState(4, {"best": tensors[0], "gradients": 7}).set_aside()
    assert (attack.step, attack.memory["gradients"]) == (4, 7)
    assert torch.equal(attack.memory["best"], tensors[0])
