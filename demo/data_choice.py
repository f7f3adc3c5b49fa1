"""Choosing pictures on a tab that does not open them itself: data sets that are here, and what the Train tab has open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from core.datasets.opening import list_datasets
from core.errors import DatasetError
from demo.context import Context
from demo.data_cards import title_in_words
from demo.languages import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.datasets.labelled import Dataset
    from core.datasets.opening import DatasetListing

# What is chosen before anybody chose, where it is here.
_USUAL = "oxford-pets"
# What the visitor has open in the Train tab.
CURRENT = "current"


def data_dropdown(label: str, info: str, *, elem_id: str) -> gr.Dropdown:
    """A list of the data sets that are here; `offered` tells what else a visitor may choose."""
    choices = _here()
    return gr.Dropdown(choices, value=usual(list_datasets()), label=label, info=info, min_width=160, elem_id=elem_id)


def offered(context: Context, visitor: str, value: Any) -> dict:
    """An update of the list for a visitor; who has pictures of their own open gets these first."""
    choices = _here()
    dataset = context.sessions.get(visitor).dataset
    if dataset is not None and dataset.name not in [name for _, name in choices]:
        choices = [(tr("Train tab: {title}", title=title_in_words(dataset.title)), CURRENT), *choices]
    known = [name for _, name in choices]
    return gr.update(choices=choices, value=value if value in known else usual(list_datasets()))


def name_of(context: Context, visitor: str, value: Any) -> str:
    """The name of the data set that a choice stands for; "" where there is none."""
    if value == CURRENT:
        dataset = context.sessions.get(visitor).dataset
        return dataset.name if dataset is not None else ""
    return value if isinstance(value, str) else ""


async def chosen(context: Context, visitor: str, value: Any) -> Dataset:
    """The data set that was chosen, opened once for all visitors.

    Raises:
        DatasetError: it is not here, or cannot be opened.
    """
    if value == CURRENT:
        dataset = context.sessions.get(visitor).dataset
        if dataset is None:
            raise DatasetError("There are no pictures open in the Train tab any more. Choose others.")
        return dataset
    if value not in [name for _, name in _here()]:
        raise DatasetError("These pictures are not here. Choose others.")
    async for progress in context.openings.job(value).watch(every_seconds=0.3):
        if progress.snapshot is not None and progress.snapshot.dataset is not None:
            return progress.snapshot.dataset
    raise DatasetError("These pictures could not be opened. Choose others.")


def usual(listings: Sequence[DatasetListing]) -> str:
    """The name of what is chosen before anybody chose."""
    return next((one.name for one in listings if one.here and one.name == _USUAL), listings[0].name)


def _here() -> list[tuple[str, str]]:
    """The drawn pets are always among them."""
    return [(title_in_words(listing.title), listing.name) for listing in list_datasets() if listing.here]
