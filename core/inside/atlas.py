"""Where do my pictures lie? A map of embeddings in two dimensions, and the nearest neighbours of one of them.

Two kinds of axes. "spread": those along which the pictures differ most (principal components). "classes": those along which
the means of the classes differ most, which keeps classes apart as far as two axes can.

References:
    Pearson 1901, On lines and planes of closest fit (principal components)
    Culhane et al. 2002, Between-group analysis of microarray data (the same of the classes' means)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from core.errors import DatasetError

Axes = Literal["spread", "classes"]
AXES: tuple[Axes, ...] = get_args(Axes)


@dataclass(frozen=True, eq=False)
class Atlas:
    """A map of pictures.

    Attributes:
        points: `(N, 2)` float32.
        labels: `(N,)` int64.
        explained: share of all that the embeddings differ by which each axis shows, in [0, 1].
        centre: `(D,)`, what is subtracted.
        directions: `(2, D)`, of length 1, at right angles; the largest entry of each is positive.
        axes: which kind.
    """

    points: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    explained: tuple[float, float]
    centre: np.ndarray = field(repr=False)
    directions: np.ndarray = field(repr=False)
    axes: Axes


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest embeddings, the nearest first.

    Attributes:
        indices: `(K,)` int64, their rows.
        similarities: `(K,)` float32, their cosines, in [-1, 1].
    """

    indices: np.ndarray
    similarities: np.ndarray


def atlas(vectors: np.ndarray, labels: np.ndarray, *, axes: Axes = "spread") -> Atlas:
    """Lay out embeddings in two dimensions.

    Args:
        vectors: `(N, D)` float32.
        labels: `(N,)`, the class of each.

    Raises:
        DatasetError: fewer than 3 pictures, or, for the axes of classes, fewer than 3 classes; or all are the same.
    """
    if len(vectors) < 3:
        raise DatasetError(
            "A map needs at least 3 pictures; there are {count}. Choose a larger data set.", count=len(vectors)
        )
    centre = vectors.mean(0, dtype=np.float64)
    centred = vectors - centre
    laid = _means(centred, labels) if axes == "classes" else centred
    directions = _principal(laid)
    along = centred @ directions.T
    total = float(np.square(centred).sum())
    if not total:
        raise DatasetError("All pictures look the same to this network, so there is nothing to lay out.")
    first, second = np.square(along).sum(0) / total
    return Atlas(along.astype(np.float32), np.asarray(labels), (float(first), float(second)), centre, directions, axes)


def place(atlas: Atlas, vectors: np.ndarray) -> np.ndarray:
    """Where further embeddings `(M, D)` lie on the map: `(M, 2)` float32."""
    return ((vectors - atlas.centre) @ atlas.directions.T).astype(np.float32)


def neighbours(vectors: np.ndarray, one: np.ndarray, count: int = 8) -> Neighbours:
    """The embeddings of `(N, D)` with the largest cosine to one `(D,)`: all are compared, nothing is approximated."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(one)
    cosines = vectors @ one / np.maximum(lengths, 1e-12)
    nearest = np.argsort(-cosines, kind="stable")[:count]
    return Neighbours(nearest, cosines[nearest].astype(np.float32))


def same_class_share(points: np.ndarray, labels: np.ndarray, count: int = 10) -> float:
    """Of the nearest neighbours of each point on the map, the share of its own class, in [0, 1]: how far classes stay apart."""
    shares = []
    for position, point in enumerate(points):
        distances = np.square(points - point).sum(1)
        distances[position] = np.inf
        nearest = np.argpartition(distances, count)[:count]
        shares.append(float(np.mean(labels[nearest] == labels[position])))
    return float(np.mean(shares))


def _means(centred: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One row a class: its mean, weighted by the root of its size."""
    present = np.unique(labels)
    if len(present) < 3:
        raise DatasetError(
            "Axes of classes need at least 3 classes, and here are fewer ({count}). Choose the axes of spread.",
            count=len(present),
        )
    rows = [centred[labels == label].sum(0) / np.sqrt(np.sum(labels == label)) for label in present]
    return np.stack(rows)


def _principal(rows: np.ndarray) -> np.ndarray:
    """`(2, D)`: the two directions along which rows, whose mean is 0, differ most."""
    tall = rows.shape[0] >= rows.shape[1]
    _, vectors = np.linalg.eigh(rows.T @ rows if tall else rows @ rows.T)
    largest = vectors[:, [-1, -2]].T
    directions = largest if tall else largest @ rows
    directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-30)
    biggest = np.abs(directions).argmax(1)
    return directions * np.where(directions[[0, 1], biggest] < 0, -1, 1)[:, None]
