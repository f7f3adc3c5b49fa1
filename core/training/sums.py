"""Loss and right answers, summed up over pictures and processes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.distributed import World


@dataclass
class Sums:
    """Loss and right answers over some pictures."""

    loss: float = 0.0
    right: float = 0.0
    count: float = 0.0

    def add(self, loss: float, right: float, count: float) -> None:
        """Further pictures."""
        self.loss, self.right, self.count = self.loss + loss, self.right + right, self.count + count

    def over_all(self, world: World) -> Sums:
        """The sums over all processes."""
        return Sums(*world.sum(torch.tensor([self.loss, self.right, self.count], dtype=torch.float64)).tolist())

    @property
    def mean_loss(self) -> float:
        """Mean cross-entropy in nats."""
        return self.loss / max(self.count, 1)

    @property
    def accuracy(self) -> float:
        """Share of right answers, in [0, 1]."""
        return self.right / max(self.count, 1)
