"""Covering parts of a photo: the falls that one computes by hand, and a test that tells a right map from a wrong one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from core import Classifier, Head
from core.errors import SettingsError
from core.images import to_pixels
from core.inside.occlusion import occlude, rank_correlation
from core.inside.why import why
from core.streams import last


@pytest.fixture
def classifier(tiny):
    """It says more of class a, the redder the left upper quarter of a picture is."""
    generator = torch.Generator().manual_seed(0)
    names = ("a", "b", "c")
    return Classifier(tiny, Head(torch.randn(3, 5, generator=generator), torch.zeros(3), names))


def test_each_fall_is_that_of_one_covered_part(classifier, photo):
    snapshots = list(occlude(classifier, photo, 1, parts=4, cover="grey"))
    assert [one.done for one in snapshots] == [1, 9, 17]
    assert all(one.total == 17 for one in snapshots)
    assert np.isnan(snapshots[1].falls).sum() == 8
    view = classifier.backbone.view(photo)
    grey = tuple(np.asarray(view).mean((0, 1)).round().astype(int).tolist())
    with torch.no_grad():
        whole = classifier.logits(to_pixels([view]))[0]
        for row in range(4):
            for column in range(4):
                covered = view.copy()
                covered.paste(Image.new("RGB", (4, 4), grey), (4 * column, 4 * row))
                logits = classifier.logits(to_pixels([covered]))[0]
                fall = snapshots[-1].falls[row, column], snapshots[-1].probability_falls[row, column]
                assert fall[0] == pytest.approx(float(whole[1] - logits[1]), abs=1e-5)
                assert fall[1] == pytest.approx(float(whole.softmax(0)[1] - logits.softmax(0)[1]), abs=1e-5)
    assert snapshots[-1].probability == pytest.approx(float(whole.softmax(0)[1]), abs=1e-6)
    assert snapshots[-1].test is None


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
    with pytest.raises(SettingsError, match="count from 0"):
        next(occlude(classifier, photo, 3))
