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

from collections.abc import Callable, Sequence

import torch

from core.attack.goals import Goal, margins, smooth_margins
from core.attack.rays import Ray, make_ray
from core.norms import Norm, norm_of, per_picture, steepest

Logits = Callable[[torch.Tensor], torch.Tensor]

# A picture counts as adversarial from this lead on: the same network in another batch or on another processor rounds
# differently, and the file must fool it there too.
LEAD = 1e-2
# How much of the earlier normals stays.
_MEMORY = 0.8
# Length of a step of the approach at the most, in L2; twice as long after so many steps.
_STRIDE = 0.15
_STRIDE_DOUBLES_EVERY = 4
_GROWTH = 1.3
_GROWTHS = 16
_HALVINGS = 5


class Minimal:
    """Photos on their way to their boundaries. One thread at a time.

    Args:
        logits: pixels `(N, 3, H, W)` -> `(N, K)`, with gradients.
        start: the photos.
        goals: one for each.
        eight_bits: whether only pictures count that a file of 8 bits holds; the photos must be such.
        lead: in logits, by which the goal must be reached.

    Attributes:
        best: the smallest adversarial pictures so far `(N, 3, H, W)`; where there is none yet, the photo.
        sizes: of their perturbations `(N,)`; infinite where there is none yet.
        gradients: how many were taken for each picture.
    """

    def __init__(
        self,
        logits: Logits,
        start: torch.Tensor,
        goals: Sequence[Goal],
        norm: Norm,
        *,
        eight_bits: bool,
        lead: float = LEAD,
    ) -> None:
        self._logits, self._start, self._goals = logits, start, goals
        self._norm, self._eight_bits, self._lead = norm, eight_bits, lead
        self._at, self._normal = start.clone(), torch.zeros_like(start)
        self._normals_seen = torch.zeros(len(start), dtype=torch.long, device=start.device)
        self._beyond = torch.zeros(len(start), dtype=torch.bool, device=start.device)
        self.best = start.clone()
        self.sizes = torch.full((len(start),), torch.inf, device=start.device)
        self.gradients = 0

    def step(self) -> None:
        """One gradient of each picture."""
        margin, gradient = self._differentiate(self._at)
        beyond = self._beyond.clone()
        for walk, these in ((self._approach, ~beyond), (self._walk, beyond)):
            if these.any():
                walk(these.nonzero()[:, 0], margin[these], gradient[these])

    def _approach(self, these: torch.Tensor, margin: torch.Tensor, gradient: torch.Tensor) -> None:
        """From where they are straight down the gradient, neither too far nor too little, until the goal is reached: planes that touch the
        margin far away say nothing of where it ends."""
        stride = _STRIDE * 2 ** (self.gradients // _STRIDE_DOUBLES_EVERY)
        length = ((margin + 2 * self._lead) / norm_of(gradient, "l2").clamp(min=1e-30)).clamp(stride / 4, stride)
        at = (self._at[these] - per_picture(length) * steepest(gradient, "l2")).clamp(0, 1)
        self._at[these] = at
        self._beyond[these] = self._margins(at, these) < 0

    def _walk(self, these: torch.Tensor, margin: torch.Tensor, gradient: torch.Tensor) -> None:
        """From the photo against the mean normal, to just beyond the boundary."""
        start, at = self._start[these], self._at[these]
        normal = steepest(gradient, "l2")
        seen = per_picture(self._normals_seen[these] > 0)
        normal = torch.where(seen, _MEMORY * self._normal[these] + (1 - _MEMORY) * normal, normal)
        self._normal[these] = normal
        self._normals_seen[these] += 1
        ray = make_ray(start, normal, self._norm, eight_bits=self._eight_bits)
        # what the margin would be at the photo, were it a plane
        there = margin + (gradient * (start - at)).sum((1, 2, 3))
        guess = self._planned(ray, start, gradient, there.clamp(min=self._lead) + self._lead)
        scale, reached = self._first_beyond(ray, guess, these)
        at = ray.at(scale)
        self._at[these] = at
        sizes = norm_of(at - start, self._norm)
        better = reached & (sizes < self.sizes[these])
        self.best[these] = torch.where(per_picture(better), at, self.best[these])
        self.sizes[these] = torch.where(better, sizes, self.sizes[these])

    def _differentiate(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad():
            leaf = pixels.detach().requires_grad_()
            logits = self._logits(leaf)
            margin = margins(logits, self._goals)
            # far away all other classes pull, not only the largest, or the way would zigzag between those that take turns
            far = smooth_margins(logits, self._goals)
            (gradient,) = torch.autograd.grad(torch.where(self._beyond, margin, far).sum(), leaf)
        self.gradients += 1
        return margin.detach(), gradient

    def _margins(self, pixels: torch.Tensor, these: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return margins(self._logits(pixels), [self._goals[index] for index in these.tolist()]) + self._lead

    @staticmethod
    def _planned(ray: Ray, start: torch.Tensor, gradient: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Scales at which a plane with this gradient would have fallen by `wanted`; asks no network."""
        low, high = torch.full_like(wanted, 1e-6), torch.full_like(wanted, 1e6)
        for _ in range(40):
            middle = (low * high).sqrt()
            enough = -(gradient * (ray.at(middle) - start)).sum((1, 2, 3)) >= wanted
            low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
        return high

    def _first_beyond(self, ray: Ray, guess: torch.Tensor, these: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scales just beyond the boundary, by forward passes; and whether there is one."""
        low, high = guess / _GROWTH, guess
        at_low = self._margins(ray.at(low), these)
        for _ in range(_GROWTHS):  # down, where even the lower end is beyond
            beyond = at_low < 0
            if not beyond.any():
                break
            high, low = torch.where(beyond, low, high), torch.where(beyond, low / _GROWTH, low)
            at_low = self._margins(ray.at(low), these)
        at_high = self._margins(ray.at(high), these)
        for _ in range(_GROWTHS):
            short = at_high >= 0
            if not short.any():
                break
            low, at_low = torch.where(short, high, low), torch.where(short, at_high, at_low)
            high = torch.where(short, high * _GROWTH, high)
            at_high = self._margins(ray.at(high), these)
        reached = at_high < 0
        for halving in range(_HALVINGS):
            share = (at_low / (at_low - at_high)).clamp(0.1, 0.9) if halving % 2 == 0 else torch.full_like(low, 0.5)
            middle = low + (high - low) * share
            at_middle = self._margins(ray.at(middle), these)
            beyond = at_middle < 0
            high, at_high = torch.where(beyond, middle, high), torch.where(beyond, at_middle, at_high)
            low, at_low = torch.where(beyond, low, middle), torch.where(beyond, at_low, at_middle)
        return high, reached
