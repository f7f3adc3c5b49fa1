"""Feature maps: what one layer makes of one photo."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import nn

from core.backbones.backbone import Backbone
from core.backbones.tapping import outputs_at, tapped
from core.errors import BackboneError
from core.images import to_pictures, to_pixels
from core.inside.layers import Layer, find_layer, layers_of
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
        maps = maps_of(backbone, layer, to_pixels([view]))[0].cpu().contiguous()
        strength = maps.flatten(1).std(1, correction=0)
        order = strength.argsort(descending=True, stable=True)
    return FeatureMaps(layer, view, maps, strength, order)


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
            f"{backbone.title} does not begin with filters over the three colours of a picture, so there is nothing to draw. "
            "Choose another network, EfficientNet-Lite0 for instance."
        )
    with torch.inference_mode():
        weights = first.weight / backbone.std
        largest = weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
        pictures = to_pictures(0.5 + weights / largest / 2)
    return [picture.resize((tile_px, tile_px), Image.Resampling.NEAREST) for picture in pictures]
