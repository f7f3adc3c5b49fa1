"""A private twin of a network whose modules tell what comes out of them, to whoever asks for one pass.

The twin shares every weight with the network and has modules of its own, so that the network itself carries no hook.
Who asks is kept by the thread, not by the twin: one twin serves any number of threads at once, and a pass that nobody asks
about is a plain pass.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Collection, Iterator
from typing import Any

import torch
from torch import nn

from core.backbones.twins import twin_of

# Name of a module, what goes in, what comes out -> what is handed on.
Visit = Callable[[str, tuple[Any, ...], Any], Any]

_visit: contextvars.ContextVar[Visit | None] = contextvars.ContextVar("visit", default=None)


def tapped(model: nn.Module, names: Collection[str] | None = None) -> nn.Module:
    """A twin of a network whose modules of these names (None: all) tell what comes out of them."""
    twin = twin_of(model)
    for name, module in twin.named_modules():
        if name and (names is None or name in names) and not isinstance(module, torch.jit.ScriptModule):
            # A class of its own instead of a wrapper around it: networks reach into their modules.
            module.__class__ = _tapped_class(type(module))
            module.tap = name
    return twin.requires_grad_(False)


def move_tap(before: nn.Module, after: nn.Module) -> nn.Module:
    """`after`, which takes the place of `before` in a twin, tells what `before` would have told."""
    if isinstance(before, _Tapped):
        after.__class__ = _tapped_class(type(after))
        after.tap = before.tap
    return after


@contextlib.contextmanager
def visiting(visit: Visit) -> Iterator[None]:
    """Within, tapped modules that this thread calls tell `visit`, and hand on what it returns.

    Not around a `yield` of a generator of snapshots: whoever resumes it may be another thread.
    """
    token = _visit.set(visit)
    try:
        yield
    finally:
        _visit.reset(token)


def outputs_at(twin: nn.Module, inputs: torch.Tensor, name: str) -> Any:
    """What comes out of one module; nothing after it is computed. Gradients flow back to the inputs.

    Args:
        inputs: normalised, `(N, 3, H, W)`.

    Raises:
        LookupError: the pass does not come by a tapped module of that name.
    """

    def stop(tap: str, given: tuple[Any, ...], outputs: Any) -> Any:
        if tap == name:
            raise _Reached(outputs)
        return outputs

    return _run_until_reached(twin, inputs, name, stop)


def outputs_until(twin: nn.Module, inputs: torch.Tensor, name: str) -> dict[str, Any]:
    """What comes out of each tapped module that is done when one module is done, itself the last; by name.

    Raises:
        LookupError: the pass does not come by it.
    """
    done: dict[str, Any] = {}

    def note(tap: str, given: tuple[Any, ...], outputs: Any) -> Any:
        done[tap] = outputs
        if tap == name:
            raise _Reached(outputs)
        return outputs

    _run_until_reached(twin, inputs, name, note)
    return done


def _run_until_reached(twin: nn.Module, inputs: torch.Tensor, name: str, visit: Visit) -> Any:
    try:
        with visiting(visit):
            twin(inputs)
    except _Reached as reached:
        return reached.outputs
    raise LookupError(name)


class _Reached(Exception):
    """No error: the way out."""

    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self.outputs = outputs


class _Tapped:
    """In front of a module's own class."""

    tap: str

    def forward(self, *given: Any, **named: Any) -> Any:
        outputs = super().forward(*given, **named)
        visit = _visit.get()
        return outputs if visit is None else visit(self.tap, given, outputs)


@functools.cache
def _tapped_class(kind: type[nn.Module]) -> type[nn.Module]:
    return kind if issubclass(kind, _Tapped) else type(kind.__name__, (_Tapped, kind), {})
