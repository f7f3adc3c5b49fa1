"""What is made small when a picture is optimised: terms on logits, pixels and statistics, which add and scale.

    objective = 10 * cross_entropy(labels) + 0.005 * total_variation("l1")
    objective(look).backward()

Every term is a loss, lower is better, and a sum over the pictures of a batch, so that the gradient of one picture does
not depend on how many others are made beside it. Only the batch-norm prior and the diversity look at all of them
together, on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from core.backbones.watching import ChannelStatistics

Norm = Literal["l1", "l2"]
Weight = float | Callable[[], float]
# One for all pictures, or one for each.
Weights = float | Sequence[float]

# Side to which pictures are shrunk before they are compared for diversity: layout and colours, not textures.
_LAYOUT_PX = 16


@dataclass(frozen=True, eq=False)
class Look:
    """What one forward pass gives to judge.

    Attributes:
        pixels: pictures, or views of them, `(N, 3, H, W)` in [0, 1].
        logits: `(N, K)`, what the network says of them; None where only pixels are judged.
        statistics: of its batch-norm layers, the first one first; empty where nobody asked for them.
    """

    pixels: torch.Tensor
    logits: torch.Tensor | None = None
    statistics: tuple[ChannelStatistics, ...] = ()


class Objective:
    """A function of a `Look` that gives one number, to be made small. `+` adds two, `*` scales by a weight.

    A weight may be a function, asked at each call: a slider that is moved while a picture grows.
    """

    def __init__(self, function: Callable[[Look], torch.Tensor]) -> None:
        self._function = function

    def __call__(self, look: Look) -> torch.Tensor:
        """The value, a scalar."""
        return self._function(look)

    def __add__(self, other: Objective) -> Objective:
        return Objective(lambda look: self(look) + other(look))

    def __mul__(self, weight: Weight) -> Objective:
        def scaled(look: Look) -> torch.Tensor:
            factor = weight() if callable(weight) else weight
            return factor * self(look) if factor else look.pixels.new_zeros(())  # 0 times infinity is no number

        return Objective(scaled)

    __rmul__ = __mul__


def cross_entropy(labels: Sequence[int]) -> Objective:
    """-log p(label). It stops pulling once the network is sure."""
    return Objective(lambda look: functional.cross_entropy(look.logits, _column(labels, look)[:, 0], reduction="sum"))


def logit(labels: Sequence[int]) -> Objective:
    """-logit of the label. It pulls as hard when the network is sure.

    References:
        Zhao et al. 2021, On Success and Simplicity: A Second Look at Transferable Targeted Attacks, arXiv:2012.11207
    """
    return Objective(lambda look: -look.logits.gather(1, _column(labels, look)).sum())


def margin(labels: Sequence[int]) -> Objective:
    """The largest other logit minus that of the label (Carlini and Wagner 2017, arXiv:1608.04644)."""

    def value(look: Look) -> torch.Tensor:
        wanted = _column(labels, look)
        own = look.logits.gather(1, wanted)
        others = look.logits.scatter(1, wanted, -torch.inf).amax(1, keepdim=True)
        return (others - own).sum()

    return Objective(value)


def _column(labels: Sequence[int], look: Look) -> torch.Tensor:
    """`(N, 1)`, where the pictures are."""
    return torch.tensor(labels, device=look.pixels.device)[:, None]


def total_variation(norm: Norm = "l1", weights: Callable[[], Weights] = lambda: 1.0) -> Objective:
    """How much neighbours differ (Rudin et al. 1992): `variation` of each picture, summed.

    Args:
        weights: what each picture's counts, asked at each call: one number for all, or one for each picture.
    """

    def value(look: Look) -> torch.Tensor:
        given = look.pixels.new_tensor(weights())
        if not given.any():
            return look.pixels.new_zeros(())
        return (given * variation(look.pixels, norm)).sum()

    return Objective(value)


def variation(pixels: torch.Tensor, norm: Norm = "l1") -> torch.Tensor:
    """Mean absolute ("l1") or squared ("l2") difference of horizontal and vertical neighbours.

    Args:
        pixels: `(N, 3, H, W)` in [0, 1].

    Returns:
        `(N,)`, in [0, 1]: a mean, so that it does not grow with the picture.
    """
    down, across = pixels[..., 1:, :] - pixels[..., :-1, :], pixels[..., 1:] - pixels[..., :-1]
    down, across = (part.abs() if norm == "l1" else part.square() for part in (down, across))
    count = down[0].numel() + across[0].numel()
    return (down.sum((1, 2, 3)) + across.sum((1, 2, 3))) / count


def distance_from_grey() -> Objective:
    """Mean squared distance of the pixels from the middle grey: L2 decay (Simonyan et al. 2014, arXiv:1312.6034)."""
    return Objective(lambda look: (look.pixels - 0.5).square().mean((1, 2, 3)).sum())


def batch_norm_prior() -> Objective:
    """How far the network's batch-norm statistics are from those of its training pictures, times the pictures.

    Means and variances of each channel are in units of training (mean 0, variance 1). Each channel counts with the
    divergence of the normal distribution that it shows from the one that is expected, (v + m^2 - 1 - log v) / 2, and each
    layer with the mean of its channels. DeepInversion takes Euclidean distances of raw statistics instead, whose size
    differs from layer to layer; this one has no units.

    References:
        Yin et al. 2020, arXiv:1912.08795
    """

    def value(look: Look) -> torch.Tensor:
        sizes = torch.tensor([len(layer.mean) for layer in look.statistics], device=look.pixels.device)
        mean = torch.cat([layer.mean for layer in look.statistics])
        variance = torch.cat([layer.variance for layer in look.statistics]).clamp(min=1e-4)
        divergence = (variance + mean.square() - 1 - variance.log()) / 2
        shares = (1 / (sizes * len(sizes))).repeat_interleave(sizes)  # of each channel in the mean of the layers' means
        return len(look.pixels) * (divergence * shares).sum()

    return Objective(value)


def likeness(labels: Sequence[int]) -> Objective:
    """How alike pictures of one label are: mean cosine of their layouts, each with each other; 0 where there is one.

    A layout is the picture shrunk to 16 x 16 without its mean. Added, it makes several candidates differ, as the
    diversity term of Olah et al. 2017 (Feature Visualization) does with textures.
    """

    def value(look: Look) -> torch.Tensor:
        wanted = _column(labels, look)
        pairs = (wanted == wanted.T).float().fill_diagonal_(0)
        layouts = functional.adaptive_avg_pool2d(look.pixels, _LAYOUT_PX).flatten(1)
        layouts = functional.normalize(layouts - layouts.mean(1, keepdim=True), dim=1)
        return (layouts @ layouts.T * pairs / pairs.sum(1, keepdim=True).clamp(min=1)).sum()

    return Objective(value)
