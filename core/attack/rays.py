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


class Ray(Protocol):
    """Pictures at every scale, one ray for each picture of a batch; the larger the scale, the farther."""

    def at(self, scale: torch.Tensor) -> torch.Tensor:
        """Pictures `(N, 3, H, W)` in [0, 1] at the scales `(N,)`, from 0: the photos."""


class SmoothRay:
    """Along the steepest descent of a norm, cut off where pixels would leave [0, 1].

    The scale is the size of the perturbation before that.
    """

    def __init__(self, start: torch.Tensor, normal: torch.Tensor, norm: Norm) -> None:
        self._start, self._direction = start, -steepest(normal, norm)

    def at(self, scale: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return (self._start + per_picture(scale) * self._direction).clamp(0, 1)


class GridRay:
    """Whole steps of 1/255 for the least L2: pixel i moves by round(scale * -normal_i) steps.

    Of all perturbations in whole steps that gain so much along the normal, none has a smaller L2: the n-th step of a pixel
    costs 2n - 1 and gains |normal_i|, and the ray takes those first that gain most for what they cost.
    """

    def __init__(self, start: torch.Tensor, normal: torch.Tensor) -> None:
        # in double precision whole numbers over 255 come out as exactly what a file read again gives
        self._levels = (start.double() * 255).round()
        # a pixel at the end of its range can move in one direction only
        stuck = (self._levels == 0) & (normal > 0) | (self._levels == 255) & (normal < 0)
        self._pull = -torch.where(stuck, 0.0, steepest(normal, "l2").double())

    def at(self, scale: torch.Tensor) -> torch.Tensor:  # noqa: D102
        moved = self._levels + (per_picture(scale.double()) * self._pull).round()
        return (moved.clamp(0, 255) / 255).float()


class FewPixelsRay:
    """Whole steps of 1/255 for the least Linf, and of those the fewest pixels.

    At the scale 2.3 every pixel has moved by two steps, and the 30 % with the steepest gradient by three.
    """

    def __init__(self, start: torch.Tensor, normal: torch.Tensor) -> None:
        self._levels = (start.double() * 255).round()
        stuck = (self._levels == 0) & (normal > 0) | (self._levels == 255) & (normal < 0)
        flat = torch.where(stuck, 0.0, normal).flatten(1)
        # from 0 for the steepest pixel to nearly 1
        places = flat.abs().argsort(dim=1, descending=True).argsort(dim=1).double() / flat.shape[1]
        self._places, self._signs = places.view_as(normal), -flat.sign().view_as(normal)

    def at(self, scale: torch.Tensor) -> torch.Tensor:  # noqa: D102
        steps = (per_picture(scale.double()) - self._places).ceil().clamp(min=0)
        return ((self._levels + steps * self._signs).clamp(0, 255) / 255).float()


def make_ray(start: torch.Tensor, normal: torch.Tensor, norm: Norm, *, eight_bits: bool) -> Ray:
    """The ray from photos `(N, 3, H, W)` against the normal of the boundary, a gradient of the margin."""
    if not eight_bits:
        return SmoothRay(start, normal, norm)
    return GridRay(start, normal) if norm == "l2" else FewPixelsRay(start, normal)
