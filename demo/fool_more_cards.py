"""The dial of distances and the defence corner as HTML. Every text is escaped."""

from __future__ import annotations

from html import escape

from core.texts import Said
from demo.cards import percent, picture_url
from demo.curves import curves
from demo.fool_cards import card, table_head
from demo.fool_run import Corner, DialledPhoto
from demo.languages import mark, tr, tr_n

_DEFENCE_COLUMNS = (
    mark("network"),
    mark("fooled by pictures made for the plain network"),
    mark("fooled by pictures made for itself"),
    mark("median L2"),
)


def dial_card(photo: DialledPhoto, *, done: bool) -> str:
    """The curve of both classes against distance."""
    dialled, is_linf = photo.dialled, photo.norm == "linf"
    points = dialled.points
    lines = {tr("{name} (the photo's own)", name=photo.own): [(place, point.own) for place, point in enumerate(points)]}
    if photo.target:
        goal = [(place, point.probability) for place, point in enumerate(points)]
        lines = {tr("{name} (the goal)", name=photo.target): goal, **lines}
    works = next((point for point in points if point.success), None)
    if not done:
        said = tr_n(
            "The smallest change, then {count} distance: step {step} of {total}",
            "The smallest change, then all {count} distances: step {step} of {total}",
            len(points),
            step=dialled.step,
            total=dialled.total_steps,
        )
    elif dialled.smallest is not None:
        said = tr(
            "{network} was fooled from {distance} on: nothing smaller was found.",
            network=escape(photo.network),
            distance=_exactly(dialled.smallest, photo.norm),
        )
    elif works is not None:
        said = tr(
            "{network} was fooled within {distance}.",
            network=escape(photo.network),
            distance=_distance(works.distance, photo.norm),
        )
    else:
        farthest = _distance(points[-1].distance, photo.norm)
        said = tr("Nothing up to {distance} was found to work.", distance=farthest)
    axis = tr("largest change of a pixel, in steps of 1/255") if is_linf else tr("distance L2")
    ticks = [f"{point.distance * 255:.0f}" if is_linf else f"{point.distance:g}" for point in points]
    return card(
        f'<p class="pl-doing" role="status">{said}</p>'
        f"{curves(tr('What the network reads'), lines, ticks=ticks, axis=axis)}"
        f'<p class="pl-foot">{tr("The strongest change that was found of each size; a stronger one may exist.")}</p>'
    )


def dial_picture(photo: DialledPhoto, place: int) -> str:
    """The picture at one distance, and what is read there."""
    point, picture = photo.dialled.points[place], photo.dialled.pictures[place]
    goal = f"{escape(photo.target)} {percent(point.probability)}, " if photo.target else ""
    distance = _distance(point.distance, photo.norm)
    if point.success:
        told = tr("{distance}: ✓ fooled", distance=distance)
    else:
        told = tr("{distance}: not fooled", distance=distance)
    said = f"<b>{told}</b><br>{goal}{escape(photo.own)} {percent(point.own)}"
    alt = escape(tr("the photo changed by {distance}", distance=distance), quote=True)
    return (
        f'<figure class="pl-change pl-dialled"><img src="{picture_url(picture, exact=True)}" alt="{alt}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def defence_card(corner: Corner, *, done: bool) -> str:
    """Every network, fooled by pictures made for the plain one and by pictures made for itself."""
    rows = ""
    for name, row in zip(corner.networks, corner.rows, strict=False):
        l2 = "–" if row.l2 is None else f"{row.l2:.2f}"
        rows += (
            f'<tr><td>{escape(_in_words(name))}</td><td class="pl-number">{percent(row.blind)}</td>'
            f'<td class="pl-number">{percent(row.aware)}</td><td class="pl-number">{l2}</td></tr>'
        )
    if done:
        said = tr("Done.") if len(corner.rows) == len(corner.networks) else tr("Stopped.")
    else:
        number = min(len(corner.rows) + 1, len(corner.networks))
        said = tr(
            "Attacking network {number} of {total}: {network}",
            number=number,
            total=len(corner.networks),
            network=escape(_in_words(corner.networks[number - 1])),
        )
    bar = "" if done else f'<div class="pl-progress"><span style="width:{corner.share:.1%}"></span></div>'
    photos = corner.rows[0].photos if corner.rows else 0
    counted = f"{tr_n('{count} photo.', '{count} photos.', photos)} " if photos else ""
    foot = tr(
        "Only the second column tells whether something defends: who attacks it makes pictures for it, not for another "
        "network."
    )
    return card(
        f'<p class="pl-doing" role="status">{said}</p>{bar}<div class="pl-table pl-defences" tabindex="0"><table>'
        f"{table_head(_DEFENCE_COLUMNS)}<tbody>{rows}</tbody></table></div>"
        f'<p class="pl-foot">{counted}{foot}</p>'
    )


def _in_words(name: str) -> str:
    """What a defence is called; names of networks and runs are nobody's to translate."""
    return tr(name) if isinstance(name, Said) else name


def _distance(distance: float, norm: str) -> str:
    return f"{distance * 255:.0f}/255" if norm == "linf" else f"L2 {distance:g}"


def _exactly(distance: float, norm: str) -> str:
    """One that was measured."""
    return _distance(distance, norm) if norm == "linf" else f"L2 {distance:.2f}"
