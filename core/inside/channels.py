"""What one channel of a layer looks for: the photos that excite it most, and a classifier whose classes are channels.

With that classifier the machinery of ideal images draws what a channel would like to see best.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import nn

from core.backbones.backbone import Backbone
from core.backbones.tapping import move_tap, outputs_at, outputs_until, tapped
from core.classifier import CHUNK, Classifier
from core.datasets.labelled import LabelledImages, LeftOut, item_name, read_item
from core.errors import DatasetError, ImageError, SettingsError
from core.head import Head
from core.images import to_pixels
from core.inside.fields import Box, field_box, receptive_field_px
from core.inside.layers import Layer, find_layer
from core.inside.maps import maps_of
from core.inside.trial import is_activation
from core.streams import in_chunks
from core.texts import say


@dataclass(frozen=True, eq=False)
class Excitement:
    """How strongly photos excite the channels of a layer, and where.

    Attributes:
        layer: which.
        view_size: (width, height) of what the network saw of each photo.
        field_px: how much of it one place sees.
        indices: `(N,)` int64, the photos' positions in the data set; those that cannot be read are left out.
        maxima: `(N, C)` float32, each channel's largest value.
        means: `(N, C)` float32, its mean over the places: an activation with an upper end (ReLU6) makes many maxima equal.
        places: `(N, C)` int32, where that is: row times the layer's width plus column.
    """

    layer: Layer
    view_size: tuple[int, int]
    field_px: int
    indices: np.ndarray = field(repr=False)
    maxima: np.ndarray = field(repr=False)
    means: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Exciting:
    """One photo that excites a channel.

    Attributes:
        index: its position in the data set.
        value: the channel's largest value.
        box: (left, top, right, bottom) in pixels of the network's view: what the strongest place sees.
    """

    index: int
    value: float
    box: Box


@dataclass(frozen=True, eq=False)
class ExcitingSnapshot:
    """How far it is, and the best so far.

    Attributes:
        done, total: photos.
        channel: whose.
        top: the photos that excite it most, among those that were looked at.
        excitement: of all channels, among those: keep it, and `top_of` answers for another channel at once.
        left_out: photos that cannot be read, with the reason.
    """

    done: int
    total: int
    channel: int
    top: tuple[Exciting, ...]
    excitement: Excitement = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()


def exciting(
    backbone: Backbone, layer_name: str, images: LabelledImages, *, channel: int, top: int = 9
) -> Iterator[ExcitingSnapshot]:
    """Look for the photos of a data set that excite a channel most, on all processors.

    Raises:
        SettingsError: the network has no such layer, or the layer no such channel.
        DatasetError: not one of the photos can be read.
    """
    layer = find_layer(backbone, layer_name)
    check_channel(layer, channel)
    if not len(images):
        raise DatasetError(
            "There are no {split} pictures in {name}. Choose another data set.",
            split=say(images.split),
            name=images.name,
        )
    height, width = backbone.input_size
    seen = partial(Excitement, layer, (width, height), receptive_field_px(backbone, layer_name))
    indices = np.zeros(len(images), np.int64)
    maxima = np.zeros((len(images), layer.channels), np.float32)
    means = np.zeros((len(images), layer.channels), np.float32)
    places = np.zeros((len(images), layer.channels), np.int32)
    left_out: list[LeftOut] = []
    done = readable = 0
    work = partial(_look, backbone, layer, images)
    with contextlib.closing(in_chunks(work, range(len(images)), CHUNK)) as chunks:
        for positions, values, averages, where, reasons in chunks:
            # rows are written once, so that snapshots may share the arrays
            rows = slice(readable, readable + len(positions))
            indices[rows], maxima[rows], means[rows], places[rows] = positions, values, averages, where
            readable += len(positions)
            done += len(positions) + len(reasons)
            left_out += reasons
            if done == len(images) and not readable:
                raise DatasetError(
                    "Not one of the {count} {split} pictures of {name} can be read.",
                    count=done,
                    split=say(images.split),
                    name=images.name,
                )
            excitement = seen(indices[:readable], maxima[:readable], means[:readable], places[:readable])
            found = top_of(excitement, channel, top)
            yield ExcitingSnapshot(done, len(images), channel, found, excitement, tuple(left_out))


def top_of(excitement: Excitement, channel: int, count: int = 9) -> tuple[Exciting, ...]:
    """The photos that excite a channel most, the strongest first; of equal ones, those that excite it in more places.

    Raises:
        SettingsError: the layer has no such channel.
    """
    check_channel(excitement.layer, channel)
    values = excitement.maxima[:, channel]
    best = np.lexsort((-excitement.means[:, channel], -values))[:count]
    box = partial(field_box, excitement.layer, excitement.view_size, excitement.field_px)
    return tuple(
        Exciting(int(excitement.indices[i]), float(values[i]), box(int(excitement.places[i, channel]))) for i in best
    )


def check_channel(layer: Layer, channel: int) -> None:
    """Whether a layer has this channel.

    Raises:
        SettingsError: it has not.
    """
    if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel < layer.channels:
        raise SettingsError(
            "The channel {channel!r:.80} is not one of the {count} of {layer}, which count from 0.",
            channel=channel,
            count=layer.channels,
            layer=layer.title,
        )


def channel_classifier(backbone: Backbone, layer_name: str) -> Classifier:
    """A network that ends after a layer and whose classes are its channels: the logit is a channel's mean over the places.

    `core.ascent.ascend` draws ideal images with it as with any other. An activation at the layer's end is left out: where it
    is flat, a channel that is silent, or as loud as can be, would not know what to change.

    Raises:
        SettingsError: the network has no such layer.
    """
    layer = find_layer(backbone, layer_name)
    cut = _Cut(backbone.model, layer, backbone)
    folded = cut if backbone.inference_model is backbone.model else _Cut(backbone.inference_model, layer, backbone)
    ended = dataclasses.replace(
        backbone,
        title=say("{network}, {layer}", network=backbone.title, layer=layer.title),
        model=cut,
        inference_model=folded,
        class_count=0,
        embedding_dim=layer.channels,
    )
    names = tuple(say("channel {number}", number=channel) for channel in range(layer.channels))
    return Classifier(ended, Head(torch.eye(layer.channels), torch.zeros(layer.channels), names))


class _Cut(nn.Module):
    """A network that ends after a layer, as a timm network without classes."""

    num_classes = 0

    def __init__(self, model: nn.Module, layer: Layer, backbone: Backbone) -> None:
        super().__init__()
        self._layer = layer
        self.network = tapped(model, {layer.name})
        height, width = backbone.input_size
        inputs = torch.zeros(1, 3, height, width, device=backbone.device)
        with torch.inference_mode():
            _end_after(self.network, outputs_until(tapped(model), inputs, layer.name), layer.name)
        self.eval()

    def forward_features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalised `(N, 3, H, W)` -> maps `(N, C, h, w)`."""
        return self._layer.maps(outputs_at(self.network, inputs, self._layer.name))

    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Maps -> each channel's mean over the places, `(N, C)`."""
        return maps.mean((2, 3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Both."""
        return self.forward_head(self.forward_features(inputs))


def _end_after(network: nn.Module, done: dict[str, object], name: str) -> None:
    """Leave out of a twin the activation at a layer's end, and the batch norms that are never reached.

    Who asks a network for what its norms see would wait for those in vain.

    Args:
        done: outputs of the modules that are done when the layer is, by name.
    """
    last = done[name]
    for child_name, child in list(network.named_modules()):
        outputs = done.get(child_name)
        ends = isinstance(outputs, torch.Tensor) and outputs.data_ptr() == last.data_ptr() and is_activation(child)
        unreached = isinstance(child, nn.BatchNorm2d) and child_name not in done
        if child_name and (ends or unreached):
            parent, _, own = child_name.rpartition(".")
            setattr(network.get_submodule(parent), own, move_tap(child, nn.Identity()))


def _look(
    backbone: Backbone, layer: Layer, images: LabelledImages, positions: Sequence[int]
) -> tuple[list[int], np.ndarray, np.ndarray, np.ndarray, list[LeftOut]]:
    """Positions that can be read, `(n, C)` maxima, means and places, and why the others cannot."""
    readable, views, reasons = [], [], []
    for position in positions:
        try:
            picture = read_item(images.items[position], short_side_px=max(backbone.input_size))
        except ImageError as error:
            reasons.append(LeftOut(item_name(images.items[position]), str(error)))
            continue
        readable.append(position)
        views.append(backbone.view(picture))
    if not views:
        empty = np.zeros((0, layer.channels))
        return readable, empty, empty, empty, reasons
    with torch.inference_mode():
        maps = maps_of(backbone, layer, to_pixels(views)).flatten(2)
        values, places = maps.max(2)
        means = maps.mean(2)
    return readable, values.cpu().numpy(), means.cpu().numpy(), places.cpu().numpy(), reasons
