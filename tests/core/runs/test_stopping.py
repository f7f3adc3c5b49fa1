"""Whatever ends a run early, what it learned is kept; and nobody works on it at the same time."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest
import torch
from PIL import Image

from core.datasets.labelled import Dataset
from core.datasets.opening import open_dataset
from core.errors import CheckpointError
from core.places import runs_folder
from core.runs import delete_run, list_runs, load_run, read_history, read_record
from core.runs import pipeline as module
from core.runs.pipeline import resume_run, train_run
from core.runs.plan import Plan
from core.streams import last
from core.training.head_settings import HeadSettings
from core.training.tuning_settings import TuneSettings
from tests.core.runs.full_disk import full_disk

PLAN = Plan("test_resnet", head=HeadSettings(epochs=100, batch_size=1, learning_rate=0.001))
QUICK = Plan("test_resnet", head=HeadSettings(epochs=3))
TUNE = TuneSettings(epochs=1, batch_size=8, stages=99)


@pytest.fixture
def colours(tmp_path, home, made_weights):
    """Class folders of reddish and bluish pictures: 16 of each."""
    generator = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (tmp_path / "colours" / name).mkdir(parents=True)
        for number in range(16):
            pixels = generator.integers(0, 120, (64, 64, 3), dtype=np.uint8)
            pixels[..., channel] += 110
            Image.fromarray(pixels).save(tmp_path / "colours" / name / f"{number}.png")
    return tmp_path / "colours"


@pytest.fixture
def dataset(colours) -> Dataset:
    return open_dataset(str(colours))


def _until(stream, phase: str):
    """The first snapshot of that phase that has something done."""
    return next(snapshot for snapshot in stream if snapshot.phase == phase and snapshot.done)


def test_closed_at_its_last_snapshot_a_run_is_finished(dataset):
    stream = train_run(QUICK, dataset)
    final = _until(stream, "finished")
    stream.close()
    assert read_record(final.folder).state == "finished"


def test_nothing_is_on_the_disk_before_somebody_asks(dataset):
    stream = train_run(QUICK, dataset)
    assert list_runs() == []
    stream.close()
    assert not runs_folder().exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError("the card was pulled out")])
def test_what_was_learned_before_an_error_is_kept_and_the_error_goes_on(dataset, error):
    stream = train_run(PLAN, dataset)
    folder = _until(stream, "training").folder
    with pytest.raises(error if isinstance(error, type) else type(error)):
        stream.throw(error)
    assert read_record(folder).state == "stopped"
    assert load_run(folder).classifier.class_names == ("blue", "red")
    assert len(read_history(folder)) > 0
    assert last(resume_run(folder, dataset)).record.state == "finished"


def test_pictures_that_vanish_end_the_run_in_words_and_what_was_learned_is_kept(dataset, colours):
    stream = train_run(PLAN, dataset)
    folder = _until(stream, "training").folder
    for path in colours.glob("*/*.png"):
        path.unlink()
    with pytest.raises(module.DatasetError, match="can be read"):
        last(stream)
    assert read_record(folder).state == "stopped"
    assert load_run(folder).classifier


def test_stopped_on_a_full_disk_nothing_is_raised_and_the_log_tells(dataset, caplog):
    stream = train_run(PLAN, dataset)
    folder = _until(stream, "training").folder
    with full_disk():
        stream.close()
    assert "cannot be written" in caplog.text
    assert read_record(folder).state == "running"


def test_on_a_full_disk_the_figures_are_told_and_so_is_what_is_not_stored(dataset):
    stream = train_run(QUICK, dataset)
    _until(stream, "testing")
    with full_disk():
        final = last(stream)
    assert final.evaluation.n > 0
    assert any("not stored" in note and "cannot be written" in note for note in final.notes)
    assert final.record.state == "stopped"
    assert read_record(final.folder).state == "running"


@pytest.mark.skipif(os.name != "posix", reason="this system has no locks on files")
def test_a_run_in_training_is_neither_gone_on_with_nor_deleted(dataset):
    stream = train_run(PLAN, dataset)
    folder = _until(stream, "training").folder
    with pytest.raises(CheckpointError, match="being trained at this moment"):
        next(resume_run(folder, dataset))
    with pytest.raises(CheckpointError, match="being trained at this moment"):
        delete_run(folder)
    assert read_record(folder).state == "running"
    final = _until(stream, "finished")
    delete_run(final.folder)
    stream.close()


def test_two_who_wanted_to_go_on_the_second_finds_it_finished(dataset):
    stream = train_run(QUICK, dataset)
    folder = next(stream).folder
    stream.close()
    first, second = resume_run(folder, dataset), resume_run(folder, dataset)
    last(first)
    with pytest.raises(module.DatasetError, match="is finished"):
        next(second)
    assert read_record(folder).state == "finished"


@pytest.mark.parametrize("title", ["two\nlines\x00", "x" * 5000, "\ud800", "犬" * 400, "\n"])
def test_no_name_of_a_data_set_stands_in_the_way(dataset, title):
    final = last(train_run(QUICK, dataclasses.replace(dataset, name=title, title=title, about=title)))
    record = read_record(final.folder)
    assert record.state == "finished"
    assert 0 < len(record.name) <= 200
    assert record.name.isprintable()


def test_who_gives_a_name_that_is_too_long_is_told_before_anything_is_done(dataset):
    with pytest.raises(CheckpointError, match="1 to 200 characters"):
        train_run(dataclasses.replace(QUICK, name="x" * 201), dataset)


@pytest.mark.parametrize("method", ["finetune", "scratch"])
def test_pictures_that_cannot_be_read_are_left_out_with_a_note(dataset, method):
    broken = dataset.split("train").items[0]
    broken.write_bytes(b"no picture")
    final = last(train_run(dataclasses.replace(QUICK, method=method, tune=TUNE), dataset))
    assert any("One " in note and "cannot be read and is left out" in note for note in final.notes)
    assert final.record.state == "finished"


def test_weights_that_are_no_numbers_are_not_stored_and_the_person_is_told(dataset, monkeypatch):
    def diverging(*arguments, **more):
        for snapshot in fine_tune(*arguments, **more):
            if snapshot.classifier is not None:
                next(snapshot.classifier.backbone.model.parameters()).fill_(torch.nan)
            yield snapshot

    fine_tune = module.fine_tune
    monkeypatch.setattr(module, "fine_tune", diverging)
    final = last(train_run(dataclasses.replace(QUICK, method="scratch", tune=TUNE), dataset))
    assert final.evaluation is None
    assert any("Try a lower learning rate" in note for note in final.notes)
    record = read_record(final.folder)
    assert record.state == "stopped"
    assert "head.safetensors" not in record.files
    assert len(read_history(final.folder)) > 0
