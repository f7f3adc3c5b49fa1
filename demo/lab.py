"""The transfer-distance lab on the screen: guess how well a network learns some pictures, measure, see it in the chart."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.backbones.catalogue import DEFAULT_BACKBONE
from core.errors import BackboneError, DatasetError, SettingsError
from core.transfer.result import LabResult, shipped_results
from demo import cards, lab_cards
from demo.context import Context
from demo.data_choice import offered, opening, pictures_here
from demo.jobs import Job
from demo.languages import mark, tr
from demo.messages import message_for
from demo.networks import network_dropdown, prepare

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset
    from core.transfer.lab import LabSnapshot

_FIRST_GUESS = 50
_ABOUT = mark(
    "How far does transfer carry? Choose a network and pictures, **guess first** how well it will learn them, then let it "
    "measure and train. A minute or two for pictures that it sees for the first time, then seconds."
)
_QUICK = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build_lab(context: Context, learn_tab: gr.Tab, tab: gr.Tab) -> None:
    """Put the components on the page and connect them.

    Args:
        learn_tab: that of the whole lesson: who comes back to it may have opened other pictures meanwhile.
        tab: the one that this is in.
    """
    shipped, problem = _shipped()
    gr.Markdown(tr(_ABOUT))
    with gr.Row():
        network = network_dropdown(
            tr("Network to transfer from"),
            tr("It stays as it is; only a new last layer learns. Other networks of timm can be typed."),
            to_train=True,
            min_width=260,
        )
        network.elem_id = "lab-network"
        first = pictures_here()
        pictures = gr.Dropdown(
            first,
            value=first[0][1],
            label=tr("Pictures"),
            info=tr("Those that are here, and those that you open on the Train tab, such as a zip of your own."),
            min_width=260,
            elem_id="lab-pictures",
        )
    guess = gr.Slider(
        0,
        100,
        value=_FIRST_GUESS,
        step=1,
        label=tr("Guess first: how many of 100 test pictures will come out right?"),
        info=tr("Move the slider, then you can run it."),
        buttons=[],
        elem_id="lab-guess",
    )
    with gr.Row():
        run = gr.Button(tr("Measure and train"), variant="primary", interactive=False, elem_id="lab-run")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="lab-stop")
    said = gr.HTML(problem, elem_id="lab-said")
    shown = gr.HTML(lab_cards.chart_card(shipped, (), DEFAULT_BACKBONE), elem_id="lab-chart")
    gr.HTML(lab_cards.words_card(), elem_id="lab-words")

    def drawn(name: Any, visitor: str) -> str:
        tried = context.sessions.get(visitor).tried
        return lab_cards.chart_card(shipped, tried, name if isinstance(name, str) else "")

    def look_again(source: Any, request: gr.Request) -> dict:
        """The pictures of the Train tab come and go."""
        return offered(context, request.session_hash, source)

    def choose_network(name: Any, request: gr.Request) -> tuple[Any, Any]:
        return drawn(name, request.session_hash), gr.update(interactive=False)

    def choose_pictures() -> dict:
        """Another question wants another guess."""
        return gr.update(interactive=False)

    def make_guess() -> dict:
        return gr.update(interactive=True)

    off, on = gr.update(interactive=False), gr.update(interactive=True)
    busy = [off, off, off, off, on]
    idle = [on, on, on, on, off]

    async def measure_it(name: Any, source: Any, percent: Any, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Everything that is seen of one run."""
        visitor, job, dataset = request.session_hash, None, None
        yield [*busy, cards.waiting_card(tr("Opening the pictures …")), gr.skip()]
        try:
            guessed = _checked_guess(percent)
            backbone = _checked_network(name)
            seconds = 60.0 * context.limits.max_run_minutes
            # made before its pictures are there, which it asks for when it begins: so all of this can be stopped
            job = Job(lambda: measure(backbone, dataset, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="lab")
            async for opened in opening(context, visitor, source):
                dataset = opened.dataset
                if job.stopping or dataset is not None:
                    break
                yield [*busy, cards.waiting_card(tr(opened.text), opened.share), gr.skip()]
            async for waiting in prepare(context, backbone, to_train=True):
                if job.stopping:
                    break
                yield [*busy, waiting, gr.skip()]
            if not job.stopping:
                context.long.submit(job)
                async for progress in job.watch(every_seconds=0.3):
                    if progress.snapshot is None:
                        yield [*busy, cards.waiting_for(progress), gr.skip()]
                    elif job.unfinished:
                        yield [*busy, lab_cards.progress_card(progress.snapshot, guessed), gr.skip()]
            if job.snapshot is None or job.snapshot.result is None:
                yield [*idle, lab_cards.unfinished_card(job.snapshot), gr.skip()]
                return
            context.sessions.keep_tried(visitor, job.snapshot.result, guessed)
            verdict = lab_cards.verdict_card(job.snapshot, guessed)
            # the next run wants a guess of its own
            yield [on, on, on, off, off, verdict, drawn(backbone, visitor)]
        except Exception as error:
            yield [*idle, cards.message_card(message_for(error)), gr.skip()]
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="lab")

    def stop_lab(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="lab")
        return gr.update(interactive=False)

    gr.on([learn_tab.select, tab.select], look_again, inputs=pictures, outputs=pictures, **_QUICK)
    network.input(choose_network, inputs=network, outputs=[shown, run], **_QUICK)
    pictures.input(choose_pictures, outputs=run, **_QUICK)
    guess.input(make_guess, outputs=run, **_QUICK)
    run.click(
        measure_it,
        inputs=[network, pictures, guess],
        outputs=[network, pictures, guess, run, stop, said, shown],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(stop_lab, outputs=stop, queue=False, api_visibility="private")


def measure(network: str, dataset: Dataset, *, max_seconds: float) -> Iterator[LabSnapshot]:
    """The snapshots of a run of the lab until it is done or its time is over. The run itself is told, not kept."""
    from core.runs.plan import Plan
    from core.transfer.lab import run_lab

    ends = time.monotonic() + max_seconds
    with (
        tempfile.TemporaryDirectory(prefix="pet-lens-lab-") as folder,
        # the run's own folder is made by the run
        contextlib.closing(run_lab(Plan(network), dataset, folder=Path(folder) / "run")) as snapshots,
    ):
        for snapshot in snapshots:
            yield snapshot
            if time.monotonic() > ends:
                return


def _checked_guess(percent: Any) -> float:
    """The share that was guessed."""
    # compared so that NaN fails, too
    if isinstance(percent, bool) or not isinstance(percent, (int, float)) or not 0 <= percent <= 100:
        raise SettingsError("Guess first: a number from 0 to 100.")
    return percent / 100


def _checked_network(name: Any) -> str:
    """Whether there is such a network is found when it is loaded."""
    if not isinstance(name, str) or not name.strip():
        raise BackboneError("Choose a network of the list, or type the name of another one.")
    return name.strip()


def _shipped() -> tuple[tuple[LabResult, ...], str]:
    """What was measured before, and what to say where that cannot be read: the page is built all the same."""
    try:
        return shipped_results(), ""
    except DatasetError as error:
        return (), cards.message_card(message_for(error))
