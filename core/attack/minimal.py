"""The smallest perturbation that works: walk along the boundary between two classes to where it is nearest.

Where a boundary is nearest, the way there is at right angles to it. So: take the normal of the boundary where one has met
it, go from the photo against that normal until the network says something else, and take the normal there. Networks of
ReLUs have boundaries of many facets whose normals jump; their running mean does not, and its direction is that of a nearby
point which is nearest over many facets at once.

To go until the network changes its mind needs forward passes only: the number of gradients is that of the normals.

References:
    Hasofer and Lind 1974, Exact and Invariant Second-Moment Code Format (the same fixed point, in structural reliability)
    Moosavi-Dezfooli et al. 2016, DeepFool, arXiv:1511.04599
    Abdollahpour et al. 2023, SuperDeepFool, arXiv:2303.12481 (the step back towards the normal)
    Croce and Hein 2020, Fast Adaptive Boundary Attack, arXiv:1907.02044 (steps from the photo)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from core.attack.goals import Goal, margins, smooth_margins
from core.attack.method import LEAD, Judge, Logits, Method
from core.attack.rays import STEP, Ray, make_ray
from core.norms import Norm, norm_of, per_picture, steepest

# How much of the earlier normals stays: little at first, when they come from far off, and more and more; of k normals
# k / (k + 4).
_FORGOTTEN, _MOST_MEMORY = 4.0, 0.93
# Length of a step of the approach at the most, in L2; twice as long after so many steps.
_STRIDE = 0.15
_STRIDE_DOUBLES_EVERY, _MOST_DOUBLINGS = 4, 12
# Forward passes outwards until the goal is reached: where nothing works yet, and else. A longer search gained nothing.
_OUTWARDS_AT_FIRST, _OUTWARDS = 6, 2
_GROWTH = 1.02


class Minimal(Method):
    """Photos on their way to the nearest place of their boundaries.

    Attributes:
        sizes: of the smallest adversarial perturbations so far `(N,)`; infinite where there is none yet.
    """

    kept: ClassVar[tuple[str, ...]] = (*Method.kept, "sizes", "_ranks", "_at", "_normal", "_normals_seen", "_walking")

    def __init__(
        self,
        logits: Logits,
        start: torch.Tensor,
        goals: Sequence[Goal],
        norm: Norm,
        *,
        eight_bits: bool,
        lead: float = LEAD,
        judge: Judge | None = None,
    ) -> None:
        super().__init__(logits, start, goals, eight_bits=eight_bits, lead=lead, judge=judge)
        self._norm = norm
        self._at, self._normal = start.clone(), torch.zeros_like(start)
        self._normals_seen = torch.zeros(len(start), device=start.device)
        self._walking = torch.zeros(len(start), dtype=torch.bool, device=start.device)
        self.sizes = torch.full((len(start),), torch.inf, device=start.device)
        self._ranks = self.sizes.clone()

    def step(self) -> None:  # noqa: D102
        margin, gradient = self._differentiate(self._at)
        walking = self._walking | (margin + self._lead < 0)
        for move, these in ((self._approach, ~walking), (self._walk, walking)):
            if these.any():
                move(these.nonzero()[:, 0], margin[these], gradient[these])
        self._walking = walking

    def _approach(self, these: torch.Tensor, margin: torch.Tensor, gradient: torch.Tensor) -> None:
        """From where they are straight down the gradient, neither too far nor too little, until the goal is reached: planes
        that touch the margin far away say nothing of where it ends."""
        stride = _STRIDE * 2 ** min(self.gradients // _STRIDE_DOUBLES_EVERY, _MOST_DOUBLINGS)
        length = (margin + 2 * self._lead[these]) / norm_of(gradient, "l2").clamp(min=1e-30)
        length = length.clamp(stride / 4, stride)
        at = (self._at[these] - per_picture(length) * steepest(gradient, "l2")).clamp(0, 1)
        self._at[these] = at
        self.best[these] = (at * 255).round() / 255 if self._eight_bits else at

    def _walk(self, these: torch.Tensor, margin: torch.Tensor, gradient: torch.Tensor) -> None:
        """From the photo against the mean normal, to just beyond the boundary."""
        start, at, lead = self._start[these], self._at[these], self._lead[these]
        normal = steepest(gradient, "l2")
        seen = self._normals_seen[these]
        memory = per_picture((seen / (seen + _FORGOTTEN)).clamp(max=_MOST_MEMORY))
        normal = memory * self._normal[these] + (1 - memory) * normal
        self._normal[these] = normal
        self._normals_seen[these] += 1
        ray = make_ray(start, normal, self._norm, eight_bits=self._eight_bits)
        # what the margin would be at the photo, were it a plane
        there = (margin + (gradient * (start - at)).sum((1, 2, 3))).clamp(min=1e-6) + lead
        scale = ray.scale_for(gradient, there)
        at, reached = self._just_beyond(ray, scale, there, these)
        self._at[these] = at
        sizes = norm_of(at - start, self._norm)
        ranks = self._rank(at - start, sizes)
        better = reached & (ranks < self._ranks[these])
        better = better & self._confirmed(at, these, better)
        self.best[these] = torch.where(per_picture(better), at, self.best[these])
        self.sizes[these] = torch.where(better, sizes, self.sizes[these])
        self._ranks[these] = torch.where(better, ranks, self._ranks[these])

    def _rank(self, perturbation: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
        """The smaller, the better: the size; of those that are equal in whole steps of Linf, the share of changed values."""
        if self._norm == "l2" or not self._eight_bits:
            return sizes
        return (sizes / STEP).round() + (perturbation != 0).float().mean((1, 2, 3)) / 2

    def _differentiate(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad():
            leaf = pixels.detach().requires_grad_()
            logits = self._logits(leaf)
            margin = margins(logits, self._goals)
            # far away all other classes pull, not only the largest, or the way would zigzag between those that take turns
            far = smooth_margins(logits, self._goals)
            near = self._walking | (margin.detach() + self._lead < 0)
            (gradient,) = torch.autograd.grad(torch.where(near, margin, far).sum(), leaf)
        self.gradients += 1
        return margin.detach(), gradient

    def _just_beyond(
        self, ray: Ray, scale: torch.Tensor, there: torch.Tensor, these: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures just beyond the boundary, by forward passes; and whether they are.

        Args:
            scale: where on the ray the boundary should be.
            there: the margin at scale 0, as it looks from the boundary, the lead included.
        """
        at = ray.at(scale)
        margin = self._margins(at, these)
        nothing_yet = self.sizes[these].isinf()
        for attempt in range(_OUTWARDS_AT_FIRST):
            short = (margin >= 0) & (nothing_yet | (attempt < _OUTWARDS))
            if not short.any():
                break
            # as if the margin fell along a line; a line that hardly falls says nothing
            factor = (there / (there - margin).clamp(min=1e-9)).clamp(_GROWTH, 1.5) * _GROWTH
            scale = torch.where(short, scale * factor, scale)
            at = torch.where(per_picture(short), ray.at(scale), at)
            margin = torch.where(short, self._margins(at, these), margin)
        # and once back, as if it rose along a line as well
        tried = torch.where(margin < 0, scale * (there / (there - margin)).clamp(0.5, 1.0), scale)
        closer = ray.at(tried)
        nearer = self._margins(closer, these)
        better = nearer < 0
        return torch.where(per_picture(better), closer, at), better | (margin < 0)
