"""The stations of the lesson on the screen: read, predict, run, answer again, go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo import learn_cards
from demo.languages import tr
from demo.lesson import Lesson, browser_lesson, is_choice, read_lesson
from demo.stations import Station
from demo.tab_opener import Opener

# One listener outlives every new value; the button that was pressed keeps the focus when the strip is drawn anew.
_STRIP_JS = """
let pressed = null;
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-station]');
  if (!button) return;
  pressed = button.dataset.station;
  trigger('click', {station: Number(pressed)});
});
watch('value', () => requestAnimationFrame(() => {
  if (pressed === null || document.activeElement !== document.body) return;
  element.querySelector(`button[data-station="${pressed}"]`)?.focus({preventScroll: true});
  pressed = null;
}));
"""
_TO_TOP_JS = "() => { window.scrollTo({top: 0}); }"
# who comes back finds the question again; a frame later, for the tab must be there first
_TO_QUESTION_JS = """() => {
  setTimeout(() => document.querySelector("#station-now")?.scrollIntoView({block: "nearest"}), 200);
}"""
_QUICK = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# As many choices as a station can have: their numbers are the values, so that no list of a moment ago is in the way.
MOST_CHOICES = 4


@dataclass(frozen=True, eq=False)
class LessonBar:
    """What the lesson has outside the tabs.

    Attributes:
        kept: the visitor's answers, in the browser: what is in a tab is read from there only when the tab is seen.
        row: seen while a station runs in another tab.
        said: which station that is.
        back: leads back.
    """

    kept: gr.BrowserState
    row: gr.Row
    said: gr.HTML
    back: gr.Button


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the tab that shows what was answered.

    Attributes:
        outputs: its components.
        shown: updates of these for a visitor's lesson.
    """

    outputs: Sequence[gr.components.Component]
    shown: Callable[[Lesson], list[Any]]


def build_lesson_bar() -> LessonBar:
    """Put the bar on the page, above the tabs."""
    kept = browser_lesson()
    with gr.Row(visible=False, elem_id="lesson-bar") as row:
        said = gr.HTML(elem_id="lesson-under-way")
        back = gr.Button(tr("Back to the lesson"), size="sm", variant="primary", min_width=150, elem_id="lesson-back")
    return LessonBar(kept, row, said, back)


