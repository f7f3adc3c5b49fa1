"""Pictures that are nearly the same: taken twice, saved again, made smaller or brighter.

A test picture that lies among the training pictures, too, is no test: the network has seen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.datasets.labelled import Item, Split, read_item
from core.errors import ImageError

# Both were chosen by looking at the pairs that they find between train and test of Oxford-IIIT Pet (7, all real: one is
# a photo with and without its watermark) and Cats vs Dogs (1, real); the next best pairs, below 0.87 or 14 bits and
# more apart, were all of different animals. Photos of magnetic tiles, which all look alike, needed the hash to be this
# close: at 8 to 10 bits, one pair in six was of different classes; at 6 and below, one in eighty.
MIN_CORRELATION = 0.94
MAX_HASH_BITS = 6

_SIDE_PX = 32
_FREQUENCIES = 8
# Grey levels: below, a picture is a plain area, and what is left to compare is noise.
_MIN_CONTRAST = 2.0
_BLOCK = 512


@dataclass(frozen=True)
class NearDuplicate:
    """A picture that has its like among the training pictures.

    Attributes:
        split: where the picture is.
        index: which one it is there.
        train_index: the training picture most like it.
        correlation: of the two, small and grey: 1 means the same.
        same_class: whether they are of one class.
    """

    split: Split
    index: int
    train_index: int
    correlation: float
    same_class: bool


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """What pictures look like from afar.

    Attributes:
        thumbnails: `(N, 1024)` float32, each of mean 0 and length 1; all zeros where there is nothing to compare.
        hashes: `(N,)` uint64, for each of the 64 lowest frequencies whether it is above their median.
    """

    thumbnails: np.ndarray
    hashes: np.ndarray


def thumbnail(item: Item) -> np.ndarray | None:
    """A picture in grey, squeezed to `(32, 32)` uint8; None where it cannot be read."""
    try:
        picture = read_item(item, short_side_px=_SIDE_PX)
    except ImageError:
        return None
    return np.asarray(picture.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX))


def fingerprints(thumbnails: Sequence[np.ndarray | None]) -> Fingerprints:
    """Fingerprints of thumbnails.

    The hash is the usual perceptual one: signs of low frequencies of the cosine transform, which neither size nor
    compression nor brightness changes much. It finds candidates fast; the correlation decides.

    References:
        Zauner: Implementation and benchmarking of perceptual image hash functions. 2010, section 3.2.
    """
    grey = np.zeros((len(thumbnails), _SIDE_PX, _SIDE_PX), np.float32)
    for index, one in enumerate(thumbnails):
        if one is not None:
            grey[index] = one
    angles = np.pi / (2 * _SIDE_PX) * np.outer(np.arange(_FREQUENCIES), 2 * np.arange(_SIDE_PX) + 1)
    cosines = np.cos(angles).astype(np.float32)  # (8, 32)
    waves = (cosines @ grey @ cosines.T).reshape(-1, _FREQUENCIES**2)
    above = waves > np.median(waves[:, 1:], axis=1, keepdims=True)  # the first is the mean brightness
    hashes = np.packbits(above, axis=1).view(np.uint64).reshape(-1)
    flat = grey.reshape(-1, _SIDE_PX**2)  # changed in place: of 25,000 pictures it takes 100 MB
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    plain = length < _MIN_CONTRAST * _SIDE_PX
    flat *= np.where(plain, 0, 1 / np.where(plain, 1, length))
    return Fingerprints(flat, hashes)


def most_alike(wanted: Fingerprints, among: Fingerprints) -> list[tuple[int, int, float]]:
    """For each picture that has a near-duplicate: its index, that of the one most like it, and their correlation."""
    best: dict[int, tuple[int, float]] = {}
    for start in range(0, len(wanted.hashes), _BLOCK):
        apart = np.bitwise_count(wanted.hashes[start : start + _BLOCK, None] ^ among.hashes[None])
        rows, columns = np.nonzero(apart <= MAX_HASH_BITS)
        for first in range(0, len(rows), _BLOCK * 32):  # plain pictures share their hash: there may be millions
            row, column = rows[first : first + _BLOCK * 32] + start, columns[first : first + _BLOCK * 32]
            alike = np.einsum("nd,nd->n", wanted.thumbnails[row], among.thumbnails[column])
            for one in np.flatnonzero(alike >= MIN_CORRELATION):
                if alike[one] > best.get(int(row[one]), (0, 0.0))[1]:
                    best[int(row[one])] = (int(column[one]), float(alike[one]))
    return [(index, other, alike) for index, (other, alike) in sorted(best.items())]
