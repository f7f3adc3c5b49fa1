"""Blocks and stages of a network, and what its layers are called before people."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING

from timm.models import group_parameters
from torch import nn

from core.inside.trial import Shown, is_norm
from core.texts import Said, mark, say

if TYPE_CHECKING:
    from core.inside.layers import Kind

# What a part of a block or of the stem does, before people; blocks and stages are called by their place alone.
_WORDS: dict[Kind, str] = {
    "convolution": mark("convolution"),
    "activation": mark("activation"),
    "normalisation": mark("normalisation"),
    "attention": mark("attention"),
    "pooling": mark("pooling"),
    "patches": mark("patches"),
    "channel mixing": mark("channel mixing"),
    "channel weights": mark("channel weights"),
    "shortcut": mark("shortcut"),
    "part": mark("part"),
}


def blocks_of(model: nn.Module) -> tuple[str, ...]:
    """Names of the modules that a network is a row of, in their order: timm groups weights by block.

    None for a network that is a plain row of layers (VGG), and for one that timm does not group.
    """
    if not hasattr(model, "group_matcher"):
        return ()
    modules = dict(model.named_modules())
    _, *groups = group_parameters(model, model.group_matcher(coarse=False)).values()  # the first is the stem
    holders = [_common_module(group) for group in groups]
    found: dict[str, None] = {}
    for group, holder in zip(groups, holders, strict=True):
        # timm adds what comes after the last block to that block's group, and what shrinks the maps to the next one's
        mixed = not holder or any(other.startswith(f"{holder}.") for other in holders)
        for part in _split(group, holder) if mixed else [holder]:
            found |= dict.fromkeys(name for name in _refined(part, modules) if _may_be_block(name, modules[name]))
    return tuple(name for name in found if not any(other.startswith(f"{name}.") for other in found))


def _split(weights: Sequence[str], holder: str) -> list[str]:
    """The modules just inside of a holder, as far as they go together, of a group of weights."""
    depth = len(holder.split(".")) if holder else 0
    parts: dict[str, list[str]] = {}
    for weight in weights:
        parts.setdefault(weight.split(".")[depth], []).append(weight)
    return [_common_module(part) for part in parts.values()]


def _may_be_block(name: str, module: nn.Module) -> bool:
    parts = any(True for _ in module.children()) and not isinstance(module, nn.Sequential) and not is_norm(module)
    return parts and not name.endswith("downsample")


def named(found: Sequence[Shown], blocks: Sequence[str]) -> list[tuple[str, Kind, int]]:
    """Title, kind and stage of each layer."""
    places = _places(found, blocks)
    counts = collections.Counter(
        (stage, block, _kind(one, blocks)) for one, (stage, block) in zip(found, places, strict=True)
    )
    count_so_far: collections.Counter[tuple[int, int, str]] = collections.Counter()
    taken: collections.Counter[str] = collections.Counter()
    stem = places[0][0] == 0
    blocks_in = {stage: max(block for other, block in places if other == stage) for stage, _ in places}
    isotropic = _is_isotropic(found, blocks)
    rows = []
    for position, (one, (stage, block)) in enumerate(zip(found, places, strict=True)):
        kind = _kind(one, blocks)
        count_so_far[stage, block, kind] += 1
        ends = position + 1 == len(found) or places[position + 1][0] != stage
        if position + 1 == len(found):
            title = say("Last maps")
        elif stage == 0 and ends:
            title = say("Stem")
        else:
            title = _where(stage, block, isotropic=isotropic, alone=blocks_in[stage] <= 1)
            if kind not in ("block", "stage"):
                part = say(_WORDS[kind])
                if counts[stage, block, kind] > 1:
                    part = say("{part} {number}", part=part, number=count_so_far[stage, block, kind])
                title = say("{place}, {part}", place=title, part=part)
        taken[title] += 1
        unique = say("{title} ({number})", title=title, number=taken[title]) if taken[title] > 1 else title
        rows.append((unique, kind, stage))
    return rows if stem else [(title, kind, stage - 1) for title, kind, stage in rows]


def _where(stage: int, block: int, *, isotropic: bool, alone: bool) -> Said:
    if stage == 0:
        return say("Stem")
    if isotropic:
        return say("Block {number}", number=stage)
    if alone or block == 0:
        return say("Stage {number}", number=stage)
    return say("Stage {number}, block {block}", number=stage, block=block)


def _common_module(weights: Sequence[str]) -> str:
    """Name of the innermost module that holds all of these weights; "" for the network."""
    paths = [name.split(".")[:-1] for name in weights]
    common = []
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        common.append(steps[0])
    return ".".join(common)


def _refined(name: str, modules: dict[str, nn.Module]) -> list[str]:
    """A stage that holds its blocks under that name: they, not the stage."""
    for container in (name, f"{name}.blocks"):
        if isinstance(modules.get(container), (nn.Sequential, nn.ModuleList)):
            return [f"{container}.{child}" for child, _ in modules[container].named_children()]
    return [name]


def _is_isotropic(found: Sequence[Shown], blocks: Sequence[str]) -> bool:
    sizes = [one.shape[1:] for one in found if one.name in blocks]
    return len(sizes) > 1 and len(set(sizes)) == 1


def _places(found: Sequence[Shown], blocks: Sequence[str]) -> list[tuple[int, int]]:
    """For each layer its stage (0: before the first block) and which block of the stage it belongs to, from 1.

    0 as the block: beside the blocks. What comes between two blocks belongs to the stage of the second.
    """
    if not any(one.name in blocks for one in found):
        return _places_by_size(found)
    isotropic = _is_isotropic(found, blocks)
    places: dict[str, tuple[int, int]] = {}
    stage, number, size = 0, 0, None
    for one in found:
        if one.name in blocks:
            new = isotropic or one.shape[1:] != size
            stage, number, size = (stage + 1, 1, one.shape[1:]) if new else (stage, number + 1, size)
            places[one.name] = stage, number
    rows: list[tuple[int, int]] = []
    before_first = True
    following = [next((other.name for other in found[i:] if other.name in blocks), None) for i in range(len(found))]
    for one, block in zip(found, following, strict=True):
        held = [name for name in places if name.startswith(f"{one.name}.")]
        if held:  # a whole stage, which is more than its last block where that one's maps join those before
            rows.append((places[held[-1]][0], 0))
        elif block is None:
            rows.append((stage + 1, 0))
        elif one.name == block or one.name.startswith(f"{block}."):
            rows.append(places[block])
            before_first = False
        else:
            rows.append((0 if before_first else places[block][0], 0))
    return rows


def _places_by_size(found: Sequence[Shown]) -> list[tuple[int, int]]:
    stage, size, rows = 0, None, []
    for one in found:
        if one.shape[1:] != size:
            stage, size = stage + 1, one.shape[1:]
        rows.append((stage, 0))
    return rows


def _kind(one: Shown, blocks: Sequence[str]) -> Kind:
    if one.name in blocks:
        return "block"
    if any(block.startswith(f"{one.name}.") for block in blocks):
        return "stage"
    if any(word in one.name for word in ("downsample", "shortcut")):
        return "shortcut"
    source = one.source
    kind = type(source).__name__
    if isinstance(source, nn.Conv2d):
        return "convolution"
    words: tuple[tuple[str, Kind], ...] = (
        ("PatchEmbed", "patches"),
        ("Pool", "pooling"),
        ("Attention", "attention"),
        ("Mlp", "channel mixing"),
        ("SqueezeExcite", "channel weights"),
        ("SEModule", "channel weights"),
        ("Conv", "convolution"),
        ("Norm", "normalisation"),
        ("Linear", "channel mixing"),
    )
    found = next((word for sign, word in words if sign in kind), None)
    if found is None and type(source).__module__.endswith("activation"):
        return "activation"
    return found or "part"
