"""Runs that go: the oldest first, never one that is being trained."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import CheckpointError
from core.places import runs_folder
from core.runs import create_run, delete_run, list_runs
from core.runs.deleting import size_of, sweep_runs
from core.runs.files import alone
from tests.conftest import PROJECT


@pytest.fixture
def three(make_run) -> list[Path]:
    """Runs saved three, two and one day ago."""
    made = make_run()
    folders = [create_run(made.record), create_run(made.record), made.folder]
    for days, folder in zip((3, 2, 1), folders, strict=True):
        when = (folder / "run.json").stat().st_mtime - days * 86_400
        os.utime(folder / "run.json", (when, when))
    return folders


def test_the_oldest_go_until_the_others_have_room(three):
    sizes = [size_of(folder) for folder in three]
    assert sweep_runs(runs_folder(), max_bytes=sum(sizes)) == []
    assert sweep_runs(runs_folder(), max_bytes=sum(sizes) - 1) == [three[0].name]
    assert sweep_runs(runs_folder(), max_bytes=0) == [folder.name for folder in three[1:]]
    assert list_runs() == []


def test_what_was_not_saved_for_long_goes(three):
    assert sweep_runs(runs_folder(), max_age_seconds=1.5 * 86_400) == [folder.name for folder in three[:2]]
    assert sweep_runs(runs_folder()) == []
    assert [folder for folder, _ in list_runs()] == three[2:]


def test_a_damaged_run_goes_as_well(three):
    (three[1] / "run.json").write_text("{")
    assert len(sweep_runs(runs_folder(), max_bytes=0)) == 3


def test_checkpoints_count(three):
    before = size_of(three[0])
    (three[0] / "checkpoint" / "head").mkdir(parents=True)
    (three[0] / "checkpoint" / "head" / "checkpoint.safetensors").write_bytes(b"x" * 1000)
    assert size_of(three[0]) == before + 1000


def test_what_is_no_run_stays(three):
    (runs_folder() / "notes").mkdir()
    (runs_folder() / "notes" / "thesis.txt").write_text("x")
    (runs_folder() / "link").symlink_to(three[0])
    (three[1] / "thesis.txt").write_text("x")
    assert sweep_runs(runs_folder(), max_bytes=0) == [three[0].name, three[2].name]
    assert (runs_folder() / "notes" / "thesis.txt").exists()
    assert (three[1] / "thesis.txt").exists()


def test_no_folder_is_nothing_to_sweep(home):
    assert sweep_runs(runs_folder(), max_bytes=0) == []


needs_locks = pytest.mark.skipif(os.name != "posix", reason="this system has no locks on files")


@needs_locks
def test_a_run_that_is_being_trained_stays(three):
    with alone(three[0]):
        with pytest.raises(CheckpointError, match="being trained at this moment"):
            delete_run(three[0])
        assert sweep_runs(runs_folder(), max_bytes=0) == [folder.name for folder in three[1:]]
    assert sweep_runs(runs_folder(), max_bytes=0) == [three[0].name]


@needs_locks
def test_the_lock_goes_with_its_process(three):
    code = "import sys, pathlib; from core.runs.files import alone\n"
    code += "with alone(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(three[0])]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointError, match="being trained"):
            delete_run(three[0])
        process.kill()
        process.wait()
    delete_run(three[0])
    assert not three[0].exists()
