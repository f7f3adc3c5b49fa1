"""A faster twin of a network for inference: batch norm folded into the convolution before it.

In evaluation, batch norm multiplies and shifts each channel by fixed numbers; a convolution can do both at once:
w' = w * gamma / sqrt(var + eps), b' = beta + (b - mean) * gamma / sqrt(var + eps).
The network itself stays as it is: fine-tuning and the batch-norm prior need its statistics.
"""

from __future__ import annotations

import itertools
import logging

import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.backbones.twins import twin_of

logger = logging.getLogger(__name__)

# Relative to the largest output. Rounding differs by about 1e-6 a layer; a wrong pair by 0.1 and more.
_TOLERANCE = 1e-3


def fold_batch_norm(model: nn.Module, sample: torch.Tensor) -> nn.Module:
    """The twin, sharing every weight that did not change; the model itself where there is nothing to fold.

    Pairs are found by their order in the module tree, which need not be the order of computation: the twin is therefore
    compared with the model on `sample` `(N, 3, H, W)`, and given up when the two disagree.
    """
    twin = twin_of(model)
    pairs = [pair for parent in list(twin.modules()) for pair in conv_norm_pairs(parent)]
    if not pairs:
        return model
    for parent, conv_name, norm_name in pairs:
        conv, norm = getattr(parent, conv_name), getattr(parent, norm_name)
        setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
        # timm's norm layers carry the activation that follows
        setattr(parent, norm_name, norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity())
    twin.requires_grad_(False)
    if not agrees(model, twin, sample):
        logger.warning("folding batch norm changes %s: kept as it is", type(model).__name__)
        return model
    return twin.to(memory_format=torch.channels_last)


@torch.inference_mode()
def agrees(model: nn.Module, twin: nn.Module, sample: torch.Tensor) -> bool:
    """Whether both give the same outputs for `sample` `(N, 3, H, W)`, but for rounding."""
    expected, given = model(sample), twin(sample)
    return bool((expected - given).abs().max() <= _TOLERANCE * expected.abs().max())  # so that NaN counts as different


def conv_norm_pairs(parent: nn.Module) -> list[tuple[nn.Module, str, str]]:
    """Children of this module that are a convolution and the batch norm that follows it: parent, both names."""
    children = list(parent.named_children())
    return [
        (parent, conv_name, norm_name)
        for (conv_name, conv), (norm_name, norm) in itertools.pairwise(children)
        if isinstance(conv, nn.Conv2d)
        if isinstance(norm, nn.BatchNorm2d) and norm.num_features == conv.out_channels and norm.track_running_stats
    ]
