"""Twins that leave out some of their residual blocks at each look: many networks from one.

A picture that convinces one network often convinces nobody else: it leans on that network's quirks. Networks that differ
from look to look have fewer quirks in common, and what they all believe, others do too.

References:
    Huang et al. 2016, Deep Networks with Stochastic Depth, arXiv:1603.09382 (leaving out blocks, in training)
    Li et al. 2020, Learning Transferable Adversarial Examples via Ghost Networks, arXiv:1812.03413 (for pictures)
"""

from __future__ import annotations

import torch
from torch import nn

# Where timm's residual blocks leave room for it.
_PLACES = ("drop_path", "drop_path1", "drop_path2")


class Thinning:
    """How the blocks of a twin are left out, and by what chance. One thread at a time.

    Attributes:
        share: of the blocks that are left out, in [0, 1).
        generator: what chance is drawn from.
        alike: so many samples in a row are seen by the same blocks.
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        self.share = share
        self.generator = generator
        self.alike = 1

    def keeps(self, count: int) -> torch.Tensor:
        """`(count,)`: 0 where a block is left out, else what keeps its mean as it was."""
        drawn = torch.rand(-(-count // self.alike), generator=self.generator) >= self.share
        return drawn.repeat_interleave(self.alike)[:count] / (1 - self.share)


def thin(twin: nn.Module, thinning: Thinning) -> bool:
    """Let a twin, which must be the caller's own, leave out residual blocks from now on; whether it has any."""
    places = [
        (parent, name)
        for parent in twin.modules()
        for name in _PLACES
        if hasattr(parent, name) and getattr(parent, "has_skip", True)
    ]
    for parent, name in places:
        setattr(parent, name, _Sometimes(thinning))
    return bool(places)


class _Sometimes(nn.Module):
    """At the end of a residual block, before it is added to what goes around it."""

    def __init__(self, thinning: Thinning) -> None:
        super().__init__()
        self._thinning = thinning

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        kept = self._thinning.keeps(len(inputs)).to(inputs)
        return inputs * kept.view(-1, *[1] * (inputs.ndim - 1))
