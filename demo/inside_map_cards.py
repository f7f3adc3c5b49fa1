"""A map of pictures as HTML: points coloured by class, the visitor's photo among them, its neighbours. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from demo.data_cards import title_in_words
from demo.inside_map_run import Mapped
from demo.languages import tr, tr_n

if TYPE_CHECKING:
    from core.inside.atlas import Neighbours

_WIDE, _HIGH, _MARGIN = 640, 460, 16
# One turn of the colour wheel by this angle after another: neighbours in the list are far apart, and none comes twice.
_GOLDEN_DEGREES = 137.508


def map_card(mapped: Mapped) -> str:
    """The map, and below it its classes as buttons that show one alone."""
    atlas, images = mapped.atlas, mapped.images
    places = _scaled(mapped)
    counts = images.counts().tolist()
    points = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" data-class="{label}" data-picture="{number}" style="{_colour(label)}"/>'
        for number, ((x, y), label) in enumerate(zip(places, atlas.labels.tolist(), strict=False))
    )
    classes = "".join(
        f'<li><button type="button" data-class="{label}" aria-pressed="false"><i style="{_colour(label)}"></i>'
        f"{escape(name)} <small>{counts[label]}</small></button></li>"
        for label, name in enumerate(images.class_names)
        if counts[label]
    )
    title = title_in_words(mapped.title)
    said = tr_n(
        "{count} picture of {title}, as {network} sees it",
        "{count} pictures of {title}, as {network} sees them",
        len(images),
        title=title,
        network=mapped.network,
    )
    kept = sum(atlas.explained)
    foot = tr(
        "Near means alike for the network. Each picture is a list of {numbers} numbers; two directions hold {share:.0%} of all "
        "that they differ by, so that some that lie near each other here are far apart in truth. Choose a class to see it "
        "alone; press a point to see its picture.",
        numbers=len(atlas.centre),
        share=kept,
    )
    label = tr("Map: {said}. The classes are listed below; each shows some of its pictures.", said=said)
    return (
        f'<div class="pl-card pl-map"><h3>{escape(said)}</h3>'
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{escape(label, quote=True)}">{points}{_yours(mapped, places)}</svg>'
        f'<ul class="pl-classes" aria-label="{escape(tr("Classes"), quote=True)}">{classes}</ul>'
        f'<p class="pl-foot">{foot}</p></div>'
    )


def neighbours_card(mapped: Mapped, near: Neighbours, thumbnails: Sequence[str], *, picture: int | None) -> str:
    """The nearest pictures of the visitor's photo, or of one on the map.

    Args:
        thumbnails: of the nearest, as `picture_grid.thumbnail` makes them.
        picture: number of the one on the map, itself the first; None: the visitor's photo.
    """
    names, labels = mapped.images.class_names, mapped.images.labels
    if picture is None:
        title = tr("The pictures most like your photo")
    else:
        title = tr("A picture of “{name}”, and those most like it", name=names[int(labels[picture])])
    figures = "".join(
        _figure(names[int(labels[index])], float(alike), source, itself=int(index) == picture)
        for index, alike, source in zip(near.indices, near.similarities, thumbnails, strict=False)
    )
    return f'<div class="pl-card pl-near"><h3>{escape(title)}</h3><div class="pl-excited">{figures}</div></div>'


def class_card(mapped: Mapped, label: int, thumbnails: Sequence[str]) -> str:
    """Some pictures of a class, for those, too, who cannot press points."""
    name = mapped.images.class_names[label]
    figures = "".join(_figure(name, 1.0, source, itself=True) for source in thumbnails)
    title = tr("Some pictures of “{name}”", name=name)
    return f'<div class="pl-card pl-near"><h3>{escape(title)}</h3><div class="pl-excited">{figures}</div></div>'


def _figure(name: str, alike: float, source: str, *, itself: bool) -> str:
    words = escape(name, quote=True)
    picture = (
        f'<img src="{source}" alt="{words}">'
        if source
        else f'<span class="pl-no-picture">{tr("This picture cannot be opened any more.")}</span>'
    )
    said = "" if itself else f"<span>{tr('cosine {value:.2f}', value=alike)}</span>"
    return f"<figure>{picture}<figcaption><b>{words}</b>{said}</figcaption></figure>"


def _yours(mapped: Mapped, places: Sequence[tuple[float, float]]) -> str:
    """The visitor's photo as a star, with lines to its neighbours."""
    if mapped.photo is None:
        return ""
    x, y = places[-1]
    lines = "".join(
        f'<path class="pl-to" d="M{x:.1f} {y:.1f}L{places[int(index)][0]:.1f} {places[int(index)][1]:.1f}"/>'
        for index in mapped.near.indices
    )
    star = " ".join(
        f"{x + reach * dx:.1f},{y + reach * dy:.1f}" for reach, (dx, dy) in zip((13, 5.5) * 5, _STAR, strict=True)
    )
    anchor, away = ("end", -17) if x > _WIDE * 0.7 else ("start", 17)
    return (
        f'{lines}<polygon class="pl-you" points="{star}"/>'
        f'<text class="pl-you-text" x="{x + away:.1f}" y="{y + 5:.1f}" text-anchor="{anchor}">{escape(tr("your photo"))}</text>'
    )


# Ten directions, from the top.
_STAR = (
    (0, -1), (0.588, -0.809), (0.951, -0.309), (0.951, 0.309), (0.588, 0.809),
    (0, 1), (-0.588, 0.809), (-0.951, 0.309), (-0.951, -0.309), (-0.588, -0.809),
)  # fmt: skip


def _scaled(mapped: Mapped) -> list[tuple[float, float]]:
    """All points on the drawing, the visitor's photo last; both axes by the same scale, as distances mean something."""
    points = [(float(x), float(y)) for x, y in mapped.atlas.points]
    points += [mapped.photo] if mapped.photo is not None else []
    xs, ys = ([point[axis] for point in points] for axis in (0, 1))
    spans = max(max(xs) - min(xs), 1e-9), max(max(ys) - min(ys), 1e-9)
    scale = min((_WIDE - 2 * _MARGIN) / spans[0], (_HIGH - 2 * _MARGIN) / spans[1])
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [(_WIDE / 2 + (x - middle[0]) * scale, _HIGH / 2 - (y - middle[1]) * scale) for x, y in points]


def _colour(label: int) -> str:
    return f"--class:{label * _GOLDEN_DEGREES % 360:.0f}"
