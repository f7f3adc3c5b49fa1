"""How large a perturbation is, and the ball of those that are no larger.

Perturbations are differences of pixels `(N, 3, H, W)` in [0, 1] units, so that 1/255 is one step of an 8-bit file. One
number a picture: `l2` is the square root of the sum of squares, `linf` the largest absolute value.
"""

from __future__ import annotations

from typing import Literal

import torch

Norm = Literal["l2", "linf"]

# A projection rounds: what is over by so little counts as inside, so that to project twice changes nothing.
_TOLERANCE = 1e-6


def norm_of(perturbation: torch.Tensor, norm: Norm) -> torch.Tensor:
    """`(N,)`: the size of each picture's perturbation."""
    flat = perturbation.flatten(1)
    return flat.norm(dim=1) if norm == "l2" else flat.abs().amax(1)


def project(perturbation: torch.Tensor, norm: Norm, radius: float | torch.Tensor) -> torch.Tensor:
    """The nearest perturbation (in L2) that is no larger than `radius`, a number or one for each picture `(N,)`.

    The ball of L2 is met by shrinking, that of Linf by cutting off.
    """
    radius = torch.as_tensor(radius, dtype=perturbation.dtype, device=perturbation.device)
    if norm == "linf":
        radius = per_picture(radius)
        return torch.minimum(torch.maximum(perturbation, -radius), radius)
    size = norm_of(perturbation, "l2")
    inside = size <= radius * (1 + _TOLERANCE)
    return perturbation * per_picture(torch.where(inside, 1.0, radius / size.clamp(min=1e-30)))


def steepest(gradient: torch.Tensor, norm: Norm) -> torch.Tensor:
    """The direction of size 1 along which a function with this gradient grows fastest: sign or unit vector."""
    if norm == "linf":
        return gradient.sign()
    return gradient / per_picture(norm_of(gradient, "l2").clamp(min=1e-30))


def per_picture(values: torch.Tensor) -> torch.Tensor:
    """`(N,)` or a scalar -> a shape that multiplies pictures `(N, 3, H, W)`."""
    return values.view(-1, 1, 1, 1) if values.ndim else values
