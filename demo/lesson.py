"""How far a visitor is in the lesson. The browser keeps it, for a page that is reloaded; what it says is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from demo.quiz import QUIZ, TRICK_QUESTIONS, Question
from demo.stations import Station
from demo.tricks import GUESSES, TRICKS

# No secret: it only keeps the browser's copy readable after the server was started anew.
_STORAGE_KEY, _SECRET = "pet-lens-lesson", "pet-lens"

Answers = Mapping[str, int]


@dataclass(frozen=True)
class Lesson:
    """One visitor's answers. Replaced, never changed.

    Attributes:
        at: number of the station on the screen, from 0.
        predicted: by a station's token, the choice before it was run.
        ran: tokens of the stations that were run.
        answered: by token, the choice after that; who has one is done.
        before, after: by a question's token, the choices of the two quizzes; empty while not handed in.
        on_tricks: the same of the questions on the tricks.
        guesses: by an experiment's token, what was expected of it.
    """

    at: int = 0
    predicted: Answers = field(default_factory=dict)
    ran: tuple[str, ...] = ()
    answered: Answers = field(default_factory=dict)
    before: Answers = field(default_factory=dict)
    after: Answers = field(default_factory=dict)
    on_tricks: Answers = field(default_factory=dict)
    guesses: Mapping[str, str] = field(default_factory=dict)

    def with_answer(self, name: str, token: str, value: Any) -> Lesson:
        """One more entry in the mapping of that name."""
        return dataclasses.replace(self, **{name: {**getattr(self, name), token: value}})

    def with_run(self, token: str) -> Lesson:
        """That station was run."""
        return dataclasses.replace(self, ran=tuple(dict.fromkeys((*self.ran, token))))

    def as_stored(self) -> dict[str, Any]:
        """What the browser keeps."""
        return {**dataclasses.asdict(self), "ran": list(self.ran)}


def browser_lesson() -> gr.BrowserState:
    """The lesson, kept by the browser."""
    return gr.BrowserState({}, storage_key=_STORAGE_KEY, secret=_SECRET)


def read_lesson(stored: object, stations: Sequence[Station]) -> Lesson:
    """What a browser says it keeps; whatever is not sound in it is left out."""
    if not isinstance(stored, dict):
        return Lesson()
    tokens = [station.token for station in stations]
    counts = {station.token: len(station.choices) for station in stations}
    predicted = _sound(stored.get("predicted"), counts)
    ran = stored.get("ran")
    known = set(ran) if isinstance(ran, list) and all(isinstance(token, str) for token in ran) else set()
    # nobody runs a station without a prediction, or answers one that was not run
    started = tuple(token for token in tokens if token in known and token in predicted)
    answered = {token: choice for token, choice in _sound(stored.get("answered"), counts).items() if token in started}
    at = stored.get("at")
    return Lesson(
        at=at if type(at) is int and 0 <= at < len(stations) else 0,
        predicted=predicted,
        ran=started,
        answered=answered,
        before=_sound_quiz(stored.get("before"), QUIZ),
        after=_sound_quiz(stored.get("after"), QUIZ),
        on_tricks=_sound_quiz(stored.get("on_tricks"), TRICK_QUESTIONS),
        guesses=_sound_guesses(stored.get("guesses")),
    )


def is_choice(value: object, count: int) -> bool:
    """Whether this is the number of one of so many choices."""
    return type(value) is int and 0 <= value < count


def _sound(stored: object, counts: Mapping[str, int]) -> dict[str, int]:
    if not isinstance(stored, dict):
        return {}
    return {token: stored[token] for token, count in counts.items() if is_choice(stored.get(token), count)}


def _sound_quiz(stored: object, questions: Sequence[Question]) -> dict[str, int]:
    """A quiz is handed in whole or not at all."""
    answers = _sound(stored, {question.token: len(question.choices) for question in questions})
    return answers if len(answers) == len(questions) else {}


def _sound_guesses(stored: object) -> dict[str, str]:
    if not isinstance(stored, dict):
        return {}
    known = [trick.token for trick in TRICKS]
    return {token: stored[token] for token in known if isinstance(stored.get(token), str) and stored[token] in GUESSES}
