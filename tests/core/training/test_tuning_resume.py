"""A training that is stopped, killed or damaged on the disk goes on, bit by bit as if it had never stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.errors import CheckpointError
from core.streams import last
from core.training.checkpoint import FILE, PREVIOUS, Checkpoint, CheckpointFolder, parse
from core.training.tuning import TuneSnapshot, fine_tune
from core.training.tuning_settings import TuneSettings
from tests.conftest import PROJECT
from tests.core.training.tinted import made, tinted

SETTINGS = TuneSettings(epochs=3, batch_size=4, stages=3, learning_rate=0.01, dropout=0.2, augmentation="colour")
TRAIN, VALIDATION = tinted(5), tinted(3, first=20)


def _train(settings: TuneSettings = SETTINGS, *, folder: Path | None, train=TRAIN, validation=VALIDATION, **more):
    return fine_tune(made("test_resnet"), None, train, validation, settings, checkpoint=folder, **more)


def _bytes(snapshot: TuneSnapshot) -> dict[str, bytes]:
    tensors = {"head": snapshot.classifier.head.weight, **snapshot.classifier.backbone.model.state_dict()}
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in tensors.items()}


def _stop_after(stream, snapshots: int) -> TuneSnapshot:
    with contextlib.closing(stream):
        for _ in range(snapshots):
            snapshot = next(stream)
    return snapshot


@pytest.mark.parametrize(
    "changed",
    [{}, {"start": "scratch"}, {"optimiser": "sgd"}, {"averaging": False}, {"patience": 3}, {"gradual": True}],
    ids=["pretrained", "scratch", "sgd", "plain weights", "best weights", "gradual"],
)
def test_a_stopped_training_ends_with_the_same_bytes(tmp_path, changed):
    settings = dataclasses.replace(SETTINGS, **changed)
    whole = last(_train(settings, folder=None))
    # stopped wherever it is, again and again: within steps, between them, while it is measured
    steps, snapshots = [], 1
    while not steps or steps[-1] < whole.total_steps:
        snapshots += 5
        with contextlib.closing(_train(settings, folder=tmp_path)) as stream:
            for _, snapshot in zip(range(snapshots), stream, strict=False):
                end = snapshot
        steps.append(end.step)
    assert len(steps) >= 2
    resumed = last(_train(settings, folder=tmp_path))
    assert resumed.resumed
    assert _bytes(resumed) == _bytes(whole)
    assert resumed.history.as_dict() == whole.history.as_dict()


def test_a_training_that_was_told_to_end_gives_its_network_and_can_go_on(tmp_path):
    whole = last(_train(folder=None))
    steps = []
    stopped = last(_train(folder=tmp_path, enough=lambda: len(steps) == 3 or steps.append(1)))
    assert stopped.step == 3
    assert stopped.note == "stopped at epoch 1.2 of 3"
    assert stopped.classifier is not None
    resumed = last(_train(folder=tmp_path))
    assert (resumed.resumed, resumed.note) == (True, "")
    assert _bytes(resumed) == _bytes(whole)


def test_a_finished_training_is_there_at_once(tmp_path):
    whole = last(_train(folder=tmp_path))
    again = list(_train(folder=tmp_path))
    assert _bytes(again[-1]) == _bytes(whole)
    assert not [one for one in again if one.resumed and one.step < one.total_steps]


@pytest.mark.parametrize("change", ["settings", "labels", "pictures", "validation"])
def test_another_training_starts_anew_and_says_so(tmp_path, change):
    _stop_after(_train(folder=tmp_path), 12)
    changed = {
        "settings": {"settings": dataclasses.replace(SETTINGS, weight_decay=0.5)},
        "labels": {"train": dataclasses.replace(TRAIN, labels=1 - TRAIN.labels)},
        "pictures": {"train": tinted(5, first=1)},
        "validation": {"validation": None},
    }[change]
    first = next(one for one in _train(**changed, folder=tmp_path) if one.phase == "measuring" or one.step)
    assert (first.step, first.resumed) == (0, False)
    assert "another training" in first.note


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, caplog):
    whole = last(_train(folder=None))
    for snapshots in (8, 10):
        _stop_after(_train(folder=tmp_path), snapshots)
    newest, previous = tmp_path / FILE, tmp_path / PREVIOUS
    assert parse(newest.read_bytes()).facts["step"] > parse(previous.read_bytes()).facts["step"] >= 1
    damaged = bytearray(newest.read_bytes())
    damaged[-100] ^= 1
    newest.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        end = last(_train(folder=tmp_path))
    assert end.resumed
    assert "damaged" in end.note
    assert "damaged" in caplog.text
    assert _bytes(end) == _bytes(whole)


def test_with_nothing_but_damaged_checkpoints_it_starts_anew(tmp_path):
    (tmp_path / FILE).write_bytes(b"\0" * 1000)
    (tmp_path / PREVIOUS).write_bytes(b"")
    end = last(_train(folder=tmp_path))
    assert not end.resumed
    assert "damaged" in end.note
    assert end.classifier is not None


def _checkpoint(step: int) -> Checkpoint:
    tensors = {"a": torch.full((3, 5), float(step)), "count": torch.tensor(step)}
    return Checkpoint(tensors, {"step": step})


def test_no_byte_of_a_checkpoint_may_be_missing_or_changed(tmp_path):
    CheckpointFolder(tmp_path, "mine").write(_checkpoint(1))
    content = (tmp_path / FILE).read_bytes()
    assert parse(content).facts["step"] == 1
    for length in range(len(content)):
        with pytest.raises(CheckpointError):
            parse(content[:length])
    header = 8 + int.from_bytes(content[:8], "little")
    padding = header - len(content[:header].rstrip(b" "))
    for place in set(range(len(content))) - set(range(header - padding, header)):
        changed = bytearray(content)
        changed[place] ^= 4
        with pytest.raises(CheckpointError):
            parse(bytes(changed))


@pytest.mark.parametrize(("asked", "most"), [(0.0, 0.0), (0.6, 1.0), (15.0, 30.0)])
def test_a_slow_disk_does_not_stretch_the_pause_beyond_what_may_be_lost(tmp_path, monkeypatch, asked, most):
    now = [100.0]
    monkeypatch.setattr("core.training.checkpoint.time.monotonic", lambda: now[0])
    folder = CheckpointFolder(tmp_path, "mine", every_seconds=asked)

    def slow(_descriptor):
        now[0] += 60

    monkeypatch.setattr(os, "fsync", slow)
    folder.write(_checkpoint(1))
    now[0] += asked * 0.99
    assert folder.is_due() == (asked == 0)
    now[0] += most - asked * 0.99
    assert folder.is_due()


def test_whatever_moment_the_writing_ends_at_a_whole_checkpoint_is_left(tmp_path, monkeypatch):
    for last_call in range(1, 12):
        folder = tmp_path / str(last_call)
        kept = CheckpointFolder(folder, "mine")
        kept.write(_checkpoint(1))
        kept.write(_checkpoint(2))
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            calls = iter(range(last_call))
            for name in ("fsync", "replace", "open"):
                _ending_at(patch, name, calls)
            kept.write(_checkpoint(3))
        content, note = CheckpointFolder(folder, "mine").read_bytes()
        assert parse(content).facts["step"] in (2, 3)
        assert note == ""


def _ending_at(patch, name: str, calls) -> None:
    real = getattr(os, name)

    def call(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)

    patch.setattr(os, name, call)


def test_a_full_disk_is_told_and_the_former_checkpoint_stays(tmp_path, monkeypatch):
    folder = CheckpointFolder(tmp_path, "mine")
    folder.write(_checkpoint(1))

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        folder.write(_checkpoint(2))
    content, _ = CheckpointFolder(tmp_path, "mine").read_bytes()
    assert parse(content).facts["step"] == 1


_KILLED = """
import sys
from pathlib import Path
from tests.core.training.test_tuning_resume import _train
for snapshot in _train(folder=Path(sys.argv[1]), checkpoint_seconds=0.0):
    print(snapshot.step, flush=True)
"""


def test_a_killed_process_loses_no_stored_step_and_ends_with_the_same_bytes(tmp_path):
    whole = last(_train(folder=None))
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    reached = 0
    for line in process.stdout:
        reached = int(line)
        if reached == 3:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert reached == 3
    snapshots = list(_train(folder=tmp_path))
    assert next(one.step for one in snapshots if one.resumed) >= 2
    assert _bytes(snapshots[-1]) == _bytes(whole)
