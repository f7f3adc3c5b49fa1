"""The layers of a network whose output can be shown as maps, in the order in which they are computed, with names for people.

Found by one trial pass of a private twin whose modules all tell what comes out of them: no list of architectures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from core.backbones.backbone import Backbone
from core.backbones.tapping import tapped, visiting
from core.errors import SettingsError
from core.inside.naming import blocks_of, named
from core.inside.remembering import Remembered
from core.inside.trial import Layout, Seen, without_repeats

Kind = Literal[
    "block",
    "stage",
    "convolution",
    "activation",
    "normalisation",
    "attention",
    "pooling",
    "patches",
    "channel mixing",
    "channel weights",
    "shortcut",
    "part",
]


@dataclass(frozen=True)
class Layer:
    """One layer whose output can be shown as maps.

    Attributes:
        name: of the module: "blocks.2.1".
        title: what people call it: "Stage 3, block 2"; where it has numbers, one of `core.texts.Said`.
        kind: what it does.
        channels, height, width: `C` maps of `H` x `W` places.
        stage: which part of the strip it belongs to, from 0, the stem where there is one.
        layout: how its output lies in memory: `(N, C, H, W)`, `(N, H, W, C)`, or `(N, prefix + H * W, C)`.
        prefix: tokens before those of the places: a vision transformer's class token and registers.
    """

    name: str
    title: str
    kind: Kind
    channels: int
    height: int
    width: int
    stage: int
    layout: Layout
    prefix: int = 0

    def maps(self, outputs: torch.Tensor) -> torch.Tensor:
        """What comes out of the layer, as maps `(N, C, H, W)`; a view of it. Another size of picture is fine too."""
        if self.layout == "NHWC":
            return outputs.permute(0, 3, 1, 2)
        if self.layout == "tokens":
            places = outputs[:, self.prefix :].transpose(1, 2)
            height = round(math.sqrt(places.shape[2] * self.height / self.width))
            return places.unflatten(2, (height, -1))
        return outputs


_remembered: Remembered[tuple[Layer, ...]] = Remembered()


def layers_of(backbone: Backbone) -> tuple[Layer, ...]:
    """All layers that can be shown, in the order of computation; kept for the next who asks.

    Left out is what would show the same again or nothing: a convolution of which its own activation is shown, dropout,
    whatever lies deeper inside a block than its own parts, and all that has a single place.
    """
    return _remembered.get(backbone.model, backbone.input_size, lambda: _find(backbone))


def stages_of(backbone: Backbone) -> tuple[Layer, ...]:
    """The strip that one walks along: the last layer of each stage.

    A stage is a row of blocks whose maps have one size; in a network whose blocks all have one size, each block is one.
    """
    last = {layer.stage: layer for layer in layers_of(backbone)}
    return tuple(last[stage] for stage in sorted(last))


def find_layer(backbone: Backbone, name: str) -> Layer:
    """The layer of that name.

    Raises:
        SettingsError: there is none; the message names those of the strip.
    """
    for layer in layers_of(backbone):
        if layer.name == name:
            return layer
    known = ", ".join(layer.name for layer in stages_of(backbone))
    raise SettingsError(
        "{network} has no layer {name!r:.80} that can be shown. Choose another: {known}.",
        network=backbone.title,
        name=name,
        known=known,
    )


@torch.inference_mode()
def _find(backbone: Backbone) -> tuple[Layer, ...]:
    model = tapped(backbone.model)
    for module in model.modules():
        if getattr(module, "inplace", False) is True:  # it would hand on the very tensor that it was given
            module.inplace = False
    seen: list[Seen] = []

    def note(name: str, given: tuple[object, ...], outputs: object) -> object:
        seen.append(Seen(name, given, outputs))
        return outputs

    height, width = backbone.input_size
    inputs = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0)).to(backbone.device)
    with visiting(note):
        model.forward_features(inputs)  # what its head does is no map any more
    blocks = blocks_of(backbone.model)
    found = without_repeats(seen, backbone.model, blocks, backbone.input_size)
    if not found:
        raise SettingsError(
            "{network} has no layer whose output can be shown as maps. Choose another network.", network=backbone.title
        )
    return tuple(
        Layer(shown.name, title, kind, *shown.shape, stage, shown.layout, shown.prefix)
        for shown, (title, kind, stage) in zip(found, named(found, blocks), strict=True)
    )
