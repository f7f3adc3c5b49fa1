"""One photo on its way through a network, as the cards of "Layers" show it, and what all parts of Look inside share.

Pictures are PIL's, as `core` makes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import core
from core.errors import DatasetError, ImageError, SettingsError
from demo.networks import Network, content_of, load, title_of
from demo.session import VisitorsRun

if TYPE_CHECKING:
    from core import Classifier, Prediction
    from core.ascent.snapshot import AscentSnapshot
    from core.datasets.labelled import Dataset, LabelledImages
    from core.inside.channels import Excitement, Exciting
    from core.inside.fields import Box
    from core.inside.layers import Layer
    from core.inside.maps import FeatureMaps

# Photos that are looked at for a channel, and pictures on the map: half a minute at most on two processors.
MOST_PICTURES = 600
MOST_EXCITING = 9
# Of the figure with all maps.
_ROW_PX = 4


@dataclass(frozen=True, eq=False)
class Walk:
    """A photo on its way through a network.

    Attributes:
        network: its title.
        view: what the network saw.
        stages: the maps of the layers on the strip.
        layers: all that can be shown.
        answer: what it says in the end.
        filters: the first convolution's, as pictures; empty where there is none over colours.
        figure: all maps of the last layer as one strip.
        figure_rows: its rows; fewer than the layer's places where it was averaged.
        mostly_dark: whether nothing in it is below 0 and most of it is 0.
    """

    network: str
    view: Any = field(repr=False)
    stages: tuple[FeatureMaps, ...]
    layers: tuple[Layer, ...]
    answer: Prediction
    filters: tuple[Any, ...] = field(repr=False)
    figure: Any = field(repr=False)
    figure_rows: int
    mostly_dark: bool


@dataclass(frozen=True, eq=False)
class LayerLook:
    """One layer, and in it one channel.

    Attributes:
        maps: of the layer.
        channel: which one is looked at.
        over: its map over the photo.
        field_px: how much of the view one place sees.
        box: what the strongest place sees.
    """

    maps: FeatureMaps
    channel: int
    over: Any = field(repr=False)
    field_px: int
    box: Box


@dataclass(frozen=True, eq=False)
class Excited:
    """Photos that excite the channels of a layer, kept for the next channel.

    Attributes:
        about: network and layer; see `about_of`.
        dataset: the pictures; others may have the same name.
        images: the photos.
        title: what their data set is called.
        excitement: among those that were looked at.
        done, total: photos.
    """

    about: tuple
    dataset: Dataset = field(repr=False)
    images: LabelledImages = field(repr=False)
    title: str
    excitement: Excitement = field(repr=False)
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class ExcitingPhoto:
    """A photo that excites a channel: what the network saw of it, its class, where, and how strongly."""

    view: Any = field(repr=False)
    class_name: str
    box: Box
    value: float


@dataclass(frozen=True, eq=False)
class ChannelDrawing:
    """The ideal image of one channel of a layer, as far as it is."""

    layer: Layer
    snapshot: AscentSnapshot = field(repr=False)


def walk_photo(photo: str, network: Network) -> Walk:
    """The photo through the whole network.

    Raises:
        PetLensError: the photo cannot be read, or the network has no maps.
    """
    from core.errors import BackboneError
    from core.inside.drawing import strip
    from core.inside.layers import layers_of
    from core.inside.maps import first_filters, walk

    classifier = load(network)
    backbone = classifier.backbone
    picture = read_photo(classifier, photo)
    stages = walk(backbone, picture)
    try:
        filters = tuple(first_filters(backbone))
    except BackboneError:
        filters = ()
    (answer,) = classifier.predict([picture])
    last = stages[-1].maps
    figure = strip(last, place_px=_ROW_PX)
    dark = bool(last.min() >= 0 and (last <= 0.01 * last.max()).float().mean() > 0.5)
    return Walk(
        network=title_in(network, classifier),
        view=stages[-1].view,
        stages=stages,
        layers=layers_of(backbone),
        answer=answer,
        filters=filters,
        figure=figure,
        figure_rows=figure.height // _ROW_PX,
        mostly_dark=dark,
    )


def look_at_layer(
    photo: str, network: Network, layer_name: str, channel: object, *, exactly: bool = False
) -> LayerLook:
    """One layer's maps of a photo.

    Args:
        channel: None: the strongest.
        exactly: else a layer that the network has not stands for its first, and a channel that there is not for the
            strongest: who changes the network need not choose anew.

    Raises:
        PetLensError: the photo cannot be read; or, exactly, there is no such layer or channel.
    """
    from core.inside.channels import check_channel
    from core.inside.drawing import over_photo, stretched
    from core.inside.fields import field_box, receptive_field_px
    from core.inside.layers import layers_of, stages_of
    from core.inside.maps import feature_maps

    classifier = load(network)
    backbone = classifier.backbone
    known = exactly or layer_name in {layer.name for layer in layers_of(backbone)}
    name = layer_name if known else stages_of(backbone)[0].name
    maps = feature_maps(backbone, read_photo(classifier, photo), name)
    layer = maps.layer
    if exactly and channel is not None:
        check_channel(layer, channel)
    chosen = channel if known and is_channel(channel, layer) else int(maps.order[0])
    field_px = receptive_field_px(backbone, name)
    box = field_box(layer, maps.view.size, field_px, int(maps.maps[chosen].flatten().argmax()))
    over = over_photo(maps.view, stretched(maps.maps[chosen : chosen + 1])[0])
    return LayerLook(maps, int(chosen), over, field_px, box)


def is_channel(value: object, layer: Layer) -> bool:
    """Whether it is the number of one of a layer's channels."""
    return is_number_of_channel(value) and value < layer.channels


