"""The stages of a timm network, from the first layers to the last, and which of them learn."""

from __future__ import annotations

import torch
from timm.models import group_parameters
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def stages_of(model: nn.Module) -> list[list[str]]:
    """Names of the weights by stage, the lowest first, as timm groups them: a stage of a CNN, a block of a ViT.

    A network that timm does not group is taken by its direct children.
    """
    if hasattr(model, "group_matcher"):
        names = list(group_parameters(model, model.group_matcher(coarse=True)).values())
    else:
        names = [
            [f"{child}.{name}" for name, _ in module.named_parameters()] for child, module in model.named_children()
        ]
    return [list(stage) for stage in names if stage]


def unfreeze_last(model: nn.Module, count: int) -> list[list[str]]:
    """Let the last `count` stages learn and freeze all others; names of the weights that learn, the lowest stage first."""
    stages = stages_of(model)
    learning = stages[max(0, len(stages) - count) :] if count else []
    names = {name for stage in learning for name in stage}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
    return learning


def stages_that_learn(count: int, step: int, total_steps: int) -> int:
    """How many of `count` stages, from the last one down, learn at a step when they join one by one, evenly, all by half
    of the run: gradual unfreezing (Howard and Ruder 2018, arXiv:1801.06146)."""
    return min(count, 1 + 2 * step * (count - 1) // total_steps)


def batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """The batch-norm layers of the stages that learn, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        and module.track_running_stats
        and any(parameter.requires_grad for parameter in module.parameters(recurse=False))
    }


def statistics(model: nn.Module) -> dict[str, torch.Tensor]:
    """Running means and variances (and counters) of the batch-norm layers that learn, by name."""
    return {
        f"{name}.{buffer}": tensor
        for name, module in batch_norms(model).items()
        for buffer, tensor in module.named_buffers(recurse=False)
    }
