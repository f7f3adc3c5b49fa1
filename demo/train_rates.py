"""Find a learning rate: all of them tried in one short run, live, and the suggested one taken over."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import DatasetError
from demo import cards
from demo.context import Context
from demo.jobs import Job, Progress
from demo.languages import mark, tr
from demo.live_plot import rate_plot, rate_value
from demo.messages import message_for
from demo.networks import prepare
from demo.setting_widgets import plain
from demo.streams import said_again
from demo.train_cards import looking
from demo.train_settings import HEAD, Form

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset
    from core.embeddings import EmbedSnapshot
    from core.runs.plan import Plan
    from core.training.rates import RateSnapshot

ABOUT = mark(
    "Tries all learning rates in one short run, from far too low to far too high. "
    "The best ones are where the loss falls fastest."
)


def build_rate_finder(context: Context, form: Form) -> None:
    """Put the components on the page and connect them; they are there for a new head only."""
    with gr.Accordion(tr("Find a learning rate"), open=False, elem_id="rate-finder") as place:
        gr.Markdown(tr(ABOUT))
        with gr.Row():
            find = gr.Button(tr("Find a rate"), elem_id="find-rate")
            use = gr.Button(tr("Use it"), visible=False, variant="primary", elem_id="use-rate")
        said = gr.HTML(elem_id="rate-said")
        plot = rate_plot()
    found = gr.State()

    @said_again
    async def find_a_rate(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        session = context.sessions.get(request.session_hash)
        busy, idle, no_rate = gr.update(interactive=False), gr.update(interactive=True), gr.update(visible=False)
        yield cards.waiting_card(tr("Waking the network …")), rate_value([], [], None), busy, no_rate, None
        job = None
        try:
            plan = await context.quick.run(form.plan, values)
            if session.dataset is None:
                raise DatasetError("There are no pictures to learn from yet. Choose some at the top, or wait a moment.")
            if session.training is not None:
                raise DatasetError("A training is going on. Stop it first, or wait until it is done.")
            job = Job(partial(_find, plan, session.dataset))
            context.sessions.start(request.session_hash, job, kind="training")
            async for waiting in prepare(context, plan.backbone, to_train=True):
                yield waiting, gr.skip(), busy, no_rate, None
            context.long.submit(job)
            async for progress in job.watch(every_seconds=0.25):
                card, value = _seen(progress)
                yield card, value, busy, no_rate, None
            suggested = getattr(progress.snapshot, "suggested", None)
            if suggested is None:
                stopped = job.state == "stopped"
                text = tr("Stopped.") if stopped else tr("No rate made the loss fall. Look at the other settings.")
                yield cards.waiting_card(text), gr.skip(), idle, no_rate, None
            else:
                rate = plain(float(f"{suggested:.2g}"))
                text = tr("The loss falls fastest at a rate of {rate}.", rate=rate)
                label = gr.update(value=tr("Use {rate}", rate=rate), visible=True)
                yield cards.waiting_card(text), gr.skip(), idle, label, rate
        except Exception as error:
            yield cards.message_card(message_for(error)), gr.skip(), idle, no_rate, None
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(request.session_hash, job, kind="training")

    find.click(
        find_a_rate,
        inputs=form.inputs,
        outputs=[said, plot, find, use, found],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    use.click(lambda rate: rate, inputs=found, outputs=form.widgets["head.learning_rate"], **quick)
    form.method.change(lambda method: gr.update(visible=method in HEAD), inputs=form.method, outputs=place, **quick)


def _find(plan: Plan, dataset: Dataset) -> Iterator[EmbedSnapshot | RateSnapshot]:
    """Look at the pictures, unless they are known; then try the rates."""
    import core
    from core.backbones.freezing import seen_through
    from core.runs.plan import split_for_training
    from core.training.examples import Examples

    backbone = seen_through(core.load_backbone(plan.backbone), plan.view)
    train, _ = split_for_training(dataset, plan.head)
    with contextlib.closing(core.embed(backbone, train, mirrored=plan.view.mirrored)) as looking:
        for snapshot in looking:
            yield snapshot
    embeddings = snapshot.embeddings
    examples = Examples(embeddings.vectors, embeddings.images.labels)
    yield from core.find_rate(examples, dataset.class_names, plan.head)


def _seen(progress: Progress) -> tuple[str, Any]:
    snapshot: EmbedSnapshot | RateSnapshot | None = progress.snapshot
    if snapshot is None:
        return cards.waiting_for(progress), gr.skip()
    if hasattr(snapshot, "rates"):
        value = rate_value(snapshot.rates, snapshot.losses, snapshot.suggested)
        return cards.waiting_card(tr("Trying rates: {rate}", rate=plain(snapshot.rates[-1]))), value
    share = snapshot.done / max(1, snapshot.total)
    return cards.waiting_card(looking(snapshot.total, f"{share:.0%}"), share), gr.skip()
