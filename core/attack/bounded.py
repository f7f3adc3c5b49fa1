"""The strongest change that stays within bounds: of a size that it must not exceed, or inside a square.

FGSM is one step of it; with the gradient blurred, momentum and changing views it is the recipe for attacks that other
networks fall for as well.

References:
    Goodfellow et al. 2015, FGSM, arXiv:1412.6572
    Madry et al. 2018, PGD, arXiv:1706.06083
    Dong et al. 2018, momentum and ensembles, arXiv:1710.06081
    Xie et al. 2019, changing views, arXiv:1803.06978
    Dong et al. 2019, blurred gradients, arXiv:1904.02884
    Brown et al. 2017, patches, arXiv:1712.09665
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from core.attack.goals import Goal
from core.attack.grid import perturbed
from core.attack.looking import Looking, texture_of
from core.attack.method import LEAD, Logits, Method
from core.attack.rays import STEP
from core.attack.settings import AttackSettings
from core.norms import norm_of, per_picture, project, steepest

# The usual length of all steps together, in radii (Madry et al. 2018): far enough to turn back once.
_WAY = 2.5
# Where changed views are seen, the picture itself is looked at so seldom: it takes a forward pass more.
_JUDGE_EVERY = 4


class Bounded(Method):
    """Photos on their way to the strongest perturbation within bounds.

    Args:
        settings: of the method fgsm, pgd or patch.
        radii: one for each photo instead of `settings.epsilon`.
        perturbation: to begin with, inside the bounds, `(N, 3, H, W)`; None: nothing.

    Attributes:
        margins: of `best`, `(N,)`: below 0 where the goal is reached by the lead; the smallest so far.
    """

    kept: ClassVar[tuple[str, ...]] = (*Method.kept, "margins", "_perturbation", "_direction", "_generator_state")

    def __init__(
        self,
        logits: Logits,
        start: torch.Tensor,
        goals: Sequence[Goal],
        settings: AttackSettings,
        *,
        radii: Sequence[float] | None = None,
        perturbation: torch.Tensor | None = None,
        lead: float = LEAD,
    ) -> None:
        super().__init__(logits, start, goals, eight_bits=settings.eight_bits, lead=lead)
        self._settings = settings
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._looking = Looking(logits, start, self._goals, settings, self._generator)
        is_patch, is_one_step = settings.method == "patch", settings.method == "fgsm"
        self._round = 1 if is_one_step else settings.steps
        self._share = 1.0 if is_one_step else settings.step_size or min(1.0, _WAY / settings.steps)
        self._momentum = 0.0 if is_one_step else settings.momentum
        self._norm = "linf" if is_patch else settings.norm
        self._radii = start.new_tensor([1.0 if is_patch else settings.epsilon] * len(start) if radii is None else radii)
        self._room = _room(start, settings)
        self.margins = torch.full_like(self._radii, torch.inf)
        self._begin(at_random=False)
        if perturbation is not None:
            self._perturbation = self._inside(perturbation)

    def step(self) -> None:  # noqa: D102
        if self.gradients and self.gradients % self._round == 0 and self._settings.restarts > 1:
            self._begin(at_random=True)
        pixels = self._pixels()
        gaze = self._looking.at(pixels)
        self.gradients += 1
        self._consider(pixels, gaze.margins)
        gradient = gaze.gradient if self._room is None else gaze.gradient * self._room
        if self._momentum:
            strength = gradient.abs().mean((1, 2, 3)).clamp(min=1e-30)
            gradient = gradient / per_picture(strength)
        self._direction = self._momentum * self._direction + gradient
        moved = self._perturbation - per_picture(self._share * self._radii) * steepest(self._direction, self._norm)
        self._perturbation = self._inside(moved)
        if self.gradients % self._round == 0:  # nobody would look at the last one
            pixels = self._pixels()
            self._keep(pixels, self._margins(pixels))

    def memory(self) -> dict[str, torch.Tensor | int]:  # noqa: D102
        self._generator_state = self._generator.get_state()
        return super().memory()

    def recall(self, memory) -> None:  # noqa: D102
        super().recall(memory)
        self._generator.set_state(self._generator_state)

    def _consider(self, pixels: torch.Tensor, margins: torch.Tensor | None) -> None:
        """Keep the picture, if it is stronger; where its margins are not known, they are sometimes asked for."""
        if margins is not None:
            self._keep(pixels, margins + self._lead)
        elif self.gradients % _JUDGE_EVERY == 0:
            self._keep(pixels, self._margins(pixels))

    def _keep(self, pixels: torch.Tensor, margins: torch.Tensor) -> None:
        better = margins < self.margins
        self.best = torch.where(per_picture(better), pixels, self.best)
        self.margins = torch.where(better, margins, self.margins)

    def _begin(self, *, at_random: bool) -> None:
        self._direction = torch.zeros_like(self._start)
        self._perturbation = torch.zeros_like(self._start)
        if at_random:
            noise = torch.rand(self._start.shape, generator=self._generator).to(self._start.device) * 2 - 1
            if self._room is not None:
                noise = noise * self._room
            if self._norm == "l2" and self._eight_bits:
                self._perturbation = self._inside(_whole_steps(noise, self._radii))
            elif self._norm == "l2":
                self._perturbation = self._inside(per_picture(self._radii / norm_of(noise, "l2")) * noise)
            else:
                self._perturbation = self._inside(per_picture(self._radii) * noise)

    def _inside(self, perturbation: torch.Tensor) -> torch.Tensor:
        """The nearest perturbation within the bounds and within what pixels can be."""
        if self._room is not None and self._norm == "linf":
            most = per_picture(self._radii) * self._room
            perturbation = torch.minimum(torch.maximum(perturbation, -most), most)
        else:
            perturbation = project(perturbation, self._norm, self._radii)
        return torch.minimum(torch.maximum(perturbation, -self._start), 1 - self._start)

    def _pixels(self) -> torch.Tensor:
        return perturbed(self._start, self._perturbation, self._norm, self._radii, eight_bits=self._eight_bits)


def _whole_steps(noise: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    """A random perturbation `(N, 3, H, W)` of these sizes in L2 that rounding leaves as it is: whole steps where the noise is
    strongest. Spread over all pixels it would be less than half a step everywhere."""
    strength = noise.abs().flatten(1)
    places = strength.argsort(dim=1, descending=True).argsort(dim=1)  # 0 for the strongest
    count = (radii / STEP).square().floor().clamp(max=strength.shape[1])
    return torch.where((places < count[:, None]).view_as(noise), noise.sign() * STEP, 0.0)


def _room(start: torch.Tensor, settings: AttackSettings) -> torch.Tensor | None:
    """`(N, 1, H, W)` in [0, 1]: the share of the bound that each place may use; None: all of it everywhere."""
    room = texture_of(start) if settings.texture else None
    if settings.method == "patch":
        square = _square(start, settings)
        room = square if room is None else room * square
    return room


def _square(start: torch.Tensor, settings: AttackSettings) -> torch.Tensor:
    """1 inside the patch, 0 outside."""
    height, width = start.shape[-2:]
    side = max(1, round(settings.patch_side * min(height, width)))
    top = round(min(max(settings.patch_y * height - side / 2, 0), height - side))
    left = round(min(max(settings.patch_x * width - side / 2, 0), width - side))
    square = start.new_zeros(len(start), 1, height, width)
    square[..., top : top + side, left : left + side] = 1
    return square
