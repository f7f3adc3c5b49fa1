"""A private twin of a network whose batch-norm layers tell what they see: for the batch-norm prior.

The twin shares every weight with the network and has modules of its own, so that the network itself carries no hook.
A batch norm behind a convolution is folded into it, as for inference; its statistics are then those of the convolution's
output, for which the normalised mean and variance that training expects are known as well.

References:
    Yin et al. 2020, Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, arXiv:1912.08795
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.backbones.backbone import Backbone
from core.backbones.folding import agrees, conv_norm_pairs
from core.backbones.tapping import move_tap
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


@dataclass(frozen=True, eq=False)
class _Expected:
    """How what one layer sees becomes units of training: (mean - shift) * factor, (variance + extra) * factor^2.

    Attributes:
        used: indices of the channels that count `(U,)`.
        shift, factor, extra: `(U,)`.
    """

    used: torch.Tensor
    shift: torch.Tensor
    factor: torch.Tensor
    extra: torch.Tensor


class Watch:
    """Gathers the statistics of one forward pass of a twin, first layer first. One thread at a time."""

    def __init__(self) -> None:
        self._gathered: list[tuple[_Expected, torch.Tensor, torch.Tensor]] = []
        self._joined: tuple[list[_Expected], _Expected] | None = None

    def add(self, expected: _Expected, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Called by the layers: mean and variance `(C,)` as they are."""
        self._gathered.append((expected, mean, variance))

    def take(self) -> tuple[ChannelStatistics, ...]:
        """What was gathered since the last time.

        All layers are brought to units of training at once: fifty layers with a handful of small tensors each took longer
        than their convolutions.
        """
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return ()
        layers, means, variances = zip(*gathered, strict=True)
        joined = self._join(list(layers), [len(mean) for mean in means])
        mean = (torch.cat(means)[joined.used] - joined.shift) * joined.factor
        variance = (torch.cat(variances)[joined.used] + joined.extra) * joined.factor.square()
        sizes = [len(layer.used) for layer in layers]
        pairs = zip(mean.split(sizes), variance.split(sizes), strict=True)
        return tuple(ChannelStatistics(*pair) for pair in pairs)

    def _join(self, layers: list[_Expected], channels: list[int]) -> _Expected:
        """Those of all layers in a row; made once, as a network's layers always come in the same order."""
        if self._joined is None or self._joined[0] != layers:
            starts = itertools.accumulate(channels[:-1], initial=0)
            used = [layer.used + start for layer, start in zip(layers, starts, strict=True)]
            rest = (torch.cat([getattr(layer, name) for layer in layers]) for name in ("shift", "factor", "extra"))
            self._joined = layers, _Expected(torch.cat(used), *rest)
        return self._joined[1]


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
            "{title} has no batch norm, so it remembers nothing of its training pictures that a batch-norm prior "
            "could compare with. Set the prior to 0, or choose another network.",
            title=backbone.title,
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
            setattr(parent, norm_name, move_tap(norm, _Folded(norm, watch, copies=copies)))
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
        used = (scale.abs() > _SMALLEST_SCALE).nonzero().squeeze(1)
        self._expected = _Expected(used, shift[used], 1 / scale[used], torch.zeros_like(shift[used]))
        self._watch = watch

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs, mean, variance = _WithStatistics.apply(inputs)
        if len(self._expected.used):
            self._watch.add(self._expected, mean, variance)
        outputs = self.act(inputs)
        return outputs.clone() if self._copies and outputs is inputs else outputs


class _Kept(nn.Module):
    """Around a batch norm that stays."""

    def __init__(self, norm: nn.BatchNorm2d, watch: Watch) -> None:
        super().__init__()
        self.norm = norm
        self._watch = watch
        spread = norm.running_var + norm.eps
        extra = torch.full_like(spread, norm.eps)
        every = torch.arange(len(spread), device=spread.device)
        self._expected = _Expected(every, norm.running_mean, spread.rsqrt(), extra)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs, mean, variance = _WithStatistics.apply(inputs)
        self._watch.add(self._expected, mean, variance)
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
        return torch.addcmul(constant.view(-1, 1, 1), inputs, slope.view(-1, 1, 1)).add_(gradient)
