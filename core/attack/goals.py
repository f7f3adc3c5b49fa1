"""What a network is to say of an attacked picture: anything but its class, or one class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from core.errors import SettingsError
from core.prediction import Prediction


@dataclass(frozen=True)
class Misclassify:
    """Anything but this: an untargeted attack.

    Attributes:
        label: index of the class that the network reads in the photo.
    """

    label: int


@dataclass(frozen=True)
class Become:
    """This: a targeted attack.

    Attributes:
        label: index of the class.
    """

    label: int


Goal = Misclassify | Become

# A network that gives the goal nine tenths of its belief need not pull any more.
_ENOUGH = 2.0


def margins(logits: torch.Tensor, goals: Sequence[Goal]) -> torch.Tensor:
    """How far each goal is from being reached, in logits: above 0 as long as it is not.

    Args:
        logits: `(N, K)`, or `(N, M, K)` of M networks that are all to be fooled.

    Returns:
        `(N,)`: Misclassify: the class's logit less the largest other; Become: the largest other less the class's
        (Carlini and Wagner 2017, arXiv:1608.04644). Of several networks that of the farthest.
    """
    return _margins(logits, goals, lambda others: others.amax(-1)).amax(1)


def smooth_margins(logits: torch.Tensor, goals: Sequence[Goal]) -> torch.Tensor:
    """The same with a smooth maximum, the logarithm of the sum of exponentials: log((1 - p) / p) for Become.

    Returns:
        `(N,)`, of one network at least the margin for Become and at most for Misclassify; of several networks the mean, from
        which those that are fooled by far are left out: from far away all others pull.
    """
    each = _margins(logits, goals, lambda others: others.logsumexp(-1))
    return (each.clamp(min=-_ENOUGH) if each.shape[1] > 1 else each).mean(1)


def _margins(
    logits: torch.Tensor, goals: Sequence[Goal], largest: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Of each network `(N, M)`."""
    logits, labels, signs = _columns(goals, logits)
    own = logits.gather(-1, labels)[..., 0]
    return signs * (own - largest(logits.scatter(-1, labels, -torch.inf)))


def _columns(goals: Sequence[Goal], logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits `(N, M, K)`, labels `(N, M, 1)`, and for each goal whether its class is to fall (1) or to rise (-1), `(N, 1)`."""
    logits = logits if logits.ndim == 3 else logits[:, None]
    labels = torch.tensor([goal.label for goal in goals], device=logits.device)[:, None, None]
    signs = [1.0 if isinstance(goal, Misclassify) else -1.0 for goal in goals]
    return logits, labels.expand(-1, logits.shape[1], 1), torch.tensor(signs, device=logits.device)[:, None]


def log_probabilities(logits: torch.Tensor, goals: Sequence[Goal]) -> torch.Tensor:
    """`(N,)`, to be made small: the logarithm of the class's probability for Misclassify, less it for Become; of several
    networks their mean."""
    return scores(logits.log_softmax(-1), goals)


def scores(logits: torch.Tensor, goals: Sequence[Goal]) -> torch.Tensor:
    """`(N,)`, to be made small: the class's logit for Misclassify, less it for Become (Zhao et al. 2021, arXiv:2012.11207);
    of several networks their mean."""
    logits, labels, signs = _columns(goals, logits)
    return (signs * logits.gather(-1, labels)[..., 0]).mean(1)


def reached(labels: Sequence[int], goals: Sequence[Goal]) -> list[bool]:
    """Whether what the network reads is what each goal wants."""
    return [(read == goal.label) == isinstance(goal, Become) for read, goal in zip(labels, goals, strict=True)]


def fooled(readings: Sequence[Prediction], goal: Goal) -> bool:
    """Whether every network reads what the goal wants."""
    return all(reached([one.top(1)[0].index], [goal])[0] for one in readings)


def goal_of(present: int, target: int | None, class_names: Sequence[str]) -> Goal:
    """The goal of attacking a photo in which the network reads `present`.

    Args:
        target: index of the class that it is to become; None: anything else.
        class_names: what the network can say.

    Raises:
        SettingsError: the network does not know the target, or reads it already.
    """
    if target is None:
        return Misclassify(present)
    if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < len(class_names):
        raise SettingsError(
            "The class {target!r:.80} is not one of the network's {count}, which count from 0.",
            target=target,
            count=len(class_names),
        )
    if target == present:
        raise SettingsError(
            "The network reads {class_names} already. Choose another class.",
            class_names=class_names[target],
        )
    return Become(target)
