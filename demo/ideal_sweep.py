"""The TV sweep on the page: one class, six weights of smoothness, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

import core
from core.ascent.presets import find_preset
from demo import cards
from demo.context import Context
from demo.ideal_cards import how_far, sweep_panel
from demo.ideal_form import Form
from demo.jobs import Job
from demo.languages import mark, tr
from demo.messages import message_for
from demo.networks import Network, find_network, load, prepare

if TYPE_CHECKING:
    from core.ascent.settings import AscentSettings
    from core.ascent.snapshot import AscentSnapshot

ABOUT = mark(
    "Draws the class six times from the same noise, each time with another weight of smoothness. Without it the network is "
    "convinced by noise; with too much little is left to see. The lesson draws with single pixels, where this is plain to "
    "see; the presets “Best” draw with waves, which are smooth by themselves."
)
_STEPS = 150
_LESSON, _ABOVE = mark("as the lesson does"), mark("with the settings above")


@dataclass(frozen=True, eq=False)
class Swept:
    """A sweep as far as it is."""

    title: str
    weights: tuple[float, ...]
    snapshot: AscentSnapshot = field(repr=False)


def build_sweep(context: Context, form: Form) -> None:
    """Put the components on the page and connect them."""
    with gr.Accordion(tr("Why smoothness? Six weights side by side"), open=False, elem_id="sweep"):
        gr.Markdown(tr(ABOUT))
        with gr.Row():
            choices = [(tr(way), way) for way in (_LESSON, _ABOVE)]
            drawn = gr.Radio(choices, value=_LESSON, label=tr("Drawn"), elem_id="sweep-drawn")
            steps = gr.Slider(20, 600, value=_STEPS, step=10, label=tr("Steps of each"), elem_id="sweep-steps")
            go = gr.Button(tr("Draw six"), elem_id="draw-six")
            stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="stop-sweep")
        said = gr.HTML(elem_id="sweep-said")
        pictures = gr.HTML(elem_id="sweep-pictures")

    async def draw_six(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        visitor = request.session_hash
        busy = gr.update(interactive=False), gr.update(interactive=True)
        idle = gr.update(interactive=True), gr.update(interactive=False)
        yield cards.waiting_card(tr("Waking the network …")), gr.skip(), *busy
        job = None
        try:
            settings = find_preset("lesson-tv").settings
            if values[drawn] != _LESSON:
                settings = await context.quick.run(form.settings, values)
            settings = await context.quick.run(partial(dataclasses.replace, settings, steps=values[steps]))
            context.limits.check_steps(settings.steps)
            network = find_network(context, values[form.network], visitor)
            seconds = 60.0 * context.limits.max_drawing_minutes
            wanted = str(values[form.class_name]), settings, values[form.photo]
            job = Job(partial(_sweep, network, *wanted, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="drawing")
            async for waiting in prepare(context, network):
                if job.stopping:
                    break
                yield waiting, gr.skip(), *busy
            context.drawing.submit(job)
            async for progress in job.watch(every_seconds=0.4):
                swept = progress.snapshot
                if swept is None:
                    yield cards.waiting_for(progress), gr.skip(), *busy
                    continue
                snapshot = swept.snapshot
                text = how_far(snapshot, snapshot.step, running=job.unfinished)
                card = cards.waiting_card(text, snapshot.step / snapshot.total_steps)
                if snapshot.note:
                    card = cards.message_card(tr(snapshot.note))
                yield card, sweep_panel(snapshot, swept.weights, swept.title), *(busy if job.unfinished else idle)
            if swept is None:
                yield cards.waiting_card(tr("Stopped.")), gr.skip(), *idle
        except Exception as error:
            yield cards.message_card(message_for(error)), gr.skip(), *idle
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="drawing")

    def stop_sweep(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="drawing")
        return gr.update(interactive=False)

    go.click(
        draw_six,
        inputs={*form.inputs, drawn, steps},
        outputs=[said, pictures, go, stop],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    stop.click(stop_sweep, outputs=stop, queue=False, api_visibility="private")


def _sweep(
    network: Network, class_name: str, settings: AscentSettings, photo: str | None, *, max_seconds: float
) -> Iterator[Swept]:
    from core.ascent.sweep import TV_WEIGHTS, sweep

    classifier = load(network)
    label = classifier.label_of(class_name)
    picture = core.read_image(photo) if settings.start == "photo" and photo else None
    for snapshot in sweep(classifier, label, settings, photo=picture, max_seconds=max_seconds):
        yield Swept(classifier.class_names[label], TV_WEIGHTS, snapshot)
