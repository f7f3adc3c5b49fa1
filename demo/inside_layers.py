"""Walking through the layers of a network: the strip of stages, the maps of one layer, one of its channels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.backbones.sources import list_backbones
from core.errors import SettingsError
from core.fetching import fetching_is_allowed
from demo import cards
from demo.context import Context
from demo.data_choice import open_chosen, open_now
from demo.inside_cards import (
    channel_panel,
    drawing_card,
    exciting_card,
    figure_panel,
    filters_panel,
    maps_panel,
    strip_panel,
)
from demo.inside_run import (
    Excited,
    about_of,
    checked_channel,
    draw_channel,
    exciting_photos,
    find_exciting,
    look_at_layer,
    walk_photo,
)
from demo.jobs import Job
from demo.languages import mark, tr
from demo.messages import message_for
from demo.networks import Network, find_network, prepare
from demo.scripts import script_of
from demo.session import MAX_EXCITED

if TYPE_CHECKING:
    from demo.session import Kind

_SCALES = {"own": mark("each by itself"), "common": mark("all by one scale")}
_VGG = "vgg16"
_MOST = (36, 144, 4096)
_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}
_QUICK = {"queue": False, **_PRIVATE}
# Buttons that stay where they are, with their focus, while another one becomes the chosen one.
_MARK_STAGE_JS = """stage => {
  for (const button of document.querySelectorAll("#inside-strip button")) {
    if (button.dataset.stage === stage) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}"""
_STALE_JS = "() => { document.querySelector('#inside-maps .pl-layer')?.classList.add('pl-stale'); }"
_FRESH_JS = "() => { document.querySelector('#inside-maps .pl-layer')?.classList.remove('pl-stale'); }"
_MARK_CHANNEL_JS = """channel => {
  for (const button of document.querySelectorAll("#inside-maps button")) {
    button.setAttribute("aria-pressed", button.dataset.channel === String(channel));
  }
}"""


@dataclass(frozen=True, eq=False)
class LayersPart:
    """The part of the tab.

    Attributes:
        layer, channel: what is chosen; a link may set them.
        inputs: what `shown` wants to know of the page.
        outputs: what it updates.
        shown: updates for a photo, a network and the inputs' values; to be called in a pool. Raises PetLensError.
    """

    layer: gr.Dropdown
    channel: gr.Number
    inputs: Sequence[gr.components.Component]
    outputs: Sequence[gr.components.Component]
    shown: Callable[..., list[Any]]


def build_layers(context: Context, photo: gr.Image, network: gr.Dropdown, pictures: gr.Dropdown) -> LayersPart:
    """Put the components on the page and connect them.

    Args:
        pictures: where photos that excite a channel are looked for.
    """
    strip = gr.HTML(js_on_load=script_of("inside.js", data="layer"), elem_id="inside-strip", elem_classes="pl-bare")
    stage = gr.Textbox(visible="hidden")
    with gr.Row():
        layer = gr.Dropdown(
            [],
            allow_custom_value=True,
            label=tr("Layer"),
            info=tr("all that can be shown, in their order"),
            min_width=220,
            scale=3,
            elem_id="inside-layer",
        )
        most = gr.Radio(
            [*((str(count), count) for count in _MOST[:-1]), (tr("all"), _MOST[-1])],
            value=_MOST[0],
            label=tr("Maps"),
            min_width=150,
            scale=2,
            elem_id="inside-most",
        )
        scale = gr.Radio(
            [(tr(words), name) for name, words in _SCALES.items()],
            value="own",
            label=tr("Brightness"),
            min_width=220,
            scale=3,
            elem_id="inside-scale",
        )
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            maps = gr.HTML(
                js_on_load=script_of("inside.js", data="channel"), elem_id="inside-maps", elem_classes="pl-bare"
            )
        with gr.Column(scale=3, min_width=250):
            looked = gr.HTML(elem_id="inside-looked", elem_classes="pl-bare")
            channel = gr.Number(label=tr("Channel"), precision=0, elem_id="inside-channel")
            excite = gr.Button(tr("Which photos excite it?"), variant="primary", elem_id="inside-excite")
            draw = gr.Button(tr("Draw its ideal image"), variant="primary", elem_id="inside-draw")
            stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="inside-stop")
    drawn_said = gr.HTML(elem_id="inside-drawn", elem_classes="pl-bare")
    excited_said = gr.HTML(elem_id="inside-excited", elem_classes="pl-bare")
    with gr.Accordion(tr("What the first layer looks for"), open=False):
        filters = gr.HTML(elem_id="inside-filters", elem_classes="pl-bare")
    with gr.Accordion(tr("All last maps as one strip: the figure of the lesson"), open=False):
        figure = gr.HTML(elem_id="inside-figure", elem_classes="pl-bare")
        lesson = gr.Button(tr("With VGG-16, as in the lesson"), size="sm", elem_id="inside-vgg")
        lesson_said = gr.HTML(elem_id="inside-vgg-said", elem_classes="pl-bare")

    inputs = [layer, channel, most, scale]
    of_layer = [layer, stage, maps, channel, looked, drawn_said, excited_said]
    outputs = [strip, filters, figure, *of_layer]

    def shown(path: str, found: Network, name: Any, number: Any, count: Any, stretch: Any) -> list[Any]:
        walk = walk_photo(path, found)
        choice, *rest = layer_shown(path, found, name, number, count, stretch)
        titles = [(tr(one.title), one.name) for one in walk.layers]
        choice = gr.update(choices=titles, value=choice)
        return [strip_panel(walk, choice["value"]), filters_panel(walk), figure_panel(walk), choice, *rest, "", ""]

    def layer_shown(path: str, found: Network, name: Any, number: Any, count: Any, stretch: Any) -> list[Any]:
        """Of `of_layer`, without what was found for the channel."""
        count, stretch = _checked(count, stretch)
        look = look_at_layer(path, found, name if isinstance(name, str) else "", number)
        chosen_layer = look.maps.layer
        panel = maps_panel(look, scale=stretch, most=count)
        return [chosen_layer.name, str(chosen_layer.stage), panel, look.channel, channel_panel(look)]

    def known_of(visitor: str, found: Network, name: str, number: int, dataset: str) -> str:
        """The photos that excite a channel, where this layer's photos were looked through before."""
        excited = context.sessions.get(visitor).excited
        same = excited is not None and excited.about == about_of(found, name)
        if not same or excited.dataset is not open_now(context, visitor, dataset):
            return ""
        return exciting_now(excited, number, found, False)

    def exciting_now(excited: Excited, number: int, found: Network, running: bool) -> str:
        return exciting_card(excited, number, exciting_photos(excited, number, found), running=running)

    async def show_layer(
        path: Any, value: Any, name: Any, number: Any, count: Any, stretch: Any, dataset: Any, visitor: str
    ) -> list[Any]:
        """Another layer; `number` None: its strongest channel."""
        if not path:
            return [gr.skip()] * len(of_layer)
        context.sessions.drop(visitor, "exciting", "channel")
        try:
            found = find_network(context, value, visitor)
            shown = await context.quick.run(layer_shown, path, found, name, number, count, stretch)
            known = await context.quick.run(known_of, visitor, found, shown[0], shown[3], dataset)
            return [*shown, "", known]
        except Exception as error:
            return [gr.skip(), gr.skip(), "", gr.skip(), cards.message_card(message_for(error)), "", ""]

    async def walk_to(
        path: Any, value: Any, count: Any, stretch: Any, dataset: Any, event: gr.EventData, request: gr.Request
    ) -> list[Any]:
        name = _pressed(event, "layer")
        return await show_layer(path, value, name, None, count, stretch, dataset, request.session_hash)

    async def choose_layer(
        path: Any, value: Any, name: Any, count: Any, stretch: Any, dataset: Any, request: gr.Request
    ) -> list[Any]:
        return await show_layer(path, value, name, None, count, stretch, dataset, request.session_hash)

    async def draw_maps_anew(
        path: Any, value: Any, name: Any, number: Any, count: Any, stretch: Any, request: gr.Request
    ) -> Any:
        """More of them, or by another scale: what is looked for goes on."""
        if not path:
            return gr.skip()
        try:
            found = find_network(context, value, request.session_hash)
            shown = await context.quick.run(layer_shown, path, found, name, number, count, stretch)
            return shown[of_layer.index(maps)]
        except Exception as error:
            return cards.message_card(message_for(error))

    async def look_closer(path: Any, value: Any, name: Any, number: Any, dataset: Any, visitor: str) -> list[Any]:
        """At another channel of the same layer."""
        if not path:
            return [gr.skip()] * 4
        context.sessions.drop(visitor, "exciting", "channel")
        try:
            number = checked_channel(number)
            found = find_network(context, value, visitor)
            look = await context.quick.run(partial(look_at_layer, path, found, name, number, exactly=True))
            known = await context.quick.run(known_of, visitor, found, name, number, dataset)
            return [number, channel_panel(look), "", known]
        except Exception as error:
            return [gr.skip(), cards.message_card(message_for(error)), "", ""]

    async def press_map(
        path: Any, value: Any, name: Any, dataset: Any, event: gr.EventData, request: gr.Request
    ) -> list[Any]:
        pressed = _pressed(event, "channel")
        number = int(pressed) if pressed.isdecimal() else -1
        return await look_closer(path, value, name, number, dataset, request.session_hash)

    async def choose_channel(
        path: Any, value: Any, name: Any, number: Any, dataset: Any, request: gr.Request
    ) -> list[Any]:
        if number is None:  # somebody is typing
            return [gr.skip()] * 4
        return [gr.skip(), *(await look_closer(path, value, name, number, dataset, request.session_hash))[1:]]

    async def find_photos(
        value: Any, name: Any, number: Any, dataset: Any, request: gr.Request
    ) -> AsyncIterator[tuple]:
        """The photos that excite the channel, while they are looked for."""
        visitor = request.session_hash
        # what it looks for is known when it begins; Stop is heard before
        job = Job(lambda: find_exciting(found, name, number, opened))
        try:
            context.sessions.start(visitor, job, kind="exciting")
            yield _busy(cards.waiting_card(tr("Opening the pictures …")))
            number = checked_channel(number)
            found = find_network(context, value, visitor)
            opened = await open_chosen(context, visitor, dataset)
            async for waiting in prepare(context, found):
                if job.stopping:
                    break
                yield _busy(waiting)
            if not job.stopping:
                context.long.submit(job)
                # photos are opened anew for each card, which other visitors' photos wait for
                async for progress in job.watch(every_seconds=1.5):
                    if progress.snapshot is None:
                        yield _busy(cards.waiting_for(progress))
                    elif job.unfinished and not job.stopping:
                        yield _busy(await context.quick.run(exciting_now, progress.snapshot, number, found, True))
            if not context.sessions.is_current(visitor, job, kind="exciting"):
                yield _idle(gr.skip())
            elif job.snapshot is None:
                yield _idle(cards.waiting_card(tr("Stopped.")))
            else:
                context.sessions.keep_result(visitor, most=MAX_EXCITED, excited=job.snapshot)
                yield _idle(await context.quick.run(exciting_now, job.snapshot, number, found, False))
        except Exception as error:
            yield _idle(cards.message_card(message_for(error)))
        finally:
            _end(context, visitor, job, "exciting")

    async def draw_ideal(value: Any, name: Any, number: Any, request: gr.Request) -> AsyncIterator[tuple]:
        """The ideal image of the channel, while it grows."""
        visitor, job = request.session_hash, None
        yield _busy(cards.waiting_card(tr("Beginning …")))
        try:
            number = checked_channel(number)
            found = find_network(context, value, visitor)
            seconds = 60.0 * context.limits.max_drawing_minutes
            job = Job(partial(draw_channel, found, name, number, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="channel")
            async for waiting in prepare(context, found):
                if job.stopping:
                    break
                yield _busy(waiting)
            if not job.stopping:
                context.drawing.submit(job)
                async for progress in job.watch(every_seconds=0.25):
                    if progress.snapshot is None:
                        yield _busy(cards.waiting_for(progress))
                    elif job.unfinished and not job.stopping:
                        yield _busy(drawing_card(progress.snapshot, running=True))
            if not context.sessions.is_current(visitor, job, kind="channel"):
                yield _idle(gr.skip())
            elif job.snapshot is None:
                yield _idle(cards.waiting_card(tr("Stopped.")))
            else:
                yield _idle(drawing_card(job.snapshot, running=False))
        except Exception as error:
            yield _idle(cards.message_card(message_for(error)))
        finally:
            _end(context, visitor, job, "channel")

    def stop_both(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="exciting")
        context.sessions.stop(request.session_hash, kind="channel")
        return gr.update(interactive=False)

    def take_vgg() -> tuple[Any, str]:
        """The network of the lesson, where it is on this machine: half a gigabyte is not fetched by the way."""
        here = [listing.name for listing in list_backbones() if listing.here]
        if _VGG in here:
            return _VGG, ""
        said = tr("VGG-16 is not on this machine. Choose it in the list of networks to fetch it (553 MB).")
        if not fetching_is_allowed():
            said = tr("{network} (not on this machine)", network="VGG-16")
        return gr.skip(), cards.note(said)

    latest = {"trigger_mode": "always_last", **_QUICK}
    of_channel = [channel, looked, drawn_said, excited_said]
    walked = strip.click(walk_to, inputs=[photo, network, most, scale, pictures], outputs=of_layer, **latest)
    layer.input(None, js=_STALE_JS)
    went = layer.input(choose_layer, inputs=[photo, network, layer, most, scale, pictures], outputs=of_layer, **latest)
    for event in (walked, went):  # the same maps again are not drawn anew
        event.then(None, js=_FRESH_JS)
    gr.on([most.input, scale.input], draw_maps_anew, inputs=[photo, network, *inputs], outputs=maps, **latest)
    maps.click(press_map, inputs=[photo, network, layer, pictures], outputs=of_channel, **latest)
    channel.input(choose_channel, inputs=[photo, network, layer, channel, pictures], outputs=of_channel, **latest)
    stage.change(None, inputs=stage, js=_MARK_STAGE_JS)
    channel.change(None, inputs=channel, js=_MARK_CHANNEL_JS)
    streamed = {"concurrency_limit": None, **_PRIVATE}
    begun = [excite, draw, stop]
    excite.click(find_photos, inputs=[network, layer, channel, pictures], outputs=[excited_said, *begun], **streamed)
    draw.click(draw_ideal, inputs=[network, layer, channel], outputs=[drawn_said, *begun], **streamed)
    stop.click(stop_both, outputs=stop, **_QUICK)
    lesson.click(take_vgg, outputs=[network, lesson_said], **_QUICK)
    return LayersPart(layer, channel, inputs, outputs, shown)


def _busy(card: str) -> tuple:
    """The card, and the buttons while something is going on."""
    waits = gr.update(interactive=False)
    return card, waits, waits, gr.update(interactive=True)


def _idle(card: str) -> tuple:
    ready = gr.update(interactive=True)
    return card, ready, ready, gr.update(interactive=False)


def _end(context: Context, visitor: str, job: Job | None, kind: Kind) -> None:
    if job is not None:
        job.stop()
        context.sessions.finish(visitor, job, kind=kind)


def _checked(count: Any, stretch: Any) -> tuple[int, Any]:
    if count not in _MOST or isinstance(count, bool):
        raise SettingsError(
            "There are no {count!r:.80} maps to choose. There are {known}.",
            count=count,
            known=", ".join(str(known) for known in _MOST),
        )
    if not isinstance(stretch, str) or stretch not in _SCALES:
        raise SettingsError(
            "There is no brightness {name!r:.80}. There are {known}.", name=stretch, known=", ".join(_SCALES)
        )
    return count, stretch


def _pressed(event: gr.EventData, what: str) -> str:
    """What a button of a gr.HTML says that it stands for."""
    data = event._data if isinstance(event._data, dict) else {}
    return str(data.get(what, ""))[:200]
