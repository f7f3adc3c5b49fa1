"""Choosing pictures on a tab that does not open them itself: data sets that are here, and what the Train tab has open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.datasets.opening import DatasetListing, list_datasets
from core.errors import DatasetError
from demo.context import Context
from demo.data_cards import title_in_words
from demo.languages import tr, tr_n
from demo.opening import Opened

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset

# What is chosen before anybody chose, where it is here.
_USUAL = "oxford-pets"
# What stands for those that the visitor has open on the Train tab; no data set is called so.
OPENED = "opened:"


def usual(listings: Sequence[DatasetListing]) -> str:
    """The name of what is chosen before anybody chose."""
    return next((one.name for one in listings if one.here and one.name == _USUAL), listings[0].name)


def pictures_here() -> list[tuple[str, str]]:
    """Titles and names of the data sets that can be opened now; the drawn pets are always among them."""
    return [
        (
            tr_n("{title}, {count} class", "{title}, {count} classes", one.classes, title=title_in_words(one.title)),
            one.name,
        )
        for one in list_datasets()
        if one.here
    ]


def offered(context: Context, visitor: str, value: Any) -> dict:
    """An update of a list of pictures for a visitor: those that are here, then those that are open on the Train tab.

    Args:
        value: what is chosen in it now; it stays chosen while it is there.
    """
    choices = pictures_here()
    known = [(one.name, one.title) for one in list_datasets() if one.here]
    opened = context.sessions.get(visitor).dataset
    if opened is not None and (opened.name, opened.title) not in known:
        choices.append((tr("The pictures of the Train tab: {title}", title=title_in_words(opened.title)), OPENED))
    names = [name for _, name in choices]
    return gr.update(choices=choices, value=value if value in names else usual(list_datasets()))


def open_now(context: Context, visitor: str, value: Any) -> Dataset | None:
    """The data set that a choice stands for, if it is open already."""
    if value == OPENED:
        return context.sessions.get(visitor).dataset
    opened = context.openings.known(value)
    return opened.dataset if opened is not None else None


async def opening(context: Context, visitor: str, value: Any) -> AsyncIterator[Opened]:
    """The visitor's own pictures at once; those with a name as far as they are open, once for all visitors.

    Raises:
        DatasetError: they are not here, or cannot be opened.
    """
    if value == OPENED:
        dataset = context.sessions.get(visitor).dataset
        if dataset is None:
            raise DatasetError("No pictures are open on the Train tab. Open some there, or choose others.")
        yield Opened(dataset=dataset)
        return
    if value not in [listing.name for listing in list_datasets() if listing.here]:
        raise DatasetError("These pictures are not here. Choose others.")
    async for progress in context.openings.job(value).watch(every_seconds=0.3):
        if progress.snapshot is not None:
            yield progress.snapshot


async def open_chosen(context: Context, visitor: str, value: Any) -> Dataset:
    """The data set that was chosen, once it is open.

    Raises:
        DatasetError: as of `opening`.
    """
    async for opened in opening(context, visitor, value):
        if opened.dataset is not None:
            return opened.dataset
    raise DatasetError("These pictures could not be opened. Choose others.")
