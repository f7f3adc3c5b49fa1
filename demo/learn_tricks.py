"""The training tricks on the screen: guess what a change does, train twice, and see."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.backbones.catalogue import DEFAULT_BACKBONE
from core.errors import SettingsError
from demo import cards
from demo.context import Context
from demo.data_choice import open_chosen, pictures_here
from demo.jobs import Job
from demo.languages import mark, tr
from demo.learn_cards import paragraph
from demo.learn_stations import LessonBar, Part
from demo.lesson import Lesson, read_lesson
from demo.messages import message_for
from demo.networks import prepare
from demo.stations import Station
from demo.trick_cards import experiment_card
from demo.tricks import GUESS_TEXTS, GUESSES, TRICKS, Trick, find_trick

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset
    from core.experiments.running import ExperimentSnapshot

_ABOUT = mark(
    "Each experiment trains **twice**, with the same pictures and the same seed; only one thing differs. Say "
    "first what you expect. "
    "The first experiment on some pictures has to look at them all once, which takes a minute or two; after that "
    "each takes seconds."
)
_QUICK = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build_tricks(context: Context, stations: Sequence[Station], bar: LessonBar) -> Part:
    """Put the components on the page and connect them.

    Args:
        stations: what the browser keeps is checked with them.
    """
    gr.Markdown(tr(_ABOUT))
    first = TRICKS[0]
    here = pictures_here()
    chosen = gr.Radio(
        [(tr(trick.title), trick.token) for trick in TRICKS],
        value=first.token,
        label=tr("Trick"),
        elem_id="trick",
    )
    text = gr.HTML(_text_of(first), elem_id="trick-text")
    with gr.Row():
        guess = gr.Radio(
            [(tr(GUESS_TEXTS[name]), name) for name in GUESSES],
            label=tr("Predict first: the second will be"),
            min_width=300,
            scale=2,
            elem_id="trick-guess",
        )
        dataset = gr.Dropdown(here, value=here[0][1], label=tr("Pictures"), min_width=200, elem_id="trick-pictures")
    with gr.Row():
        run = gr.Button(tr("Run the experiment"), variant="primary", interactive=False, elem_id="trick-run")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="trick-stop")
    said = gr.HTML(elem_id="trick-said")

    def shown(lesson: Lesson, token: str = first.token) -> list[Any]:
        """Another trick on the screen, nothing going on."""
        guessed = lesson.guesses.get(token)
        return [
            gr.update(value=token, interactive=True),
            _text_of(find_trick(token)),
            gr.update(value=guessed, interactive=True),
            gr.update(interactive=True),
            gr.update(interactive=guessed is not None),
            gr.update(interactive=False),
            "",
        ]

    outputs = [chosen, text, guess, dataset, run, stop, said]

    def choose_trick(token: Any, stored: Any) -> list[Any]:
        known = token if token in [trick.token for trick in TRICKS] else first.token
        return shown(read_lesson(stored, stations), known)

    def keep_guess(value: Any, token: Any, stored: Any) -> tuple[Any, Any]:
        lesson = read_lesson(stored, stations)
        if value not in GUESSES or token not in [trick.token for trick in TRICKS]:
            return gr.skip(), gr.skip()
        return lesson.with_answer("guesses", token, value).as_stored(), gr.update(interactive=True)

    busy = [
        gr.update(interactive=False),
        gr.skip(),
        gr.update(interactive=False),
        gr.update(interactive=False),
        gr.update(interactive=False),
        gr.update(interactive=True),
    ]
    idle = [gr.update(interactive=True), gr.skip(), *[gr.update(interactive=True)] * 3, gr.update(interactive=False)]

    async def experiment(token: Any, name: Any, guessed: Any, request: gr.Request) -> AsyncIterator[list[Any]]:
        """Everything that is seen of one experiment."""
        visitor, job = request.session_hash, None
        yield [*busy, cards.waiting_card(tr("Opening the pictures …"))]
        try:
            trick = _checked(token, guessed)
            dataset = await open_chosen(context, visitor, name)
            seconds = 60.0 * context.limits.max_run_minutes
            job = Job(partial(try_out, trick.token, dataset, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="experiment")
            async for waiting in prepare(context, DEFAULT_BACKBONE, to_train=True):
                if job.stopping:
                    break
                yield [*busy, waiting]
            context.long.submit(job)
            async for progress in job.watch(every_seconds=0.3):
                snapshot = progress.snapshot
                if snapshot is None:
                    yield [*busy, cards.waiting_for(progress)]
                elif job.unfinished:
                    yield [*busy, experiment_card(trick, snapshot, guessed)]
            if job.snapshot is None:
                yield [*idle, cards.waiting_card(tr("Stopped."))]
            else:
                yield [*idle, experiment_card(trick, job.snapshot, guessed, ended=True)]
        except Exception as error:
            yield [*idle, cards.message_card(message_for(error))]
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="experiment")

    def stop_experiment(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="experiment")
        return gr.update(interactive=False)

    chosen.input(choose_trick, inputs=[chosen, bar.kept], outputs=outputs, **_QUICK)
    guess.input(keep_guess, inputs=[guess, chosen, bar.kept], outputs=[bar.kept, run], **_QUICK)
    run.click(
        experiment,
        inputs=[chosen, dataset, guess],
        outputs=outputs,
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(stop_experiment, outputs=stop, queue=False, api_visibility="private")
    return Part(outputs, shown)


def try_out(token: str, dataset: Dataset, *, max_seconds: float) -> Iterator[ExperimentSnapshot]:
    """The snapshots of an experiment until it is done or its time is over."""
    from core.experiments.experiment import find_experiment
    from core.experiments.running import run_experiment

    ends = time.monotonic() + max_seconds
    with contextlib.closing(run_experiment(find_experiment(token), dataset)) as snapshots:
        for snapshot in snapshots:
            yield snapshot
            if time.monotonic() > ends:
                return


def _checked(token: Any, guessed: Any) -> Trick:
    if guessed not in GUESSES:
        raise SettingsError("Predict first: better, worse or about the same.")
    if token not in [trick.token for trick in TRICKS]:
        raise SettingsError("There is no such experiment. Choose one of the list.")
    return find_trick(token)


def _text_of(trick: Trick) -> str:
    return paragraph(tr(trick.text))
