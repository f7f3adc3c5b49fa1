"""Perturbed pictures that a file of 8 bits can hold, inside the ball that the attack must not leave."""

from __future__ import annotations

import torch

from core.attack.rays import STEP
from core.norms import Norm, norm_of, per_picture

_HALVINGS = 12


def perturbed(
    start: torch.Tensor,
    perturbation: torch.Tensor,
    norm: Norm,
    radius: torch.Tensor | None,
    *,
    eight_bits: bool,
) -> torch.Tensor:
    """Pictures `(N, 3, H, W)` in [0, 1] near `start + perturbation`.

    Args:
        start: the photos; with `eight_bits`, as a file gives them.
        radius: `(N,)`, the size that the perturbation must not exceed; None: any. What is given must be no larger.
        eight_bits: whether the pictures are to have whole steps of 1/255. Rounding may move a picture out of the ball of L2: it
            is shrunk first, so far that it does not.
    """
    if not eight_bits:
        return (start + perturbation).clamp(0, 1)
    levels = (start * 255).round()
    if radius is not None and norm == "linf":
        most = per_picture((radius / STEP + 1e-4).floor())
        moved = (perturbation * 255).round()
        return _as_read(levels + torch.minimum(torch.maximum(moved, -most), most))
    if radius is None:
        return _as_read((levels + perturbation * 255).round())
    # Sizes are compared as they are measured: in single precision, of the pictures as they are read.
    whole = _as_read((levels + perturbation * 255).round())
    fits = norm_of(whole - start, "l2") <= radius
    if fits.all():
        return whole
    best = torch.where(per_picture(fits), whole, start)
    low, high = fits.to(radius.dtype), torch.ones_like(radius)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = _as_read((levels + per_picture(middle) * perturbation * 255).round())
        inside = norm_of(tried - start, "l2") <= radius
        best = torch.where(per_picture(inside & (middle > low)), tried, best)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return best


def _as_read(levels: torch.Tensor) -> torch.Tensor:
    """Whole numbers over 255, as a file gives them when it is read again."""
    return levels.clamp(0, 255) / 255
