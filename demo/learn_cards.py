"""The lesson as HTML: the strip of stations, a station, what was right, the quizzes. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from demo.languages import tr
from demo.lesson import Answers, Lesson
from demo.quiz import Question, score
from demo.stations import Station


def strip(stations: Sequence[Station], lesson: Lesson) -> str:
    """All stations as buttons with their numbers: the one on the screen, and a tick on those that are done."""
    items = "".join(_stop(stations, number, lesson) for number in range(len(stations)))
    done = tr("{done} of {total} stations done", done=len(lesson.answered), total=len(stations))
    return (
        f'<nav class="pl-stations" aria-label="{escape(tr("Stations"), quote=True)}"><ol>{items}</ol></nav>'
        f'<p class="pl-foot pl-stations-done">{escape(done)}</p>'
    )


def _stop(stations: Sequence[Station], number: int, lesson: Lesson) -> str:
    station = stations[number]
    done = station.token in lesson.answered
    here = ' aria-current="step"' if number == lesson.at else ""
    title = tr(station.title)
    said = (
        tr("{number}: {title}, done", number=number + 1, title=title)
        if done
        else tr("{number}: {title}", number=number + 1, title=title)
    )
    mark = "✓" if done else number + 1
    return (
        f'<li><button type="button" data-station="{number}" class="{"pl-done" if done else ""}"{here} '
        f'aria-label="{escape(said, quote=True)}" title="{escape(title, quote=True)}">'
        f"<b>{mark}</b><span>{escape(title)}</span></button></li>"
    )


def station_text(stations: Sequence[Station], number: int) -> str:
    """Which station it is, and its paragraph."""
    station = stations[number]
    place = tr("Station {number} of {total}", number=number + 1, total=len(stations))
    return (
        f'<article class="pl-station"><p class="pl-foot">{escape(place)}</p>'
        f"<h2>{escape(tr(station.title))}</h2><p>{escape(tr(station.text))}</p></article>"
    )


def under_way(stations: Sequence[Station], number: int) -> str:
    """What stands in the bar above the tabs while a station runs in another one."""
    said = tr(
        "Station {number} of {total}: {title}",
        number=number + 1,
        total=len(stations),
        title=tr(stations[number].title),
    )
    return f'<p class="pl-under-way">{escape(said)}</p>'


def step(number: int, text: str) -> str:
    """A heading with its number, as on the Train tab."""
    return f'<h3 class="pl-step"><span>{number}</span>{escape(text)}</h3>'


def station_verdict(station: Station, predicted: int, answer: int, *, last: bool) -> str:
    """Whether the second answer is right, what was predicted, and why; `last`: all stations are done."""
    right = station.choices[station.right]
    if answer == station.right:
        headline = _judged(tr("Right."), good=True)
    else:
        headline = _judged(tr("Not quite. Right is: {choice}", choice=tr(right)), good=False)
    before = (
        tr("You had predicted that.")
        if predicted == station.right
        else tr("You had predicted: {choice}", choice=tr(station.choices[predicted]))
    )
    end = tr("That was the last one. Now answer the second quiz and compare.") if last else ""
    return (
        f'<div class="pl-card pl-answer">{headline}<p>{escape(before)}</p><p>{escape(tr(station.explanation))}</p>'
        f"{_bold(end)}</div>"
    )


def handed_in() -> str:
    """After the first quiz: its answers are told later."""
    said = tr("Kept. After the lesson you get the same questions again, and see both results.")
    return f'<div class="pl-card"><p role="status">{escape(said)}</p></div>'


def missing(numbers: Sequence[int]) -> str:
    """Not all questions are answered."""
    said = tr("Answer these questions, too: {numbers}", numbers=", ".join(str(number) for number in numbers))
    return f'<div class="pl-card"><p class="pl-note pl-warning" role="alert">{escape(said)}</p></div>'


def both_quizzes(questions: Sequence[Question], before: Answers, after: Answers) -> str:
    """The two scores side by side, then each question with both answers and its explanation."""
    total = len(questions)
    scores = _score(tr("Before the lesson"), score(questions, before), total) if before else ""
    scores += _score(tr("After the lesson"), score(questions, after), total)
    skipped = "" if before else _bold(tr("You skipped the quiz before the lesson."))
    items = "".join(_answered(question, [(tr("before"), before), (tr("after"), after)]) for question in questions)
    return f'<div class="pl-card pl-quiz"><div class="pl-scores">{scores}</div>{skipped}<ol>{items}</ol></div>'


def one_quiz(questions: Sequence[Question], answers: Answers) -> str:
    """The score, then each question with its answer and explanation."""
    items = "".join(_answered(question, [(tr("your answer"), answers)]) for question in questions)
    scores = _score(tr("Questions on the tricks"), score(questions, answers), len(questions))
    return f'<div class="pl-card pl-quiz"><div class="pl-scores">{scores}</div><ol>{items}</ol></div>'


def _score(title: str, right: int, total: int) -> str:
    said = tr("{right} of {total} right", right=right, total=total)
    return f'<p class="pl-score" role="status"><span>{escape(title)}</span><b>{escape(said)}</b></p>'


def _answered(question: Question, given: Sequence[tuple[str, Answers]]) -> str:
    lines = "".join(
        _given(when, tr(question.choices[answers[question.token]]), good=answers[question.token] == question.right)
        for when, answers in given
        if answers
    )
    right = tr("Right is: {choice}", choice=tr(question.choices[question.right]))
    return (
        f"<li><p><b>{escape(tr(question.text))}</b></p><dl>{lines}</dl>"
        f'<p class="pl-right-choice">{escape(right)}</p><p>{escape(tr(question.explanation))}</p></li>'
    )


def _given(when: str, choice: str, *, good: bool) -> str:
    kind, sign, word = ("pl-good", "✓", tr("right")) if good else ("pl-bad", "✗", tr("wrong"))
    return f'<div class="{kind}"><dt>{escape(when)}</dt><dd><b>{sign} {escape(word)}</b> {escape(choice)}</dd></div>'


def _judged(text: str, *, good: bool) -> str:
    kind, sign = ("pl-good", "✓") if good else ("pl-bad", "✗")
    return f'<p class="pl-judged {kind}" role="status"><b aria-hidden="true">{sign}</b> {escape(text)}</p>'


def paragraph(text: str) -> str:
    """A text of the lesson by itself."""
    return f'<p class="pl-told">{escape(text)}</p>'


def foot(text: str) -> str:
    """A small line."""
    return f'<p class="pl-foot">{escape(text)}</p>' if text else ""


def _bold(text: str) -> str:
    return f"<p><b>{escape(text)}</b></p>" if text else ""
