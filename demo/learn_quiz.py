"""The quizzes on the screen: five questions before the lesson, the same after it, and six on the training tricks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from demo import learn_cards
from demo.languages import tr
from demo.learn_stations import LessonBar, Part
from demo.lesson import Answers, Lesson, is_choice, read_lesson
from demo.quiz import QUIZ, TRICK_QUESTIONS, Question, shuffled
from demo.stations import Station

_QUICK = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build_quiz(stations: Sequence[Station], bar: LessonBar) -> Part:
    """Put the three quizzes on the page and connect them.

    Args:
        stations: what the browser keeps is checked with them.
    """
    gr.Markdown(
        tr("Answer five questions **before** the lesson, and the same five **after** it. Nobody sees them but you.")
    )
    parts = []
    with gr.Accordion(tr("Before the lesson: 5 questions"), open=True, elem_id="quiz-before"):
        parts.append(_build(stations, bar, "before", QUIZ, _told_before, tr("Hand in")))
    with gr.Accordion(tr("After the lesson: the same 5 questions"), open=False, elem_id="quiz-after"):
        parts.append(_build(stations, bar, "after", QUIZ, _told_after, tr("Hand in and compare"), mixed=True))
    with gr.Accordion(tr("Six questions on the training tricks"), open=False, elem_id="quiz-tricks"):
        parts.append(_build(stations, bar, "on_tricks", TRICK_QUESTIONS, _told_tricks, tr("Check my answers")))
    return Part(
        [output for part in parts for output in part.outputs],
        lambda lesson: [update for part in parts for update in part.shown(lesson)],
    )


def _told_before(lesson: Lesson) -> str:
    return learn_cards.handed_in() if lesson.before else ""


def _told_after(lesson: Lesson) -> str:
    return learn_cards.both_quizzes(QUIZ, lesson.before, lesson.after) if lesson.after else ""


def _told_tricks(lesson: Lesson) -> str:
    return learn_cards.one_quiz(TRICK_QUESTIONS, lesson.on_tricks) if lesson.on_tricks else ""


def _build(
    stations: Sequence[Station],
    bar: LessonBar,
    name: str,
    questions: Sequence[Question],
    told: Callable[[Lesson], str],
    button: str,
    *,
    mixed: bool = False,
) -> Part:
    """One quiz.

    Args:
        name: of its answers in `Lesson`.
        told: what is said once it is handed in.
        mixed: whether the choices come in another order.
    """
    elem_id = f"quiz-{name.replace('_', '-')}"
    radios = [
        gr.Radio(
            _mixed(question, number) if mixed else _in_order(question),
            label=tr("{number}. {question}", number=number + 1, question=tr(question.text)),
            elem_id=f"{elem_id}-{question.token}",
            elem_classes="pl-question",
        )
        for number, question in enumerate(questions)
    ]
    hand_in = gr.Button(button, variant="primary", elem_id=f"{elem_id}-hand-in")
    said = gr.HTML(elem_id=f"{elem_id}-said")
    outputs = [*radios, hand_in, said]

    def shown(lesson: Lesson) -> list[Any]:
        answers: Answers = getattr(lesson, name)
        # an answer that is explained is not changed any more
        values = [gr.update(value=answers.get(question.token), interactive=not answers) for question in questions]
        return [*values, gr.update(visible=not answers), told(lesson)]

    def take(*given: Any) -> list[Any]:
        *choices, stored = given
        lesson = read_lesson(stored, stations)
        if getattr(lesson, name):
            return [lesson.as_stored(), *shown(lesson)]
        sound = [is_choice(choice, len(question.choices)) for choice, question in zip(choices, questions, strict=True)]
        if not all(sound):
            numbers = [number + 1 for number, answered in enumerate(sound) if not answered]
            return [gr.skip(), *(gr.skip() for _ in radios), gr.skip(), learn_cards.missing(numbers)]
        answers = {question.token: choice for question, choice in zip(questions, choices, strict=True)}
        lesson = dataclasses.replace(lesson, **{name: answers})
        return [lesson.as_stored(), *shown(lesson)]

    hand_in.click(take, inputs=[*radios, bar.kept], outputs=[bar.kept, *outputs], **_QUICK)
    return Part(outputs, shown)


def _in_order(question: Question) -> list[tuple[str, int]]:
    return [(tr(choice), number) for number, choice in enumerate(question.choices)]


def _mixed(question: Question, number: int) -> list[tuple[str, int]]:
    return [(tr(choice), value) for choice, value in shuffled(question, number)]
