"""The rules that turn gradients into steps: each is a few lines, and the lesson names them all.

torch.optim has the same rules, tested to give the same weights. It takes seconds to load, though, and most of each small
step to choose among its variants: a head's step has less arithmetic than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

_MOMENTUM = 0.9
# Evaluations of one step of L-BFGS, its line search included; nearly always two or three are enough.
_MOST_LOOKS = 26
_TINY = 1e-8


class Optimiser:
    """Changes parameters by their `.grad`. The first parameter is decayed, the others (biases) are not.

    Attributes:
        state: tensors by name, all that the next step depends on beside parameters and gradients.
    """

    decays_apart = False

    def __init__(self, parameters: Sequence[torch.Tensor], *, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.state: dict[str, torch.Tensor] = {}

    def step(self, objective: Callable[[], torch.Tensor], rate: float) -> torch.Tensor:
        """Call `objective`, which sets the gradients, and step; returns the objective before the step."""
        value = objective()
        for number, parameter in enumerate(self.parameters):
            if number == 0 and self.weight_decay and self.decays_apart:
                parameter.mul_(1 - rate * self.weight_decay)
            elif number == 0 and self.weight_decay:
                parameter.grad.add_(parameter, alpha=self.weight_decay)
            self._change(number, parameter, parameter.grad, rate)
        return value

    def _change(self, number: int, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        parameter.add_(gradient, alpha=-rate)

    def _kept(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """A tensor of the state, 0 at first."""
        if name not in self.state:
            self.state[name] = torch.zeros_like(like)
        return self.state[name]


class Momentum(Optimiser):
    """Heavy ball (Polyak 1964): the step is a sum of past gradients, each 0.9 of the one after it."""

    def _change(self, number: int, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        velocity = self._kept(f"velocity{number}", parameter)
        velocity.mul_(_MOMENTUM).add_(gradient)
        parameter.add_(velocity, alpha=-rate)


class Adagrad(Optimiser):
    """Divides by the root of the sum of past squares (Duchi et al. 2011): rare inputs take longer steps."""

    def _change(self, number: int, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        squares = self._kept(f"squares{number}", parameter)
        squares.addcmul_(gradient, gradient)
        parameter.addcdiv_(gradient, squares.sqrt().add_(_TINY), value=-rate)


class RMSProp(Optimiser):
    """Divides by the root of a running mean of squares (Tieleman and Hinton 2012)."""

    def _change(self, number: int, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        squares = self._kept(f"squares{number}", parameter)
        squares.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
        parameter.addcdiv_(gradient, squares.sqrt().add_(_TINY), value=-rate)


class Adam(Optimiser):
    """Running means of gradients and squares, corrected for their start at 0 (Kingma and Ba 2015, arXiv:1412.6980).

    By torch's own kernel, which goes over memory once; written out, it goes six times, and a head trains a fifth longer.
    """

    def _change(self, number: int, parameter: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        steps = self._kept(f"steps{number}", parameter.new_zeros(()))
        mean, squares = self._kept(f"mean{number}", parameter), self._kept(f"squares{number}", parameter)
        steps += 1
        torch._fused_adam_(
            *([parameter], [gradient], [mean], [squares], [], [steps]),
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=_TINY,
            amsgrad=False,
            maximize=False,
        )


class AdamW(Adam):
    """Adam whose decay is apart from the gradient (Loshchilov and Hutter 2019, arXiv:1711.05101)."""

    decays_apart = True


class LBFGS(Optimiser):
    """torch's L-BFGS with a line search (Liu and Nocedal 1989), one iteration a step. It chooses the rate itself.

    Its decay is part of the objective, as it must be for the line search. It keeps lists of past gradients, which are
    not in `state`: a run that goes on begins anew from the same weights.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], *, weight_decay: float) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        # torch counts the search's looks among `max_eval`, which would otherwise be 1: no search at all
        self._torch = torch.optim.LBFGS(
            parameters, max_iter=1, max_eval=_MOST_LOOKS, history_size=10, line_search_fn="strong_wolfe"
        )

    def step(self, objective: Callable[[], torch.Tensor], rate: float) -> torch.Tensor:
        """One iteration; `rate` does not matter."""

        def decayed() -> torch.Tensor:
            value = objective()
            weight = self.parameters[0]
            weight.grad.add_(weight, alpha=self.weight_decay)
            return value + self.weight_decay / 2 * weight.square().sum()

        return self._torch.step(decayed)


_KINDS = {
    "sgd": Optimiser,
    "momentum": Momentum,
    "adagrad": Adagrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "lbfgs": LBFGS,
}


def make_optimiser(name: str, parameters: Sequence[torch.Tensor], *, weight_decay: float) -> Optimiser:
    """The optimiser of that name; see `head_settings.OPTIMISERS`."""
    return _KINDS[name](parameters, weight_decay=weight_decay)
