"""Choosing a network on the page, and getting one into memory while the visitor watches."""

from __future__ import annotations

from collections.abc import AsyncIterator

import gradio as gr

import core
from demo import cards
from demo.context import Context

NO_SECOND = "none"


def network_dropdown(label: str, info: str, *, value: str = core.DEFAULT_BACKBONE) -> gr.Dropdown:
    """A list of networks that also takes a typed name."""
    return gr.Dropdown(choices_for(value), value=value, label=label, info=info, allow_custom_value=True)


def choices_for(value: str) -> list[tuple[str, str]]:
    """The networks; where "none" is the value to begin with, that too."""
    return [("none", NO_SECOND)] * (value == NO_SECOND) + _network_choices()


def _network_choices() -> list[tuple[str, str]]:
    """Title and name of each network that can classify, with what it takes to have it."""
    choices = []
    for listing in core.list_backbones():
        if not listing.imagenet_head:
            continue
        if listing.here:
            title = listing.title
        elif core.fetching_is_allowed():
            title = f"{listing.title} (needs internet: {listing.parameters * 4 / 1e6:.0f} MB)"
        else:
            title = f"{listing.title} (not on this machine)"
        choices.append((title, listing.name))
    return choices


def is_none(backbone: str | None) -> bool:
    """Whether no second network is wanted."""
    return not backbone or backbone == NO_SECOND


async def prepare(context: Context, backbone: str) -> AsyncIterator[str]:
    """Fetch and load a network that is not in memory yet; nothing for one that is."""
    # core's names import torch at their first use, which must not happen on the event loop
    if await context.quick.run(is_ready, backbone):
        return
    async for progress in context.preparations.job(backbone).watch():
        if progress.state == "queued":
            yield cards.waiting_card(f"Waiting for {backbone}: place {progress.place} in the queue")
        elif progress.snapshot is None or progress.snapshot.total_bytes is None:
            yield cards.waiting_card(f"Waking {backbone} …")
        else:
            received, total = progress.snapshot.received_bytes, progress.snapshot.total_bytes
            text = f"Downloading {backbone}: {received / 1e6:.0f} of {total / 1e6:.0f} MB"
            yield cards.waiting_card(text, min(1.0, received / total))


def is_ready(backbone: str) -> bool:
    """Whether a network that can classify is in memory; refuses one that cannot."""
    core.check_can_classify(backbone)
    return core.is_loaded(backbone)
