import math
import threading

import pytest
import torch

from core import runtime


@pytest.mark.parametrize(
    ("file", "text", "quota"),
    [
        ("cpu.max", "150000 100000\n", 1.5),
        ("cpu.max", "max 100000\n", math.inf),
        ("cpu.max", "nonsense", math.inf),
    ],
)
def test_a_containers_quota_is_read(tmp_path, file, text, quota):
    (tmp_path / file).write_text(text)
    assert runtime._container_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota_us", "quota"), [("200000", 2.0), ("-1", math.inf)])
def test_an_old_containers_quota_is_read(tmp_path, quota_us, quota):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota_us)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert runtime._container_quota(tmp_path) == quota


def test_outside_a_container_there_is_no_quota(tmp_path):
    assert runtime._container_quota(tmp_path) == math.inf


def test_workers_compute_with_one_thread_and_leave_the_others_alone():
    runtime.configure()
    before = torch.get_num_threads()
    counts = list(runtime.workers().map(lambda _: torch.get_num_threads(), range(8)))
    assert set(counts) == {1}
    assert torch.get_num_threads() == before

    newborn = []
    thread = threading.Thread(target=lambda: newborn.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert newborn == [before]


def test_a_thread_that_is_born_while_a_head_is_trained_keeps_its_own_number():
    runtime.configure()
    before = torch.get_num_threads()
    seen = []

    def step() -> int:
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return torch.get_num_threads()

    assert runtime.on_one_thread(step) == 1
    assert [*seen, torch.get_num_threads()] == [before, before]


def test_processes_of_one_machine_share_its_processors(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    alone = runtime.processor_count()
    for processes in (1, 2, alone, 10 * alone):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
        assert runtime.processor_count() == max(1, alone // processes)


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_precision_can_be_chosen(monkeypatch, name):
    monkeypatch.setenv("PETLENS_PRECISION", name)
    runtime.inference_dtype.cache_clear()
    try:
        assert runtime.inference_dtype() == getattr(torch, name)
    finally:
        runtime.inference_dtype.cache_clear()


def test_an_unknown_precision_is_refused(monkeypatch):
    from core import SettingsError

    monkeypatch.setenv("PETLENS_PRECISION", "int4")
    runtime.inference_dtype.cache_clear()
    with pytest.raises(SettingsError, match=r"PETLENS_PRECISION.*int4.*float32 or bfloat16"):
        runtime.inference_dtype()


def test_an_unknown_device_is_refused(monkeypatch):
    from core import SettingsError

    monkeypatch.setenv("PETLENS_DEVICE", "abacus")
    runtime.device.cache_clear()
    try:
        with pytest.raises(SettingsError, match=r"PETLENS_DEVICE.*abacus"):
            runtime.device()
    finally:
        runtime.device.cache_clear()
