"""A private twin of a network whose batch-norm layers tell what they see: for the batch-norm prior.

The twin shares every weight with the network and has modules of its own, so that the network itself carries no hook.
A batch norm behind a convolution is folded into it, as for inference; its statistics are then those of the convolution's
output, for which the normalised mean and variance that training expects are known as well.

References:
    Yin et al. 2020, Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, arXiv:1912.08795
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.backbones.backbone import Backbone
from core.backbones.folding import agrees, conv_norm_pairs
from core.backbones.twins import twin_of
from core.errors import BackboneError

# A channel that its norm scales to nearly nothing carries nothing, and dividing by that scale would make noise of it.
_SMALLEST_SCALE = 1e-3


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """What one batch-norm layer sees of one batch, in the units of its training: there it was mean 0 and variance 1.

    Attributes:
        mean: `(C,)`, over pictures and places.
        variance: `(C,)`, likewise.
    """

    mean: torch.Tensor
    variance: torch.Tensor


class Watch:
    """Gathers the statistics of one forward pass of a twin, first layer first. One thread at a time."""

    def __init__(self) -> None:
        self._gathered: list[ChannelStatistics] = []

    def take(self) -> tuple[ChannelStatistics, ...]:
        """What was gathered since the last time."""
        gathered, self._gathered = tuple(self._gathered), []
        return gathered

    def add(self, statistics: ChannelStatistics) -> None:
        """Called by the layers."""
        self._gathered.append(statistics)


def has_batch_norm(backbone: Backbone) -> bool:
    """Whether there are statistics of training to compare with."""
    return any(_keeps_statistics(module) for module in backbone.model.modules())


def watched(backbone: Backbone) -> tuple[Backbone, Watch]:
    """The backbone with a twin of its network, and where that one's batch-norm layers tell what they see.

    Raises:
        BackboneError: the network has no batch norm.
    """
    if not has_batch_norm(backbone):
        raise BackboneError(
            f"{backbone.title} has no batch norm, so it remembers nothing of its training pictures that a batch-norm prior "
            "could compare with. Set the prior to 0, or choose another network."
        )
    height, width = backbone.input_size
    sample = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0)).to(backbone.device)
    for fold, copies in ((True, False), (True, True), (False, True)):
        watch = Watch()
        twin = _twin(backbone.model, watch, fold=fold, copies=copies)
        if agrees(backbone.model, twin, sample) and _has_gradients(twin, sample):
            break
    watch.take()
    return dataclasses.replace(backbone, model=twin.to(memory_format=torch.channels_last)), watch


def _has_gradients(twin: nn.Module, sample: torch.Tensor) -> bool:
    """Whether gradients flow back: not where a network adds to a layer's output in place, as ResNets do, which
    overwrites what the gradient of its statistics needs."""
    with torch.inference_mode(False), torch.enable_grad():
        inputs = sample.clone().requires_grad_()
        try:
            torch.autograd.grad(twin(inputs).sum(), inputs)
        except RuntimeError:
            return False
    return True


def _twin(model: nn.Module, watch: Watch, *, fold: bool, copies: bool) -> nn.Module:
    """A network that shares all weights with `model` and tells its statistics.

    Args:
        fold: whether batch norm is folded into the convolution before it.
        copies: whether layers hand on copies, which may be written over.
    """
    twin = twin_of(model)
    if fold:
        for parent, conv_name, norm_name in [pair for part in list(twin.modules()) for pair in conv_norm_pairs(part)]:
            norm = getattr(parent, norm_name)
            setattr(parent, conv_name, fuse_conv_bn_eval(getattr(parent, conv_name), norm))
            setattr(parent, norm_name, _Folded(norm, watch, copies=copies))
    for parent in list(twin.modules()):
        for name, child in list(parent.named_children()):
            if _keeps_statistics(child):
                setattr(parent, name, _Kept(child, watch))
    for module in twin.modules():
        if getattr(module, "inplace", False) is True:  # it would overwrite what the statistics' gradient needs
            module.inplace = False
    return twin.requires_grad_(False)


def _keeps_statistics(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d) and module.track_running_stats and module.running_var is not None


class _Folded(nn.Module):
    """In the place of a batch norm that was folded into the convolution before it."""

    def __init__(self, norm: nn.BatchNorm2d, watch: Watch, *, copies: bool) -> None:
        super().__init__()
        self._copies = copies
        self.act = norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity()
        scale = norm.weight if norm.affine else torch.ones_like(norm.running_var)
        shift = norm.bias if norm.affine else torch.zeros_like(norm.running_var)
        self._used = (scale.abs() > _SMALLEST_SCALE).nonzero().squeeze(1)
        self._scale, self._shift = scale[self._used], shift[self._used]
        self._watch = watch

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs, mean, variance = _WithStatistics.apply(inputs)
        if len(self._used):
            mean = (mean[self._used] - self._shift) / self._scale
            self._watch.add(ChannelStatistics(mean, variance[self._used] / self._scale.square()))
        outputs = self.act(inputs)
        return outputs.clone() if self._copies and outputs is inputs else outputs


class _Kept(nn.Module):
    """Around a batch norm that stays."""

    def __init__(self, norm: nn.BatchNorm2d, watch: Watch) -> None:
        super().__init__()
        self.norm = norm
        self._watch = watch

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs, mean, variance = _WithStatistics.apply(inputs)
        expected = self.norm.running_var + self.norm.eps
        self._watch.add(
            ChannelStatistics((mean - self.norm.running_mean) / expected.sqrt(), (variance + self.norm.eps) / expected)
        )
        return self.norm(inputs)


class _WithStatistics(torch.autograd.Function):
    """Activations `(N, C, H, W)` as they are, with mean and variance `(C,)` of each channel.

    In one function, so that the gradient of the statistics is added to the activations' own in the same pass over memory.
    """

    @staticmethod
    def forward(context, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        # rows of channels, which is how channels-last memory lies: torch.var_mean over three axes is many times slower
        rows = inputs.permute(0, 2, 3, 1).reshape(-1, inputs.shape[1])
        count = len(rows)
        mean = rows.sum(0) / count
        variance = (rows.square().sum(0) / count - mean.square()).clamp_(min=0)
        context.save_for_backward(inputs, mean)
        context.count = count
        return inputs.view_as(inputs), mean, variance

    @staticmethod
    def backward(context, gradient, of_mean, of_variance):
        inputs, mean = context.saved_tensors
        slope = of_variance * (2 / context.count)
        constant = of_mean / context.count - slope * mean
        return torch.addcmul(gradient + constant.view(-1, 1, 1), inputs, slope.view(-1, 1, 1))
