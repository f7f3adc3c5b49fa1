"""Covering parts of a photo: the falls that one computes by hand, and a test that tells a right map from a wrong one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from core import Classifier, Head
from core.errors import SettingsError
from core.images import to_pixels
from core.inside.occlusion import OcclusionSnapshot, heat_of, occlude, rank_correlation
from core.inside.why import why
from core.streams import last


@pytest.fixture
def classifier(tiny):
    """Three classes of a network that one can follow by hand."""
    generator = torch.Generator().manual_seed(0)
    names = ("a", "b", "c")
    return Classifier(tiny, Head(torch.randn(3, 5, generator=generator), torch.zeros(3), names))


def _expected(classifier, view, boxes):
    """Falls of log p and of p of class b for each box that is painted grey."""
    grey = tuple(np.asarray(view).mean((0, 1)).round().astype(int).tolist())
    pictures = [view]
    for box in boxes:
        pictures.append(view.copy())
        pictures[-1].paste(grey, box)
    with torch.no_grad():
        chances = classifier.logits(to_pixels(pictures)).softmax(1)[:, 1].double().numpy()
    return np.log(chances[0]) - np.log(chances[1:]), chances[0] - chances[1:]


def test_each_fall_is_that_of_one_covered_part(classifier, photo):
    snapshots = list(occlude(classifier, photo, 1, parts=4, window=1, cover="grey"))
    assert [one.done for one in snapshots] == [1, 9, 17]
    assert all(one.total == 17 for one in snapshots)
    assert np.isnan(snapshots[1].falls).sum() == 8
    boxes = [(x, y, x + 4, y + 4) for y in range(0, 16, 4) for x in range(0, 16, 4)]
    expected = _expected(classifier, classifier.backbone.view(photo), boxes)
    np.testing.assert_allclose(snapshots[-1].falls.ravel(), expected[0], atol=1e-5)
    np.testing.assert_allclose(snapshots[-1].probability_falls.ravel(), expected[1], atol=1e-5)
    assert snapshots[-1].test is None


def test_a_part_gets_the_mean_of_the_squares_that_cover_it(classifier, photo):
    found = last(occlude(classifier, photo, 1, parts=4, window=2, cover="grey"))
    boxes = [(x, y, x + 8, y + 8) for y in (0, 4) for x in (4, 8)]  # those that cover the part from (8, 4) to (12, 8)
    expected = _expected(classifier, classifier.backbone.view(photo), boxes)
    assert found.total == 26
    assert found.falls[1, 2] == pytest.approx(expected[0].mean(), abs=1e-5)


def test_a_faithful_map_passes_and_its_opposite_does_not(classifier, photo, unchanged):
    unchanged(classifier.backbone)
    explanation = why(classifier, photo, 1)
    right = last(occlude(classifier, photo, 1, explanation=explanation, parts=4))
    opposite = dataclasses.replace(explanation, raw=-explanation.raw)
    wrong = last(occlude(classifier, photo, 1, explanation=opposite, parts=4))
    assert right.correlation == pytest.approx(-wrong.correlation)
    assert (right.test.hottest, right.test.coldest) == (wrong.test.coldest, wrong.test.hottest)
    assert right.test.random == wrong.test.random
    assert not (right.test.is_faithful and wrong.test.is_faithful)
    again = last(occlude(classifier, photo, 1, explanation=explanation, parts=4, all_processors=True))
    assert again.test.random == pytest.approx(right.test.random, abs=1e-6)


def test_in_inference_mode_and_left_early(classifier, photo):
    with torch.inference_mode():
        stream = occlude(classifier, photo, 0, explanation=why(classifier, photo, 0), parts=4)
        first = next(stream)
        stream.close()
    assert np.isnan(first.falls).all()


def test_what_a_class_needs_is_drawn_hottest_and_what_is_not_known_is_cold():
    def heat(falls):
        falls = np.array(falls, np.float32)
        return heat_of(OcclusionSnapshot(1, 2, falls, falls, 0.5)).tolist()

    assert heat([[2, 0.5], [-3, np.nan]]) == [[1, 0.25], [0, 0]]
    # nothing speaks for it, or nothing is known yet
    assert heat([[-1, 0], [-2, 0]]) == heat(np.full((2, 2), np.nan)) == [[0, 0], [0, 0]]


def test_a_snapshot_stays_as_it_is_when_it_is_drawn(classifier, photo):
    snapshots = list(occlude(classifier, photo, 1, parts=4))
    before = snapshots[0].falls.copy()
    assert not heat_of(snapshots[0]).any()
    np.testing.assert_array_equal(snapshots[0].falls, before)
    final = heat_of(snapshots[-1])
    assert float(final.max()) == 1
    assert int(final.argmax()) == int(snapshots[-1].falls.argmax())


def test_ranks_are_compared_as_scipy_does():
    generator = np.random.default_rng(0)
    for _ in range(20):
        first, second = generator.integers(0, 6, size=(2, 15)).astype(float)
        assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert rank_correlation(np.ones(4), np.arange(4.0)) is None


@pytest.mark.parametrize("parts", [1, 33])
def test_bad_input_is_refused_in_words(classifier, photo, parts):
    with pytest.raises(SettingsError, match="parts must be a whole number from 2 to 32"):
        next(occlude(classifier, photo, 0, parts=parts))
    with pytest.raises(SettingsError, match="window must be a whole number from 1 to parts, which is 4, not 5"):
        next(occlude(classifier, photo, 0, parts=4, window=5))
    with pytest.raises(SettingsError, match="count from 0"):
        next(occlude(classifier, photo, 3))
