"""Maps as pictures: colours, tiles, heat over a photo, all maps of a layer as one strip."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL import Image

# Ten points of the colour scale viridis (Smith and van der Walt 2015, CC0): its lightness rises evenly, so that it is read
# the same in grey and by people who see fewer colours.
_ANCHORS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
# Rows of a strip at the most: the maps of early layers are averaged down to so many places.
_STRIP_PLACES = 64

Scale = Literal["own", "common"]


def coloured(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1], any shape, -> colours of the same shape and a last axis of 3, uint8: dark blue to yellow."""
    return _palette()[_levels(values)]


def _levels(values: np.ndarray) -> np.ndarray:
    return (np.clip(np.nan_to_num(values), 0, 1) * 255).round().astype(np.uint8)


@functools.cache
def _palette() -> np.ndarray:
    """`(256, 3)` uint8."""
    anchors = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in _ANCHORS], dtype=np.float64)
    positions = np.linspace(0, 1, len(anchors))
    table = np.stack([np.interp(np.linspace(0, 1, 256), positions, anchors[:, i]) for i in range(3)], axis=1)
    return table.round().astype(np.uint8)


def tiles(
    maps: torch.Tensor, order: Sequence[int] | torch.Tensor, *, side_px: int = 64, scale: Scale = "own"
) -> list[Image.Image]:
    """Some maps as pictures of their own, one pixel a place, with a palette; larger ones than `side_px` are made smaller.

    Args:
        maps: `(C, H, W)`.
        order: the channels that are wanted, each one of the `C`.
        scale: each map from its own least to its largest value ("own"), or all by those of all that are drawn ("common").
    """
    chosen = maps[[int(channel) for channel in order]].float()
    shrink = side_px / max(maps.shape[1:])
    if shrink < 1:
        size = [max(1, round(side * shrink)) for side in maps.shape[1:]]
        chosen = torch.nn.functional.adaptive_avg_pool2d(chosen, size)
    pictures = []
    for one in stretched(chosen, scale):
        picture = Image.fromarray(_levels(one.numpy()))
        picture.putpalette(_palette().tobytes())  # a third of the bytes of an RGB file
        pictures.append(picture)
    return pictures


def stretched(maps: torch.Tensor, scale: Scale = "own") -> torch.Tensor:
    """Maps `(C, H, W)` brought to [0, 1]; one that is the same everywhere becomes 0."""
    least, largest = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    if scale == "common":
        least, largest = least.min(), largest.max()
    span = largest - least
    return torch.where(span > 0, (maps - least) / span.clamp(min=1e-30), torch.zeros_like(maps))


def over_photo(picture: Image.Image, heat: torch.Tensor, *, opacity: float = 0.75) -> Image.Image:
    """A map over its photo: where it is 0 the photo stays as it is, where it is 1 it is nearly covered.

    Args:
        picture: RGB, of any size.
        heat: `(H, W)` in [0, 1].
        opacity: of the hottest place, in [0, 1].
    """
    smooth = Image.fromarray(heat.detach().cpu().float().numpy()).resize(picture.size, Image.Resampling.BICUBIC)
    values = np.clip(np.asarray(smooth), 0, 1)
    alpha = (opacity * values)[..., None]
    mixed = np.asarray(picture, dtype=np.float32) * (1 - alpha) + coloured(values) * alpha
    return Image.fromarray(mixed.round().astype(np.uint8))


def strip(maps: torch.Tensor, *, place_px: int = 4) -> Image.Image:
    """All maps of a layer as one strip, as the lesson shows VGG-16's last: a column for each channel, a row for each place.

    All share one scale, whose upper end is where one value in a hundred lies above. Maps with more than 64 places are
    averaged first.

    Args:
        maps: `(C, H, W)`.
        place_px: height of a row.
    """
    height, width = maps.shape[1:]
    if height * width > _STRIP_PLACES:
        shrink = math.sqrt(_STRIP_PLACES / (height * width))
        size = max(1, int(height * shrink)), max(1, int(width * shrink))
        maps = torch.nn.functional.adaptive_avg_pool2d(maps, size)
    rows = maps.flatten(1).T.float().numpy()
    low, high = float(rows.min()), float(np.quantile(rows, 0.99))
    picture = Image.fromarray(coloured((rows - low) / max(high - low, 1e-30)))
    across = max(1, round(1024 / picture.width))
    return picture.resize((picture.width * across, picture.height * place_px), Image.Resampling.NEAREST)
