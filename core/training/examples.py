"""What a head learns from: embeddings with labels, and how they are scaled."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from core.head import Head
from core.training.softmax_regression import SoftmaxRegression


@dataclass(frozen=True, eq=False)
class Examples:
    """Embeddings `(N, D)` float32 and labels `(N,)` int64."""

    vectors: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Examples:
        """Those examples, in that order."""
        return Examples(self.vectors[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is subtracted from embeddings and what they are divided by, each `(D,)`."""

    mean: torch.Tensor
    spread: torch.Tensor

    @classmethod
    def of(cls, vectors: torch.Tensor, scaling: str) -> Scaling:
        """Subtract the mean and divide by one spread for all inputs ("overall"), one for "each", or nothing ("none").

        Dividing each input by its own spread makes those loud that hardly say anything.
        """
        dim = vectors.shape[1]
        if scaling == "none":
            return cls(torch.zeros(dim), torch.ones(dim))
        spread = vectors.std(0, correction=0)
        if scaling == "overall":
            spread = spread.square().mean().sqrt().expand(dim)
        # an input that never changes says nothing; dividing by its spread would make it shout
        return cls(vectors.mean(0), torch.where(spread > 1e-6, spread, torch.ones(dim)))

    def apply(self, vectors: torch.Tensor) -> torch.Tensor:
        """Scaled embeddings, same shape."""
        return (vectors - self.mean) / self.spread

    def fold(self, regression: SoftmaxRegression, class_names: tuple[str, ...]) -> Head:
        """A head that reads unscaled embeddings and says the same."""
        weight = regression.weight / self.spread
        return Head(weight.contiguous(), regression.bias - weight @ self.mean, class_names)
