"""The Train tab: choose pictures, choose how to learn, watch it learn, see how good it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import DatasetError, PetLensError
from demo import cards
from demo.context import Context
from demo.jobs import Job, Progress
from demo.languages import mark, tr
from demo.live_plot import live_plot
from demo.messages import message_for
from demo.my_runs import build_my_runs
from demo.networks import prepare
from demo.tab_opener import Opener
from demo.train_cards import finished_card, restored_card, run_card, stopped_card
from demo.train_data import build_data
from demo.train_plot import growing_plot, plot_of
from demo.train_rates import build_rate_finder
from demo.train_results import build_results
from demo.train_run import begin, bounded, check_same_pictures, go_on, new_token, unfinished_run, visitors_run
from demo.train_settings import build_form, read_link
from demo.visitors_runs import read_runs, sound_tokens, tokens_to_keep

if TYPE_CHECKING:
    from core.runs.snapshot import RunSnapshot

HINT = mark("Press Train. A network that has seen 1.3 million photos needs only a few more to learn something new.")


def build_train_tab(
    context: Context,
    page: gr.Blocks,
    tab: gr.Tab,
    *,
    tabs: gr.Tabs,
    tokens: gr.BrowserState,
    network_lists: Sequence[gr.Dropdown],
) -> Opener:
    """Put the tab's components on the page and connect them; returns what opens it from elsewhere.

    A link brings "dataset", "network", "method" and settings: see `train_settings.read_link`.

    Args:
        tab: this one; the pictures are opened when it is seen for the first time.
        tabs: those of the whole page.
        tokens: of the visitor's runs, kept by the browser.
        network_lists: where else a visitor's runs can be chosen as networks.
    """
    gr.Markdown(
        tr(
            "A network that knows cats and dogs from 1.3 million photos learns **your** classes from a few. "
            "**Choose pictures, press Train, and watch it learn.**"
        ),
        elem_classes="pl-lead",
    )
    _heading(1, tr("Pictures"))
    data = build_data(context, page, tab)
    _heading(2, tr("Network and method"))
    form = build_form()
    build_rate_finder(context, form)
    _heading(3, tr("Train"))
    with gr.Row():
        train = gr.Button(tr("Train"), variant="primary", elem_id="train")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="stop-training")
        resume = gr.Button(tr("Go on"), visible=False, elem_id="go-on")
    train_from_elsewhere = gr.Textbox(visible="hidden")
    status = gr.HTML(cards.waiting_card(tr(HINT)), elem_id="training")
    plot = live_plot()
    _heading(4, tr("How good is it?"))
    results = build_results(context)
    _heading(5, tr("Your runs"))
    build_my_runs(context, page, results, plot, plot_of, network_lists=network_lists, tabs=tabs)

    # The token of the run that is being trained, in every update from then on: what a stream says only once, a browser that
    # lags behind never sees.
    begun = gr.Textbox(visible="hidden")
    outputs = [status, plot, train, stop, resume, begun]

    def busy() -> tuple:
        """The buttons while something goes on."""
        return gr.update(interactive=False), gr.update(interactive=True), gr.update(visible=False)

    def idle(request: gr.Request) -> tuple:
        """The buttons while nothing goes on."""
        unfinished = unfinished_run(context.sessions.get(request.session_hash))
        return gr.update(interactive=True), gr.update(interactive=False), gr.update(visible=unfinished is not None)

    async def begin_job(
        request: gr.Request, token: str, network: str, method: str, make: Callable[[], Iterator[RunSnapshot]]
    ) -> AsyncIterator[tuple]:
        """Everything that is seen of one training, from the network that is loaded to the run that is kept."""
        visitor = request.session_hash
        seconds = 60.0 * context.limits.max_run_minutes
        job = Job(partial(bounded, make, token, context.under_way, max_seconds=seconds))
        context.sessions.start(visitor, job, kind="training")
        try:
            async for waiting in prepare(context, network, to_train=True):
                if job.stopping:
                    break
                yield waiting, gr.skip(), *busy(), gr.skip()
            (context.long if method == "head" else context.tuning).submit(job)
            context.under_way.add(token, job)
        except Exception as error:
            job.stop()
            context.sessions.finish(visitor, job, kind="training")
            yield cards.message_card(message_for(error)), gr.skip(), *idle(request), gr.skip()
            return
        except (GeneratorExit, asyncio.CancelledError):  # the page is gone, and nothing was learned yet
            job.stop()
            raise
        async with aclosing(watch(request, token, job)) as updates:
            async for update in updates:
                yield update

    async def watch(request: gr.Request, token: str, job: Job) -> AsyncIterator[tuple]:
        """What is seen of a training from now on, with the run kept at its end. Who leaves may come back: the session decides
        how long the job goes on."""
        visitor = request.session_hash
        try:
            async with aclosing(job.watch(every_seconds=0.25)) as news:
                async for progress in news:
                    session = context.sessions.get(visitor)
                    shown = growing_plot(session, token, progress.snapshot) if progress.snapshot else gr.skip()
                    yield _status(progress, job), shown, *busy(), token
            snapshot = job.snapshot
            if snapshot is not None:
                context.sessions.keep_run(visitor, await context.quick.run(visitors_run, token, snapshot))
            context.sessions.finish(visitor, job, kind="training")
            done = snapshot is not None and snapshot.phase == "finished"
            limit = None if job.state == "stopped" else context.limits.max_run_minutes
            said = finished_card(snapshot) if done else stopped_card(snapshot, max_minutes=limit)
            yield said, plot_of(context.sessions.get(visitor)), *idle(request), token
        except Exception as error:
            job.stop()
            context.sessions.finish(visitor, job, kind="training")
            if job.snapshot is not None and job.error is error:  # what it had reached is stored: it may go on
                with contextlib.suppress(PetLensError):
                    context.sessions.keep_run(visitor, await context.quick.run(visitors_run, token, job.snapshot))
            yield cards.message_card(message_for(error)), plot_of(context.sessions.get(visitor)), *idle(request), token

    async def start_training(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        wait = gr.update(interactive=False)
        yield cards.waiting_card(tr("Waking the network …")), gr.skip(), wait, wait, gr.skip(), gr.skip()
        try:
            plan = await context.quick.run(form.plan, values)
            async for waiting in data.wait(request.session_hash):
                yield waiting, gr.skip(), wait, wait, gr.skip(), gr.skip()
            dataset = context.sessions.get(request.session_hash).dataset
            if dataset is None:
                raise DatasetError("There are no pictures to learn from yet. Choose some at the top, or wait a moment.")
        except Exception as error:
            yield cards.message_card(message_for(error)), gr.skip(), *idle(request), gr.skip()
            return
        token = new_token()
        room = {"max_gb": context.limits.max_runs_gb, "max_days": context.limits.max_run_days}
        work = partial(begin, plan, dataset, token, **room)
        async for update in begin_job(request, token, plan.backbone, plan.method, work):
            yield update

    async def go_on_training(request: gr.Request) -> AsyncIterator[tuple]:
        session = context.sessions.get(request.session_hash)
        run = unfinished_run(session)
        try:
            if run is None:
                raise DatasetError("There is no run to go on with. Press Train for a new one.")
            dataset = await context.quick.run(check_same_pictures, run, session.dataset)
        except Exception as error:
            yield cards.message_card(message_for(error)), gr.skip(), *idle(request), gr.skip()
            return
        record = run.record
        work = partial(go_on, dataset, run.token)
        async for update in begin_job(request, run.token, record.backbone.name, record.method, work):
            yield update

    def stop_training(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="training")
        return gr.update(interactive=False)

    async def restore(stored: Any, request: gr.Request) -> tuple:
        """A page that was loaded again gets its runs back."""
        visitor, known = request.session_hash, sound_tokens(stored)
        if not known:
            return (gr.skip(),) * len(outputs)
        under_way = context.under_way.find(known)
        try:
            runs = await context.quick.run(read_runs, known, context.sessions.get(visitor))
        except Exception as error:
            return cards.message_card(message_for(error)), *(gr.skip(),) * (len(outputs) - 1)
        for run in runs:
            context.sessions.keep_run(visitor, run)
        session = context.sessions.get(visitor)
        if under_way is not None:
            return gr.skip(), plot_of(session), *busy(), gr.skip()
        unfinished = unfinished_run(session)
        card = restored_card(unfinished.record.name) if unfinished else gr.skip()
        return card, plot_of(session), *idle(request), gr.skip()

    async def watch_on(stored: Any, request: gr.Request) -> AsyncIterator[tuple]:
        """And watches on the one that is being trained."""
        visitor = request.session_hash
        found = context.under_way.find(sound_tokens(stored))
        if context.sessions.get(visitor).training is not None:  # begun since, on this very page
            yield (gr.skip(),) * len(outputs)
            return
        if found is None:  # none, or it has ended since
            yield gr.skip(), gr.skip(), *idle(request), gr.skip()
            return
        token, job = found
        context.sessions.start(visitor, job, kind="training")
        async with aclosing(watch(request, token, job)) as updates:
            async for update in updates:
                yield update

    def remember(stored: Any, request: gr.Request) -> list[str]:
        """The browser keeps the names of the runs that there are now, those of its other tabs among them; of one that is being
        trained as soon as it has begun, so that a page that is left meanwhile finds it again."""
        return tokens_to_keep(stored, context.sessions.get(request.session_hash), context.under_way)

    async def open_with(visitor: str, params: Mapping[str, str]) -> Sequence[Any]:
        network, method, values = await context.quick.run(read_link, params)
        chosen = await context.quick.run(data.choose, visitor, params.get("dataset"))
        return *chosen, network, method, "", *(values[key] for key in form.widgets)

    streamed = {"outputs": outputs, "show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
    trained = gr.on([train.click, train_from_elsewhere.change], start_training, inputs=form.inputs, **streamed)
    resumed = resume.click(go_on_training, **streamed)
    restored = page.load(restore, inputs=tokens, outputs=outputs, show_progress="hidden", api_visibility="private")
    watched_on = restored.then(watch_on, inputs=tokens, **streamed)
    for event in (trained, resumed, restored, watched_on):
        event.then(results.refresh, outputs=results.outputs, show_progress="hidden", api_visibility="private")
    for event in data.opened:
        event.then(results.look_for_pictures, outputs=results.outputs, show_progress="hidden", api_visibility="private")
    gr.on(
        [begun.change, results.changed.change],
        remember,
        inputs=tokens,
        outputs=tokens,
        queue=False,
        show_progress="hidden",
        trigger_mode="multiple",
        api_visibility="private",
    )
    stop.click(stop_training, outputs=stop, queue=False, api_visibility="private")
    settings = [data.source, data.again, form.network, form.method, form.name, *form.widgets.values()]
    return Opener("train", settings, open_with, status, train_from_elsewhere)


def _heading(number: int, text: str) -> None:
    gr.HTML(f'<h3 class="pl-step"><span>{number}</span>{text}</h3>', elem_classes="pl-step-place")


def _status(progress: Progress, job: Job) -> str:
    if progress.state == "queued":
        return cards.waiting_card(cards.place_in_words(progress))
    if progress.snapshot is None:
        return cards.waiting_card(tr("Beginning …"))
    return run_card(progress.snapshot, stopping=job.stopping)
