"""Pictures along a direction, from the photo outwards: smooth ones, and ones that a file of 8 bits can hold.

A minimal attack asks how far it has to go along a direction. On a ray of single precision that is a length. A file holds
whole steps of 1/255 only, and to round a perturbation that is smaller than one step leaves nothing of it; so the rays of
8 bits change few pixels by whole steps instead, those first where a step gains most.
"""

from __future__ import annotations

from typing import Protocol

import torch

from core.norms import Norm, per_picture, steepest

STEP = 1 / 255
# Of scales: no perturbation is larger.
_FARTHEST = 1000.0
_HALVINGS = 16


class Ray(Protocol):
    """Pictures at every scale, one ray for each picture of a batch; the larger the scale, the farther."""

    def at(self, scale: torch.Tensor) -> torch.Tensor:
        """Pictures `(N, 3, H, W)` in [0, 1] at the scales `(N,)`, from 0: the photos."""

    def scale_for(self, gradient: torch.Tensor, fall: torch.Tensor) -> torch.Tensor:
        """Scales `(N,)` at which a plane with this gradient `(N, 3, H, W)` would have fallen so far `(N,)`."""


class SmoothRay:
    """Along the steepest descent of a norm, cut off where pixels would leave [0, 1].

    The scale is the size of the perturbation before that.
    """

    def __init__(self, start: torch.Tensor, normal: torch.Tensor, norm: Norm) -> None:
        self._start, self._direction = start, -steepest(normal, norm)

    def at(self, scale: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return (self._start + per_picture(scale) * self._direction).clamp(0, 1)

    def scale_for(self, gradient: torch.Tensor, fall: torch.Tensor) -> torch.Tensor:  # noqa: D102
        falls = -(gradient * self._direction).sum((1, 2, 3))
        return (fall / falls.clamp(min=1e-30)).clamp(max=_FARTHEST)


class GridRay:
    """Whole steps of 1/255 for the least L2: pixel i moves by round(scale * -normal_i) steps.

    Of all perturbations in whole steps that gain so much along the normal, none has a smaller L2: the n-th step of a pixel
    costs 2n - 1 and gains |normal_i|, and the ray takes those first that gain most for what they cost.
    """

    def __init__(self, start: torch.Tensor, normal: torch.Tensor) -> None:
        self._start, self._levels = start, (start * 255).round()
        # a pixel at the end of its range can move in one direction only
        stuck = (self._levels == 0) & (normal > 0) | (self._levels == 255) & (normal < 0)
        self._pull = -torch.where(stuck, 0.0, steepest(normal, "l2"))

    def at(self, scale: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return (self._levels + (per_picture(scale) * self._pull).round()).clamp(0, 255) / 255

    def scale_for(self, gradient: torch.Tensor, fall: torch.Tensor) -> torch.Tensor:  # noqa: D102
        # where the first pixel moves; and where all that pull would have moved by half a picture
        first = 0.5 / self._pull.abs().amax((1, 2, 3)).clamp(min=1e-30)
        return _bisected(self, self._start, gradient, fall, first, 4096 * first)


class FewPixelsRay:
    """Whole steps of 1/255 for the least Linf, and of those the fewest pixels.

    At the scale 2.3 every pixel has moved by two steps, and the 30 % with the steepest gradient by three.
    """

    def __init__(self, start: torch.Tensor, normal: torch.Tensor) -> None:
        self._start, self._levels = start, (start * 255).round()
        stuck = (self._levels == 0) & (normal > 0) | (self._levels == 255) & (normal < 0)
        flat = torch.where(stuck, 0.0, normal).flatten(1)
        # from 0 for the steepest pixel to nearly 1
        places = flat.abs().argsort(dim=1, descending=True).argsort(dim=1).to(start.dtype) / flat.shape[1]
        self._places, self._signs = places.view_as(normal), -flat.sign().view_as(normal)

    def at(self, scale: torch.Tensor) -> torch.Tensor:  # noqa: D102
        steps = (per_picture(scale) - self._places).ceil().clamp(min=0)
        return (self._levels + steps * self._signs).clamp(0, 255) / 255

    def scale_for(self, gradient: torch.Tensor, fall: torch.Tensor) -> torch.Tensor:  # noqa: D102
        first = torch.full_like(fall, 1 / self._places[0].numel())
        return _bisected(self, self._start, gradient, fall, first, torch.full_like(fall, 256.0))


def _bisected(
    ray: Ray,
    start: torch.Tensor,
    gradient: torch.Tensor,
    fall: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
) -> torch.Tensor:
    """The scale between two at which a plane has fallen so far: by halving their ratio, which asks no network."""
    for _ in range(_HALVINGS):
        middle = (low * high).sqrt()
        enough = -(gradient * (ray.at(middle) - start)).sum((1, 2, 3)) >= fall
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return high


def make_ray(start: torch.Tensor, normal: torch.Tensor, norm: Norm, *, eight_bits: bool) -> Ray:
    """The ray from photos `(N, 3, H, W)` against the normal of the boundary, a gradient of the margin."""
    if not eight_bits:
        return SmoothRay(start, normal, norm)
    return GridRay(start, normal) if norm == "l2" else FewPixelsRay(start, normal)
