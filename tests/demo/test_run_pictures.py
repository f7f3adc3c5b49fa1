"""Pictures of a run that were lost with a reload, found again in the data set that is open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.datasets.inspection import inspect
from core.datasets.labelled import Dataset
from core.datasets.own import collect
from core.runs.record import describe_dataset
from core.streams import last
from demo.evaluation_view import figures_panel
from demo.run_pictures import find_pictures, with_pictures
from demo.session import Session, Sessions
from tests.demo.made_runs import make_run


@pytest.fixture
def run(classifier, tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    run = make_run(classifier, tmp_path / "pictures")
    images = run.tested
    dataset = Dataset("colours", "Plain colours", "", images.class_names, {"test": images})
    return replace(run, record=replace(run.record, dataset=describe_dataset(dataset))), dataset


def _lost(run):
    return replace(run, tested=None)


def test_a_run_finds_its_pictures_in_the_data_set_that_it_was_tested_on(run):
    run, dataset = run
    assert with_pictures(_lost(run), Session(dataset=dataset)).tested is dataset.split("test")


def test_pictures_of_another_data_set_are_not_taken_for_the_runs(run):
    run, dataset = run
    images = dataset.split("test")
    swapped = replace(images, labels=images.labels[::-1].copy())
    fewer = images.take(range(5))
    for other in (
        replace(dataset, name="others"),
        replace(dataset, class_names=("dog", "cat")),
        replace(dataset, splits={"test": swapped}),
        replace(dataset, splits={"test": fewer}),
        replace(dataset, splits={"train": images}),
    ):
        assert with_pictures(_lost(run), Session(dataset=other)).tested is None


def test_two_collections_of_own_pictures_are_not_mistaken_for_each_other(run, tmp_path):
    run, _ = run
    files = {name: [] for name in ("cat", "dog")}
    for number in range(12):
        path = tmp_path / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 255, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        files["cat" if number % 2 else "dog"].append(path)
    own = collect(files)
    labels = own.split("test").labels
    evaluation = replace(run.evaluation, labels=labels)
    learned = replace(_lost(run), evaluation=evaluation, record=replace(run.record, dataset=describe_dataset(own)))
    learned = replace(learned, record=replace(learned.record, class_names=own.class_names))
    assert with_pictures(learned, Session(dataset=own)).tested is None
    record = replace(learned.record, dataset=replace(learned.record.dataset, name="zip"))
    in_a_zip = with_pictures(replace(learned, record=record), Session(dataset=replace(own, name="zip")))
    assert in_a_zip.tested is own.split("test")


def test_the_run_on_the_screen_is_said_to_have_got_its_pictures_once(run):
    run, dataset = run
    sessions = Sessions(3)
    assert not find_pictures(sessions, "nobody")
    sessions.keep_run("me", _lost(run))
    assert not find_pictures(sessions, "me")
    sessions.change("me", dataset=dataset)
    assert find_pictures(sessions, "me")
    assert not find_pictures(sessions, "me")
    assert sessions.get("me").run(run.token).tested is dataset.split("test")
    assert len(sessions) == 1


def test_test_pictures_that_are_nearly_training_pictures_are_told_beside_the_accuracy(run, tmp_path):
    run, dataset = run
    session = Session(dataset=dataset, inspection=last(inspect(dataset)).inspection)
    assert with_pictures(run, session).alike == 0
    images = dataset.split("test")
    noise = np.random.default_rng(0).integers(0, 255, (len(images), 64, 64, 3), dtype=np.uint8)
    items = []
    for number, pixels in enumerate(noise):
        items.append(tmp_path / f"noise-{number}.png")
        Image.fromarray(pixels).resize((128, 128)).save(items[-1])
    again = replace(images, items=tuple(items))
    splits = {"train": replace(again.take([0, 5]), split="train"), "test": again}
    twice = replace(dataset, splits=splits)
    run = replace(run, tested=again, record=replace(run.record, dataset=describe_dataset(twice)))
    found = with_pictures(run, Session(dataset=twice, inspection=last(inspect(twice)).inspection))
    assert found.alike == 2
    assert "<b>2 of these 6 pictures</b> are nearly the same" in figures_panel(
        run.evaluation, "test", alike=found.alike
    )
    assert "nearly the same" not in figures_panel(run.evaluation, "test")
