"""Softmax regression: its loss and gradient, written out.

The gradient of a linear layer under cross-entropy is two matrix products. Without autograd a step on embeddings takes
a fraction of the time, and the curve moves while one looks.
"""

from __future__ import annotations

import torch

# Larger weights than this overflow float32 when they are multiplied by an input, or when its scaling is folded in.
_LARGEST = 1e30


class SoftmaxRegression:
    """Weights `(K, D)` and bias `(K,)`, with loss and gradient on batches of inputs `(B, D)` and labels `(B,)`."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.weight = weight
        self.bias = bias

    @property
    def parameters(self) -> list[torch.Tensor]:
        """The weights, then the bias."""
        return [self.weight, self.bias]

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(B, K)`. The product is computed the other way round, which takes two thirds of the time here."""
        return (self.weight @ inputs.T).T + self.bias

    def differentiate(
        self, inputs: torch.Tensor, labels: torch.Tensor, *, label_smoothing: float = 0.0
    ) -> torch.Tensor:
        """Set `.grad` of weights and bias to the gradient of the mean cross-entropy; returns that loss, a scalar.

        Label smoothing is Szegedy et al. 2016 (arXiv:1512.00567): the target is the mixture of the true class and the
        uniform distribution.
        """
        log_odds = torch.log_softmax(self.logits(inputs), dim=1)
        count, classes = log_odds.shape
        true = labels[:, None]
        loss = -(1 - label_smoothing) * log_odds.gather(1, true).mean()
        if label_smoothing:
            loss = loss - label_smoothing * log_odds.mean()
        # d loss / d logits = (probabilities - targets) / B
        slope = log_odds.exp()
        if label_smoothing:
            slope -= label_smoothing / classes
        slope.scatter_add_(1, true, torch.full_like(true, -(1 - label_smoothing), dtype=slope.dtype))
        slope /= count
        self.weight.grad = slope.T @ inputs
        self.bias.grad = slope.sum(0)
        return loss

    def is_sound(self) -> bool:
        """Whether all numbers are such that products with them stay finite."""
        # NaN is not smaller than anything
        return all(float(parameter.abs().max()) < _LARGEST for parameter in self.parameters)

    def measure(self, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
        """Mean cross-entropy in nats, and accuracy in [0, 1]."""
        logits = self.logits(inputs)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        return float(loss), float((logits.argmax(1) == labels).float().mean())


def initial(kind: str, classes: int, dim: int, generator: torch.Generator) -> SoftmaxRegression:
    """A regression before its first step.

    Args:
        kind: "zeros"; "uniform" in [-1, 1]; "gaussian" with spread 1, both far too large on purpose, as in the lesson;
            "xavier" (Glorot and Bengio 2010): uniform within sqrt(6 / (D + K)).
    """
    weight = torch.zeros(classes, dim)
    if kind == "uniform":
        weight.uniform_(-1, 1, generator=generator)
    elif kind == "gaussian":
        weight.normal_(generator=generator)
    elif kind == "xavier":
        bound = (6 / (dim + classes)) ** 0.5
        weight.uniform_(-bound, bound, generator=generator)
    return SoftmaxRegression(weight, torch.zeros(classes))
