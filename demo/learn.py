"""The Learn tab: eight stations through the app, a quiz before and after, the training tricks as experiments, the lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from demo.context import Context
from demo.lab import build_lab
from demo.languages import tr
from demo.learn_quiz import build_quiz
from demo.learn_stations import LessonBar, build_stations
from demo.learn_tricks import build_tricks
from demo.lesson import Lesson, read_lesson
from demo.stations import eight_stations
from demo.tab_opener import Opener

_QUICK = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build_learn_tab(
    context: Context,
    page: gr.Blocks,
    tab: gr.Tab,
    *,
    tabs: gr.Tabs,
    bar: LessonBar,
    openers: Mapping[str, Opener],
) -> None:
    """Put the tab's components on the page and connect them.

    Args:
        tab: this one.
        tabs: those of the whole page.
        bar: what the lesson has above them.
        openers: the tabs that stations run in, by their ids; what is missing is only told.
    """
    stations = eight_stations()
    gr.Markdown(
        tr(
            "What does a network know, how does it learn something new, and how is it fooled? **Eight stations: "
            "predict, try, compare.**"
        ),
        elem_classes="pl-lead",
    )
    with gr.Tabs(overflow_behavior="wrap", elem_id="learn-parts"):
        with gr.Tab(tr("Stations"), id="stations"), gr.Column(elem_classes="pl-lesson"):
            on_stations, start_again = build_stations(stations, bar, tab, tabs=tabs, openers=openers)
        with gr.Tab(tr("Quiz"), id="quiz"), gr.Column(elem_classes="pl-lesson"):
            on_quiz = build_quiz(stations, bar)
        with gr.Tab(tr("Tricks"), id="tricks"):
            on_tricks = build_tricks(context, stations, bar)
        with gr.Tab(tr("Lab"), id="lab") as lab_tab:
            build_lab(context, tab, lab_tab)
    parts = (on_stations, on_quiz, on_tricks)
    outputs = [output for part in parts for output in part.outputs]

    def restore(stored: Any) -> list[Any]:
        """A page that was reloaded shows what was answered."""
        lesson = read_lesson(stored, stations)
        if lesson == Lesson():  # as it was built: whoever has begun meanwhile is not set back
            return [gr.skip()] * len(outputs)
        return [update for part in parts for update in part.shown(lesson)]

    def clear() -> list[Any]:
        return [Lesson().as_stored(), *(update for part in parts for update in part.shown(Lesson()))]

    page.load(restore, inputs=bar.kept, outputs=outputs, **_QUICK)
    start_again.click(clear, outputs=[bar.kept, *outputs], **_QUICK)
