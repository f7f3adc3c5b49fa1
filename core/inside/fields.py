"""How much of the picture one place of a layer sees: its receptive field, measured.

On paper a place of a late layer sees the whole picture; in fact nearly all that moves it lies near the middle. So it is
measured: the smallest square around a place that holds most of the gradient of what comes out there.

References:
    Luo et al. 2016, Understanding the Effective Receptive Field in Deep Convolutional Neural Networks, arXiv:1701.04128
"""

from __future__ import annotations

import torch

from core.backbones.backbone import Backbone
from core.inside.layers import Layer, find_layer
from core.inside.maps import maps_of
from core.inside.remembering import Remembered

# (left, top, right, bottom) in pixels of a network's view.
Box = tuple[int, int, int, int]

# Of the gradient's absolute values that the square must hold.
_SHARE = 0.9
# Random pictures over which the gradient is averaged.
_PICTURES = 4

_measured: Remembered[int] = Remembered(most=256)


def receptive_field_px(backbone: Backbone, layer_name: str) -> int:
    """Side of the square that a place in the middle of a layer sees, in pixels of the network's view.

    Raises:
        SettingsError: the network has no such layer.
    """
    key = (layer_name, backbone.input_size)
    return _measured.get(backbone.inference_model, key, lambda: _measure(backbone, layer_name))


def field_box(layer: Layer, view_size: tuple[int, int], field_px: int, place: int) -> Box:
    """A square around the middle of a place, as large as what it sees, moved inside the view.

    Args:
        view_size: (width, height) of the network's view.
        field_px: what `receptive_field_px` measured.
        place: row times the layer's width plus column.

    Returns:
        (left, top, right, bottom) in pixels of the view.
    """
    width, height = view_size
    row, column = divmod(place, layer.width)
    side = min(field_px, width, height)
    left = round((column + 0.5) * width / layer.width - side / 2)
    top = round((row + 0.5) * height / layer.height - side / 2)
    left, top = (min(max(start, 0), whole - side) for start, whole in ((left, width), (top, height)))
    return left, top, left + side, top + side


def _measure(backbone: Backbone, layer_name: str) -> int:
    layer = find_layer(backbone, layer_name)
    height, width = backbone.input_size
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False), torch.enable_grad():
        pixels = torch.rand(_PICTURES, 3, height, width, generator=generator).to(backbone.device).requires_grad_()
        maps = maps_of(backbone, layer, pixels)
        row, column = maps.shape[2] // 2, maps.shape[3] // 2
        signs = torch.randn(maps.shape[:2], generator=generator).to(maps)
        (slopes,) = torch.autograd.grad((maps[:, :, row, column] * signs).sum(), pixels)
    seen = slopes.abs().sum((0, 1)).double()
    middle = (row + 0.5) * height / maps.shape[2], (column + 0.5) * width / maps.shape[3]
    rows, columns = (torch.arange(side, device=seen.device) + 0.5 for side in (height, width))
    away = torch.maximum((rows - middle[0]).abs()[:, None], (columns - middle[1]).abs()[None])
    order = away.flatten().argsort(stable=True)
    held = seen.flatten()[order].cumsum(0)
    if not held[-1]:
        return 1
    edge = away.flatten()[order][(held < _SHARE * held[-1]).sum()]
    return min(max(height, width), max(1, 2 * int(edge.ceil())))
