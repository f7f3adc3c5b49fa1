"""Random numbers of libraries, drawn from a generator of our own.

torchvision's transforms and timm's initialisation draw from torch's global generator, which all threads of the
process share: two visitors who train at once would get each other's numbers, and no run could be repeated or resumed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWS = frozenset(
    [torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli, torch.multinomial]
    + [torch.rand_like, torch.randn_like, torch.randint_like]
    + [getattr(torch.Tensor, name) for name in ("uniform_", "normal_", "bernoulli_", "random_", "exponential_")]
    + [getattr(torch.Tensor, name) for name in ("log_normal_", "cauchy_", "geometric_", "bernoulli", "multinomial")]
)


def drawn_from(generator: torch.Generator) -> TorchFunctionMode:
    """`with drawn_from(generator)`: this thread's calls of torch's random functions use it; others notice nothing.

    Not for what draws inside compiled code, as `torch.nn.Dropout` does.
    """
    return _Drawing(generator)


def generator_of(*numbers: int) -> torch.Generator:
    """A generator of its own for each row of whole numbers (seed, step, picture, ...)."""
    mixed = 0xCBF29CE484222325
    for number in numbers:  # FNV-1a's multiplication, over whole numbers instead of bytes
        mixed = ((mixed ^ number) * 0x100000001B3 + 0x9E3779B97F4A7C15) & (2**63 - 1)
    return torch.Generator().manual_seed(mixed)


class _Drawing(TorchFunctionMode):
    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        # functions of torch.nn.init pass on a generator of None
        if kwargs.get("generator") is None and (func in _DRAWS or "generator" in kwargs):
            kwargs["generator"] = self._generator
        return func(*args, **kwargs)
