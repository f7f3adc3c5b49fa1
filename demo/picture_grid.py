"""Pictures of a data set on the page, each with what a network said of it.

They travel inside the page's HTML as small JPEGs: no file of a visitor's picture is left behind, and each stands with
its whole caption.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

from core.datasets.labelled import Item, read_item
from core.errors import ImageError
from demo.evaluation_view import picture_caption
from demo.languages import tr

if TYPE_CHECKING:
    from core.evaluation import Evaluation
    from demo.context import Context

MOST_PICTURES = 24
# A grid's picture is 150 to 250 points wide; finer ones would only take longer on their way.
SIDE_PX = 288
JPEG_QUALITY = 82


async def read_thumbnails(context: Context, items: Sequence[Item], wanted: Callable[[], bool]) -> list[str] | None:
    """Thumbnails of at most `MOST_PICTURES` items, as `thumbnail` makes them; None when nobody wants them any more.

    Each is a job of its own, so that other visitors' photos come in between.

    Raises:
        BusyError: the queue is full.
    """
    made = []
    for item in items[:MOST_PICTURES]:
        if not wanted():
            return None
        made.append(await context.quick.run(thumbnail, item))
    return made if wanted() else None


def thumbnail(item: Item) -> str:
    """A small JPEG as a data URL; empty where the picture cannot be read any more."""
    try:
        picture = read_item(item, short_side_px=SIDE_PX)
    except ImageError:
        return ""
    picture.thumbnail((SIDE_PX, SIDE_PX))
    content = io.BytesIO()
    picture.convert("RGB").save(content, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def picture_grid(evaluation: Evaluation, indices: Sequence[int], thumbnails: Sequence[str]) -> str:
    """Pictures with what each shows, what it was called and how surely.

    Args:
        indices: numbers of the pictures in the evaluation.
        thumbnails: one for each of the first of them.
    """
    figures = "".join(
        _figure(evaluation, int(index), source) for index, source in zip(indices, thumbnails, strict=False)
    )
    return f'<div class="pl-pictures">{figures}</div>'


def _figure(evaluation: Evaluation, index: int, source: str) -> str:
    truth, said = (escape(evaluation.class_names[numbers[index]]) for numbers in (evaluation.labels, evaluation.said))
    right = evaluation.labels[index] == evaluation.said[index]
    sure = float(evaluation.confidence[index])
    words = escape(picture_caption(evaluation, index))
    picture = (
        f'<img src="{source}" alt="{words}" title="{words}">'
        if source
        else f'<span class="pl-no-picture">{tr("This picture cannot be opened any more.")}</span>'
    )
    values = {"name": f"<b>{said}</b>", "sure": f"{sure:.0%}".replace("%", " %")}
    called = tr("rightly called {name}, {sure} sure", **values) if right else tr("called {name}, {sure} sure", **values)
    return (
        f'<figure class="{"pl-hit" if right else "pl-miss"}">{picture}'
        f'<span class="pl-sure" aria-hidden="true"><span style="width:{sure:.1%}"></span></span>'
        f"<figcaption><span>{tr('shows {name}', name=f'<b>{truth}</b>')}</span><span>{called}</span></figcaption></figure>"
    )
