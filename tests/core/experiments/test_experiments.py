"""Experiments: two plans that differ in one thing, both trained, compared on the same pictures by an exact test."""

from __future__ import annotations

import dataclasses
import math
import tempfile

import numpy as np
import pytest
from PIL import Image

from core.datasets.labelled import Dataset
from core.datasets.opening import open_dataset
from core.errors import DatasetError, SettingsError
from core.evaluation import evaluate
from core.experiments import EXPERIMENTS, Comparison, Experiment, compare, find_experiment, run_experiment
from core.runs.plan import Plan
from core.training.head_settings import HeadSettings


def _comparison(only_first, only_second, both=50, neither=0):
    return Comparison(
        n=both + neither + only_first + only_second,
        first_correct=both + only_first,
        second_correct=both + only_second,
        only_first=only_first,
        only_second=only_second,
    )


def _evaluation(said, labels):
    probabilities = np.eye(3)[np.array(said)]
    return evaluate(np.array(labels), probabilities, ("a", "b", "c"))


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.token)
def test_the_two_plans_differ_in_one_thing(experiment):
    parts = ("head", "view", "tune")
    differing = [
        setting
        for part in parts
        for setting, value in dataclasses.asdict(getattr(experiment.first, part)).items()
        if value != dataclasses.asdict(getattr(experiment.second, part))[setting]
    ]
    assert len(differing) == 1
    assert experiment.first.backbone == experiment.second.backbone
    assert experiment.first.head.seed == experiment.second.head.seed


def test_there_are_six_and_each_is_found_by_its_name():
    assert len({one.token for one in EXPERIMENTS}) == 6
    assert all(find_experiment(one.token) is one for one in EXPERIMENTS)
    with pytest.raises(SettingsError, match="There is no experiment 'magic'"):
        find_experiment("magic")


def test_the_exact_test_by_hand():
    # 1 of 9: 2 * (1 + 9) / 512
    assert _comparison(8, 1).p_value == pytest.approx(20 / 512)
    assert _comparison(8, 1).verdict == "worse"
    assert _comparison(1, 8).verdict == "better"
    # 2 of 9: 2 * (1 + 9 + 36) / 512
    assert _comparison(7, 2).p_value == pytest.approx(92 / 512)
    assert _comparison(7, 2).verdict == "same"


def test_the_test_at_its_ends():
    assert _comparison(0, 0).p_value == 1.0
    assert _comparison(5, 5).p_value == 1.0
    assert _comparison(5000, 0).p_value == pytest.approx(0.0)
    assert 0 < _comparison(2600, 2400).p_value < 0.01


def test_the_error_rate_of_the_test_is_kept():
    """Two networks that are equally good are called different in at most one case of twenty."""
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(2000):
        only_first = int(generator.binomial(40, 0.5))
        wrong += _comparison(only_first, 40 - only_first).verdict != "same"
    assert wrong / 2000 <= 0.05


def test_pictures_are_counted_as_they_are():
    labels = [0, 1, 2, 0, 1, 2]
    comparison = compare(_evaluation([0, 1, 2, 0, 0, 0], labels), _evaluation([0, 1, 0, 0, 1, 0], labels))
    assert comparison == Comparison(6, 4, 4, 1, 1)
    assert comparison.difference == 0
    assert comparison.first_interval[0] < comparison.first_accuracy < comparison.first_interval[1]


def test_other_pictures_are_not_compared():
    with pytest.raises(DatasetError, match="same pictures"):
        compare(_evaluation([0, 1], [0, 1]), _evaluation([0, 1], [1, 0]))


@pytest.fixture
def dataset(tmp_path, monkeypatch, made_weights) -> Dataset:
    """Reddish and bluish pictures: 16 of each."""
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    generator = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (tmp_path / "colours" / name).mkdir(parents=True)
        for number in range(16):
            pixels = generator.integers(0, 120, (64, 64, 3), dtype=np.uint8)
            pixels[..., channel] += 110
            Image.fromarray(pixels).save(tmp_path / "colours" / name / f"{number}.png")
    return open_dataset(str(tmp_path / "colours"))


SMALL = Experiment(
    "small",
    Plan("test_resnet", head=HeadSettings(epochs=20, learning_rate=0.05)),
    Plan("test_resnet", head=HeadSettings(epochs=20, learning_rate=0.05, dropout=0.5)),
)


def test_an_experiment_trains_both_and_compares_them(dataset):
    *_, before, final = run_experiment(SMALL, dataset, seed=3)
    assert final.comparison is not None
    assert before.comparison is None
    assert final.comparison.n == len(dataset.split(dataset.final_split))
    assert final.first.record.settings["head"]["seed"] == final.second.record.settings["head"]["seed"] == 3
    assert (final.first.record.settings["head"]["dropout"], final.second.record.settings["head"]["dropout"]) == (0, 0.5)
    assert final.comparison.first_correct == final.first.evaluation.correct


def test_snapshots_are_complete_and_in_order(dataset):
    sides = [snapshot.now for snapshot in run_experiment(SMALL, dataset)]
    assert sides == sorted(sides)
    assert set(sides) == {"first", "second"}


def test_the_same_seed_gives_the_same_comparison(dataset):
    once, again = (list(run_experiment(SMALL, dataset))[-1] for _ in range(2))
    assert once.comparison == again.comparison
    assert np.array_equal(once.second.evaluation.probabilities, again.second.evaluation.probabilities)


def test_nothing_is_left_behind_when_it_is_done_and_when_it_is_stopped(dataset, tmp_path):
    def left():
        return [path for path in tmp_path.iterdir() if path.name.startswith("pet-lens-experiment-")]

    stream = run_experiment(SMALL, dataset)
    next(stream)
    assert left()
    stream.close()
    assert not left()
    assert not math.isnan(list(run_experiment(SMALL, dataset))[-1].comparison.p_value)
    assert not left()
