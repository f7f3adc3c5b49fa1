"""The Look inside tab: one photo and one network, and what its layers see, why it says what it says, where pictures lie."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

import gradio as gr

import core
from core.datasets.opening import list_datasets
from core.errors import SettingsError
from demo import cards
from demo.context import Context
from demo.data_choice import offered, pictures_here, usual
from demo.examples import examples, photo_named
from demo.inside_layers import build_layers
from demo.inside_map import build_map
from demo.inside_run import is_number_of_channel
from demo.inside_why import build_why
from demo.languages import tr
from demo.messages import message_for
from demo.networks import find_network, network_dropdown, prepare
from demo.photo import photo_input
from demo.tab_opener import Opener

PARTS = ("layers", "why", "map")
_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}


def build_inside_tab(context: Context, page: gr.Blocks, tab: gr.Tab) -> tuple[list[gr.Dropdown], Opener]:
    """Put the tab's components on the page and connect them; returns its list of networks, and what opens it from elsewhere.

    A link brings "part" (one of `PARTS`), "network", "layer" and "channel"; "photo" is one of the app's own examples. Photo
    and layer stay as they are where the link names none.

    Args:
        tab: this one: it looks for the first time when it is seen.
    """
    gr.Markdown(
        tr(
            "What happens between the photo and the answer? **Walk through the layers, ask why, and see where your pictures "
            "lie.**"
        ),
        elem_classes="pl-lead",
    )
    ready = examples()
    with gr.Row():
        with gr.Column(scale=2, min_width=240):
            photo = photo_input(value=str(ready[0].path), label=tr("Photo"), height=230, elem_id="inside-photo")
            with gr.Row(elem_classes="pl-examples"):
                example_buttons = [
                    gr.Button(
                        tr(example.shows), icon=str(example.path), size="sm", min_width=76, elem_classes="pl-example"
                    )
                    for example in ready[:3]
                ]
            network = network_dropdown(tr("Network"), tr("or type another timm network's name"))
            pictures = gr.Dropdown(
                pictures_here(),
                value=usual(list_datasets()),
                label=tr("Pictures to compare with"),
                info=tr("for photos that excite a channel, and for the map"),
                elem_id="inside-data",
            )
        with gr.Column(scale=7, min_width=290):
            said = gr.HTML(
                cards.waiting_card(tr("Waking the network …")), elem_id="inside-said", elem_classes="pl-bare"
            )
            with gr.Tabs(overflow_behavior="wrap", elem_id="inside-parts") as parts:
                with gr.Tab(tr("Layers"), id="layers"):
                    layers = build_layers(context, photo, network, pictures)
                with gr.Tab(tr("Why this class?"), id="why"):
                    why = build_why(context, photo, network)
                with gr.Tab(tr("Map of the pictures"), id="map"):
                    build_map(context, photo, network, pictures)
            link = gr.Textbox(
                label=tr("Link with these settings"),
                buttons=["copy"],
                interactive=False,
                max_lines=4,
                elem_id="inside-link",
            )
    page_address, look_from_elsewhere = gr.Textbox(visible=False), gr.Textbox(visible="hidden")
    # which look is on the screen: the tab is seen again more often than something has changed
    seen = gr.Textbox(visible="hidden", elem_id="inside-seen")
    outputs = [said, *layers.outputs, seen]

    def nothing(card: Any) -> tuple:
        return card, *[gr.skip()] * (len(outputs) - 2), ""

    async def look(
        path: Any, value: Any, name: Any, number: Any, count: Any, stretch: Any, request: gr.Request
    ) -> AsyncIterator[tuple]:
        """Everything that is seen of a photo and a network."""
        visitor = request.session_hash
        turn = context.sessions.next_look(visitor)
        # what goes on belongs to what was on the screen
        context.sessions.drop(visitor, "exciting", "channel", "testing")
        if not path:
            yield nothing(cards.hint_card())
            return
        yield cards.waiting_card(tr("Waking the network …")), *[gr.skip()] * (len(outputs) - 1)
        try:
            found = find_network(context, value, visitor)
            async for waiting in prepare(context, found):
                if context.sessions.get(visitor).looks != turn:
                    return
                yield nothing(waiting)
            shown = await context.quick.run(layers.shown, path, found, name, number, count, stretch)
            if context.sessions.get(visitor).looks != turn:
                return
            yield "", *shown, uuid.uuid4().hex
        except Exception as error:
            if context.sessions.get(visitor).looks == turn:
                yield nothing(cards.message_card(message_for(error)))

    async def look_first(
        before: Any, path: Any, value: Any, name: Any, number: Any, count: Any, stretch: Any, request: gr.Request
    ) -> AsyncIterator[tuple]:
        """When the tab is seen, unless it shows something already."""
        if not before:
            async for update in look(path, value, name, number, count, stretch, request):
                yield update

    async def say_why(before: Any, path: Any, value: Any, request: gr.Request) -> list[Any]:
        """After each look. By itself: a stream that showed the layers and then only this would be lost on a browser that lags
        behind."""
        if not before or not path:
            return [gr.skip()] * len(why.outputs)
        try:
            found = find_network(context, value, request.session_hash)
            return await context.quick.run(why.shown, path, found)
        except Exception as error:  # its layers can be shown all the same
            return [gr.skip(), cards.message_card(message_for(error)), ""]

    def offer_pictures(value: Any, request: gr.Request) -> dict:
        return offered(context, request.session_hash, value)

    def link_to(value: Any, name: Any, number: Any, address: str) -> str:
        params = {"tab": "inside"}
        if not isinstance(value, str) or value.startswith("run:"):  # a run is its visitor's alone
            return f"{address}?{urlencode(params)}"
        if value != core.DEFAULT_BACKBONE:
            params["network"] = value
        if isinstance(name, str) and name:
            params["layer"] = name
        if is_number_of_channel(number):
            params["channel"] = f"{number:.0f}"
        return f"{address}?{urlencode(params)}"

    async def open_with(visitor: str, params: Mapping[str, str]) -> Sequence[Any]:
        named = await context.quick.run(photo_named, params)
        part = params.get("part", PARTS[0])
        if part not in PARTS:
            raise SettingsError(
                "There is no part {name!r:.80} to look inside. There are {known}.", name=part, known=", ".join(PARTS)
            )
        number = params.get("channel")
        if number is not None and not number.isdecimal():
            raise SettingsError("A channel is a whole number from 0, not {value!r:.80}.", value=number)
        # without a layer all stays: what came late would empty a list that has been filled meanwhile
        named_layer = "layer" in params or number is not None
        return (
            gr.update(selected=part),
            params.get("layer", "")[:200] if named_layer else gr.skip(),
            gr.skip() if not named_layer else None if number is None else int(number[:6]),
            params.get("network", core.DEFAULT_BACKBONE)[:200],
            named or gr.skip(),
        )

    for example_button, example in zip(example_buttons, ready, strict=False):
        example_button.click(
            partial(str, example.path), outputs=photo, queue=False, show_progress="hidden", api_visibility="private"
        )
    streamed = {"outputs": outputs, "trigger_mode": "multiple", "concurrency_limit": None, **_PRIVATE}
    wanted = [photo, network, *layers.inputs]
    gr.on([photo.change, network.change, look_from_elsewhere.change], look, inputs=wanted, **streamed)
    tab.select(look_first, inputs=[seen, *wanted], **streamed)
    seen.change(
        say_why,
        inputs=[seen, photo, network],
        outputs=why.outputs,
        queue=False,
        trigger_mode="always_last",
        **_PRIVATE,
    )
    tab.select(offer_pictures, inputs=pictures, outputs=pictures, queue=False, **_PRIVATE)
    gr.on(
        [layers.layer.change, layers.channel.change, network.change],
        link_to,
        inputs=[network, layers.layer, layers.channel, page_address],
        outputs=link,
        queue=False,
        trigger_mode="always_last",
        **_PRIVATE,
    )
    page.load(None, outputs=page_address, js="() => location.origin + location.pathname")
    # the photo and the network last: once they change it looks, at the layer that is there by then
    opened = [parts, layers.layer, layers.channel, network, photo]
    return [network], Opener("inside", opened, open_with, said, look_from_elsewhere)
