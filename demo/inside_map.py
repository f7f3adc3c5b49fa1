"""Where pictures lie: a data set on a map, as a network sees it, and the visitor's photo among its nearest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from demo import cards
from demo.context import Context
from demo.data_choice import open_chosen
from demo.inside_map_cards import class_card, map_card, neighbours_card
from demo.inside_map_run import Mapped, lay_out, near_one, pictures_of
from demo.jobs import Job
from demo.languages import mark, tr, tr_n
from demo.messages import message_for
from demo.networks import find_network, prepare
from demo.picture_grid import read_thumbnails
from demo.scripts import script_of
from demo.train_results import COME_INTO_SIGHT_JS

if TYPE_CHECKING:
    from core.inside.atlas import Neighbours

_AXES = {"spread": mark("where pictures differ most"), "classes": mark("where classes differ most")}
_HINT = mark("Press “Lay out the pictures”. The first time it looks at each of them once.")
_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}


def build_map(context: Context, photo: gr.Image, network: gr.Dropdown, pictures: gr.Dropdown) -> None:
    """Put the components on the page and connect them."""
    gr.Markdown(
        tr(
            "A network turns each picture into a list of numbers before it answers. Laid out in two dimensions they form a "
            "map: **pictures that it finds alike lie near each other.** A new head only has to draw lines on it."
        )
    )
    with gr.Row():
        axes = gr.Radio(
            [(tr(words), name) for name, words in _AXES.items()],
            value="spread",
            label=tr("Directions"),
            min_width=260,
            scale=3,
            elem_id="map-axes",
        )
        start = gr.Button(tr("Lay out the pictures"), variant="primary", min_width=180, scale=2, elem_id="map-start")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, min_width=100, scale=1, elem_id="map-stop")
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            map_said = gr.HTML(
                cards.waiting_card(tr(_HINT)),
                js_on_load=script_of("map.js"),
                elem_id="map-said",
                elem_classes="pl-bare",
            )
        with gr.Column(scale=3, min_width=250):
            pressed = gr.HTML(js_on_load=COME_INTO_SIGHT_JS, elem_id="map-pressed", elem_classes="pl-bare")
            near_said = gr.HTML(elem_id="map-near", elem_classes="pl-bare")

    async def near_card(mapped: Mapped, near: Neighbours, picture: int | None) -> str:
        items = [mapped.images.items[int(index)] for index in near.indices]
        thumbnails = await read_thumbnails(context, items, lambda: True)
        return neighbours_card(mapped, near, thumbnails, picture=picture)

    async def map_pictures(
        path: Any, value: Any, dataset: Any, wanted: Any, request: gr.Request
    ) -> AsyncIterator[tuple]:
        """The map, after each picture was looked at once."""
        visitor = request.session_hash
        busy = gr.update(interactive=False), gr.update(interactive=True)
        idle = gr.update(interactive=True), gr.update(interactive=False)
        # what it lays out is known when it begins; Stop is heard before
        job = Job(lambda: lay_out(path, found, opened, wanted))
        try:
            context.sessions.start(visitor, job, kind="mapping")
            yield cards.waiting_card(tr("Opening the pictures …")), "", "", *busy
            found = find_network(context, value, visitor)
            opened = await open_chosen(context, visitor, dataset)
            async for waiting in prepare(context, found):
                if job.stopping:
                    break
                yield waiting, "", "", *busy
            if not job.stopping:
                context.long.submit(job)
                async for progress in job.watch(every_seconds=0.4):
                    seen = progress.snapshot
                    if seen is None:
                        yield cards.waiting_for(progress), "", "", *busy
                    elif not isinstance(seen, Mapped):
                        words = tr_n(
                            "Looking at {done} of {count} picture",
                            "Looking at {done} of {count} pictures",
                            seen.total,
                            done=seen.done,
                        )
                        yield cards.waiting_card(words, seen.done / max(1, seen.total)), "", "", *busy
            mapped = job.snapshot
            if not context.sessions.is_current(visitor, job, kind="mapping"):
                yield gr.skip(), gr.skip(), gr.skip(), *idle
                return
            if not isinstance(mapped, Mapped):
                yield cards.waiting_card(tr("Stopped.")), "", "", *idle
                return
            context.sessions.keep_result(visitor, mapped=mapped)
            card = await context.quick.run(map_card, mapped)
            near = "" if mapped.near is None else await near_card(mapped, mapped.near, None)
            yield card, near, "", *idle
        except Exception as error:
            yield cards.message_card(message_for(error)), "", "", *idle
        finally:
            job.stop()
            context.sessions.finish(visitor, job, kind="mapping")

    def stop_mapping(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="mapping")
        return gr.update(interactive=False)

    async def press_point(event: gr.EventData, request: gr.Request) -> Any:
        """The picture of a point, and those most like it."""
        mapped = context.sessions.get(request.session_hash).mapped
        pressed = event._data if isinstance(event._data, dict) else {}
        if mapped is None:
            return cards.message_card(tr("This map is not kept any more. Lay out the pictures again."))
        try:
            if "class" in pressed:
                numbers = await context.quick.run(pictures_of, mapped, pressed["class"])
                items = [mapped.images.items[number] for number in numbers]
                return class_card(mapped, pressed["class"], await read_thumbnails(context, items, lambda: True))
            near = await context.quick.run(near_one, mapped, pressed.get("picture"))
            return await near_card(mapped, near, pressed.get("picture"))
        except Exception as error:
            return cards.message_card(message_for(error))

    def forget_map(request: gr.Request) -> tuple[str, str, str]:
        """Of another photo or network it would tell what is not so."""
        context.sessions.drop(request.session_hash, "mapping")
        return cards.waiting_card(tr(_HINT)), "", ""

    gr.on(
        [photo.change, network.change],
        forget_map,
        outputs=[map_said, near_said, pressed],
        queue=False,
        **_PRIVATE,
    )
    start.click(
        map_pictures,
        inputs=[photo, network, pictures, axes],
        outputs=[map_said, near_said, pressed, start, stop],
        concurrency_limit=None,
        **_PRIVATE,
    )
    stop.click(stop_mapping, outputs=stop, queue=False, **_PRIVATE)
    map_said.click(press_point, outputs=pressed, queue=False, trigger_mode="always_last", **_PRIVATE)
