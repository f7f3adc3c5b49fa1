"""The Ideal image tab: a class, Draw, and a picture that grows; its film, its files, what others say; the TV sweep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.ascent.presets import find_preset
from core.errors import PetLensError, SettingsError
from demo import cards
from demo.context import Context
from demo.examples import photo_named
from demo.ideal_cards import example_panel, frame_panel, opinions_card, picture_panel, status_card
from demo.ideal_form import (
    FAVOURITES,
    Form,
    build_form,
    link_of,
    names_of_classes,
    read_link,
    tv_weight_at,
    weight_text,
)
from demo.ideal_run import Drawing, Wish, draw, opinions_of, write_files
from demo.ideal_sweep import build_sweep
from demo.jobs import Job
from demo.languages import mark, tr
from demo.made_files import discard
from demo.messages import message_for
from demo.networks import find_network, load, prepare
from demo.session import VisitorsRun
from demo.tab_opener import Opener

if TYPE_CHECKING:
    from core.ascent.snapshot import Steering

HINT = mark(
    "Choose a class and press Draw. The picture begins as noise and becomes what the network takes for that class."
)
_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}


def build_ideal_tab(context: Context, page: gr.Blocks, tab: gr.Tab) -> tuple[list[gr.Dropdown], Opener]:
    """Put the tab's components on the page and connect them; returns its list of networks, and what opens it from elsewhere.

    A link brings class, network, preset and settings; "photo" is one of the app's own examples to start from, and without
    it that photo stays as it is.

    Args:
        tab: this one: the thousand names are read when it is seen for the first time.
    """
    gr.Markdown(
        tr(
            "What does a network think that a zebra looks like? Begin with noise and follow its own answer uphill. "
            "**Choose a class, press Draw, and watch it appear.**"
        ),
        elem_classes="pl-lead",
    )
    form = build_form()
    with gr.Row():
        start = gr.Button(tr("Draw"), variant="primary", elem_id="draw")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="stop-drawing")
        more = gr.Button(tr("Continue"), interactive=False, elem_id="continue-drawing")
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            picture = gr.HTML(example_panel(), elem_id="ideal-picture")
            film = gr.Slider(0, 1, value=0, step=1, label=tr("Film"), visible=False, elem_id="ideal-film")
            with gr.Row():
                png = gr.DownloadButton(tr("Picture (PNG)"), interactive=False, elem_id="ideal-png")
                webp = gr.DownloadButton(tr("Film (WebP)"), interactive=False, elem_id="ideal-webp")
            link = gr.Textbox(
                label=tr("Link with these settings"),
                buttons=["copy"],
                interactive=False,
                max_lines=4,
                elem_id="ideal-link",
            )
        with gr.Column(scale=6, min_width=280):
            status = gr.HTML(cards.waiting_card(tr(HINT)), elem_id="ideal-status")
    others = gr.HTML(elem_id="ideal-others")
    build_sweep(context, form)
    page_address, draw_from_elsewhere = gr.Textbox(visible=False), gr.Textbox(visible="hidden")
    outputs = [picture, status, film, png, webp, link, start, stop, more]

    def shown(what: dict[str, Any] | None = None, *, busy: bool, can_go_on: bool = False) -> tuple:
        """Updates of `outputs`: what is named, and the buttons."""
        named = {"picture": picture, "status": status, "film": film, "png": png, "webp": webp, "link": link}
        given = {named[name]: value for name, value in (what or {}).items()}
        if busy:  # what can be had belongs to the picture of before
            given |= {png: gr.update(interactive=False), webp: gr.update(interactive=False)}
        buttons = {
            start: gr.update(interactive=not busy),
            stop: gr.update(interactive=busy),
            more: gr.update(interactive=can_go_on and not busy),
        }
        return tuple({**given, **buttons}.get(output, gr.skip()) for output in outputs)

    def failed(visitor: str, card: str) -> tuple:
        """The picture of before stays, with all that one can do with it."""
        kept = context.sessions.get(visitor).ideal
        files = {"png": gr.update(interactive=kept is not None), "webp": gr.update(interactive=kept is not None)}
        seen = {} if kept is None else {"picture": picture_panel(kept)}
        return shown({"status": card, **seen, **files}, busy=False, can_go_on=kept is not None)

    async def watch(wish: Wish, address: str, request: gr.Request, go_on: Drawing | None) -> AsyncIterator[tuple]:
        """Everything that is seen of one drawing, which is kept at its end."""
        visitor = request.session_hash
        job, files = None, None
        try:
            steering = await context.quick.run(_steering, wish)
            seconds = 60.0 * context.limits.max_drawing_minutes
            job = Job(partial(draw, wish, steering, go_on=go_on, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="drawing")
            context.sessions.change(visitor, steering=steering)
            async for waiting in prepare(context, wish.network):
                if job.stopping:
                    break
                yield shown({"status": waiting}, busy=True)
            context.drawing.submit(job)
            async for progress in job.watch(every_seconds=0.25):
                drawing = progress.snapshot
                if drawing is None:
                    yield shown({"status": cards.waiting_for(progress)}, busy=True)
                elif job.unfinished:
                    card = status_card(drawing, running=True, stopping=job.stopping)
                    yield shown({"picture": picture_panel(drawing), "status": card}, busy=True)
            if job.snapshot is None:
                yield failed(visitor, cards.waiting_card(tr("Stopped.")))
                return
            drawing = await context.data.run(job.snapshot.set_aside)
            context.sessions.keep_result(visitor, ideal=drawing)
            files = await context.data.run(write_files, drawing)
            frames = len(drawing.film.frames)
            ended = {
                "picture": picture_panel(drawing),
                "status": status_card(drawing, running=False),
                "film": gr.update(maximum=max(1, frames - 1), value=frames - 1, visible=frames > 1),
                "png": gr.update(value=files[0], interactive=True),
                "webp": gr.update(value=files[1], interactive=True),
                "link": address + link_of(wish.class_name, wish.network, wish.preset, drawing.wish.settings),
            }
            yield shown(ended, busy=False, can_go_on=True)
        except Exception as error:
            if job is not None and job.snapshot is not None:  # what it had reached can be gone on with
                context.sessions.keep_result(visitor, ideal=job.snapshot)
            yield failed(visitor, cards.message_card(message_for(error)))
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="drawing")
            if files is not None:  # Gradio serves copies
                discard(files)

    async def start_drawing(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        yield shown({"status": cards.waiting_card(tr("Waking the network …"))}, busy=True)
        try:
            wish = await context.quick.run(_wish_of, context, form, values, request.session_hash)
        except Exception as error:
            yield failed(request.session_hash, cards.message_card(message_for(error)))
            return
        async for update in watch(wish, values[page_address] or "", request, None):
            yield update

    async def continue_drawing(address: str, stop_at: Any, preset: str, request: gr.Request) -> AsyncIterator[tuple]:
        """As many steps again, with the smoothness that is set now."""
        before = context.sessions.get(request.session_hash).ideal
        if before is None:
            card = cards.message_card(tr("There is no picture to go on with. Press Draw."))
            yield failed(request.session_hash, card)
            return
        try:
            wish = await context.quick.run(_with_smoothness, before.wish, stop_at, preset)
        except Exception as error:
            yield failed(request.session_hash, cards.message_card(message_for(error)))
            return
        async for update in watch(wish, address or "", request, before):
            yield update

    def stop_drawing(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="drawing")
        return gr.update(interactive=False)

    def steer(stop_at: Any, preset: str, request: gr.Request) -> dict:
        """The slider acts on the next step of a picture that grows."""
        session = context.sessions.get(request.session_hash)
        try:
            weight = tv_weight_at(stop_at, preset)
            if session.drawing is not None and session.steering is not None:
                session.steering.steer(tv_weight=weight)
        except PetLensError as error:
            raise gr.Error(message_for(error), print_exception=False) from error
        return gr.update(info=weight_text(int(stop_at)))

    def scrub(place: Any, request: gr.Request) -> Any:
        drawing = context.sessions.get(request.session_hash).ideal
        if drawing is None or isinstance(place, bool) or not isinstance(place, (int, float)):
            return gr.skip()
        frames = drawing.film.frames
        number = int(min(max(place, 0), len(frames) - 1)) if place == place else 0
        return picture_panel(drawing) if number == len(frames) - 1 else frame_panel(drawing, frames[number])

    async def ask_others(request: gr.Request) -> AsyncIterator[str]:
        """What other networks say; they may have to be loaded first."""
        drawing = context.sessions.get(request.session_hash).ideal
        if drawing is None:
            yield ""
            return
        job = Job(partial(opinions_of, drawing))
        try:
            context.data.submit(job)
            async for progress in job.watch(every_seconds=0.3):
                done = progress.state == "done"
                yield opinions_card(drawing, progress.snapshot or (), done=done)
        except Exception as error:
            yield cards.message_card(message_for(error))
        finally:
            job.stop()

    async def offer_classes(network: str, chosen: str, request: gr.Request) -> dict:
        """The names that this network knows."""
        try:
            found = find_network(context, network, request.session_hash)
            own = None
            if isinstance(found, VisitorsRun):
                own = (await context.data.run(load, found)).class_names
            names = list(await context.quick.run(names_of_classes, own))
        except PetLensError:
            return gr.skip()
        return gr.update(choices=names, value=chosen if own is None or chosen in names else names[0])

    async def open_with(visitor: str, params: Mapping[str, str]) -> Sequence[Any]:
        photo = await context.quick.run(photo_named, params)
        class_name, network, preset, settings = await context.quick.run(read_link, params)
        about = tr(find_preset(preset).about)
        return photo or gr.skip(), class_name, network, preset, about, *form.shown(settings)

    streamed = {"outputs": outputs, "concurrency_limit": None, **_PRIVATE}
    begins = [start.click, draw_from_elsewhere.change]
    drawn = gr.on(begins, start_drawing, inputs={*form.inputs, page_address}, **streamed)
    gone_on = more.click(continue_drawing, inputs=[page_address, form.smoothness, form.preset], **streamed)
    # what others said belongs to the picture of before
    gr.on(
        [*begins, more.click],
        lambda: "",
        outputs=others,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    for event in (drawn, gone_on):
        event.then(ask_others, outputs=others, concurrency_limit=None, **_PRIVATE)
    stop.click(stop_drawing, outputs=stop, queue=False, api_visibility="private")
    form.smoothness.change(
        steer, inputs=[form.smoothness, form.preset], outputs=form.smoothness, queue=False, **_PRIVATE
    )
    film.input(scrub, inputs=film, outputs=picture, queue=False, trigger_mode="always_last", **_PRIVATE)
    gr.on(
        [tab.select, form.network.change],
        offer_classes,
        inputs=[form.network, form.class_name],
        outputs=form.class_name,
        queue=False,
        **_PRIVATE,
    )
    page.load(None, outputs=page_address, js="() => location.origin + location.pathname")
    opened = [
        form.photo,
        form.class_name,
        form.network,
        form.preset,
        form.about,
        form.smoothness,
        *form.widgets.values(),
    ]
    return [form.network], Opener("ideal", opened, open_with, status, draw_from_elsewhere)


def _wish_of(context: Context, form: Form, values: dict[Any, Any], visitor: str) -> Wish:
    settings = form.settings(values)
    context.limits.check_steps(settings.steps)
    class_name = values[form.class_name]
    if not isinstance(class_name, str) or not class_name.strip():
        raise SettingsError(
            "There is no class to draw. Choose one, for instance {favourites}.",
            favourites=FAVOURITES[0],
        )
    network = find_network(context, values[form.network], visitor)
    return Wish(class_name, network, settings, values[form.preset], values[form.photo])


def _steering(wish: Wish) -> Steering:
    from core.ascent.snapshot import Steering

    return Steering(wish.settings)


def _with_smoothness(wish: Wish, stop_at: Any, preset: str) -> Wish:
    return replace(wish, settings=replace(wish.settings, tv_weight=tv_weight_at(stop_at, preset)))
