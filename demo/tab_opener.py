"""Opening a tab with settings, and running it: by a link that was shared, or by a button of the lesson."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from demo import cards
from demo.messages import message_for


@dataclass(frozen=True, eq=False)
class Opener:
    """One tab, as it is opened from elsewhere.

    Attributes:
        tab: its id, which links call it by.
        outputs: the components that show its settings.
        updates: from the visitor's key and the parameters of a link to updates of `outputs`; what the parameters do not
            name goes back to what is usual. Raises PetLensError.
        status: where a problem is told.
        go: hidden; a new text in it is as good as a press of the tab's main button.
    """

    tab: str
    outputs: Sequence[gr.components.Component]
    updates: Callable[[str, Mapping[str, str]], Awaitable[Sequence[Any]]] = field(repr=False)
    status: gr.HTML
    go: gr.Textbox

    @property
    def all_outputs(self) -> list[gr.components.Component]:
        """What `open_with` updates, after the tabs of the page."""
        return [*self.outputs, self.status, self.go]

    async def open_with(self, visitor: str, params: Mapping[str, str], *, run: bool) -> tuple[Any, ...]:
        """The tabs of the page, and `all_outputs`.

        Args:
            run: whether it also begins.
        """
        selected = gr.update(selected=self.tab)
        try:
            updates = await self.updates(visitor, params)
        except Exception as error:
            skipped = (gr.skip(),) * len(self.outputs)
            return selected, *skipped, cards.message_card(message_for(error)), gr.skip()
        return selected, *updates, gr.skip(), uuid.uuid4().hex if run else gr.skip()


def connect_links(page: gr.Blocks, tabs: gr.Tabs, opener: Opener) -> None:
    """Let a link with `?tab=...` open this tab when the page is loaded."""
    outputs = [tabs, *opener.all_outputs]

    async def open_link(request: gr.Request) -> tuple[Any, ...]:
        params = dict(request.query_params)
        if params.get("tab") != opener.tab:
            return (gr.skip(),) * len(outputs)
        return await opener.open_with(request.session_hash, params, run=False)

    page.load(open_link, outputs=outputs, queue=False, show_progress="hidden", api_visibility="private")
