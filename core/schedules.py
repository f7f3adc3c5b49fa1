"""How the learning rate changes during a training, whatever is trained."""

from __future__ import annotations

import math

_DECAY_PER_EPOCH = 0.98
_WARM_UP_SHARE = 0.3  # of a one-cycle run (Smith and Topin 2017)


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
