"""The parts of a training step that do not depend on what is trained: optimiser and learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

_MOMENTUM = 0.9
_DECAY_PER_EPOCH = 0.98
_WARM_UP_SHARE = 0.3  # of a one-cycle run (Smith and Topin 2017)


def make_optimiser(
    name: str, parameters: Sequence[torch.Tensor], *, rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """torch's optimiser of that name. The first parameter is decayed, the others (biases) are not.

    `adamw` decays apart from the gradient (Loshchilov and Hutter 2019, arXiv:1711.05101); the others add the decay to
    the gradient. L-BFGS takes its decay from the objective.
    """
    if name == "lbfgs":
        return torch.optim.LBFGS(parameters, max_iter=1, history_size=10, line_search_fn="strong_wolfe")
    groups = [{"params": parameters[:1], "weight_decay": weight_decay}, {"params": parameters[1:], "weight_decay": 0.0}]
    kinds = {
        "sgd": lambda: torch.optim.SGD(groups, lr=rate),
        "momentum": lambda: torch.optim.SGD(groups, lr=rate, momentum=_MOMENTUM),
        "adagrad": lambda: torch.optim.Adagrad(groups, lr=rate),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=rate),
        "adam": lambda: torch.optim.Adam(groups, lr=rate),
        "adamw": lambda: torch.optim.AdamW(groups, lr=rate),
    }
    return kinds[name]()


def rate_factor(schedule: str, step: int, total_steps: int, steps_per_epoch: int) -> float:
    """What the learning rate is multiplied by at a step: constant 1; 0.98 an epoch; cosine to 0; one-cycle.

    The cosine is Loshchilov and Hutter 2017 (arXiv:1608.03983), one-cycle Smith and Topin 2017 (arXiv:1708.07120).
    """
    if schedule == "decay":
        return _DECAY_PER_EPOCH ** (step // steps_per_epoch)
    if schedule == "cosine":
        return (1 + math.cos(math.pi * step / total_steps)) / 2
    if schedule == "one-cycle":
        top = max(1.0, _WARM_UP_SHARE * total_steps)
        if step < top:
            return 0.04 + 0.96 * (1 - math.cos(math.pi * step / top)) / 2
        return (1 + math.cos(math.pi * (step - top) / max(1.0, total_steps - top))) / 2
    return 1.0


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step."""
    for group in optimiser.param_groups:
        group["lr"] = rate
