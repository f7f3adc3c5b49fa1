"""Two processes on this machine, joined by gloo, work as one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core import distributed
from core.__main__ import main
from core.distributed import LostProcessError, World
from core.errors import PetLensError, SettingsError
from core.streams import last
from core.training.tuning import fine_tune
from tests.conftest import PROJECT
from tests.core import distributed_script as script
from tests.core.training.tinted import made

PROCESSES = 2
MODULE = "tests.core.distributed_script"
_TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]


def _torchrun(what: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*_TORCHRUN, "-m", MODULE, what, str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def _start_by_hand(what: str, folder: Path, **more: str) -> list[subprocess.Popen]:
    """As on several machines, where nobody ends the other processes when one is lost."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": str(PROCESSES), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), **more}
    return [
        subprocess.Popen(
            [sys.executable, "-m", MODULE, what, str(folder)],
            cwd=PROJECT,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": "0"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(PROCESSES)
    ]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Path:
    """The folder of what two processes wrote that shared embeddings and trained."""
    folder = tmp_path_factory.mktemp("both")
    ran = _torchrun("rows+tune", folder)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def gathered(both) -> list:
    return [np.load(both / f"{rank}.npz") for rank in range(PROCESSES)]


@pytest.fixture(scope="module")
def tuned(both) -> list[dict[str, torch.Tensor]]:
    return [load_file(both / f"{rank}.safetensors") for rank in range(PROCESSES)]


def test_alone_the_world_has_one_process_that_does_everything():
    world = World()
    assert world.is_first
    assert world.mine(5).tolist() == [0, 1, 2, 3, 4]
    rows = np.random.default_rng(0).random((5, 3))
    assert np.array_equal(world.gather_rows(rows, 5), rows)
    assert world.from_first(b"mine") == b"mine"
    with distributed.started() as started:
        assert started == world == distributed.world()
    assert not distributed.is_launched()


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_everything_is_done_by_exactly_one_process(size, count):
    shares = [World(rank, size).mine(count) for rank in range(size)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_rows_come_together_in_their_order_on_every_process(gathered):
    for seen in gathered:
        assert seen["counted"].ravel().tolist() == list(range(7))
        assert seen["few"].tolist() == [[5.0]]
        assert seen["total"].tolist() == [2.0, 1.0]
        assert seen["told"].tobytes() == b"from the first"


def test_shared_embeddings_are_those_of_a_single_process(gathered):
    alone = script.embeddings(World())
    for seen in gathered:
        assert np.array_equal(seen["embeddings"], alone)


def test_two_processes_train_as_one(tuned):
    end = last(fine_tune(made("test_resnet"), None, script.TRAIN, script.VALIDATION, script.SETTINGS))
    alone = {"head": end.classifier.head.weight, **end.classifier.backbone.model.state_dict()}
    accuracy = [value for value in end.history.validation_accuracy if value is not None]
    start = made("test_resnet").model.state_dict()
    for seen in tuned:
        assert all(torch.allclose(seen[name], tensor, rtol=1e-3, atol=1e-5) for name, tensor in alone.items())
        assert seen["accuracy"].tolist() == pytest.approx(accuracy)
    assert not torch.allclose(tuned[0]["layer4.0.conv1.weight"], start["layer4.0.conv1.weight"], rtol=1e-3, atol=1e-5)
    assert all(torch.equal(tuned[0][name], tuned[1][name]) for name in tuned[0])


def test_a_lost_process_ends_the_run_with_words_and_the_run_goes_on_from_its_checkpoint(tmp_path, tuned):
    lost = _torchrun("lose", tmp_path)
    assert lost.returncode != 0
    assert "Start the same command again" in lost.stderr
    resumed = _torchrun("tune", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    ends = [load_file(tmp_path / f"{rank}.safetensors") for rank in range(PROCESSES)]
    for end, whole in zip(ends, tuned, strict=True):
        assert end.pop("resumed").item()
        assert all(torch.allclose(tensor, whole[name], rtol=1e-4, atol=1e-6) for name, tensor in end.items())


def test_the_command_line_trains_in_two_processes_as_in_one(tmp_path, made_weights, monkeypatch, capsys):
    for item, label in zip(script.TRAIN.items, script.TRAIN.labels, strict=True):
        folder = tmp_path / "pictures" / script.TRAIN.class_names[label]
        folder.mkdir(parents=True, exist_ok=True)
        item.draw().save(folder / f"{item.seed}.png")
    options = ["train", "--dataset", str(tmp_path / "pictures"), "--backbone", "test_resnet", "--method", "finetune"]
    options += ["--epochs", "2", "--batch-size", "5", "--optimiser", "sgd", "--stages", "2", "--json", "--out"]

    ran = subprocess.run(
        [*_TORCHRUN, "-m", "core", *options, str(tmp_path / "together")],
        cwd=PROJECT,
        env={**os.environ, "PETLENS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    together = json.loads(ran.stdout.splitlines()[-1])

    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "another home"))
    assert main([*options, str(tmp_path / "alone")]) == 0
    alone = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert together["n"] == alone["n"] > 0
    assert together["accuracy"] == pytest.approx(alone["accuracy"])
    networks = [load_file(tmp_path / name / "backbone.safetensors") for name in ("together", "alone")]
    assert all(torch.allclose(networks[0][name], tensor, rtol=1e-3, atol=1e-5) for name, tensor in networks[1].items())


def test_the_other_machine_notices_a_killed_process(tmp_path):
    first, second = _start_by_hand("lose", tmp_path)
    assert second.wait(240) == -signal.SIGKILL
    _, told = first.communicate(timeout=240)
    assert first.returncode == 1
    assert "Another process of this run was lost" in told


def test_a_silent_process_is_not_waited_for_for_ever(tmp_path):
    first, second = _start_by_hand("silent", tmp_path, PETLENS_TIMEOUT="3")
    try:
        _, told = first.communicate(timeout=240)
    finally:
        second.kill()
        second.communicate()
    assert first.returncode == 1
    assert "did not answer in time" in told


def test_a_timeout_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("PETLENS_TIMEOUT", "soon")
    with pytest.raises(SettingsError, match="PETLENS_TIMEOUT is 'soon'"), distributed.started():
        pass


def test_errors_of_this_process_are_not_taken_for_a_lost_one():
    with pytest.raises(RuntimeError, match="my own"), distributed.told_when_lost():
        raise RuntimeError("my own")
    assert issubclass(LostProcessError, PetLensError)
