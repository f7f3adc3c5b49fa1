"""The lab: distance, then training, as one stream; what ships is what was measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core import load_backbone
from core.backbones.views import ViewSettings
from core.datasets.drawn import drawn_pets
from core.errors import DatasetError
from core.runs.plan import Plan
from core.runs.storage import list_runs
from core.streams import last
from core.training.head_settings import HeadSettings
from core.transfer import lab
from core.transfer.distance import PICTURES
from core.transfer.lab import drawn_for_distance, run_lab
from core.transfer.reference import make_reference, save_reference
from core.transfer.result import LabResult, corrected, shipped_results
from tests.conftest import PROJECT

PLAN = Plan("test_resnet", head=HeadSettings(epochs=5, learning_rate=0.05))


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch, made_weights):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))


@pytest.fixture
def referenced(tmp_path, monkeypatch):
    """`test_resnet` has a reference: of nothing, but of the right shape."""
    backbone = load_backbone("test_resnet")
    vectors = np.random.default_rng(0).normal(size=(100, backbone.embedding_dim))
    folder = tmp_path / "references"
    save_reference(make_reference(backbone, vectors), folder=folder)
    found = lab.reference_of
    monkeypatch.setattr(lab, "reference_of", lambda backbone: found(backbone, folder=folder))


def test_lab_measures_then_trains(referenced):
    dataset = drawn_pets(per_class=5)
    snapshots = list(run_lab(PLAN, dataset))
    phases = [snapshot.phase for snapshot in snapshots]
    assert phases == sorted(phases, key=["measuring", "training", "finished"].index)
    assert set(phases) == {"measuring", "training", "finished"}
    assert all(snapshot.result is None for snapshot in snapshots[:-1])
    final = snapshots[-1]
    result, evaluation = final.result, final.run.evaluation
    assert result.distance == final.distance.value
    assert (result.accuracy, result.guessing) == (evaluation.accuracy, evaluation.majority)
    assert (result.dataset, result.network, result.classes) == ("drawn-pets", "test_resnet", 8)
    assert (result.trained_on, result.tested_on) == (32, 8)
    assert "Only 32 pictures were measured" in final.note
    assert final.note.many == "Only {count} pictures were measured: they look farther away than they are."
    assert [record.state for _, record in list_runs()] == ["finished"]


def test_nothing_is_embedded_twice(referenced):
    snapshots = run_lab(PLAN, drawn_pets(per_class=5))
    looked = [snapshot.run for snapshot in snapshots if snapshot.run and snapshot.run.phase == "embedding"]
    # a rate is known only of what had to be computed
    assert looked
    assert all(snapshot.images_per_second == 0 for snapshot in looked)


def test_distance_is_the_same_whatever_the_view(referenced):
    dataset = drawn_pets(per_class=5)
    usual = last(run_lab(PLAN, dataset)).result
    mirrored = last(run_lab(Plan("test_resnet", head=PLAN.head, view=ViewSettings(mirrored=True)), dataset)).result
    assert mirrored.distance == usual.distance


def test_a_network_without_reference_is_trained_all_the_same():
    final = last(run_lab(PLAN, drawn_pets(per_class=5)))
    assert final.distance is None
    assert final.result.distance is None
    assert 0 <= final.result.accuracy <= 1
    assert "its distance cannot be told; its accuracy can" in final.note


def test_too_few_pictures_have_an_accuracy_without_a_distance(referenced):
    dataset = drawn_pets(per_class=5)
    few = dataset.split("train").take(range(0, 32, 2))
    small = type(dataset)(**{**vars(dataset), "splits": {**dataset.splits, "train": few}})
    final = last(run_lab(PLAN, small))
    assert final.result.distance is None
    assert "16 pictures to learn from are too few to tell a distance" in final.note


def test_closing_it_stops_the_run(referenced):
    stream = run_lab(PLAN, drawn_pets(per_class=5))
    for snapshot in stream:
        if snapshot.run is not None and snapshot.run.phase == "training":
            break
    stream.close()
    assert [record.state for _, record in list_runs()] == ["stopped"]


def test_pictures_for_the_distance_are_drawn_by_the_seed():
    images = drawn_pets(per_class=60).split("train")
    one, again, other = (drawn_for_distance(images, seed=seed) for seed in (0, 0, 1))
    assert len(one) == PICTURES
    assert one.items == again.items != other.items
    assert len(np.unique(one.labels)) == 8
    small = drawn_pets(per_class=5).split("train")
    assert drawn_for_distance(small, seed=0) is small


def test_accuracy_above_guessing_by_hand():
    assert corrected(0.75, 0.5) == pytest.approx(0.5)
    assert corrected(0.5, 0.5) == 0
    assert corrected(0.25, 0.5) == pytest.approx(-0.5)
    assert corrected(1.0, 1.0) == 0


def test_shipped_results_are_those_of_the_result_file():
    figures = json.loads((PROJECT / "benchmarks/results/transfer_distance.json").read_text())["figures"]["networks"]
    shipped = shipped_results()
    assert len(shipped) == sum(len(network["data sets"]) for network in figures.values())
    for result in shipped:
        row = figures[result.network]["data sets"][result.dataset]
        assert (result.distance, result.accuracy, result.guessing) == (
            row["distance"],
            row["accuracy"],
            row["guessing"],
        )
        assert result.above_guessing == pytest.approx(row["above guessing"], abs=2e-4)


def test_shipped_results_are_of_the_networks_with_a_reference():
    from core.transfer.reference import FOLDER

    assert {result.network for result in shipped_results()} == {path.stem for path in FOLDER.glob("*.safetensors")}
    wanted = {"cats-vs-dogs", "oxford-pets", "oxford-pets-species", "hymenoptera", "drawn-pets", "magnetic-tile"}
    for network in {result.network for result in shipped_results()}:
        assert {result.dataset for result in shipped_results() if result.network == network} == wanted


@pytest.mark.parametrize("content", ["", "[]", '{"results": [{"dataset": "x"}]}'])
def test_a_damaged_file_of_results_is_told(tmp_path, content):
    path = tmp_path / "transfer-lab.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match="missing or damaged"):
        shipped_results(path)


def test_a_result_with_impossible_numbers_is_refused():
    row = vars(shipped_results()[0])
    with pytest.raises(DatasetError, match="outside its range"):
        LabResult(**{**row, "accuracy": 1.2})
    with pytest.raises(DatasetError, match="outside its range"):
        LabResult(**{**row, "distance": float("nan")})
