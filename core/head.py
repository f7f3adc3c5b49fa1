"""The last layer: from embeddings to classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from core.errors import CheckpointError


@dataclass(frozen=True, eq=False)
class Head:
    """A linear layer on the embeddings of one backbone.

    Attributes:
        weight: `(K, D)` float32.
        bias: `(K,)` float32.
        class_names: `K` names.

    Raises:
        CheckpointError: the shapes do not belong together, or a number is not finite.
    """

    weight: torch.Tensor = field(repr=False)
    bias: torch.Tensor = field(repr=False)
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        classes = len(self.class_names)
        fits = self.weight.ndim == 2 and self.weight.shape[0] == classes and self.bias.shape == (classes,)
        if not fits or self.weight.dtype != torch.float32 or self.bias.dtype != torch.float32:
            raise CheckpointError(
                "The last layer has the shape {shape}, which does not fit its {classes} classes.",
                shape=tuple(self.weight.shape),
                classes=classes,
            )
        if not (self.weight.isfinite().all() and self.bias.isfinite().all()):
            raise CheckpointError("The last layer holds numbers that are not finite: its training diverged.")

    @property
    def embedding_dim(self) -> int:
        """`D`, the length of the embeddings that it reads."""
        return self.weight.shape[1]

    def logits(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Embeddings `(N, D)` -> logits `(N, K)`; gradients flow back to the embeddings."""
        weight, bias = (tensor.to(embeddings.device) for tensor in (self.weight, self.bias))
        return torch.nn.functional.linear(embeddings, weight, bias)
