"""The transfer-distance lab as HTML: how far a run is, the guess against the measurement, the chart with its key and
table, and what its words mean. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from core.backbones.catalogue import DEFAULT_BACKBONE
from core.transfer.result import LabResult
from demo.data_cards import title_in_words
from demo.lab_chart import Mark, chart, distance_in_words, percent, sign
from demo.languages import mark, tr, tr_n
from demo.session import Tried
from demo.trick_cards import doing

if TYPE_CHECKING:
    from core.transfer.lab import LabSnapshot

# What the shipped data sets are called, where that is not a name of its own.
SHIPPED_TITLES = (
    mark("Oxford pets, cat or dog"),
    mark("Oxford pets, 37 breeds"),
    mark("Ants and bees"),
    mark("Drawn pets"),
    mark("Defects of magnetic tiles"),
)
# As `core.transfer.distance` has them; that module would bring numpy along.
LEAST, RELIABLE = 20, 50
_WORDS = (
    (
        mark("What is the distance?"),
        mark(
            "A network turns each picture into a list of numbers: what it sees in it. Many pictures make a cloud of "
            "such lists. We compare the cloud of your pictures with that of ImageNet, the photos that the network "
            "learned from. At 0 both lie over each other, at 1 they are as far apart as ImageNet is wide. Photos of "
            "pets come to about 0.4: they are part of ImageNet, but only a small part."
        ),
    ),
    (
        mark("Few pictures look farther away"),
        mark(
            "A cloud of few points is ragged, and so it seems to lie farther away than it does. Below {reliable} "
            "pictures to learn from the lab says so; below {least} it tells no distance, only the accuracy. And each "
            "network has a distance of its own: it is about what that network sees."
        ),
    ),
    (
        mark("What does above guessing mean?"),
        mark(
            "Whoever always says the most frequent class is right, too, now and then: in half of the cases where there "
            "are two classes of equal size, in one of eight where there are eight. Above guessing, 0 % is no better "
            "than that and 100 % is all right. So an easy question and a hard one fit into one chart."
        ),
    ),
)


def words_card() -> str:
    """What distance and "above guessing" are, for those who hear of them for the first time."""
    parts = "".join(
        f"<div><h3>{escape(tr(title))}</h3><p>{escape(tr(text, least=LEAST, reliable=RELIABLE))}</p></div>"
        for title, text in _WORDS
    )
    return f'<div class="pl-lab-words">{parts}</div>'


def progress_card(snapshot: LabSnapshot, guess: float) -> str:
    """How far a run is; the distance as soon as it is known."""
    known = ""
    if snapshot.distance is not None:
        known = _line(tr("Distance from ImageNet: {distance}", distance=distance_in_words(snapshot.distance.value)))
    return _card(
        f'<p class="pl-doing" role="status"><b>{escape(_doing(snapshot))}</b></p>'
        f'<div class="pl-progress"><span style="width:{_share(snapshot):.1%}"></span></div>'
        f"{known}{_note(snapshot.note)}{_line(tr('You said {guess}.', guess=percent(guess, digits=0)))}"
    )


def verdict_card(snapshot: LabSnapshot, guess: float) -> str:
    """The guess against what was measured; or why nothing was."""
    result = snapshot.result
    if result is None:
        return unfinished_card(snapshot)
    found = tr(
        "You said {guess}, it is {accuracy}. Guessing alone gives {guessing}.",
        guess=percent(guess, digits=0),
        accuracy=percent(result.accuracy),
        guessing=percent(result.guessing),
    )
    scores = (
        _score(tr("Right, of {n} test pictures", n=result.tested_on), percent(result.accuracy), _interval(result))
        + _score(
            tr("Above guessing"),
            percent(result.above_guessing),
            tr("0 % is no better than always saying the most frequent class"),
        )
        + _score(
            tr("Distance from ImageNet"),
            distance_in_words(result.distance),
            tr("0 is ImageNet itself"),
        )
    )
    learned = tr_n(
        "{network}, a new head for {classes} classes, trained on {count} picture",
        "{network}, a new head for {classes} classes, trained on {count:,} pictures",
        result.trained_on,
        network=result.network_title,
        classes=result.classes,
    )
    notes = "".join(map(_note, (snapshot.note, *snapshot.run.notes)))
    return _card(
        f'<p class="pl-found" role="status">{escape(found)}</p>{_judged(guess, result)}'
        f'<div class="pl-scores">{scores}</div>{notes}{_line(learned)}'
    )


def unfinished_card(snapshot: LabSnapshot | None) -> str:
    """It was stopped, its time was over, or the training diverged: what is known, and that the guess stands."""
    known = notes = ""
    if snapshot is not None and snapshot.distance is not None:
        known = _line(tr("Distance from ImageNet: {distance}", distance=distance_in_words(snapshot.distance.value)))
    if snapshot is not None and snapshot.run is not None:
        notes = "".join(map(_note, snapshot.run.notes))
    said = tr("Stopped before the accuracy was measured. Your guess stands: run it again for a result.")
    return _card(f'<p class="pl-waiting" role="status">{escape(said)}</p>{known}{notes}')


def chart_card(shipped: Sequence[LabResult], tried: Sequence[Tried], network: str) -> str:
    """The chart, its key, and its numbers as a table.

    Args:
        tried: the visitor's own results, the oldest first.
        network: timm's name of the one whose shipped results stand out; where none of it ship, the default's do.
    """
    marks = marks_of(shipped, tried, network)
    seen = tr(
        "The farther to the right, the less the pictures are like those that the network learned from: what is "
        "farthest away is learned worst. In between, it also matters how hard the question is."
    )
    return (
        f'<div class="pl-card pl-experiment pl-lab"><p>{escape(seen)}</p>'
        f'<div class="pl-lab-two"><div>{chart(marks)}</div>{_key(marks)}</div>{_table(marks)}</div>'
    )


def marks_of(shipped: Sequence[LabResult], tried: Sequence[Tried], network: str) -> list[Mark]:
    """What is in the chart: other networks, this one with a letter for each data set, the visitor's with numbers."""
    names = [result.network for result in shipped]
    shown = network if network in names else DEFAULT_BACKBONE
    faint = [Mark("faint", result, tr(result.title)) for result in shipped if result.network != shown]
    strong = [
        Mark("shipped", result, tr(result.title), chr(ord("A") + number))
        for number, result in enumerate(result for result in shipped if result.network == shown)
    ]
    own = [Mark("own", one.result, title_in_words(one.result.title), str(one.number), one.guess) for one in tried]
    return [*faint, *strong, *own]