def build_stations(
    stations: Sequence[Station], bar: LessonBar, learn_tab: gr.Tab, *, tabs: gr.Tabs, openers: Mapping[str, Opener]
) -> tuple[Part, gr.Button]:
    """Put the components on the page and connect them.

    Args:
        learn_tab: who comes back to it needs no way back any more.
        tabs: those of the whole page.
        openers: by the ids of the tabs; a station whose tab is not among them cannot be run, only read.

    Returns:
        What follows the lesson, and the button that clears it, which the whole tab listens to.
    """
    strip = gr.HTML(
        learn_cards.strip(stations, Lesson()), js_on_load=_STRIP_JS, elem_id="stations", elem_classes="pl-wide"
    )
    text = gr.HTML(learn_cards.station_text(stations, 0), elem_id="station-text")
    gr.HTML(learn_cards.step(1, tr("Predict first")), elem_classes="pl-step-place")
    predict = _question(stations[0], "station-predict")
    gr.HTML(learn_cards.step(2, tr("Try it")), elem_classes="pl-step-place")
    runs = {
        tab: gr.Button(
            tr(stations[0].button),
            variant="primary",
            interactive=False,
            visible=stations[0].tab == tab,
            elem_id=f"station-run-{tab}",
            elem_classes="pl-station-run",
        )
        for tab in openers
    }
    read_on = gr.Button(
        tr("Go to the answer"),
        variant="primary",
        interactive=False,
        visible=stations[0].tab not in openers,
        elem_id="station-answer",
        elem_classes="pl-station-run",
    )
    hint = gr.HTML(_hint(stations[0], Lesson(), openers), elem_id="station-hint")
    with gr.Column(visible=False, elem_id="station-now") as now:
        gr.HTML(learn_cards.step(3, tr("And now?")), elem_classes="pl-step-place")
        again = _question(stations[0], "station-again")
        verdict = gr.HTML(elem_id="station-verdict")
    following = gr.Button(tr("Next station"), visible=False, variant="primary", elem_id="station-next")
    start_again = gr.Button(
        tr("Start the lesson again"), size="sm", elem_id="lesson-clear", elem_classes="pl-small-button"
    )
    outputs = [strip, text, predict, *runs.values(), read_on, hint, now, again, verdict, following]

    def shown(lesson: Lesson) -> list[Any]:
        station = stations[lesson.at]
        predicted, answer = lesson.predicted.get(station.token), lesson.answered.get(station.token)
        ran = station.token in lesson.ran
        choices = [(tr(choice), number) for number, choice in enumerate(station.choices)]
        asked = {"choices": choices, "label": tr(station.question)}
        told = (
            ""
            if answer is None
            else learn_cards.station_verdict(station, predicted, answer, last=len(lesson.answered) == len(stations))
        )
        buttons = [
            gr.update(value=tr(station.button), visible=tab == station.tab, interactive=predicted is not None)
            for tab in runs
        ]
        return [
            learn_cards.strip(stations, lesson),
            learn_cards.station_text(stations, lesson.at),
            # what was predicted stands once it was tried
            gr.update(**asked, value=predicted, interactive=not ran),
            *buttons,
            gr.update(visible=station.tab not in runs and not ran, interactive=predicted is not None),
            _hint(station, lesson, openers),
            gr.update(visible=ran),
            gr.update(**asked, value=answer, interactive=answer is None),
            told,
            gr.update(visible=answer is not None and lesson.at + 1 < len(stations)),
        ]

    def keep(lesson: Lesson) -> list[Any]:
        return [lesson.as_stored(), *shown(lesson)]

    def walk(stored: Any, event: gr.EventData) -> list[Any]:
        data = event._data if isinstance(event._data, dict) else {}
        number = data.get("station")
        lesson = read_lesson(stored, stations)
        return keep(dataclasses.replace(lesson, at=number) if is_choice(number, len(stations)) else lesson)

    def choose(choice: Any, stored: Any) -> list[Any]:
        """Predict; it may be changed until the station was run."""
        lesson = read_lesson(stored, stations)
        station = stations[lesson.at]
        if is_choice(choice, len(station.choices)) and station.token not in lesson.ran:
            lesson = lesson.with_answer("predicted", station.token, choice)
        return keep(lesson)

    def answer_now(choice: Any, stored: Any) -> list[Any]:
        """The question again, once."""
        lesson = read_lesson(stored, stations)
        station = stations[lesson.at]
        if is_choice(choice, len(station.choices)) and station.token in lesson.ran:
            lesson = lesson.with_answer("answered", station.token, lesson.answered.get(station.token, choice))
        return keep(lesson)

    def go_on(stored: Any) -> list[Any]:
        lesson = read_lesson(stored, stations)
        return keep(dataclasses.replace(lesson, at=min(lesson.at + 1, len(stations) - 1)))

    def read_answer(stored: Any) -> list[Any]:
        """A station that has no tab here counts as run when one wants to know."""
        lesson = read_lesson(stored, stations)
        station = stations[lesson.at]
        return keep(lesson.with_run(station.token) if station.token in lesson.predicted else lesson)

    def running_in(opener: Opener) -> Callable[..., Any]:
        async def run_station(stored: Any, request: gr.Request) -> tuple[Any, ...]:
            lesson = read_lesson(stored, stations)
            station = stations[lesson.at]
            if station.tab != opener.tab or station.token not in lesson.predicted:
                return (gr.skip(),) * (4 + len(opener.all_outputs) + len(outputs))
            opened = await opener.open_with(request.session_hash, station.params, run=True)
            # the lesson's own tab needs no way back
            elsewhere = gr.update(visible=opener.tab != "learn")
            said = learn_cards.under_way(stations, lesson.at)
            return *opened, elsewhere, said, *keep(lesson.with_run(station.token))

        return run_station

    follows = [bar.kept, *outputs]
    strip.click(walk, inputs=bar.kept, outputs=follows, trigger_mode="multiple", **_QUICK)
    predict.input(choose, inputs=[predict, bar.kept], outputs=follows, **_QUICK)
    again.input(answer_now, inputs=[again, bar.kept], outputs=follows, **_QUICK)
    following.click(go_on, inputs=bar.kept, outputs=follows, **_QUICK).then(None, js=_TO_TOP_JS)
    read_on.click(read_answer, inputs=bar.kept, outputs=follows, **_QUICK)
    for tab, button in runs.items():
        opener = openers[tab]
        button.click(
            running_in(opener),
            inputs=bar.kept,
            outputs=[tabs, *opener.all_outputs, bar.row, bar.said, *follows],
            **_QUICK,
        ).then(None, js=_TO_TOP_JS)
    back = bar.back.click(
        lambda: (gr.update(selected="learn"), gr.update(visible=False)), outputs=[tabs, bar.row], **_QUICK
    )
    back.then(None, js=_TO_QUESTION_JS)
    learn_tab.select(lambda: gr.update(visible=False), outputs=bar.row, **_QUICK)
    return Part(outputs, shown), start_again


def _question(station: Station, elem_id: str) -> gr.Radio:
    """Built with as many choices as there can be; those of the station come with the first update."""
    choices = [(tr(choice), number) for number, choice in enumerate(station.choices)]
    choices += [("", number) for number in range(len(choices), MOST_CHOICES)]
    return gr.Radio(choices, label=tr(station.question), elem_id=elem_id, elem_classes="pl-question")


def _hint(station: Station, lesson: Lesson, openers: Mapping[str, Opener]) -> str:
    """What to do next, in a line."""
    if station.token not in lesson.predicted:
        said = tr("Choose an answer above. Nothing is lost when it is wrong.")
    elif station.tab not in openers:
        said = tr("This one is only told here.")
    elif station.token not in lesson.ran:
        said = tr("It opens in its own tab and begins at once. Come back with “Back to the lesson” at the top.")
    else:
        said = tr("You may run it again.")
    return learn_cards.foot(said)
