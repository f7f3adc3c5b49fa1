"""What was seen in one pass, and which of it can be shown: each tensor once, as maps."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

Layout = Literal["NCHW", "NHWC", "tokens"]

# The most tokens before those of the places: a class token, one of a teacher, and up to 16 registers.
_MOST_PREFIXES = 18


@dataclass(frozen=True, eq=False)
class Seen:
    """One module at work."""

    name: str
    given: tuple[Any, ...]
    outputs: Any


@dataclass(frozen=True)
class Shown:
    """One output that can be shown.

    Attributes:
        name: of the module.
        module: it, in the network itself.
        source: the module that does the work, where `module` only norms or activates what came out of it.
        shape: channels, height, width.
        layout, prefix: see `Layer`.
    """

    name: str
    module: nn.Module
    source: nn.Module
    shape: tuple[int, int, int]
    layout: Layout
    prefix: int


def without_repeats(
    seen: Sequence[Seen], model: nn.Module, blocks: Collection[str], size: tuple[int, int]
) -> list[Shown]:
    """Outputs that can be shown, in order.

    Args:
        seen: all modules of a pass of one picture, in the order in which they were done; nothing in place.
        model: the network, for its modules.
        blocks: names of its blocks.
        size: (height, width) of the picture.
    """
    modules = dict(model.named_modules())
    sources = _sources(seen, modules)
    overtaken = set(sources.values())
    groups: dict[tuple[int, int], dict[str, Seen]] = {}
    for one in seen:
        # the same numbers, perhaps with their axes in another order; none was freed meanwhile, as `seen` holds them all
        if isinstance(one.outputs, torch.Tensor):
            groups.setdefault((one.outputs.data_ptr(), one.outputs.numel()), {})[one.name] = one
    shown = []
    for group in groups.values():
        names = [name for name in group if _is_listed(name, modules, blocks)]
        if all(name in overtaken for name in names):
            continue
        name = next((name for name in names if name in blocks), names[-1])
        as_maps = _as_maps(group[name], modules, model, size)
        if as_maps is None:
            continue
        source = name
        while source in sources:
            source = sources[source]
        if is_norm(modules[name]) and source == name and _block_around(name, blocks):
            continue  # the norm before a part of a block shows the block before once more
        shape, layout, prefix = as_maps
        shown.append(Shown(name, modules[name], modules[source], shape, layout, prefix))
    return _outermost(shown, blocks)


def _sources(seen: Sequence[Seen], modules: dict[str, nn.Module]) -> dict[str, str]:
    """For each norm and activation the module beside it whose output it is given."""
    made_by: dict[int, list[str]] = {}
    sources = {}
    for one in seen:
        given = one.given[0] if one.given else None
        if is_norm(modules[one.name]) or is_activation(modules[one.name]):
            beside = [name for name in made_by.get(id(given), []) if _parent(name) == _parent(one.name)]
            working = [name for name in beside if _does_work(modules[name]) or name in sources]
            if working:
                sources[one.name] = working[-1]
        made_by.setdefault(id(one.outputs), []).append(one.name)
    return sources


def _as_maps(
    one: Seen, modules: dict[str, nn.Module], model: nn.Module, size: tuple[int, int]
) -> tuple[tuple[int, int, int], Layout, int] | None:
    """Channels, height and width; layout; prefix tokens. None where these are no maps of this picture."""
    shape = tuple(one.outputs.shape)
    if not one.outputs.is_floating_point() or shape[0] != 1:
        return None
    if len(shape) == 3:
        for prefix in range(min(_MOST_PREFIXES, shape[1])):
            grid = _grid(shape[1] - prefix, size)
            if grid:
                return (shape[2], *grid), "tokens", prefix
        return None
    if len(shape) != 4:
        return None
    last, first = _are_places(shape[2:], size), _are_places(shape[1:3], size)
    if last and first:  # as many channels as places a side
        module = modules[one.name]
        first = isinstance(module, (nn.Linear, nn.LayerNorm)) or getattr(model, "output_fmt", "NCHW") == "NHWC"
    if first:
        return (shape[3], shape[1], shape[2]), "NHWC", 0
    return ((shape[1], shape[2], shape[3]), "NCHW", 0) if last else None


def _grid(places: int, size: tuple[int, int]) -> tuple[int, int] | None:
    height = round(math.sqrt(places * size[0] / size[1]))
    fits = height > 1 and places % height == 0 and _are_places((height, places // height), size)
    return (height, places // height) if fits else None


def _are_places(sides: Sequence[int], size: tuple[int, int]) -> bool:
    """Whether a grid of these sides can be that of a picture of this size: more than one place, of the same form."""
    height, width = sides
    return 1 < height <= size[0] and 1 < width <= size[1] and abs(height - width * size[0] / size[1]) < 1


def _is_listed(name: str, modules: dict[str, nn.Module], blocks: Collection[str]) -> bool:
    module, kind = modules[name], type(modules[name]).__name__
    if isinstance(module, (nn.Sequential, nn.Dropout, nn.Identity)) or "Drop" in kind or "LayerScale" in kind:
        return False
    around = name.split(".")[:-1]
    outer = [modules[".".join(around[:depth])] for depth in range(1, len(around) + 1)]
    if any("Attention" in type(one).__name__ for one in outer):
        return False
    block = _block_around(name, blocks)
    if not block:
        return True
    inside = name.removeprefix(f"{block}.").split(".")
    steps = [".".join([block, *inside[:depth]]) for depth in range(1, len(inside))]
    return all(isinstance(modules[step], nn.Sequential) for step in steps)


def _outermost(shown: list[Shown], blocks: Collection[str]) -> list[Shown]:
    """Without what lies inside of another that is shown and holds no blocks: the stem's parts, for instance."""
    wholes = [one.name for one in shown if one.name not in blocks and not _block_around(one.name, blocks)]
    wholes = [name for name in wholes if not any(block.startswith(f"{name}.") for block in blocks)]
    return [one for one in shown if not any(one.name.startswith(f"{whole}.") for whole in wholes)]


def _block_around(name: str, blocks: Collection[str]) -> str:
    """The block that a module lies in; "" for a block itself and for what lies outside of all."""
    return next((block for block in blocks if name.startswith(f"{block}.")), "")


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def is_norm(module: nn.Module) -> bool:
    """Whether it norms and, in timm's way, perhaps activates; not a convolution with its norm."""
    return "Norm" in type(module).__name__ and not any(isinstance(child, nn.Conv2d) for child in module.modules())


def is_activation(module: nn.Module) -> bool:
    """Whether it is one of torch's or timm's activations."""
    homes = [kind.__module__ for kind in type(module).__mro__]  # a tapped one has a class of its own before them
    known = any(home.endswith("modules.activation") or ".activations" in home for home in homes)
    return known and not any(True for _ in module.children())


def _does_work(module: nn.Module) -> bool:
    return isinstance(module, (nn.Conv2d, nn.Linear)) or is_norm(module)
