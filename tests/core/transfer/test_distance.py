"""The Fréchet distance: by hand, against a few lines of numpy, and with few pictures."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import DatasetError
from core.transfer.distance import LEAST, distance_from, frechet_distance
from core.transfer.reference import Reference

DIM, AXES = 12, 4
VARIANCES = np.array([4.0, 2.0, 1.0, 0.5], np.float32)


@pytest.fixture
def reference() -> Reference:
    """A Gaussian in the first four of twelve directions, which stand at an angle to the numbers of an embedding."""
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(DIM, DIM)))[0]
    mean = np.arange(DIM, dtype=np.float32)
    return Reference("made", "0" * 32, 1000, mean, turned[:AXES].astype(np.float32), VARIANCES, 0.9)


def _drawn(reference: Reference, count: int, seed: int, *, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    """Embeddings from the reference's own Gaussian, moved along its first axis and spread more or less."""
    along = np.random.default_rng(seed).normal(size=(count, AXES)) * np.sqrt(VARIANCES) * spread
    along[:, 0] += shift
    return reference.mean + along @ reference.axes


def _covariance(seed: int, dim: int = 5) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(20, dim))
    return np.cov(rows, rowvar=False)


def test_equal_gaussians_are_at_no_distance():
    covariance = _covariance(0)
    assert sum(frechet_distance(np.ones(5), covariance, np.ones(5), covariance)) == pytest.approx(0, abs=1e-9)


def test_shifted_means_count_squared():
    covariance = _covariance(0)
    of_means, of_spreads = frechet_distance(np.zeros(5), covariance, np.array([3.0, 4, 0, 0, 0]), covariance)
    assert of_means == pytest.approx(25)
    assert of_spreads == pytest.approx(0, abs=1e-9)


def test_spreads_along_common_axes_count_by_their_roots():
    # (2 - 1)^2 + (3 - 1)^2
    found = frechet_distance(np.zeros(2), np.diag([4.0, 9.0]), np.zeros(2), np.eye(2))
    assert found == pytest.approx((0, 5))


@pytest.mark.parametrize("seed", range(5))
def test_distance_is_that_of_the_formula(seed):
    one, other = _covariance(seed), _covariance(seed + 100)
    a, b = np.random.default_rng(seed).normal(size=(2, 5))
    eigenvalues = np.linalg.eigvals(one @ other)  # of the product, which is not symmetric
    expected = ((a - b) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * np.sqrt(eigenvalues.astype(complex)).sum()
    assert sum(frechet_distance(a, one, b, other)) == pytest.approx(expected.real)
    assert sum(frechet_distance(b, other, a, one)) == pytest.approx(expected.real)


def test_a_flat_covariance_is_no_trouble():
    flat = np.outer([1.0, 2, 2], [1.0, 2, 2])  # one direction, variance 9
    assert sum(frechet_distance(np.zeros(3), flat, np.zeros(3), np.zeros((3, 3)))) == pytest.approx(9)


def test_pictures_of_the_same_kind_are_near_and_shifted_ones_as_far_as_they_were_moved(reference):
    assert distance_from(reference, _drawn(reference, 240, 0)).value < 0.03
    moved = distance_from(reference, _drawn(reference, 240, 0, shift=5.0))
    # 2.5 standard deviations along one of four axes
    assert moved.value == pytest.approx(2.5**2 / AXES, rel=0.15)
    assert moved.of_means == pytest.approx(moved.measured, rel=0.05)


def test_distance_does_not_depend_on_the_scale_of_a_network(reference):
    vectors = _drawn(reference, 100, 0, shift=2.0)
    larger = Reference("made", "0" * 32, 1000, 10 * reference.mean, reference.axes, 100 * VARIANCES, 0.9)
    assert distance_from(larger, 10 * vectors).value == pytest.approx(distance_from(reference, vectors).value, rel=1e-4)


def test_every_axis_counts_in_its_own_standard_deviation(reference):
    vectors = _drawn(reference, 240, 0)
    deviations = np.sqrt(VARIANCES)[:, None] * reference.axes
    moved = [distance_from(reference, vectors + 3 * deviation).of_means for deviation in deviations]
    assert moved == pytest.approx([9 / AXES] * AXES, rel=0.15)


def test_few_pictures_look_farther_and_the_line_to_infinity_puts_it_right(reference):
    truth = distance_from(reference, _drawn(reference, 50_000, 99, spread=0.5)).value
    found = [distance_from(reference, _drawn(reference, 60, seed, spread=0.5)) for seed in range(20)]
    measured, value = np.mean([one.measured for one in found]), np.mean([one.value for one in found])
    assert measured > truth
    assert abs(value - truth) < (measured - truth) / 2


def test_what_lies_outside_the_axes_is_told_apart(reference):
    inside = _drawn(reference, 200, 0)
    noise = np.random.default_rng(5).normal(size=inside.shape)
    noise -= noise @ reference.axes.T @ reference.axes
    assert distance_from(reference, inside).outside == pytest.approx(0, abs=1e-6)
    found = distance_from(reference, inside + noise)
    assert found.value == pytest.approx(distance_from(reference, inside).value, abs=1e-4)
    # 8 of 12 directions hold a variance of 1 each, the four axes 7.5 together
    assert found.outside == pytest.approx(8 / 15.5, abs=0.06)


def test_the_same_seed_gives_the_same_distance(reference):
    vectors = _drawn(reference, 50, 0)
    assert distance_from(reference, vectors, seed=3) == distance_from(reference, vectors, seed=3)


def test_too_few_pictures_and_another_networks_are_refused(reference):
    with pytest.raises(DatasetError, match=f"at least {LEAST} pictures; here are {LEAST - 1}"):
        distance_from(reference, _drawn(reference, LEAST - 1, 0))
    with pytest.raises(DatasetError, match="embeddings of 12 numbers"):
        distance_from(reference, np.zeros((100, 13)))
