"""What a trained network can do: figures, mistakes with their pictures, the confusion matrix, certainty.

Shows the run that `Session.shown` names, and so only runs of the visitor who looks. The texts come at once, the
pictures after them, read in the pool's threads.
"""

from __future__ import annotations

import collections
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import SettingsError
from demo import cards
from demo.confusion_matrix import build_confusion_matrix, clicked_cell, confused_pairs, confusion_table
from demo.context import Context
from demo.evaluation_view import calibration_chart, figures_panel, per_class_table
from demo.languages import mark, tr, tr_n
from demo.messages import message_for
from demo.picture_grid import MOST_PICTURES, picture_grid, read_thumbnails
from demo.run_pictures import find_pictures
from demo.streams import said_again

if TYPE_CHECKING:
    from core.datasets.labelled import Split
    from core.evaluation import Evaluation
    from demo.session import VisitorsRun

HINT = mark("When a network has been trained, you see here how good it is, and which pictures it gets wrong.")
NOT_TESTED = mark("This run is not finished, so nobody knows yet how good it is.")
NO_PICTURES = mark("To see the pictures too, choose at the top the data set that this run was tested on.")
WORST = mark("Its worst mistakes, the surest first")
PRESS = mark("Press a number in the table to see its pictures here.")
METHODS = {"head": mark("a new last layer"), "finetune": mark("fine-tuned"), "scratch": mark("trained from scratch")}
FEW = 12

# Pictures that were asked for come into sight, and nothing moves where they are in sight already.
COME_INTO_SIGHT_JS = """
watch('value', () => {
  const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (element.querySelector('figure')) element.scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});
});
"""


@dataclass(frozen=True, eq=False)
class Results:
    """The results on the page.

    Attributes:
        outputs: the components that `refresh` gives updates for, in its order.
        refresh: shows the run that the visitor's session names; call it whenever that changed.
        look_for_pictures: the same, if a data set that was opened has the pictures that the run was tested on.
        changed: a hidden text that changes with every refresh; who depends on the visitor's runs listens to it.
    """

    outputs: list[Any]
    refresh: Callable[[gr.Request], list[Any]]
    look_for_pictures: Callable[[gr.Request], list[Any]]
    changed: gr.Textbox


