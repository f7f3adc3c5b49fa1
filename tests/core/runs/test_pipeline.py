"""A whole run: embed, train, test once, store; stopped, killed and gone on with; each method."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core import load_backbone
from core.backbones.views import ViewSettings
from core.datasets.labelled import Dataset, LabelledImages
from core.datasets.opening import open_dataset
from core.errors import CheckpointError, DatasetError, PetLensError, SettingsError
from core.evaluation import from_json
from core.runs.files import CHECKPOINT_FOLDER
from core.runs.judging import judge
from core.runs.loading import load_run
from core.runs.pipeline import resume_run, train_run
from core.runs.plan import Plan, split_for_training
from core.runs.storage import read_evaluation, read_history, read_record
from core.streams import last, result_of
from core.training.head_settings import HeadSettings
from core.training.tuning_settings import TuneSettings
from tests.conftest import PROJECT


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch, made_weights):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path):
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
def dataset(folder) -> Dataset:
    return open_dataset(str(folder))


PLAN = Plan("test_resnet", head=HeadSettings(epochs=20, learning_rate=0.05))


def test_a_head_learns_and_everything_is_stored(dataset):
    seen = list(train_run(PLAN, dataset))
    phases = list(dict.fromkeys(snapshot.phase for snapshot in seen))
    assert phases == ["embedding", "training", "testing", "finished"]
    final = seen[-1]
    assert final.evaluation.accuracy == 1
    assert len(final.tested) == final.evaluation.n == len(dataset.split("test"))
    record = read_record(final.folder)
    assert record.state == "finished"
    assert record.metrics["accuracy"] == 1
    assert record.metrics["split"] == "test"
    assert record.metrics["seconds"] > 0
    assert Plan.of_run(record) == dataclasses.replace(PLAN, name=record.name)
    assert read_history(final.folder).as_dict() == final.training.history.as_dict()
    assert not (final.folder / CHECKPOINT_FOLDER).exists()
    import json

    stored = from_json(json.dumps(read_evaluation(final.folder)))
    assert stored.confusion.tolist() == final.evaluation.confusion.tolist()


def test_the_test_pictures_are_looked_at_only_after_training(dataset, monkeypatch):
    looked = []
    from core import embeddings

    original = embeddings.read_item

    def note(item, **more):
        looked.append(item)
        return original(item, **more)

    monkeypatch.setattr(embeddings, "read_item", note)
    tested = set(dataset.split("test").items)
    for snapshot in train_run(PLAN, dataset):
        if snapshot.phase in ("embedding", "training"):
            assert not tested & set(looked)
    assert tested <= set(looked)


def test_a_loaded_run_says_what_the_trained_network_said(dataset):
    final = last(train_run(PLAN, dataset))
    classifier = load_run(final.folder).classifier
    pictures = [Image.open(item) for item in final.tested.items]
    said = np.stack([prediction.probabilities for prediction in classifier.predict(pictures)])
    np.testing.assert_allclose(said, final.evaluation.probabilities, atol=1e-4)
    assert classifier.class_names == dataset.class_names


def test_refitting_learns_from_the_validation_pictures_too(dataset):
    with_them = last(train_run(PLAN, dataset))
    settings = dataclasses.replace(PLAN.head, refit=False)
    without = last(train_run(dataclasses.replace(PLAN, head=settings), dataset))
    assert with_them.training.history.as_dict() == without.training.history.as_dict()
    one, other = (load_run(final.folder).classifier.head.weight for final in (with_them, without))
    assert not torch.allclose(one, other)
    torch.testing.assert_close(other, without.training.head.weight)


def test_the_classic_bug_and_the_mirrored_view_are_part_of_the_run(dataset):
    for view in (ViewSettings(input_scaling=False), ViewSettings(mirrored=True, size_px=96)):
        final = last(train_run(dataclasses.replace(PLAN, view=view), dataset))
        classifier = load_run(final.folder).classifier
        pictures = [Image.open(item) for item in final.tested.items]
        said = np.stack([prediction.probabilities for prediction in classifier.predict(pictures)])
        np.testing.assert_allclose(said, final.evaluation.probabilities, atol=1e-4)


def test_weight_decay_is_chosen_where_it_is_asked_for(dataset):
    settings = HeadSettings(epochs=5, optimiser="lbfgs", choose_weight_decay=True)
    seen = list(train_run(dataclasses.replace(PLAN, head=settings), dataset))
    assert "choosing" in {snapshot.phase for snapshot in seen}
    assert any("cross-validation" in note for note in seen[-1].notes)


TUNE = TuneSettings(epochs=2, batch_size=8, stages=99)


@pytest.mark.parametrize("method", ["finetune", "scratch"])
def test_a_tuned_network_is_stored_whole_and_the_shared_one_unchanged(dataset, method):
    before = {name: tensor.clone() for name, tensor in load_backbone("test_resnet").model.state_dict().items()}
    final = last(train_run(dataclasses.replace(PLAN, method=method, tune=TUNE), dataset))
    after = load_backbone("test_resnet").model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    run = load_run(final.folder)
    assert run.record.backbone.weights == "here"
    tuned = run.classifier.backbone.model.state_dict()
    assert any(not torch.equal(tuned[name], before[name]) for name in tuned if name in before)
    pictures = [Image.open(item) for item in final.tested.items]
    said = np.stack([prediction.probabilities for prediction in run.classifier.predict(pictures)])
    np.testing.assert_allclose(said, final.evaluation.probabilities, atol=1e-3)


def test_stopped_while_learning_the_head_so_far_is_kept_and_the_run_goes_on(dataset):
    plan = dataclasses.replace(PLAN, head=HeadSettings(epochs=100, batch_size=1, learning_rate=0.001))
    whole = last(train_run(plan, dataset))
    stream = train_run(plan, dataset)
    for snapshot in stream:
        if snapshot.phase == "training" and snapshot.done:
            break
    stream.close()
    record = read_record(snapshot.folder)
    assert record.state == "stopped"
    assert load_run(snapshot.folder).classifier.class_names == dataset.class_names
    steps = [s.training.step for s in resume_run(snapshot.folder, dataset) if s.phase == "training"]
    assert steps[0] >= snapshot.training.step
    again = load_run(snapshot.folder)
    assert again.record.state == "finished"
    assert again.record.metrics["seconds"] >= record.metrics["seconds"]
    assert torch.equal(again.classifier.head.weight, load_run(whole.folder).classifier.head.weight)


def test_stopped_before_anything_was_learned_the_run_has_no_head_but_goes_on(dataset):
    stream = train_run(PLAN, dataset)
    first = next(stream)
    stream.close()
    with pytest.raises(CheckpointError, match="no trained head yet"):
        load_run(first.folder)
    assert last(resume_run(first.folder, dataset)).record.state == "finished"


def test_a_killed_process_leaves_a_run_that_goes_on(folder, tmp_path, made_weights):
    code = f"""