def is_number_of_channel(value: object) -> bool:
    """Whether some layer could have a channel of that number."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < 1e6 and value == int(value)


def checked_channel(value: object) -> int:
    """The number of a channel.

    Raises:
        SettingsError: it is no whole number from 0.
    """
    if not is_number_of_channel(value):
        raise SettingsError("A channel is a whole number from 0, not {value!r:.80}.", value=value)
    return int(value)


def about_of(network: Network, layer_name: str) -> tuple:
    """What photos were looked at with: two that are equal have the same answer."""
    return network if isinstance(network, str) else content_of(network), layer_name


def find_exciting(network: Network, layer_name: str, channel: int, dataset: Dataset) -> Iterator[Excited]:
    """Look through pictures of a data set for those that excite a channel.

    Raises:
        PetLensError: there is no such layer or channel, or no picture can be read.
    """
    from core.inside.channels import exciting

    images = some_pictures(dataset)
    about = about_of(network, layer_name)
    for snapshot in exciting(load(network).backbone, layer_name, images, channel=channel, top=MOST_EXCITING):
        yield Excited(about, dataset, images, dataset.title, snapshot.excitement, snapshot.done, snapshot.total)


def exciting_photos(excited: Excited, channel: int, network: Network) -> tuple[ExcitingPhoto, ...]:
    """Those that excite one channel most, opened; who cannot be opened any more is left out."""
    from core.datasets.labelled import read_item
    from core.inside.channels import top_of

    backbone = load(network).backbone
    found = []
    for one in top_of(excited.excitement, channel, MOST_EXCITING):
        try:
            view = backbone.view(read_item(excited.images.items[one.index], short_side_px=max(backbone.input_size)))
        except ImageError:
            continue
        found.append(ExcitingPhoto(view, _class_of(excited.images, one), one.box, one.value))
    return tuple(found)


def _class_of(images: LabelledImages, one: Exciting) -> str:
    return images.class_names[int(images.labels[one.index])]


def draw_channel(network: Network, layer_name: str, channel: int, *, max_seconds: float) -> Iterator[ChannelDrawing]:
    """The ideal image of a channel: the ascent of the Ideal image tab, with the channel's mean as its score."""
    from core.ascent.presets import CHANNEL
    from core.inside.channels import channel_classifier, check_channel
    from core.inside.layers import find_layer

    backbone = load(network).backbone
    layer = find_layer(backbone, layer_name)
    check_channel(layer, channel)
    for snapshot in core.ascend(channel_classifier(backbone, layer_name), [channel], CHANNEL, max_seconds=max_seconds):
        yield ChannelDrawing(layer, snapshot)


def some_pictures(dataset: Dataset) -> LabelledImages:
    """Those to learn from, or the only ones that there are; not too many.

    Raises:
        DatasetError: there are none.
    """
    from core.datasets.labelled import some_of

    images = dataset.splits.get("train") or dataset.split(dataset.final_split)
    if not len(images):
        raise DatasetError("There are no pictures in {name}. Choose others.", name=dataset.title)
    return some_of(images, MOST_PICTURES)


def title_in(network: Network, classifier: Classifier) -> str:
    """What the visitor knows a network by."""
    return title_of(network) if isinstance(network, VisitorsRun) else classifier.backbone.title


def read_photo(classifier: Classifier, photo: str) -> Any:
    """The visitor's photo.

    Raises:
        ImageError: it is not there any more, or no picture.
    """
    if not os.path.exists(photo):
        raise ImageError("This photo is no longer on the server, where it is kept for some hours. Drop it again.")
    return classifier.read(photo)