class _Turns:
    """The number of the newest thing that each visitor asked for: who answers an older one is late.

    The visitors asked longest ago are forgotten; they count as late.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._newest: collections.OrderedDict[tuple[str, str], str] = collections.OrderedDict()
        self._count = itertools.count(1)
        self._lock = threading.Lock()

    def next(self, visitor: str, what: str) -> str:
        with self._lock:
            self._newest.pop((visitor, what), None)
            turn = self._newest[visitor, what] = str(next(self._count))
            while len(self._newest) > self._most:
                self._newest.popitem(last=False)
        return turn

    def is_newest(self, visitor: str, what: str, turn: str) -> bool:
        return self._newest.get((visitor, what)) == turn


def build_results(context: Context) -> Results:
    """Put the components on the page and connect them."""
    turns = _Turns(2 * context.limits.max_sessions)
    hint = gr.HTML(cards.waiting_card(tr(HINT)), elem_id="results-hint")
    with gr.Column(visible=False, elem_id="results") as place:
        summary = gr.HTML(elem_id="results-summary")
        worst = gr.HTML(elem_id="worst")
        matrix = build_confusion_matrix()
        pressed = gr.HTML(elem_id="pressed", js_on_load=COME_INTO_SIGHT_JS)
        with gr.Accordion(tr("The pictures that it was least sure about"), open=False):
            unsure = gr.HTML(elem_id="unsure")
        with gr.Accordion(tr("Class by class"), open=False):
            classes = gr.HTML(elem_id="classes")
        with gr.Accordion(tr("Is it as sure as it should be?"), open=False):
            calibration = gr.HTML(elem_id="calibration")
    changed = gr.Textbox(visible="hidden")

    def refresh(request: gr.Request) -> list[Any]:
        visitor = request.session_hash
        turn = turns.next(visitor, "shown")
        find_pictures(context.sessions, visitor)
        turns.next(visitor, "pressed")  # what is pressed in the old matrix is late from now on
        run = _shown(context, visitor)
        texts = _no_texts() if run is None else _texts(run)
        hint_text = cards.waiting_card(tr(HINT if run is None else NOT_TESTED))
        tested = run is not None and run.evaluation is not None
        return [gr.update(value=hint_text, visible=not tested), gr.update(visible=tested), *texts, turn]

    def look_for_pictures(request: gr.Request) -> list[Any]:
        found = find_pictures(context.sessions, request.session_hash)
        return refresh(request) if found else [gr.skip()] * len(outputs)

    _load_pictures(context, turns, changed, worst, unsure)
    _open_cells(context, turns, matrix, pressed)
    outputs = [hint, place, summary, worst, matrix, pressed, unsure, classes, calibration, changed]
    return Results(outputs, refresh, look_for_pictures, changed)


def _load_pictures(context: Context, turns: _Turns, changed: gr.Textbox, worst: gr.HTML, unsure: gr.HTML) -> None:
    """After each refresh, the pictures that belong to its figures."""

    @said_again
    async def load_pictures(turn: str, request: gr.Request) -> AsyncIterator[tuple]:
        visitor = request.session_hash
        run = _shown(context, visitor)
        if run is None or not _has_pictures(run):
            return
        wanted = partial(turns.is_newest, visitor, "shown", turn)
        try:
            surest = await _grid(context, run, run.evaluation.worst_mistakes(FEW), wanted)
            if surest:
                yield _section(tr(WORST), surest), gr.skip()
            weakest = await _grid(context, run, run.evaluation.most_unsure(FEW), wanted)
            if weakest:
                yield gr.skip(), weakest
        except Exception as error:
            message = cards.message_card(message_for(error))
            if wanted():
                yield message, message

    changed.change(
        load_pictures,
        inputs=[changed],
        outputs=[worst, unsure],
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=None,
        api_visibility="private",
    )


def _open_cells(context: Context, turns: _Turns, matrix: gr.HTML, pressed: gr.HTML) -> None:
    """A pressed cell shows its pictures, unless another was pressed meanwhile."""

    async def show_cell(event: gr.EventData, request: gr.Request) -> Any:
        visitor = request.session_hash
        wanted = partial(turns.is_newest, visitor, "pressed", turns.next(visitor, "pressed"))
        run = _shown(context, visitor)
        try:
            if run is None or run.evaluation is None:
                raise SettingsError("This run is not on the page any more.")
            truth, said = clicked_cell(event)
            indices = run.evaluation.cell(truth, said)
            grid = await _grid(context, run, indices, wanted)
        except Exception as error:
            return cards.message_card(message_for(error)) if wanted() else gr.skip()
        return gr.skip() if grid is None else _section(_cell_title(run.evaluation, truth, said, len(indices)), grid)

    matrix.click(
        show_cell,
        outputs=[pressed],
        show_progress="hidden",
        trigger_mode="multiple",
        queue=False,
        api_visibility="private",
    )


def _shown(context: Context, visitor: str) -> VisitorsRun | None:
    session = context.sessions.get(visitor)
    return session.run(session.shown)


def _split(run: VisitorsRun) -> Split:
    """How to speak of the pictures that a run was tested on. What a loaded run says of itself may be anything.

    A data set without test pictures is tested on its validation pictures, by which nothing was chosen then.
    """
    said = run.tested.split if run.tested is not None else run.record.metrics.get("split")
    return "train" if said == "train" else "test"


def _no_texts() -> list[str]:
    return [""] * 7


def _texts(run: VisitorsRun) -> list[str]:
    """Summary, worst mistakes, matrix, pressed cell, unsure, classes, calibration; the pictures follow later."""
    evaluation = run.evaluation
    if evaluation is None:
        return _no_texts()
    has_pictures = _has_pictures(run)
    waiting = tr("Looking for the pictures …") if has_pictures else tr(NO_PICTURES)
    return [
        _heading(run) + figures_panel(evaluation, _split(run), alike=run.alike or 0),
        _section(tr(WORST), _line(waiting)) if has_pictures and evaluation.correct < evaluation.n else "",
        confusion_table(evaluation) + confused_pairs(evaluation),
        _section("", _line(tr(PRESS if has_pictures else NO_PICTURES))),
        _line(waiting),
        per_class_table(evaluation),
        calibration_chart(evaluation),
    ]


def _has_pictures(run: VisitorsRun) -> bool:
    if run.tested is None or run.evaluation is None:
        return False
    return len(run.tested) == run.evaluation.n


async def _grid(context: Context, run: VisitorsRun, indices: Sequence[int], wanted: Callable[[], bool]) -> str | None:
    """Pictures of the evaluation as HTML; None when nobody wants them any more."""
    if not len(indices):
        return ""
    if not _has_pictures(run):
        return _line(tr(NO_PICTURES))
    thumbnails = await read_thumbnails(context, [run.tested.items[index] for index in indices[:MOST_PICTURES]], wanted)
    return None if thumbnails is None else picture_grid(run.evaluation, indices, thumbnails)


def _heading(run: VisitorsRun) -> str:
    record = run.record
    what = tr(
        "{network}, {method}, learned from {pictures}",
        network=record.backbone.title,
        method=tr(METHODS[record.method]),
        pictures=tr(record.dataset.title),
    )
    return f'<div class="pl-run-heading"><h2>{escape(record.name)}</h2><p>{escape(what)}</p></div>'


def _cell_title(evaluation: Evaluation, truth: int, said: int, count: int) -> str:
    names = evaluation.class_names
    if truth == said:
        what = tr("{name}, rightly recognised", name=names[truth])
    else:
        what = tr("{truth}, called {said}", truth=names[truth], said=names[said])
    pictures = tr_n("{count} picture", "{count} pictures", count)
    if count > MOST_PICTURES:
        return tr("{what}: {pictures}; the {most} surest", what=what, pictures=pictures, most=MOST_PICTURES)
    return f"{what}: {pictures}"


def _section(title: str, inner: str) -> str:
    heading = f'<h3 class="pl-title">{escape(title)}</h3>' if title else ""
    return f'<div class="pl-card pl-evaluation">{heading}{inner}</div>'


def _line(text: str) -> str:
    return f'<p class="pl-plain">{escape(text)}</p>'
