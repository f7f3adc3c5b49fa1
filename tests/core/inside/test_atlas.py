"""The map of embeddings: numpy's singular vectors, always the same way round; neighbours by comparing all."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import DatasetError
from core.inside.atlas import atlas, neighbours, place, same_class_share


def _vectors(count, length, seed=0):
    generator = np.random.default_rng(seed)
    return (generator.normal(size=(count, length)) * np.linspace(3, 0.1, length) + 5).astype(np.float32)


@pytest.mark.parametrize(("count", "length"), [(40, 12), (12, 40)])
def test_axes_are_the_first_singular_vectors(count, length):
    vectors = _vectors(count, length)
    found = atlas(vectors, np.arange(count) % 3)
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    for axis in range(2):
        direction = rows[axis] * np.sign(rows[axis][np.abs(rows[axis]).argmax()])
        np.testing.assert_allclose(found.directions[axis], direction, atol=1e-8)
        np.testing.assert_allclose(found.points[:, axis], centred @ direction, atol=1e-4)
        assert found.explained[axis] == pytest.approx(sizes[axis] ** 2 / (sizes**2).sum())


def test_axes_of_classes_are_those_of_their_means():
    vectors, labels = _vectors(60, 9), np.arange(60) % 4
    found = atlas(vectors, labels, axes="classes")
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    means = np.stack([centred[labels == label].mean(0) for label in range(4)])
    _, _, rows = np.linalg.svd(means, full_matrices=False)
    assert abs(found.directions[0] @ rows[0]) == pytest.approx(1)
    assert abs(found.directions[1] @ rows[1]) == pytest.approx(1)


def test_a_photo_lies_where_it_would_have_been_laid():
    vectors = _vectors(30, 8)
    found = atlas(vectors, np.zeros(30, np.int64))
    np.testing.assert_allclose(place(found, vectors[4:7]), found.points[4:7], atol=1e-5)
    assert np.array_equal(atlas(vectors, np.zeros(30, np.int64)).points, found.points)


def test_neighbours_are_those_of_the_largest_cosine():
    vectors = np.array([[1, 0], [0, 2], [3, 3], [-1, 0], [10, 1]], np.float32)
    found = neighbours(vectors, np.array([2, 0], np.float32), count=3)
    assert found.indices.tolist() == [0, 4, 2]
    np.testing.assert_allclose(found.similarities, [1, 10 / np.sqrt(101), np.sqrt(0.5)], atol=1e-6)


def test_the_share_of_the_same_class():
    points = np.array([[0, 0], [0, 1], [0, 2], [9, 0], [9, 1], [9, 2]], np.float32)
    assert same_class_share(points, np.array([0, 0, 0, 1, 1, 1]), count=2) == 1
    assert same_class_share(points, np.array([0, 1, 0, 1, 0, 1]), count=2) == pytest.approx(1 / 3)


def test_what_cannot_be_laid_out_is_refused_in_words():
    with pytest.raises(DatasetError, match="at least 3 pictures; there are 2"):
        atlas(_vectors(2, 5), np.zeros(2, np.int64))
    with pytest.raises(DatasetError, match="look the same to this network"):
        atlas(np.ones((5, 4), np.float32), np.zeros(5, np.int64))
    with pytest.raises(DatasetError, match=r"at least 3 classes, and here are fewer \(2\)\. Choose the axes of spread"):
        atlas(_vectors(9, 5), np.arange(9) % 2, axes="classes")
