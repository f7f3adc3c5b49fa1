"""Attacks without bounds, whose distance is whatever it takes: the lesson's, and Carlini and Wagner's.

References:
    Szegedy et al. 2014, Intriguing Properties of Neural Networks, arXiv:1312.6199
    Carlini and Wagner 2017, arXiv:1608.04644
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch

from core.attack.goals import Goal, margins
from core.attack.grid import perturbed
from core.attack.looking import Looking, texture_of
from core.attack.method import LEAD, Judge, Logits, Method
from core.attack.settings import AttackSettings
from core.norms import norm_of, per_picture


class Descent(Method):
    """The lesson's attack: plain gradient descent on the class, with or without a price on rough perturbations.

    Unlike the lesson's it stays inside [0, 1] and on what a file can hold. Like the lesson's it does not stop when it has
    got there: that is what it costs.
    """

    kept: ClassVar[tuple[str, ...]] = (*Method.kept, "_perturbation", "_generator_state")

    def __init__(
        self,
        logits: Logits,
        start: torch.Tensor,
        goals: Sequence[Goal],
        settings: AttackSettings,
        *,
        lead: float = LEAD,
    ) -> None:
        super().__init__(logits, start, goals, eight_bits=settings.eight_bits, lead=lead)
        self._rate = settings.learning_rate
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._looking = Looking(logits, start, self._goals, settings, self._generator)
        self._room = texture_of(start) if settings.texture else None
        self._perturbation = torch.zeros_like(start)

    def step(self) -> None:  # noqa: D102
        gradient = self._looking.at(self.best).gradient
        self.gradients += 1
        moved = self._perturbation - self._rate * (gradient if self._room is None else gradient * self._room)
        self._perturbation = torch.minimum(torch.maximum(moved, -self._start), 1 - self._start)
        self.best = perturbed(self._start, self._perturbation, "l2", None, eight_bits=self._eight_bits)

    def memory(self) -> dict[str, torch.Tensor | int]:  # noqa: D102
        self._generator_state = self._generator.get_state()
        return super().memory()

    def recall(self, memory) -> None:  # noqa: D102
        super().recall(memory)
        self._generator.set_state(self._generator_state)


# The weight of the goal against the distance, to begin with, and by how much it changes while nothing is known of the
# other side.
_FIRST_WEIGHT, _FACTOR = 1.0, 4.0
# Few steps are not worth being divided.
_ROUNDS, _SHORTEST_ROUND = 5, 10
_BETA1, _BETA2, _TINY = 0.9, 0.999, 1e-8
# Pixels of exactly 0 or 1 would have no slope in the space of tanh.
_INSIDE = 1 - 1e-4


class CarliniWagner(Method):
    """Distance plus a weight times the margin, by Adam; the weight is searched for, in `_ROUNDS` rounds.

    Attributes:
        sizes: L2 of the smallest adversarial perturbations so far `(N,)`; infinite where there is none yet.
    """

    kept: ClassVar[tuple[str, ...]] = (
        *Method.kept,
        *("sizes", "_free", "_mean", "_square", "_age", "_weight", "_low", "_high", "_worked"),
    )

    def __init__(
        self,
        logits: Logits,
        start: torch.Tensor,
        goals: Sequence[Goal],
        settings: AttackSettings,
        *,
        lead: float = LEAD,
        judge: Judge | None = None,
    ) -> None:
        super().__init__(logits, start, goals, eight_bits=settings.eight_bits, lead=lead, judge=judge)
        self._rate = settings.learning_rate
        self._round = math.ceil(settings.steps / min(_ROUNDS, max(1, settings.steps // _SHORTEST_ROUND)))
        count = len(start)
        self.sizes = torch.full((count,), torch.inf, device=start.device)
        self._weight = torch.full_like(self.sizes, _FIRST_WEIGHT)
        self._low, self._high = torch.zeros_like(self.sizes), torch.full_like(self.sizes, torch.inf)
        self._begin()

    def step(self) -> None:  # noqa: D102
        if self.gradients and self.gradients % self._round == 0:
            self._next_weight()
            self._begin()
        with torch.enable_grad():
            free = self._free.detach().requires_grad_()
            inside = _inside(free)
            pixels = self._pixels(inside.detach())
            # rounded on the way there, as it is on the way back: else what is found would not be in the file
            seen = inside + (pixels - inside).detach()
            margin = margins(self._logits(seen), self._goals)
            distance = (inside - self._start).square().sum((1, 2, 3))
            value = distance + self._weight * (margin + 2 * self._lead).clamp(min=0)
            (gradient,) = torch.autograd.grad(value.sum(), free)
        self.gradients += 1
        self._consider(pixels, margin.detach() + self._lead)
        self._adam(gradient)
        if self.gradients % self._round == 0:  # nobody would look at the last one
            pixels = self._pixels(_inside(self._free))
            self._consider(pixels, self._margins(pixels))

    def _consider(self, pixels: torch.Tensor, margin: torch.Tensor) -> None:
        """Keep what is smaller and works; the margin has the lead in it."""
        reached = margin < 0
        sizes = norm_of(pixels - self._start, "l2")
        asked = reached & (sizes < self.sizes)
        better = self._confirmed(pixels, torch.arange(len(pixels)), asked)
        unknown = self.sizes.isinf()
        self.best = torch.where(per_picture(better | unknown), pixels, self.best)
        self.sizes = torch.where(better, sizes, self.sizes)
        self._worked = self._worked | (reached & (better | ~asked))

    def _pixels(self, inside: torch.Tensor) -> torch.Tensor:
        return perturbed(self._start, inside - self._start, "l2", None, eight_bits=self._eight_bits)

    def _adam(self, gradient: torch.Tensor) -> None:
        self._age += 1
        self._mean = _BETA1 * self._mean + (1 - _BETA1) * gradient
        self._square = _BETA2 * self._square + (1 - _BETA2) * gradient.square()
        mean, square = self._mean / (1 - _BETA1**self._age), self._square / (1 - _BETA2**self._age)
        self._free = self._free - self._rate * mean / (square.sqrt() + _TINY)

    def _begin(self) -> None:
        self._free = torch.atanh((2 * self._start - 1) * _INSIDE)
        self._mean, self._square, self._age = torch.zeros_like(self._free), torch.zeros_like(self._free), 0
        self._worked = torch.zeros_like(self.sizes, dtype=torch.bool)

    def _next_weight(self) -> None:
        """Less where it worked, more where it did not; halfway once both sides are known."""
        self._high = torch.where(self._worked, self._weight, self._high)
        self._low = torch.where(self._worked, self._low, self._weight)
        halfway = (self._low * self._high).sqrt()
        alone = torch.where(self._worked, self._weight / _FACTOR, self._weight * _FACTOR)
        self._weight = torch.where((self._low > 0) & self._high.isfinite(), halfway, alone)


def _inside(free: torch.Tensor) -> torch.Tensor:
    """What moves freely, as pixels in [0, 1]."""
    return (free.tanh() / _INSIDE + 1) / 2
