"""Runs on the disk: named, found, listed, deleted; what is saved comes back."""

from __future__ import annotations

import dataclasses
import math
import os

import pytest
import torch

from core.errors import CheckpointError
from core.head import Head
from core.places import runs_folder
from core.runs import (
    create_run,
    delete_run,
    find_run,
    list_runs,
    load_run,
    read_evaluation,
    read_history,
    read_record,
    save_run,
)
from core.training.history import History


def test_what_is_saved_comes_back(make_run):
    made = make_run()
    loaded = load_run(made.folder)
    assert dataclasses.replace(loaded.record, files={}) == made.record
    assert loaded.evaluation == read_evaluation(made.folder) == {"labels": [0, 1, 2]}
    assert loaded.history.step == read_history(made.folder).step == (1, 2)
    assert loaded.history.train_loss == (0.5, None)  # the second was not a number, which JSON cannot say
    assert made.sameness(made.folder) == 0


def test_a_new_run_is_listed_before_it_has_a_head(make_run):
    made = make_run()
    folder = create_run(dataclasses.replace(made.record, name="new"))
    assert [run for run, _ in list_runs()] in ([folder, made.folder], [made.folder, folder])
    assert read_history(folder).step == ()
    assert read_evaluation(folder) is None
    with pytest.raises(CheckpointError, match="no trained head yet"):
        load_run(folder)


def test_nothing_given_keeps_what_was_stored(make_run):
    made = make_run(tuned=True)
    renamed = dataclasses.replace(made.record, name="Another name")
    save_run(made.folder, renamed, None, history=History(), evaluation=None)
    loaded = load_run(made.folder)
    assert (loaded.record.name, loaded.evaluation, len(loaded.history)) == ("Another name", {"labels": [0, 1, 2]}, 0)
    assert made.sameness(made.folder) == 0


@pytest.mark.parametrize(
    "name", ["Ünïcode Näme", "猫", "../../etc/passwd", "a/b\\c", "x" * 200, ".hidden", "-rf", "CON"]
)
def test_names_in_any_script_give_a_folder_inside(make_run, name):
    folder = create_run(dataclasses.replace(make_run().record, name=name))
    assert folder.parent == runs_folder()
    assert folder.name.isascii()
    assert len(folder.name) < 60
    assert not folder.name.startswith((".", "-"))
    assert find_run(name) == find_run(folder.name) == find_run(folder) == find_run(str(folder)) == folder


def test_the_newest_of_a_name_is_found_and_the_newest_is_listed_first(make_run):
    record = make_run(name="twin").record
    later = dataclasses.replace(record, created="2099-01-01T00:00:00+00:00")
    earlier = dataclasses.replace(record, created="2001-01-01T00:00:00+14:00")
    folders = [create_run(later), create_run(earlier)]
    assert find_run("twin") == folders[0]
    listed = [folder for folder, _ in list_runs()]
    assert (listed[0], listed[-1]) == tuple(folders)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc", "a\0b", "x" * 5000, "~", ".new-abc", "nothing"])
def test_what_is_no_run_is_not_found(make_run, name):
    made = make_run()
    # a record beside the folder of the runs is not to be had by a name
    (runs_folder().parent / "run.json").write_bytes((made.folder / "run.json").read_bytes())
    with pytest.raises(CheckpointError, match="no run"):
        find_run(name)


def test_a_name_nearly_right_gets_the_nearest(make_run):
    make_run(name="pets with resnet")
    with pytest.raises(CheckpointError, match="Did you mean pets with resnet"):
        find_run("pets with resnets")


def test_damaged_runs_are_left_out_with_a_warning(make_run, caplog):
    good = make_run()
    bad = make_run(name="bad")
    (bad.folder / "run.json").write_text("{")
    (runs_folder() / "not a run").mkdir()
    (runs_folder() / "file.txt").write_text("x")
    os.mkfifo(runs_folder() / "pipe")
    assert [folder for folder, _ in list_runs()] == [good.folder]
    assert bad.folder.name in caplog.text


def test_no_folder_yet_means_no_runs(home):
    assert list_runs() == []
    assert not home.exists()


def test_a_folder_of_ones_own_must_be_free(make_run, tmp_path):
    record = make_run().record
    folder = create_run(record, folder=tmp_path / "here" / "mine")
    assert folder == tmp_path / "here" / "mine"
    assert read_record(folder).name == record.name
    with pytest.raises(CheckpointError, match="mine cannot be made"):
        create_run(record, folder=folder)
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]


def test_a_deleted_run_is_gone_and_cannot_be_saved(make_run):
    made = make_run()
    (made.folder / "checkpoint").mkdir()
    (made.folder / "checkpoint" / "state").write_text("x")
    delete_run(made.folder)
    assert list(runs_folder().iterdir()) == []
    with pytest.raises(CheckpointError, match="not there any more"):
        save_run(made.folder, made.record, made.classifier, history=History(), evaluation=None)
    with pytest.raises(CheckpointError, match="no run of that name"):
        delete_run(made.folder)


def test_a_folder_with_other_files_is_not_deleted(make_run):
    made = make_run()
    (made.folder / "thesis.txt").write_text("x")
    with pytest.raises(CheckpointError, match=r"thesis\.txt"):
        delete_run(made.folder)
    assert made.sameness(made.folder) == 0


def test_a_head_that_is_not_finite_is_not_stored_and_the_old_one_stays(make_run):
    made = make_run(tuned=True)
    with torch.no_grad():
        next(iter(made.classifier.backbone.model.parameters())).fill_(math.nan)
    with pytest.raises(CheckpointError, match="not finite"):
        save_run(made.folder, made.record, made.classifier, history=History(), evaluation={"new": 1})
    assert read_evaluation(made.folder) == {"labels": [0, 1, 2]}
    assert load_run(made.folder).classifier


def test_the_losses_of_a_run_that_diverged_are_stored_and_read_whatever_their_size(make_run):
    made = make_run()
    row = {"train_accuracy": 0.5, "validation_accuracy": 0.5, "rate": 1e40}
    history = History().with_row(step=1, train_loss=3e38, validation_loss=1e308, **row)
    history = history.with_row(step=2, train_loss=math.inf, validation_loss=math.nan, **row)
    save_run(made.folder, made.record, made.classifier, history=history, evaluation=None)
    assert read_history(made.folder).validation_loss == (1e308, None)
    assert load_run(made.folder).history.train_loss == (3e38, None)


def test_a_classifier_of_other_classes_is_not_stored(make_run):
    made = make_run()
    other = Head(made.classifier.head.weight, made.classifier.head.bias, ("a", "b", "c"))
    with pytest.raises(CheckpointError, match="not those of the run"):
        save_run(
            made.folder,
            made.record,
            dataclasses.replace(made.classifier, head=other),
            history=History(),
            evaluation=None,
        )


def test_saving_leaves_only_the_files_of_a_run(make_run):
    made = make_run(tuned=True)
    for number in range(3):
        save_run(made.folder, made.record, made.classifier, history=History(), evaluation={"number": number})
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "README.md",
        "backbone.safetensors",
        "evaluation.json",
        "head.safetensors",
        "history.json",
        "run.json",
    ]


def test_messages_hold_no_path_of_the_machine(make_run, tmp_path):
    made = make_run()
    (made.folder / "head.safetensors").unlink()
    for call in (
        lambda: load_run(made.folder),
        lambda: find_run(tmp_path / "x"),
        lambda: find_run(str(tmp_path / "x")),
    ):
        with pytest.raises(CheckpointError) as raised:
            call()
        assert str(tmp_path) not in str(raised.value)
