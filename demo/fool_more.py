"""Two accordions of the Fool it tab: what each distance does to one photo, and what helps against attacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import gradio as gr

from core.attack.settings import NORMS
from core.errors import SettingsError
from demo import cards
from demo.context import Context
from demo.fool_form import ANYTHING, Form
from demo.fool_more_cards import defence_card, dial_card, dial_picture
from demo.fool_run import Wish, defend_photos, dial_photo, newest_run
from demo.jobs import Job
from demo.languages import mark, tr
from demo.messages import message_for
from demo.networks import prepare
from demo.session import Kind

WishOf = Callable[[Context, Form, dict[Any, Any], str], Wish]

_ABOUT_DIAL = mark(
    "How far must one go? First the program looks for the smallest change that works; then it changes the photo by a little, by "
    "more, and by much, and you see what the network makes of each. Turn the dial and look at the pictures."
)
_ABOUT_DEFENCE = mark(
    "What helps against it? The same attack on the app's own pictures and on your photo, with the settings above and the goal "
    "“{goal}”: on the network as it is, and on what might do better. It takes some minutes; the table grows line by line."
)


def build_dial(context: Context, form: Form, wish_of: WishOf) -> None:
    """Put the components on the page and connect them."""
    with gr.Accordion(tr("Dial a distance"), open=False, elem_id="dial"):
        gr.Markdown(tr(_ABOUT_DIAL))
        with gr.Row():
            norm = gr.Radio(
                [(tr("all pixels together (L2)"), "l2"), (tr("the largest change of a pixel (Linf)"), "linf")],
                value="l2",
                label=tr("Distance"),
                elem_id="dial-norm",
            )
            go = gr.Button(tr("Measure"), elem_id="dial-go", min_width=120)
            stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="dial-stop", min_width=120)
        with gr.Row():
            with gr.Column(scale=6, min_width=280):
                said = gr.HTML(elem_id="dial-said")
            with gr.Column(scale=5, min_width=280):
                place = gr.Slider(0, 1, value=0, step=1, label=tr("Dial"), visible=False, elem_id="dial-place")
                picture = gr.HTML(elem_id="dial-picture")

    async def measure(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        visitor = request.session_hash
        busy, idle = _buttons(busy=True), _buttons(busy=False)
        yield cards.waiting_card(tr("Waking the network …")), gr.skip(), gr.skip(), *busy
        job = None
        try:
            if values[norm] not in NORMS:
                raise SettingsError("The distance must be one of {names}.", names=", ".join(NORMS))
            wish = await context.quick.run(wish_of, context, form, values, visitor)
            seconds = 60.0 * context.limits.max_drawing_minutes
            job = Job(partial(dial_photo, wish, values[norm], max_seconds=seconds))
            context.sessions.start(visitor, job, kind="dial")
            for network in (wish.network, *wish.beside):
                async for waiting in prepare(context, network):
                    if job.stopping:
                        break
                    yield waiting, gr.skip(), gr.skip(), *busy
            context.attacking.submit(job)
            async for progress in job.watch(every_seconds=0.3):
                photo = progress.snapshot
                if photo is None:
                    yield cards.waiting_for(progress), gr.skip(), gr.skip(), *busy
                elif job.unfinished:
                    yield dial_card(photo, done=False), gr.skip(), gr.skip(), *busy
            photo = job.snapshot
            if photo is None:
                yield cards.waiting_card(tr("Stopped.")), gr.skip(), gr.skip(), *idle
                return
            context.sessions.keep_result(visitor, dialled=photo)
            points = photo.dialled.points
            first = next((number for number, point in enumerate(points) if point.success), len(points) - 1)
            slider = gr.update(maximum=len(points) - 1, value=first, visible=True)
            yield dial_card(photo, done=True), slider, dial_picture(photo, first), *idle
        except Exception as error:
            yield cards.message_card(message_for(error)), gr.skip(), gr.skip(), *idle
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="dial")

    def turn(value: Any, request: gr.Request) -> Any:
        photo = context.sessions.get(request.session_hash).dialled
        if photo is None or isinstance(value, bool) or value not in range(len(photo.dialled.points)):
            return gr.skip()
        return dial_picture(photo, int(value))

    private = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    go.click(measure, inputs={*form.inputs, norm}, outputs=[said, place, picture, go, stop], **private)
    _stops(context, stop, "dial")
    place.input(
        turn,
        inputs=place,
        outputs=picture,
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )


def build_defence(context: Context, form: Form, wish_of: WishOf) -> None:
    """Put the components on the page and connect them."""
    with gr.Accordion(tr("Defence corner"), open=False, elem_id="defence"):
        gr.Markdown(tr(_ABOUT_DEFENCE, goal=tr(ANYTHING).lower()))
        with gr.Row():
            go = gr.Button(tr("Attack all of them"), elem_id="defence-go", min_width=120)
            stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="defence-stop", min_width=120)
        said = gr.HTML(elem_id="defence-said")

    async def attack_all(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        visitor = request.session_hash
        busy, idle = _buttons(busy=True), _buttons(busy=False)
        yield cards.waiting_card(tr("Waking the networks …")), *busy
        job = None
        try:
            wish = await context.quick.run(wish_of, context, form, {**values, form.goal: ANYTHING}, visitor)
            run = newest_run(context.sessions.get(visitor).runs)
            seconds = 60.0 * context.limits.max_drawing_minutes
            job = Job(partial(defend_photos, wish, run, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="defence")
            for network in (wish.network, *([run] if run else [])):
                async for waiting in prepare(context, network):
                    if job.stopping:
                        break
                    yield waiting, *busy
            context.drawing.submit(job)  # minutes: nobody's attack waits for it
            async for progress in job.watch(every_seconds=0.5):
                corner = progress.snapshot
                if corner is None:
                    yield cards.waiting_for(progress), *busy
                elif job.unfinished:
                    yield defence_card(corner, done=False), *busy
            card = cards.waiting_card(tr("Stopped.")) if job.snapshot is None else defence_card(job.snapshot, done=True)
            yield card, *idle
        except Exception as error:
            yield cards.message_card(message_for(error)), *idle
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="defence")

    go.click(
        attack_all,
        inputs=form.inputs,
        outputs=[said, go, stop],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    _stops(context, stop, "defence")


def _stops(context: Context, button: gr.Button, kind: Kind) -> None:
    def stop_it(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind=kind)
        return gr.update(interactive=False)

    button.click(stop_it, outputs=button, queue=False, api_visibility="private")


def _buttons(*, busy: bool) -> tuple[dict, dict]:
    """Of go and stop."""
    return gr.update(interactive=not busy), gr.update(interactive=busy)
