"""Writes the answers into the teacher's page: `python -m demo.teachers_answers`. The app checks by the same ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from demo.quiz import QUIZ, TRICK_QUESTIONS, Question
from demo.stations import Station, every_station
from demo.tricks import TRICKS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "classroom.md"
_BEGIN, _END = "<!-- answers -->", "<!-- end of answers -->"
_KINDS = {
    "drawn-pets": "with the drawn pets",
    "cats-vs-dogs": "where Cats vs Dogs lies on the machine",
    "oxford-pets-species": "where only Oxford-IIIT Pet does",
}


def answers() -> str:
    """All questions with their answers and explanations, as Markdown."""
    return "\n".join(_lines())


def with_answers(text: str, answers: str) -> str:
    """The page with these answers in their place.

    Raises:
        ValueError: it has no place for them.
    """
    place = re.compile(f"{re.escape(_BEGIN)}\n.*?{re.escape(_END)}", re.DOTALL)
    text, found = place.subn(lambda _: f"{_BEGIN}\n{answers}\n{_END}", text)
    if not found:
        raise ValueError(f"There is no place for the answers: {_BEGIN} … {_END}")
    return text


def _lines() -> Iterator[str]:
    yield "### Stations\n"
    tokens = list(dict.fromkeys(station.token for station in every_station()))
    for station in every_station():
        number = tokens.index(station.token) + 1
        yield f"**{number}. {station.title}**{_variant(station)}  \n{station.question}  "
        yield _answer(station)
    yield "### The quiz before and after\n"
    yield from _questions(QUIZ)
    yield "### Questions on the tricks\n"
    yield from _questions(TRICK_QUESTIONS)
    yield "### Experiments\n"
    yield (
        "What comes out is measured each time, and the page judges by McNemar's exact test on the same test pictures. "
        "Expected on the drawn pets: the table of the experiments above.\n"
    )
    for trick in TRICKS:
        yield f"- **{trick.title}** ({trick.first} / {trick.second}). If worse: {trick.worse} Else: {trick.same}"


def _variant(station: Station) -> str:
    if station.token in ("transfer", "fine-tuning"):
        return f" ({_KINDS[station.params['dataset']]})"
    if station.token == "survival":
        return " (with one network)" if "only one network" in station.text else " (with several networks)"
    return ""


def _questions(questions: tuple[Question, ...]) -> Iterator[str]:
    for number, question in enumerate(questions, start=1):
        yield f"**{number}. {question.text}**  "
        yield _answer(question)


def _answer(asked: Station | Question) -> str:
    return f"→ *{asked.choices[asked.right]}*  \n{asked.explanation}\n"


def main() -> None:
    """Bring the page in step."""
    PAGE.write_text(with_answers(PAGE.read_text(encoding="utf-8"), answers()), encoding="utf-8")


if __name__ == "__main__":
    main()
