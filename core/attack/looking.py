"""How an attack looks at its picture: what is to fall, through which changes, and what becomes of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from core.attack.goals import Goal, log_probabilities, margins, scores
from core.attack.settings import AttackSettings
from core.attack.victims import blurred
from core.norms import norm_of, per_picture
from core.objectives import variation
from core.transforms import Views

_OBJECTIVES = {"cross-entropy": log_probabilities, "logit": scores, "margin": margins}
# The strongest change of a view.
_SHIFT, _ZOOM, _LIGHT, _NOISE = 0.08, 0.2, 0.15, 0.03
# Half as rough as the roughest part of a picture counts as rough, and a share of every change stays everywhere.
_TEXTURE_PX, _LEFT_EVERYWHERE = 2.0, 0.1


@dataclass(frozen=True, eq=False)
class Gaze:
    """One look of a network at pictures.

    Attributes:
        margins: `(N,)`, how far each goal is from being reached in exactly this picture; None where a changed view was seen
            instead, which says nothing of it.
        gradient: of what is to fall, `(N, 3, H, W)`.
    """

    margins: torch.Tensor | None
    gradient: torch.Tensor


class Looking:
    """Looks as the settings want them. One thread at a time.

    Args:
        start: the photos `(N, 3, H, W)`, of which the perturbation is measured.
        generator: what views are drawn from.
    """

    def __init__(
        self,
        logits: Callable[[torch.Tensor], torch.Tensor],
        start: torch.Tensor,
        goals: Sequence[Goal],
        settings: AttackSettings,
        generator: torch.Generator,
    ) -> None:
        self._logits, self._start, self._goals, self._settings = logits, start, goals, settings
        self._generator = generator
        strength = settings.views
        self._views = Views(
            jitter=_SHIFT * strength,
            zoom_in=1 - _ZOOM * strength,
            zoom_out=1 + _ZOOM * strength,
            light=_LIGHT * strength,
            noise=_NOISE * strength,
        )

    def at(self, pixels: torch.Tensor) -> Gaze:
        """Look once."""
        with torch.enable_grad():
            leaf = pixels.detach().requires_grad_()
            seen = self._views(leaf, leaf.shape[-1], self._generator) if self._settings.views else leaf
            logits = self._logits(seen)
            value = _OBJECTIVES[self._settings.objective](logits, self._goals)
            if self._settings.tv_weight:
                value = value + self._settings.tv_weight * variation(leaf - self._start, "l1")
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
        said = None if self._settings.views else margins(logits.detach(), self._goals)
        if self._settings.blur_px:
            gradient = blurred(gradient, self._settings.blur_px)
        return Gaze(said, gradient)


def texture_of(pixels: torch.Tensor) -> torch.Tensor:
    """`(N, 1, H, W)` in (0, 1]: how much each place may change without being seen: 1 where the photo is rough.

    The local contrast (standard deviation within a few pixels): the eye is less sensitive where there is much of it
    (Legge and Foley 1980, contrast masking).
    """
    grey = pixels.mean(1, keepdim=True)
    mean = blurred(grey, _TEXTURE_PX)
    spread = (blurred(grey.square(), _TEXTURE_PX) - mean.square()).clamp(min=0).sqrt()
    most = per_picture(norm_of(spread, "linf").clamp(min=1e-6))
    return (2 * spread / most).clamp(_LEFT_EVERYWHERE, 1)
