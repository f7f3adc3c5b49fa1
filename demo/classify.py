"""The Classify tab, and in it one photo with one or two networks; `classify_many` is several photos."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

import core
from demo import cards
from demo.classify_many import build_several_photos
from demo.context import Context
from demo.data_cards import title_in_words
from demo.examples import examples, photo_named
from demo.inside_why_cards import overlay_figure
from demo.inside_why_run import explain
from demo.languages import tr
from demo.messages import message_for
from demo.networks import (
    NO_SECOND,
    Network,
    content_of,
    find_network,
    is_none,
    is_ready,
    load,
    network_dropdown,
    title_of,
    updated_lists,
)
from demo.networks import prepare as prepare_network
from demo.photo import photo_input
from demo.session import VisitorsRun
from demo.streams import said_again
from demo.tab_opener import Opener

_ENDPOINT = "classify"


def build_classify_tab(context: Context, page: gr.Blocks) -> tuple[list[gr.Dropdown], Opener]:
    """Put the tab's components on the page and connect them; returns the lists of networks, and what opens it from elsewhere.

    Whoever changes the visitor's runs gives these lists `networks.updated_lists`. A link brings "network", "compare" (a
    second one), "why" (1: where it looks) and "photo", one of the app's own examples; without it the photo stays as it is.
    """
    gr.Markdown(
        tr(
            "A network that has studied 1.3 million photos knows 1,000 things by name, among them 118 breeds of dogs. "
            "**Drop a photo and read what it sees.** The photo goes to the computer that runs this page, and to nobody else."
        ),
        elem_classes="pl-lead",
    )
    with gr.Tabs(overflow_behavior="wrap") as parts:
        with gr.Tab(tr("One photo"), id="one"):
            dropdowns, opener = _build_one_photo(context, page, parts)
        with gr.Tab(tr("Several photos"), id="several"):
            dropdowns += build_several_photos(context)

    def refresh_choices(request: gr.Request) -> list[dict]:
        """What is here may have changed since the app was started."""
        values = [dropdown.value for dropdown in dropdowns]
        return updated_lists(dropdowns, values, context.sessions.get(request.session_hash).runs)

    page.load(refresh_choices, outputs=dropdowns, queue=False, show_progress="hidden", api_visibility="private")
    return dropdowns, opener


def _build_one_photo(context: Context, page: gr.Blocks, parts: gr.Tabs) -> tuple[list[gr.Dropdown], Opener]:
    ready = examples()
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            photo = photo_input(value=str(ready[0].path), label=tr("Photo"), height=340, elem_id="photo")
            gr.Markdown(tr("Or try one of these:"), elem_classes="pl-or")
            with gr.Row(elem_classes="pl-examples"):
                example_buttons = [
                    gr.Button(
                        tr(example.shows), icon=str(example.path), size="sm", min_width=84, elem_classes="pl-example"
                    )
                    for example in ready
                ]
            with gr.Row():
                backbone = network_dropdown(tr("Network"), tr("or type another timm network's name"))
                second = network_dropdown(tr("Compare with"), tr("a second network beside the first"), value=NO_SECOND)
            why = gr.Checkbox(label=tr("Show where it looks"), elem_id="classify-why")
            button = gr.Button(tr("Classify"), variant="primary", elem_id="classify")
            # not where the results are: those are on their way when a link is read
            said = gr.HTML(elem_id="classify-said")
        with gr.Column(scale=6, min_width=280), gr.Row():
            with gr.Column(min_width=260):
                first_card = gr.HTML(cards.waiting_card(tr("Waking the network …")), elem_id="result")
            with gr.Column(min_width=260, visible=False) as second_place:
                second_card = gr.HTML(elem_id="second-result")
    # The visitor's turn, written when a network must be fetched or loaded first: its change starts the preparation.
    wanted = gr.Textbox(visible="hidden")
    show_from_elsewhere = gr.Textbox(visible="hidden")

    async def show(
        photo: str | None, backbone: str, compare_with: str, why: bool, wanted: str, request: gr.Request
    ) -> tuple[str, str, str]:
        visitor = request.session_hash
        turn = context.sessions.next_turn(visitor)
        first, first_waits = await _card(context, photo, backbone, visitor, why=why is True)
        if is_none(compare_with):
            second, second_waits = "", False
        else:
            second, second_waits = await _card(context, photo, compare_with, visitor, why=why is True)
        context.sessions.answer(visitor, turn, (first, second))
        return first, second, str(turn) if first_waits or second_waits else wanted

    @said_again
    async def prepare(
        photo: str | None, backbone: str, compare_with: str, why: bool, turn: str, request: gr.Request
    ) -> AsyncIterator[tuple]:
        async def both() -> AsyncIterator[tuple]:
            card_of = partial(_prepare_then_card, context, photo, visitor=request.session_hash, why=why is True)
            async for card in card_of(backbone):
                yield card, gr.skip()
            if not is_none(compare_with):
                async for card in card_of(compare_with):
                    yield gr.skip(), card

        async for two_cards in _while_waiting(both(), lambda: _is_late(context, request, turn)):
            yield two_cards
        if _is_late(context, request, turn):
            # One of our cards may have crossed the newer answer on its way: show that again.
            yield context.sessions.get(request.session_hash).cards or (gr.skip(), gr.skip())

    async def classify(photo: str | None, backbone: str, top: float) -> dict:
        """Classify one photo: the same object as `python -m core classify --json`, without the file's name."""
        try:
            async for _ in prepare_network(context, backbone):
                pass
            return await context.quick.run(_as_json, photo, backbone, top)
        except Exception as error:
            raise gr.Error(message_for(error), print_exception=False) from error

    async def open_with(visitor: str, params: Mapping[str, str]) -> Sequence[Any]:
        named = await context.quick.run(photo_named, params)
        network, compared = params.get("network", core.DEFAULT_BACKBONE), params.get("compare", NO_SECOND)
        explained = params.get("why") == "1"
        return gr.update(selected="one"), named or gr.skip(), network[:200], compared[:200], explained

    for example_button, example in zip(example_buttons, ready, strict=True):
        example_button.click(
            partial(str, example.path), outputs=photo, queue=False, show_progress="hidden", api_visibility="private"
        )
    # Without Gradio's queue, which costs a second way there and back: the pool has a queue of its own. All outputs are plain
    # texts, never updates, for each of which Gradio builds the component anew: thirty photos at once would wait for that.
    listen = partial(
        gr.on,
        fn=show,
        inputs=[photo, backbone, second, why, wanted],
        outputs=[first_card, second_card, wanted],
        show_progress="hidden",
        postprocess=False,
        trigger_mode="always_last",
        queue=False,
        api_visibility="private",
    )
    listen([page.load, photo.change, backbone.change, second.change, why.change, show_from_elsewhere.change])
    listen([button.click], scroll_to_output=True)  # on a phone the result lies below
    second.change(
        lambda compare_with: gr.update(visible=not is_none(compare_with)),
        inputs=second,
        outputs=second_place,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    # what a link could not do is told until the visitor does something
    acts = [photo.input, backbone.input, second.input, button.click, show_from_elsewhere.change]
    acts += [example_button.click for example_button in example_buttons]
    gr.on(acts, None, js="() => ''", outputs=said, show_progress="hidden")
    wanted.change(
        prepare,
        inputs=[photo, backbone, second, why, wanted],
        outputs=[first_card, second_card],
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=None,
        api_visibility="private",
    )
    # For programs, in the first language only. Through components, not `gr.api`: only components refuse a path that
    # nobody uploaded.
    if not any(event.api_name == _ENDPOINT for event in page.fns.values()):
        top, answer, ask = gr.Number(5, visible=False), gr.JSON(visible=False), gr.Button(visible=False)
        ask.click(classify, inputs=[photo, backbone, top], outputs=answer, api_name=_ENDPOINT, concurrency_limit=None)
    opener = Opener("classify", [parts, photo, backbone, second, why], open_with, said, show_from_elsewhere)
    return [backbone, second], opener


def _is_late(context: Context, request: gr.Request, turn: str) -> bool:
    """Whether the visitor has chosen again: a download goes on, but nobody wants to watch it here any more."""
    return str(context.sessions.get(request.session_hash).turn) != turn


async def _while_waiting(stream: AsyncIterator[tuple], ends: Callable[[], bool]) -> AsyncIterator[tuple]:
    """Items of a stream, until it ends or `ends()` says so, which is asked four times a second."""
    while not ends():
        following = asyncio.ensure_future(anext(stream, None))
        while not following.done() and not ends():
            await asyncio.wait({following}, timeout=0.25)
        if not following.done():
            following.cancel()
            return
        if following.result() is None:
            return
        yield following.result()


async def _card(
    context: Context, photo: str | None, value: str, visitor: str, *, why: bool = False, prepared: bool = False
) -> tuple[str, bool]:
    """The card for one photo, and whether the network must be fetched or loaded first.

    Args:
        value: of a list of networks.
        why: whether the visitor wants to see where it looks.
        prepared: the network was loaded a moment ago; if others have pushed it out since, it is loaded again.
    """
    if not photo:
        return cards.hint_card(), False
    try:
        network = find_network(context, value, visitor)
        alike = "classify", network if isinstance(network, str) else content_of(network), prepared
        look = await context.quick.run_together(partial(_looks, network, prepared), photo, alike)
        if look is None:
            return cards.waiting_card(tr("Waking {network} …", network=title_of(network))), True
        explained = await context.quick.run(_explained, photo, network, look) if why else ""
    except Exception as error:
        return cards.message_card(message_for(error)), False
    if isinstance(network, VisitorsRun):
        look = replace(look, trained_on=title_in_words(network.record.dataset.title))
    return cards.result_card(look, explained=explained), False


async def _prepare_then_card(
    context: Context, photo: str | None, value: str, *, visitor: str, why: bool
) -> AsyncIterator[str]:
    """The cards while a network is fetched and loaded, then the one for the photo."""
    try:
        async for waiting in prepare_network(context, find_network(context, value, visitor)):
            yield waiting
    except Exception as error:
        yield cards.message_card(message_for(error))
        return
    yield (await _card(context, photo, value, visitor, why=why, prepared=True))[0]


def _looks(network: Network, prepared: bool, photos: Sequence[str]) -> list[cards.Look | Exception | None]:
    """A network's look at each of some photos, or why there is none; None if the network is not in memory."""
    if not (is_ready(network) or prepared):
        return [None] * len(photos)
    classifier = load(network)
    return [_look(classifier, photos[0])] if len(photos) == 1 else _look_at_several(classifier, photos)


def _look(classifier: core.Classifier, photo: str) -> cards.Look | Exception:
    """One photo, as fast as it goes: all processors compute on it."""
    if not os.path.exists(photo):
        return _gone()
    start = time.perf_counter()
    try:
        picture = classifier.read(photo)
    except core.ImageError as error:
        return error
    read = time.perf_counter()
    prediction = classifier.predict([picture])[0]
    done = time.perf_counter()
    backbone = classifier.backbone
    return cards.Look(backbone.title, backbone.licence, prediction, read - start, done - read)


def _look_at_several(classifier: core.Classifier, photos: Sequence[str]) -> list[cards.Look | Exception]:
    """Photos that piled up: each processor computes on its own, which takes a third of the time."""
    backbone = classifier.backbone
    looks: list[cards.Look | Exception] = []
    for photo, result in zip(photos, core.predict_files(classifier, photos, hurried=True), strict=True):
        if result.prediction is None:
            looks.append(result.error if os.path.exists(photo) else _gone())
        else:
            looks.append(
                cards.Look(
                    backbone.title, backbone.licence, result.prediction, 0.0, result.seconds, together=len(photos)
                )
            )
    return looks


def _gone() -> core.ImageError:
    return core.ImageError("This photo is no longer on the server, where it is kept for some hours. Drop it again.")


def _explained(photo: str, network: Network, look: cards.Look) -> str:
    """Where it looks for the name that the card shows first; in words why not, for a network without maps."""
    try:
        return overlay_figure(explain(photo, network, look.prediction.headline.index))
    except Exception as error:  # the answer itself is there, and stays
        return cards.note(message_for(error))


def _as_json(photo: str | None, backbone: str, top: float) -> dict:
    if not photo:
        raise core.ImageError("There is no photo.")
    start = time.perf_counter()
    classifier = core.Classifier(core.load_backbone(backbone))
    said = classifier.predict([classifier.read(photo)])[0].as_dict(top)
    return {"backbone": classifier.backbone.name, **said, "seconds": time.perf_counter() - start}