def _key(marks: Sequence[Mark]) -> str:
    own = [one for one in marks if one.kind == "own"]
    shipped = [one for one in marks if one.kind == "shipped"]
    if own:
        yours = f"<ul>{''.join(map(_keyed, reversed(own)))}</ul>" + _hollow()
    else:
        yours = _line(tr("Guess, run, and your result appears here as a diamond, with your guess as a hollow one."))
    before = ""
    if shipped:
        titled = tr("Measured before, with {network}", network=shipped[0].result.network_title)
        before = f"<h3>{escape(titled)}</h3><ul>{''.join(map(_keyed, shipped))}</ul>{_others(marks)}"
    lines = _line(tr("The lines through the marks: with other pictures it would probably lie in there (95 %)."))
    return f'<div class="pl-lab-key"><h3>{escape(tr("Your results"))}</h3>{yours}{before}{lines}</div>'


def _keyed(one: Mark) -> str:
    result = one.result
    parts = [
        tr("{accuracy} right", accuracy=percent(result.accuracy)),
        tr("{above} above guessing", above=percent(result.above_guessing)),
        tr("distance {distance}", distance=distance_in_words(result.distance)),
    ]
    network = ""
    if one.kind == "own":
        network = f" · {escape(result.network_title)}"
        parts.append(tr("you said {guess}", guess=percent(one.guess, digits=0)))
    told = " · ".join(f"<span>{escape(part)}</span>" for part in parts)
    return (
        f'<li class="pl-lab-key-{one.kind}">{sign(one.kind)}<b class="pl-lab-name">{escape(one.name)}</b>'
        f"<div><b>{escape(one.title)}</b>{network}<br>{told}</div></li>"
    )


