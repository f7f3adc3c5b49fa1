"""Lower stages learn more slowly than higher ones (Howard and Ruder 2018, arXiv:1801.06146)."""

from __future__ import annotations

import torch

from core.training.network import Network
from core.training.tuning_settings import TuneSettings

_MOMENTUM = 0.9


def optimiser_of(network: Network, learning: list[list[str]], settings: TuneSettings) -> torch.optim.Optimizer:
    """An optimiser of the weights that learn: each stage at its share of the rate; norms and biases are not decayed.

    Each of its groups has a "share": the rate of a step is to be multiplied by it.

    Args:
        learning: names of the trunk's weights by stage, the lowest first.
    """
    parameters = dict(network.named_parameters())
    scratch = settings.start == "scratch"
    stages = [["linear.weight", "linear.bias"], *([f"trunk.{name}" for name in stage] for stage in learning[::-1])]
    groups = []
    for below, names in enumerate(stages):
        share = 1.0 if scratch else settings.stage_decay ** max(0, below - 1)
        for decayed in (True, False):
            chosen = [parameters[name] for name in names if (parameters[name].ndim > 1) == decayed]
            weight_decay = settings.weight_decay if decayed else 0.0
            if chosen:
                groups.append({"params": chosen, "share": share, "weight_decay": weight_decay})
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=_MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