import os, sys
sys.path.insert(0, {str(PROJECT)!r})
from pathlib import Path
from core.runs.pipeline import train_run
from core.datasets.opening import open_dataset
from tests.core.runs.test_pipeline import PLAN, HeadSettings, dataclasses
os.environ["PETLENS_WEIGHTS"] = {str(made_weights)!r}  # which importing the tests took away
plan = dataclasses.replace(PLAN, head=HeadSettings(epochs=100, batch_size=1))
for snapshot in train_run(plan, open_dataset({str(folder)!r}), folder=Path({str(tmp_path / "run")!r})):
    print(snapshot.phase, snapshot.done, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        phase, done = line.split()
        if phase == "training" and int(done) > 50:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert read_record(tmp_path / "run").state == "running"
    assert last(resume_run(tmp_path / "run", open_dataset(str(folder)))).record.state == "finished"


def test_a_finished_run_and_one_of_other_classes_do_not_go_on(dataset, tmp_path):
    final = last(train_run(PLAN, dataset))
    with pytest.raises(PetLensError, match="finished"):
        resume_run(final.folder, dataset)
    stream = train_run(PLAN, dataset)
    first = next(stream)
    stream.close()
    splits = {split: dataclasses.replace(images, class_names=("x", "y")) for split, images in dataset.splits.items()}
    with pytest.raises(PetLensError, match="other classes"):
        resume_run(first.folder, dataclasses.replace(dataset, class_names=("x", "y"), splits=splits))


def test_a_diverged_run_is_told_and_still_finished(dataset):
    settings = HeadSettings(
        epochs=50, optimiser="sgd", learning_rate=100, schedule="constant", scaling="none", initialisation="gaussian"
    )
    final = last(train_run(dataclasses.replace(PLAN, head=settings), dataset))
    assert final.record.state == "finished"
    assert 0 <= final.evaluation.accuracy <= 1


def test_pictures_of_the_same_classes_in_another_order_are_judged_rightly(dataset):
    final = last(train_run(PLAN, dataset))
    classifier = load_run(final.folder).classifier
    images = dataset.split("test")
    swapped = dataclasses.replace(
        images, class_names=tuple(name.upper() for name in reversed(images.class_names)), labels=1 - images.labels
    )
    assert _judged(classifier, swapped).accuracy == final.evaluation.accuracy
    strange = dataclasses.replace(images, class_names=("cat", "dog"))
    with pytest.raises(DatasetError, match="other classes than this network learned: cat, dog, not blue, red"):
        next(judge(classifier, strange))


def _judged(classifier, images):
    return result_of(judge(classifier, images))[0]


# ---- plans


def test_a_plan_says_what_differs_from_the_defaults():
    plan = Plan(
        method="head", head=HeadSettings(epochs=100, dropout=0.5, averaging=True), view=ViewSettings(mirrored=True)
    )
    assert plan.differences() == "mirrored on, epochs 100, dropout 0.5, averaging on"
    assert Plan().differences() == ""


def test_each_method_starts_from_the_settings_that_suit_it():
    tuned, scratch = Plan(method="finetune"), Plan(method="scratch")
    assert scratch.tune.learning_rate > 10 * tuned.tune.learning_rate
    assert (tuned.tune.start, scratch.tune.start) == ("pretrained", "scratch")
    assert tuned.differences() == scratch.differences() == ""
    assert Plan(method="scratch", tune=TuneSettings()).differences() != ""


def test_plans_that_make_no_sense_are_refused():
    with pytest.raises(SettingsError, match="method"):
        Plan(method="magic")
    with pytest.raises(SettingsError, match="head only"):
        Plan(method="finetune", view=ViewSettings(mirrored=True))


def _images(split, labels) -> LabelledImages:
    return LabelledImages(
        "made",
        ("a", "b"),
        tuple(Path(f"{number}.png") for number in range(len(labels))),
        np.array(labels, dtype=np.int64),
        split,
    )


def test_without_a_test_split_nothing_is_chosen_by_the_final_pictures():
    splits = {"train": _images("train", [0, 1] * 20), "validation": _images("validation", [0, 1] * 5)}
    dataset = Dataset("made", "Made", "", ("a", "b"), splits)
    train, validation = split_for_training(dataset, HeadSettings())
    assert len(train) + len(validation) == 40
    assert validation.counts().tolist() == [3, 3]
    splits["test"] = _images("test", [0, 1])
    train, validation = split_for_training(dataset, HeadSettings())
    assert (len(train), len(validation)) == (40, 10)


def test_few_pictures_a_class_are_the_same_ones_for_the_same_seed():
    splits = {"train": _images("train", [0, 1] * 20), "test": _images("test", [0, 1])}
    dataset = Dataset("made", "Made", "", ("a", "b"), splits)
    chosen = [split_for_training(dataset, HeadSettings(images_per_class=5, seed=seed)) for seed in (0, 0, 1)]
    items = [set(train.items) | set(validation.items) for train, validation in chosen]
    assert items[0] == items[1] != items[2]
    assert len(items[0]) == 10


def test_one_picture_a_class_is_too_few_to_watch_by():
    splits = {"train": _images("train", [0, 1]), "test": _images("test", [0, 1])}
    with pytest.raises(DatasetError, match="one picture a class"):
        split_for_training(Dataset("made", "Made", "", ("a", "b"), splits), HeadSettings())