def _hollow() -> str:
    return f'<p class="pl-foot">{sign("guess")} {escape(tr("your guess, counted above guessing, too"))}</p>'


def _others(marks: Sequence[Mark]) -> str:
    networks = list(dict.fromkeys(one.result.network_title for one in marks if one.kind == "faint"))
    if not networks:
        return ""
    said = tr("the same pictures with other networks: {networks}", networks=", ".join(networks))
    return f'<p class="pl-foot">{sign("faint")} {escape(said)}</p>'


def _table(marks: Sequence[Mark]) -> str:
    """The same numbers, for those who read them better than a chart: the visitor's own first."""
    numbers = (
        tr("distance"),
        tr("accuracy (95 % interval)"),
        tr("guessing"),
        tr("above guessing"),
        tr("your guess"),
    )
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in (tr("pictures"), tr("network")))
    head += "".join(f'<th scope="col" class="pl-number">{escape(text)}</th>' for text in numbers)
    rows = "".join(map(_row, sorted(marks, key=lambda one: ("own", "shipped", "faint").index(one.kind))))
    summary = tr("The same numbers as a table")
    return (
        f'<details class="pl-lab-table"><summary>{escape(summary)}</summary><div class="pl-table" tabindex="0" '
        f'role="region" aria-label="{escape(summary, quote=True)}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _row(one: Mark) -> str:
    result = one.result
    title = tr("{number}: {title}", number=one.name, title=one.title) if one.name else one.title
    numbers = (
        distance_in_words(result.distance),
        f"{percent(result.accuracy)} ({percent(result.accuracy_low)} – {percent(result.accuracy_high)})",
        percent(result.guessing),
        percent(result.above_guessing),
        "" if one.guess is None else percent(one.guess, digits=0),
    )
    told = "".join(f'<td class="pl-number">{escape(number)}</td>' for number in numbers)
    return f'<tr><th scope="row">{escape(title)}</th><td>{escape(result.network_title)}</td>{told}</tr>'


def _doing(snapshot: LabSnapshot) -> str:
    if snapshot.run is not None:
        return doing(snapshot.run)
    return tr("Measuring the distance: {done} of {total} pictures", done=snapshot.done, total=snapshot.total)


def _share(snapshot: LabSnapshot) -> float:
    return min(1.0, snapshot.done / snapshot.total) if snapshot.total else 0.0


def _judged(guess: float, result: LabResult) -> str:
    points = max(1, round(abs(guess - result.accuracy) * 100))
    if result.accuracy_low <= guess <= result.accuracy_high:
        sign, kind = "✓", "pl-good"
        said = tr("Well guessed: {n} test pictures cannot tell the two apart.", n=result.tested_on)
    elif guess < result.accuracy:
        sign, kind = "↑", "pl-bad"
        said = tr_n(
            "It learned more than you thought, by {count} point.",
            "It learned more than you thought, by {count} points.",
            points,
        )
    else:
        sign, kind = "↓", "pl-bad"
        said = tr_n(
            "It learned less than you thought, by {count} point.",
            "It learned less than you thought, by {count} points.",
            points,
        )
    return f'<p class="pl-judged {kind}"><b aria-hidden="true">{sign}</b> {escape(said)}</p>'


def _interval(result: LabResult) -> str:
    return tr(
        "with other pictures probably {low} to {high}",
        low=percent(result.accuracy_low, digits=0),
        high=percent(result.accuracy_high, digits=0),
    )


def _score(name: str, value: str, more: str) -> str:
    return f'<p class="pl-score"><span>{escape(name)}</span><b>{escape(value)}</b><span>{escape(more)}</span></p>'


def _note(text: str) -> str:
    return f'<p class="pl-note">{escape(tr(text))}</p>' if text else ""


def _line(text: str) -> str:
    return f'<p class="pl-foot">{escape(text)}</p>'


def _card(inner: str) -> str:
    return f'<div class="pl-card pl-experiment pl-lab">{inner}</div>'
