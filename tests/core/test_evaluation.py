"""Figures of an evaluation against values by hand and short references."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from core.errors import CheckpointError, DatasetError, SettingsError
from core.evaluation import evaluate, from_json, to_json, wilson_interval
from tests.conftest import PROJECT

NAMES = ("cat", "dog", "fox", "owl")

# Seven pictures. Right: 0, 1, 4, 5. No owl is shown, and none is said; picture 3's true class comes last.
LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
PROBABILITIES = np.array(
    [
        [0.70, 0.10, 0.10, 0.10],
        [0.50, 0.30, 0.10, 0.10],
        [0.20, 0.60, 0.10, 0.10],
        [0.45, 0.10, 0.30, 0.15],
        [0.10, 0.80, 0.05, 0.05],
        [0.10, 0.20, 0.60, 0.10],
        [0.05, 0.90, 0.03, 0.02],
    ]
)


@pytest.fixture
def by_hand():
    return evaluate(LABELS, PROBABILITIES, NAMES)


def _random(seed: int, pictures: int = 400, classes: int = 7, sharpness: float = 2.0):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(pictures, classes)) * sharpness
    labels = generator.integers(0, classes - 1, size=pictures)  # the last class has no picture
    logits[np.arange(pictures), labels] += generator.normal(size=pictures) * 2 + 1
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return evaluate(labels, probabilities, [f"class {one}" for one in range(classes)])


def test_counted_figures_are_those_counted_by_hand(by_hand):
    assert by_hand.n == 7
    assert by_hand.correct == 4
    assert by_hand.accuracy == pytest.approx(4 / 7)
    assert by_hand.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1 / 2) / 3)
    assert by_hand.top3 == pytest.approx(6 / 7)  # the true name of picture 3 comes last of four
    assert by_hand.majority == pytest.approx(3 / 7)
    assert by_hand.confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert by_hand.confusion.dtype == np.int64
    assert by_hand.shares[3].tolist() == [0, 0, 0, 0]
    assert by_hand.shares[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])


def test_a_class_that_is_neither_shown_nor_said_has_no_figures(by_hand):
    cat, _, fox, owl = by_hand.per_class
    assert (owl.n, owl.said, owl.recall, owl.recall_low, owl.precision, owl.f1) == (0, 0, None, None, None, None)
    assert (cat.n, cat.correct, cat.said) == (3, 2, 3)
    assert (cat.recall, cat.precision, cat.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (fox.recall, fox.precision, fox.f1) == pytest.approx((1 / 2, 1, 2 / 3))
    assert (fox.recall_low, fox.recall_high) == wilson_interval(1, 2)


def test_a_class_that_is_said_but_not_shown_has_a_precision_of_nothing():
    owl = evaluate(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.8]]), ("cat", "owl")).per_class[1]
    assert (owl.recall, owl.precision, owl.f1) == (None, 0, 0)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    # Wilson's formula with z = 1.959964, worked out to four places; 81 of 263 is Newcombe's 1998 example (method 3)
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_wilson(correct, n, low, high):
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson_interval(n - correct, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_the_interval_holds_the_true_share_in_95_of_100_cases():
    """20,000 binomial draws for each of three shares; the standard error of a coverage is 0.15 %."""
    generator = np.random.default_rng(0)
    for share in (0.5, 0.9, 0.97):
        drawn = generator.binomial(200, share, size=20_000)
        intervals = {count: wilson_interval(int(count), 200) for count in np.unique(drawn)}
        covered = np.mean([intervals[count][0] <= share <= intervals[count][1] for count in drawn])
        assert 0.93 < covered < 0.97


def test_an_interval_needs_a_picture():
    for correct, n in ((0, 0), (2, 1), (-1, 3)):
        with pytest.raises(SettingsError, match="at least one picture"):
            wilson_interval(correct, n)


def test_the_interval_agrees_with_resampling():
    evaluation = _random(1, pictures=1000)
    right = evaluation.said == evaluation.labels
    generator = np.random.default_rng(2)
    means = [right[generator.integers(0, 1000, size=1000)].mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert evaluation.accuracy_low == pytest.approx(low, abs=0.006)
    assert evaluation.accuracy_high == pytest.approx(high, abs=0.006)


@pytest.mark.parametrize("seed", range(4))
def test_figures_equal_a_plain_count(seed):
    evaluation = _random(seed)
    labels, probabilities = evaluation.labels.tolist(), evaluation.probabilities.tolist()
    confusion = [[0] * 7 for _ in range(7)]
    among_three = 0
    for label, row in zip(labels, probabilities, strict=True):
        order = sorted(range(7), key=lambda at: -row[at])
        confusion[label][order[0]] += 1
        among_three += label in order[:3]
    assert evaluation.confusion.tolist() == confusion
    assert evaluation.accuracy == pytest.approx(sum(confusion[at][at] for at in range(7)) / 400)
    assert evaluation.balanced_accuracy == pytest.approx(
        np.mean([confusion[at][at] / sum(confusion[at]) for at in range(6)])
    )
    assert evaluation.top3 == pytest.approx(among_three / 400)


def test_equal_probabilities_are_ranked_in_the_order_of_the_classes():
    evaluation = evaluate(np.array([0, 1, 2, 3]), np.full((4, 4), 0.25), NAMES)
    assert evaluation.said.tolist() == [0, 0, 0, 0]
    assert evaluation.rank.tolist() == [0, 1, 2, 3]
    assert evaluation.top3 == 0.75


def test_three_classes_always_hold_the_right_one():
    assert evaluate(np.array([2]), np.array([[0.5, 0.4, 0.1]]), NAMES[:3]).top3 == 1.0


def test_pairs_are_ordered_by_count_then_share(by_hand):
    pairs = [(one.truth, one.said, one.count, round(one.share, 3)) for one in by_hand.most_confused()]
    assert pairs == [(1, 0, 1, 0.5), (2, 1, 1, 0.5), (0, 1, 1, 0.333)]
    assert len(by_hand.most_confused(2)) == 2


def test_mistakes_come_surest_first_and_doubts_least_sure_first(by_hand):
    assert by_hand.worst_mistakes().tolist() == [6, 2, 3]
    assert by_hand.worst_mistakes(1).tolist() == [6]
    assert by_hand.most_unsure(3).tolist() == [3, 1, 2]
    assert len(by_hand.most_unsure()) == 7


def test_a_cell_holds_its_pictures_surest_first(by_hand):
    assert by_hand.cell(0, 0).tolist() == [0, 1]
    assert by_hand.cell(2, 1).tolist() == [6]
    assert by_hand.cell(3, 3).tolist() == []


@pytest.mark.parametrize("seed", range(3))
def test_the_cells_share_out_the_pictures(seed):
    evaluation = _random(seed)
    cells = [evaluation.cell(truth, said) for truth in range(7) for said in range(7)]
    assert sorted(np.concatenate(cells).tolist()) == list(range(400))
    assert [len(cell) for cell in cells] == evaluation.confusion.ravel().tolist()
    for cell in cells:
        assert (np.diff(evaluation.confidence[cell]) <= 0).all()


@pytest.mark.parametrize("label", [-1, 4, 1.0, "1", None, True])
def test_there_is_no_cell_outside_the_matrix(by_hand, label):
    with pytest.raises(SettingsError, match="no class number"):
        by_hand.cell(0, label)


@pytest.mark.parametrize("count", [0, -1, 2.5, True, None])
def test_a_count_is_a_whole_number_above_nothing(by_hand, count):
    for method in (by_hand.most_confused, by_hand.worst_mistakes, by_hand.most_unsure):
        with pytest.raises(SettingsError, match="count must be"):
            method(count)


def test_calibration_by_hand():
    """Four pictures in two bins: (0, 0.5] holds 0.5 (wrong), (0.5, 1] holds 0.6, 0.8 and 1.0 (right, wrong, right)."""
    probabilities = np.array([[0.5, 0.5], [0.6, 0.4], [0.8, 0.2], [1.0, 0.0]])
    calibration = evaluate(np.array([1, 0, 1, 0]), probabilities, NAMES[:2]).calibration(bins=2)
    low, high = calibration.bins
    assert (low.low, low.high, low.n, low.confidence, low.accuracy) == (0, 0.5, 1, 0.5, 0)
    assert (high.low, high.high, high.n) == (0.5, 1, 3)
    assert (high.confidence, high.accuracy) == pytest.approx((0.8, 2 / 3))
    assert (high.accuracy_low, high.accuracy_high) == wilson_interval(2, 3)
    assert calibration.error == pytest.approx(1 / 4 * 0.5 + 3 / 4 * (0.8 - 2 / 3))


@pytest.mark.parametrize("seed", range(3))
def test_calibration_equals_a_plain_reference(seed):
    evaluation = _random(seed)
    error = 0.0
    right = evaluation.said == evaluation.labels
    for at in range(15):
        inside = (evaluation.confidence > at / 15) & (evaluation.confidence <= (at + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - evaluation.confidence[inside].mean(dtype=float))
    calibration = evaluation.calibration(bins=15)
    assert calibration.error == pytest.approx(error, abs=1e-9)
    assert sum(one.n for one in calibration.bins) == 400
    assert any(one.n == 0 and one.confidence is None and one.accuracy is None for one in calibration.bins)


def test_the_verdict_tells_a_network_that_is_too_sure_from_one_that_fits():
    labels = np.arange(1000) % 10 >= 8  # eight of ten are class 0
    for confidence, verdict in ((0.8, "fitting"), (0.99, "too sure"), (0.6, "not sure enough")):
        probabilities = np.tile([confidence, 1 - confidence], (1000, 1))
        calibration = evaluate(labels.astype(int), probabilities, NAMES[:2]).calibration()
        assert (calibration.verdict, calibration.accuracy) == (verdict, 0.8)


@pytest.mark.parametrize("bins", [0, 101, 2.5, True])
def test_bins_outside_their_range_are_refused(by_hand, bins):
    with pytest.raises(SettingsError, match="bins must be"):
        by_hand.calibration(bins)


@pytest.mark.parametrize(
    ("labels", "probabilities", "names", "said"),
    [
        ([0], [[1.0]], ("cat",), "at least 2 classes"),
        ([0, 2], [[0.5, 0.5]] * 2, NAMES[:2], "from 0 to 1, not from 0 to 2"),
        ([-1], [[0.5, 0.5]], NAMES[:2], "from -1"),
        ([0.0], [[0.5, 0.5]], NAMES[:2], "whole numbers"),
        ([[0]], [[0.5, 0.5]], NAMES[:2], "whole numbers"),
        ([0], [[0.5, 0.5]] * 2, NAMES[:2], "shape"),
        ([0], [[0.5, 0.3, 0.2]], NAMES[:2], "shape"),
        ([0], [[1, 0]], NAMES[:2], "fractions"),
        ([0], [[3.0, -2.0]], NAMES[:2], "softmax"),
        ([0], [[0.9, 0.9]], NAMES[:2], "one sum is 1.8"),
        ([0, 1], [[np.nan, 1.0], [0.5, 0.5]], NAMES[:2], "For 1 of 2 pictures .* lower learning rate"),
        ([0], [[np.inf, 1.0]], NAMES[:2], "no numbers"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(labels, probabilities, names, said):
    with pytest.raises(SettingsError, match=said):
        evaluate(np.array(labels), np.array(probabilities), names)


def test_no_pictures_are_no_evaluation():
    with pytest.raises(DatasetError, match="no pictures"):
        evaluate(np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.float32), NAMES[:2])


def test_all_figures_are_ready_for_json(by_hand):
    figures = json.loads(json.dumps(by_hand.as_dict(), allow_nan=False))
    assert figures["accuracy"] == pytest.approx(4 / 7)
    assert figures["classes"][3] == {
        **{"name": "owl", "n": 0, "correct": 0, "said": 0, "recall": None},
        **{"recall_low": None, "recall_high": None, "precision": None, "f1": None},
    }
    assert figures["confusion"][1] == [1, 1, 0, 0]
    names = ["accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "top3", "n"]
    assert list(by_hand.headline()) == names
    assert list(figures)[: len(names)] == names


@pytest.mark.parametrize("sharpness", [0.0005, 2.0, 200.0])
def test_a_stored_evaluation_comes_back_with_the_same_figures(sharpness):
    """Also where float16 cannot tell the probabilities apart: nearly equal ones, and those that are almost 0."""
    evaluation = _random(5, sharpness=sharpness)
    restored = from_json(to_json(evaluation))
    assert restored.headline() == evaluation.headline()
    assert restored.confusion.tolist() == evaluation.confusion.tolist()
    assert restored.class_names == evaluation.class_names
    assert restored.calibration().error == pytest.approx(evaluation.calibration().error, abs=2e-3)
    assert to_json(restored) == to_json(evaluation)


def test_a_thousand_pictures_of_37_classes_are_stored_in_120_kilobytes():
    assert len(to_json(_random(0, pictures=1000, classes=37))) < 120_000


def _changed(**changes) -> str:
    return json.dumps(json.loads(to_json(_random(0, pictures=20))) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"format": 1}',
        _changed(format=2),
        _changed(class_names="abcdefg"),
        _changed(class_names=[1] * 7),
        _changed(class_names=["a"] * 6),
        _changed(labels=[0.5] * 20),
        _changed(labels=[True] * 20),
        _changed(labels=[10**400] * 20),
        _changed(labels=[0] * 19),
        _changed(labels=[], said=[], rank=[], probabilities=""),
        _changed(said=[9] * 20),
        _changed(said=[6] * 20, rank=[6] * 20),
        _changed(rank=[6] * 20),
        _changed(probabilities="AAAA"),
        _changed(probabilities="not base64 ü"),
        _changed(probabilities=None),
        to_json(_random(0, pictures=20))[:-200],
    ],
)
def test_a_damaged_evaluation_is_refused(text):
    with pytest.raises(CheckpointError, match="Evaluate the run again"):
        from_json(text)


def test_an_evaluation_needs_no_torch():
    code = "import sys, core.evaluation; print('torch' in sys.modules, 'PIL' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False False"
