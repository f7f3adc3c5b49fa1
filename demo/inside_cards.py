"""The layers of a network as HTML: the strip of stages, the maps of a layer, one channel. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from demo.cards import percent, picture_url
from demo.data_cards import title_in_words
from demo.inside_run import ChannelDrawing, Excited, ExcitingPhoto, LayerLook, Walk
from demo.languages import tr, tr_n

if TYPE_CHECKING:
    from core.inside.drawing import Scale
    from core.inside.fields import Box
    from core.inside.maps import FeatureMaps


def strip_panel(walk: Walk, chosen: str) -> str:
    """Photo, stages and answer in a row; the stage of the chosen layer is marked.

    Args:
        chosen: name of a layer.
    """
    stage_of = {layer.name: layer.stage for layer in walk.layers}
    width, height = walk.view.size
    photo = (
        f'<li class="pl-end"><img src="{picture_url(walk.view, exact=False)}" alt="{tr("what the network sees")}">'
        f"<b>{tr('Photo')}</b><span>{_size(width, height)}</span><span>{tr_n('{count} colour', '{count} colours', 3)}</span></li>"
    )
    stages = "".join(_stage(maps, current=maps.layer.stage == stage_of.get(chosen)) for maps in walk.stages)
    best = walk.answer.top(1)[0]
    answer = (
        f'<li class="pl-end"><span class="pl-end-answer">{percent(best.probability)}</span>'
        f"<b>{escape(best.title)}</b><span>{tr('what {network} says', network=escape(walk.network))}</span></li>"
    )
    said = tr("From the photo to the answer, stage by stage")
    return f'<div class="pl-stages" role="group" aria-label="{escape(said, quote=True)}"><ol>{photo}{stages}{answer}</ol></div>'


def _stage(maps: FeatureMaps, *, current: bool) -> str:
    """A button with the strongest map of a stage."""
    from core.inside.drawing import tiles

    layer = maps.layer
    (tile,) = tiles(maps.maps, maps.order[:1])
    here = ' aria-current="true"' if current else ""
    return (
        f'<li><button type="button" data-layer="{escape(layer.name, quote=True)}" data-stage="{layer.stage}"{here}>'
        f'<img src="{picture_url(tile, exact=True)}" alt=""><b>{escape(tr(layer.title))}</b>'
        f"<span>{_size(layer.width, layer.height)}</span>"
        f"<span>{tr_n('{count} channel', '{count} channels', layer.channels)}</span></button></li>"
    )


def maps_panel(look: LayerLook, *, scale: Scale, most: int) -> str:
    """The strongest maps of a layer, each a button; the one that is looked at is marked.

    Args:
        most: maps at the most.
    """
    from core.inside.drawing import tiles

    maps = look.maps
    layer = maps.layer
    order = [int(channel) for channel in maps.order[:most]]
    pictures = tiles(maps.maps, order, scale=scale)
    buttons = "".join(
        f'<button type="button" data-channel="{channel}" aria-pressed="{"true" if channel == look.channel else "false"}" '
        f'aria-label="{escape(tr("channel {number}", number=channel), quote=True)}">'
        f'<img src="{picture_url(picture, exact=True)}" alt=""><span aria-hidden="true">{channel}</span></button>'
        for channel, picture in zip(order, pictures, strict=True)
    )
    said = tr_n(
        "{layer}: its only map, of {size} places",
        "{layer}: the {shown} strongest of {count} maps, each of {size} places",
        layer.channels,
        layer=f"<b>{escape(tr(layer.title))}</b>",
        shown=len(order),
        size=_size(layer.width, layer.height),
    )
    key = tr("Dark blue: least, yellow: most of what this channel looks for. Choose one to look closer.")
    return (
        f'<div class="pl-card pl-layer"><p role="status">{said}</p>'
        f'<div class="pl-maps" role="group" aria-label="{escape(tr("Maps"), quote=True)}">{buttons}</div>'
        f'<p class="pl-foot">{key}</p></div>'
    )


def channel_panel(look: LayerLook) -> str:
    """The chosen channel's map over the photo, with what its strongest place sees."""
    layer = look.maps.layer
    title = tr("Channel {number} of {layer}", number=look.channel, layer=tr(layer.title))
    alt = tr("where channel {number} reacts, over the photo", number=look.channel)
    sees = tr_n(
        "A place of this layer sees {count} pixel of the photo.",
        "A place of this layer sees about {count} x {count} pixels of the photo: for the strongest, the frame.",
        look.field_px,
    )
    if look.field_px >= min(look.maps.view.size):
        sees = tr("A place of this layer sees the whole photo.")
    return (
        f'<div class="pl-card pl-channel"><h3>{escape(title)}</h3>'
        f"{_framed(picture_url(look.over, exact=False), alt, look.box, look.maps.view.size)}"
        f'<p class="pl-foot">{sees}</p></div>'
    )


