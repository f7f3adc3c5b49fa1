"""How far pictures are from ImageNet, as a network sees both: a Fréchet distance of embeddings.

Embeddings of a data set are taken for a Gaussian in the 64 directions in which those of ImageNet photos differ most,
each counted in its own standard deviation: ImageNet is then the standard Gaussian. The distance of two Gaussians counts
how far their means are apart and how much their spreads differ. In the embeddings' own scale one loud direction may
decide: there, one of three networks has drawings nearer than ants and bees (`benchmarks/transfer_distance.py`).

References:
    Heusel et al. 2017, "GANs trained by a two time-scale update rule ...", arXiv:1706.08500: the distance, on features
        of another network
    Chong and Forsyth 2020, "Effectively unbiased FID and Inception Score", arXiv:1911.07023: why few pictures look
        farther away than they are, and the straight line against 1/N that puts it right
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import DatasetError
from core.transfer.reference import Reference

# As many pictures of each data set, so that all are measured alike, and a new one in seconds.
PICTURES = 240
# With fewer nothing can be said; with fewer than `RELIABLE` they look farther away than they are, by up to 0.3 (see
# `benchmarks/transfer_distance.py`).
LEAST = 20
RELIABLE = 50

_HALVINGS = 2


@dataclass(frozen=True)
class Distance:
    """How far pictures are from those that a network learned from.

    The unit is the variance of ImageNet's embeddings, which makes networks comparable: 0 is ImageNet itself; at 1 a
    data set is as far away as ImageNet is wide.

    Attributes:
        value: the distance as with endless pictures; 0 or more.
        measured: that of these pictures, which is larger: it grows where they are few.
        of_means: the part of `measured` that the means make.
        outside: share of the pictures' variance that lies outside the axes, in [0, 1]; `value` knows nothing of it.
        pictures: how many were measured.
    """

    value: float
    measured: float
    of_means: float
    outside: float
    pictures: int


def distance_from(reference: Reference, embeddings: np.ndarray, *, seed: int = 0) -> Distance:
    """The distance of pictures from those of a reference.

    Few pictures look farther away than they are, by about c / N. So it is measured with all N and with halves of them,
    and the straight line through both is followed to 1 / N = 0.

    Args:
        embeddings: `(N, D)` float, of the reference's own network; N is best `PICTURES`.
        seed: how they are halved.

    Raises:
        DatasetError: there are fewer than `LEAST` pictures, or their embeddings are not of this network.
    """
    embeddings = np.asarray(embeddings, np.float64)
    dim = len(reference.mean)
    if embeddings.ndim != 2 or embeddings.shape[1] != dim:
        raise DatasetError(
            "The reference of {network} takes embeddings of {count} numbers, not {shape}.",
            network=reference.backbone_name,
            count=dim,
            shape=embeddings.shape,
        )
    if len(embeddings) < LEAST:
        raise DatasetError(
            "A distance needs at least {least} pictures; here are {count}. Add pictures, or look at the accuracy alone.",
            least=LEAST,
            count=len(embeddings),
        )
    centred = embeddings - reference.mean
    projected = centred @ reference.axes.T.astype(np.float64)  # (N, 64)
    standard = projected / np.sqrt(reference.variances.astype(np.float64))
    of_means, of_spreads = _parts(standard)
    measured = of_means + of_spreads
    halves = [sum(_parts(half)) for half in _halves(standard, seed)]
    return Distance(
        value=max(0.0, 2 * measured - sum(halves) / len(halves)),
        measured=measured,
        of_means=of_means,
        outside=_share_outside(centred, projected),
        pictures=len(embeddings),
    )


def frechet_distance(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> tuple[float, float]:
    """Of two Gaussians in k dimensions: |a - b|^2 and tr(A + B - 2 (A B)^(1/2)), whose sum is the (squared) distance.

    The root of A B, which is not symmetric, has the trace of the root of A^(1/2) B A^(1/2), which is: eigenvalues of
    symmetric matrices are exact to rounding, also where a covariance has directions without any variance.

    Args:
        mean_a, mean_b: `(k,)`.
        covariance_a, covariance_b: `(k, k)`, symmetric, without negative eigenvalues.

    References:
        Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions"
    """
    root = _root(covariance_a)
    of_product = np.linalg.eigvalsh(root @ covariance_b @ root)
    cross = np.sqrt(np.maximum(of_product, 0)).sum()
    of_means = float(((mean_a - mean_b) ** 2).sum())
    of_spreads = float(np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross)
    return of_means, max(0.0, of_spreads)


def _parts(standard: np.ndarray) -> tuple[float, float]:
    """The distance of `(N, k)` from the standard Gaussian, for each direction: of means, of spreads."""
    k = standard.shape[1]
    of_means, of_spreads = frechet_distance(
        standard.mean(axis=0), np.cov(standard, rowvar=False), np.zeros(k), np.eye(k)
    )
    return of_means / k, of_spreads / k


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _halves(standard: np.ndarray, seed: int) -> Sequence[np.ndarray]:
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(_HALVINGS):
        order = generator.permutation(len(standard))
        middle = len(order) // 2
        found += [standard[order[:middle]], standard[order[middle:]]]
    return found


def _share_outside(centred: np.ndarray, projected: np.ndarray) -> float:
    total = centred.var(axis=0).sum()
    return float(np.clip(1 - projected.var(axis=0).sum() / total, 0, 1)) if total > 0 else 0.0
