"""Feature maps: what one layer makes of one photo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image
from torch import nn

from core.backbones.backbone import Backbone
from core.backbones.tapping import outputs_at, tapped, visiting
from core.errors import BackboneError
from core.images import to_pictures, to_pixels
from core.inside.layers import Layer, find_layer, layers_of, stages_of
from core.inside.remembering import Remembered

# One for each size of picture, all of which share the network's weights.
_twins: Remembered[nn.Module] = Remembered()


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """One layer's maps of one photo.

    Attributes:
        layer: which.
        view: the 8-bit picture that the network saw.
        maps: `(C, H, W)` float32, on the processor.
        strength: `(C,)`, the standard deviation of each map over its places: one that is equally bright everywhere says
            nothing of where anything is.
        order: `(C,)` int64, the channels, strongest first.
    """

    layer: Layer
    view: Image.Image = field(repr=False)
    maps: torch.Tensor = field(repr=False)
    strength: torch.Tensor = field(repr=False)
    order: torch.Tensor = field(repr=False)


def feature_maps(backbone: Backbone, picture: Image.Image, layer_name: str) -> FeatureMaps:
    """What a layer makes of an RGB picture of any size. The pass ends there: it costs no more than a forward pass.

    Raises:
        SettingsError: the network has no such layer.
    """
    layer = find_layer(backbone, layer_name)
    view = backbone.view(picture)
    with torch.inference_mode():
        return _described(layer, view, maps_of(backbone, layer, to_pixels([view])))


def walk(backbone: Backbone, picture: Image.Image) -> tuple[FeatureMaps, ...]:
    """What each stage of `layers.stages_of` makes of an RGB picture, by one forward pass."""
    stages = stages_of(backbone)
    view = backbone.view(picture)
    with torch.inference_mode():
        inputs = backbone.normalise(to_pixels([view])).contiguous(memory_format=torch.channels_last)
        # a block may write its result over what it was given: what comes out of each stage is kept as it is then
        kept: dict[str, torch.Tensor] = {}

        def keep(name: str, given: tuple[Any, ...], outputs: Any) -> Any:
            if name in wanted:
                kept[name] = wanted[name].maps(outputs).clone()
            return outputs

        wanted = {stage.name: stage for stage in stages}
        with visiting(keep):
            twin_for(backbone).forward_features(inputs)
        return tuple(_described(stage, view, kept[stage.name]) for stage in stages)


def _described(layer: Layer, view: Image.Image, maps: torch.Tensor) -> FeatureMaps:
    """Maps `(1, C, H, W)` of one picture, with their strengths."""
    maps = maps[0].float().cpu().contiguous()
    strength = maps.flatten(1).std(1, correction=0)
    return FeatureMaps(layer, view, maps, strength, strength.argsort(descending=True, stable=True))


def maps_of(backbone: Backbone, layer: Layer, pixels: torch.Tensor) -> torch.Tensor:
    """Pixels `(N, 3, H, W)` in [0, 1] -> maps `(N, C, h, w)` of a layer; gradients flow back to the pixels."""
    inputs = backbone.normalise(pixels).contiguous(memory_format=torch.channels_last)
    return layer.maps(outputs_at(twin_for(backbone), inputs, layer.name))


def twin_for(backbone: Backbone) -> nn.Module:
    """The folded network's twin whose layers tell what comes out of them. Made once, for all threads."""
    names = frozenset(layer.name for layer in layers_of(backbone))
    return _twins.get(backbone.inference_model, names, lambda: tapped(backbone.inference_model, names))


def first_filters(backbone: Backbone, *, tile_px: int = 64) -> list[Image.Image]:
    """The first convolution's weights as pictures: what each of its channels looks for.

    Grey is 0. A filter's colours are those that excite it; each is stretched by its own largest weight, over the spread
    by which the network divides pixels.

    Returns:
        One picture of `tile_px` a side for each channel, in their order.

    Raises:
        BackboneError: the network does not begin with a convolution over the three colours.
    """
    first = next((module for module in backbone.model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.in_channels != 3 or first.groups != 1 or max(first.kernel_size) < 2:
        raise BackboneError(
            "{network} does not begin with filters over the three colours of a picture, so there is nothing to draw. "
            "Choose another network, EfficientNet-Lite0 for instance.",
            network=backbone.title,
        )
    with torch.inference_mode():
        weights = first.weight / backbone.std
        largest = weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
        pictures = to_pictures(0.5 + weights / largest / 2)
    return [picture.resize((tile_px, tile_px), Image.Resampling.NEAREST) for picture in pictures]