def filters_panel(walk: Walk) -> str:
    """The first convolution's weights."""
    if not walk.filters:
        said = tr("{network} does not begin with filters over the three colours.", network=escape(walk.network))
        return f'<p class="pl-foot">{said}</p>'
    pictures = "".join(
        f'<img src="{picture_url(picture, exact=True)}" alt="{escape(tr("filter {number}", number=number), quote=True)}">'
        for number, picture in enumerate(walk.filters)
    )
    said = tr(
        "The first layer of {network} lays these little patterns over every place of the photo: edges, spots and "
        "colours. A channel is strong where the photo looks like its pattern. Nobody drew them: they were learned.",
        network=escape(walk.network),
    )
    return f'<p class="pl-foot">{said}</p><div class="pl-filters">{pictures}</div>'


def figure_panel(walk: Walk) -> str:
    """All maps of the last layer as one strip, as the lesson shows them of VGG-16."""
    layer = walk.stages[-1].layer
    words = {"network": walk.network, "columns": layer.channels, "places": walk.figure_rows}
    alt = tr("all {columns} maps of the last layer of {network}, each a column of its {places} places", **words)
    said = tr(
        "The lesson's own figure: a column for each of the {columns} channels, a row for each of the {places} places. The "
        "lesson shows it of VGG-16; this is {network}.",
        **{**words, "network": escape(walk.network)},
    )
    if walk.mostly_dark:
        said += " " + tr("Most of it is dark: one photo has little of most things.")
    return (
        f'<div class="pl-figure"><img src="{picture_url(walk.figure, exact=True)}" alt="{escape(alt, quote=True)}"></div>'
        f'<p class="pl-foot">{said}</p>'
    )


def exciting_card(excited: Excited, channel: int, photos: Sequence[ExcitingPhoto], *, running: bool) -> str:
    """The photos of a data set that excite a channel most."""
    layer = excited.excitement.layer
    words = {"number": channel, "layer": tr(layer.title), "title": title_in_words(excited.title)}
    title = escape(tr("Channel {number} of {layer}: what excites it most among pictures of {title}", **words))
    width, height = excited.excitement.view_size
    figures = "".join(
        f"<figure>{_framed(picture_url(one.view, exact=False), one.class_name, one.box, (width, height))}"
        f"<figcaption>{escape(one.class_name)}</figcaption></figure>"
        for one in photos
    )
    looked = tr_n(
        "{done} of {count} picture looked at.",
        "{done} of {count} pictures looked at.",
        excited.total,
        done=excited.done,
    )
    share = excited.done / max(1, excited.total)
    bar = f'<div class="pl-progress"><span style="width:{share:.1%}"></span></div>' if running else ""
    return (
        f'<div class="pl-card"><h3>{title}</h3><p class="pl-doing" role="status">{looked}</p>{bar}'
        f'<div class="pl-excited">{figures}</div>'
        f'<p class="pl-foot">{tr("A frame shows what the strongest place sees. What do they have in common?")}</p></div>'
    )


def drawing_card(drawing: ChannelDrawing, *, running: bool) -> str:
    """The ideal image of a channel while it grows."""
    snapshot = drawing.snapshot
    (one,) = snapshot.drawn
    words = {"number": one.label, "layer": tr(drawing.layer.title)}
    title = escape(tr("What channel {number} of {layer} would like to see", **words))
    alt = escape(tr("ideal image of channel {number} of {layer}", **words), quote=True)
    step = tr("step {step} of {total}", step=snapshot.step, total=snapshot.total_steps)
    bar = (
        f'<div class="pl-progress"><span style="width:{snapshot.step / snapshot.total_steps:.1%}"></span></div>'
        if running
        else ""
    )
    note = f'<p class="pl-note pl-warning" role="alert">{escape(tr(snapshot.note))}</p>' if snapshot.note else ""
    foot = tr(
        "Drawn as in the tab “Ideal image”, but for one channel instead of a class: the picture learns, not the network."
    )
    return (
        f'<div class="pl-card pl-ideal-channel"><h3>{title}</h3><p class="pl-doing" role="status">{step}</p>{bar}{note}'
        f'<img src="{picture_url(one.picture, exact=not running)}" alt="{alt}"><p class="pl-foot">{foot}</p></div>'
    )


def _framed(source: str, alt: str, box: Box, size: tuple[int, int]) -> str:
    """A picture with a frame in it; a frame that is the whole picture is none."""
    (left, top, right, bottom), (width, height) = box, size
    whole = right - left >= width and bottom - top >= height
    place = (
        f"left:{left / width:.2%};top:{top / height:.2%};"
        f"width:{(right - left) / width:.2%};height:{(bottom - top) / height:.2%}"
    )
    frame = "" if whole else f'<i class="pl-field" style="{place}" aria-hidden="true"></i>'
    return f'<span class="pl-framed"><img src="{source}" alt="{escape(alt, quote=True)}">{frame}</span>'


def _size(width: int, height: int) -> str:
    return f"{width} x {height}"
