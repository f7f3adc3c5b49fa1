"""Whenever a process dies, or another saves at the same time: one whole run is there, the old or the new."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading

import pytest

from core.errors import CheckpointError
from core.runs import create_run, load_run, read_history, save_run
from core.runs.storage import reading
from core.training.history import History
from tests.conftest import PROJECT
from tests.core.runs.full_disk import full_disk


def test_death_at_any_step_or_byte_leaves_the_old_run_or_the_new(make_run):
    made = make_run(tuned=True)
    program = PROJECT / "tests" / "core" / "runs" / "crash_program.py"
    ran = subprocess.run(
        [sys.executable, str(program), str(made.folder)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    seen = json.loads(ran.stdout)
    assert seen["died, old left"] >= 20
    assert seen["died, new left"] >= 5
    assert seen["finished"] == 1


def test_a_full_disk_leaves_the_old_run(make_run):
    made = make_run()
    changed = dataclasses.replace(made.record, name="changed")
    with full_disk(1000):
        with pytest.raises(CheckpointError, match="cannot be written"):
            save_run(made.folder, changed, made.classifier, history=History(), evaluation={"long": "x" * 3000})
        with pytest.raises(CheckpointError):
            create_run(changed)
    assert load_run(made.folder).record.name == made.record.name
    assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]


def test_who_reads_while_others_save_sees_one_save(make_run):
    made = make_run()
    row = {"train_loss": 0.5, "train_accuracy": None, "validation_loss": None, "validation_accuracy": None, "rate": 0.1}
    stop, failures = threading.Event(), []

    def save(start: int) -> None:
        try:
            for number in range(start, start + 40):
                record = dataclasses.replace(made.record, metrics={"seconds": number})
                history = History().with_row(step=number, **row)
                save_run(made.folder, record, made.classifier, history=history, evaluation={"number": number})
        except Exception as error:
            failures.append(error)

    def read() -> None:
        from core.runs.storage import evaluation_of, history_of

        while not stop.is_set():
            try:
                record, step, evaluation = reading(
                    made.folder,
                    lambda record: (
                        record,
                        history_of(made.folder, record).step[0],
                        evaluation_of(made.folder, record),
                    ),
                )
            except CheckpointError as error:
                if "again and again" not in str(error):  # many saves a millisecond: it says so, and is right
                    failures.append(error)
                continue
            number = record.metrics.get("seconds")
            if number is not None and not number == step == evaluation["number"]:
                failures.append((number, step, evaluation))

    writers = [threading.Thread(target=save, args=(start,)) for start in (1, 1001)]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert failures == []
    assert read_history(made.folder).step[0] in (40, 1040)


def test_what_a_dead_process_left_is_swept_up(make_run):
    made = make_run()
    (made.folder / ".head.safetensors.0123abcd").write_text("half")
    old = made.folder.parent / ".new-0123456789ab"
    old.mkdir()
    os.utime(old, (0, 0))
    fresh = made.folder.parent / ".new-ba9876543210"
    fresh.mkdir()
    save_run(made.folder, made.record, None, history=History(), evaluation=None)
    create_run(made.record)
    assert not [path for path in made.folder.iterdir() if path.name.startswith(".")]
    assert (old.exists(), fresh.exists()) == (False, True)
