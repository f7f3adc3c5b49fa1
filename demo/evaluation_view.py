"""How good a trained network is, as HTML. `core.evaluation` has the figures; every text passes through `html.escape`.

Each function returns a string for the value of a `gr.HTML`; `demo.confusion_matrix` has the part that is clicked.
The look is in `assets/evaluation.css`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from demo.confusion_matrix import build_confusion_matrix, clicked_cell, confused_pairs, confusion_table
from demo.languages import mark, tr, tr_n

if TYPE_CHECKING:
    from core.datasets.labelled import Split
    from core.evaluation import Calibration, CalibrationBin, ClassFigures, Evaluation

__all__ = [
    "RunRow",
    "build_confusion_matrix",
    "calibration_chart",
    "clicked_cell",
    "comparison_table",
    "confused_pairs",
    "confusion_table",
    "figures_panel",
    "per_class_table",
    "picture_caption",
]

# With fewer pictures than this, a tenth of a percent is less than one picture in ten: noise.
DECIMAL_FROM = 100

SEEN = {
    "test": mark("It was right on {pictures} that it had never seen."),
    "validation": mark("It was right on {pictures} that were held back while it learned."),
    "train": mark("It was right on {pictures} that it had learned from."),
}
REMARKS = {
    "validation": mark("They helped to choose when to stop, so the figure may be a little too good."),
    "train": mark("That shows how well it remembers, not what it makes of new pictures."),
}
VERDICTS = {
    "fitting": mark("On average it is {confidence} sure and right on {accuracy}: that is as sure as it should be."),
    "too sure": mark("On average it is {confidence} sure and right on {accuracy}: it is too sure of itself."),
    "not sure enough": mark("On average it is {confidence} sure and right on {accuracy}: it could be surer of itself."),
}


@dataclass(frozen=True)
class RunRow:
    """One run in the comparison. `settings` maps names to values for people; an accuracy of None is not known yet."""

    name: str
    network: str
    dataset: str
    method: str
    settings: Mapping[str, str]
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    n: int
    seconds: float | None


def figures_panel(evaluation: Evaluation, split: Split, *, alike: int = 0) -> str:
    """The accuracy, large, with its interval; one sentence for everybody; the other figures as tiles.

    Args:
        alike: how many of the pictures are nearly the same as one to learn from.
    """
    accuracy = _percent(evaluation.accuracy, evaluation.n)
    low, high = _percent(evaluation.accuracy_low, evaluation.n), _percent(evaluation.accuracy_high, evaluation.n)
    sentences = [tr(SEEN[split], pictures=_right_of(evaluation))]
    if split != "train":
        sentences.append(
            tr(
                "On other pictures of the same kind, expect it to be right on {low} to {high} of them {interval}.",
                low=low,
                high=high,
                interval=f'<span class="pl-quiet">{tr("(95&nbsp;% interval: the whisker on the bar)")}</span>',
            )
        )
    if split in REMARKS:
        sentences.append(tr(REMARKS[split]))
    balanced, majority = (
        _percent(share, evaluation.n) for share in (evaluation.balanced_accuracy, evaluation.majority)
    )
    classes = len(evaluation.class_names)
    tiles = [
        (tr("balanced accuracy"), balanced, tr("every class counts the same")),
        (tr("always the same answer"), majority, tr("what it has to beat: the dashed line")),
        (tr("pictures"), f"{evaluation.n:,}", tr_n("of {count} class", "of {count} classes", classes)),
    ]
    if classes > 3:
        top3 = _percent(evaluation.top3, evaluation.n)
        tiles.insert(1, (tr("top 3"), top3, tr("the right name is among its first three")))
    return _card(
        f'<p class="pl-figure">{tr("{share} right", share=f"<b>{accuracy}</b>")}</p>'
        f"{_whisker(evaluation.accuracy, evaluation.accuracy_low, evaluation.accuracy_high, evaluation.majority)}"
        '<p class="pl-axis"><span>0 %</span><span>50 %</span><span>100 %</span></p>'
        f'<p class="pl-plain">{" ".join(sentences)}</p>'
        f"{_warning_of_alike(alike, evaluation.n)}"
        f'<dl class="pl-tiles">{"".join(_tile(*tile) for tile in tiles)}</dl>'
    )


def per_class_table(evaluation: Evaluation) -> str:
    """The classes, those that are recognised least first: recall as a bar with its interval, precision, F1."""
    shown = [one for one in evaluation.per_class if one.recall is not None]
    unseen = [one for one in evaluation.per_class if one.recall is None]
    rows = "".join(map(_class_row, sorted(shown, key=lambda one: one.recall)))
    note = ""
    if unseen:
        names = escape(", ".join(one.name for one in unseen))
        note = f'<p class="pl-quiet">{tr("No pictures here of: {names}.", names=names)}</p>'
    recall = tr("recall")
    return _card(
        f'<h3 class="pl-title">{tr("Class by class")}</h3>'
        f'<div class="pl-scroll" tabindex="0" role="region" aria-label="{escape(tr("Figures of each class"))}"><table>'
        f'<thead><tr><th scope="col">{tr("class")}</th><th scope="col">{tr("recognised")}<small>{recall}</small></th>'
        f'<th scope="col"><span class="pl-hidden">{recall}</span></th>'
        f'<th scope="col" class="pl-number">{tr("right when said")}<small>{tr("precision")}</small></th>'
        f'<th scope="col" class="pl-number">{tr("both")}<small>F1</small></th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def calibration_chart(evaluation: Evaluation) -> str:
    """A reliability diagram: how often it is right against how sure it is, with the numbers folded away below."""
    calibration = evaluation.calibration()
    filled = [one for one in calibration.bins if one.n]
    verdict = escape(
        tr(
            VERDICTS[calibration.verdict],
            confidence=_plain_percent(calibration.confidence, evaluation.n),
            accuracy=_plain_percent(calibration.accuracy, evaluation.n),
        )
    )
    advice = tr(
        'Of the pictures where it says "80&nbsp;%", 80 of 100 should be right: bars that reach the dashed line.'
    )
    reading = tr(
        "Expected calibration error: {error} (0 is perfect). Bars without many pictures are pale, "
        "and their whiskers long.",
        error=_percent(calibration.error, evaluation.n),
    )
    rows = "".join(
        f'<tr><th scope="row">{_range(one)}</th><td>{one.n:,}</td><td>{_percent(one.confidence, one.n)}</td>'
        f"<td>{_percent(one.accuracy, one.n)}</td></tr>"
        for one in filled
    )
    return _card(
        f'<h3 class="pl-title">{tr("Is it as sure as it should be?")}</h3>'
        f'<p class="pl-plain">{verdict} {advice}</p>'
        f"{_reliability_diagram(calibration, filled, verdict)}"
        f'<p class="pl-quiet">{reading}</p>'
        f'<details class="pl-numbers"><summary>{tr("The numbers")}</summary><table><thead><tr>'
        f'<th scope="col">{tr("how sure")}</th><th scope="col">{tr("pictures")}</th>'
        f'<th scope="col">{tr("sure, on average")}</th><th scope="col">{tr("right")}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></details>"
    )


def comparison_table(rows: Sequence[RunRow]) -> str:
    """Several runs below each other on one scale; of the settings only those in which they differ."""
    if not rows:
        return ""
    differing = _differing(rows)
    body = "".join(_run_row(row, differing, best=_is_best(row, rows)) for row in rows)
    datasets = {row.dataset for row in rows}
    warning = ""
    if len(datasets) > 1:
        warning = tr("These runs were tested on different data sets: compare only those on the same one.")
    elif len(rows) > 1:
        warning = tr("Where whiskers overlap, the order may be chance.")
    note = f'<p class="pl-quiet">{warning}</p>' if warning else ""
    accuracy = tr("accuracy")
    return _card(
        f'<div class="pl-scroll" tabindex="0" role="region" aria-label="{escape(tr("Your runs"))}">'
        f'<table class="pl-runs"><thead><tr><th scope="col">{tr("run")}</th>'
        f'<th scope="col">{accuracy}<small>{tr("with its 95 % interval")}</small></th>'
        f'<th scope="col"><span class="pl-hidden">{accuracy}</span></th><th scope="col">{tr("network and data")}</th>'
        f'<th scope="col">{tr("what differs")}</th><th scope="col" class="pl-number">{tr("time")}</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def picture_caption(evaluation: Evaluation, index: int) -> str:
    """Below a picture: what it shows, what it is called and how surely. Plain text, not HTML."""
    truth, said = (evaluation.class_names[numbers[index]] for numbers in (evaluation.labels, evaluation.said))
    sure = _plain_percent(float(evaluation.confidence[index]), 1)
    if truth == said:
        return f"{truth}, {sure}"
    return tr("{truth}, called {said}, {sure}", truth=truth, said=said, sure=sure)


def _card(inner: str) -> str:
    return f'<div class="pl-card pl-evaluation">{inner}</div>'


def _warning_of_alike(alike: int, n: int) -> str:
    if not alike:
        return ""
    said = tr_n(
        "<b>{count:,} of these {total:,} pictures</b> is nearly the same as one that it could learn from. "
        "There it may only remember the answer, so expect fewer right answers on new pictures.",
        "<b>{count:,} of these {total:,} pictures</b> are nearly the same as one that it could learn from. "
        "There it may only remember the answer, so expect fewer right answers on new pictures.",
        alike,
        total=n,
    )
    return f'<p class="pl-note">{said}</p>'


def _tile(name: str, value: str, about: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}</dd><dd>{about}</dd></div>"


def _right_of(evaluation: Evaluation) -> str:
    if evaluation.n > 1 and evaluation.correct == evaluation.n:
        return tr_n("all {count:,} pictures", "all {count:,} pictures", evaluation.n)
    return tr_n(
        "{correct} of {count} picture",
        "<b>{correct:,} of {count:,}</b> pictures",
        evaluation.n,
        correct=evaluation.correct,
    )


def _whisker(share: float, low: float, high: float, baseline: float | None = None) -> str:
    """A bar from 0 to 1 with its interval; `baseline` is a dashed mark on it."""
    beaten = "" if baseline is None else f'<span class="pl-baseline" style="left:{baseline:.2%}"></span>'
    said = tr("{share:.1%}, 95 % interval from {low:.1%} to {high:.1%}", share=share, low=low, high=high)
    return (
        f'<span class="pl-whisker" role="img" aria-label="{escape(said)}">'
        f'<span class="pl-fill" style="width:{share:.2%}"></span>{beaten}'
        f'<span class="pl-reach" style="--low:{low:.2%};--high:{high:.2%}"></span></span>'
    )


def _class_row(one: ClassFigures) -> str:
    recognised = tr("{count} of {total}", count=one.correct, total=one.n)
    return (
        f'<tr><th scope="row">{escape(one.name)}</th><td class="pl-number">{recognised}</td>'
        f'<td class="pl-bar-cell">{_whisker(one.recall, one.recall_low, one.recall_high)}</td>'
        f'<td class="pl-number">{_percent(one.precision, one.said)}</td>'
        f'<td class="pl-number">{_percent(one.f1, one.n)}</td></tr>'
    )


def _reliability_diagram(calibration: Calibration, filled: list[CalibrationBin], verdict: str) -> str:
    """One unit of the drawing is one percent, y downwards; the CSS keeps lines thin (non-scaling-stroke)."""
    most = max(one.n for one in filled)
    bars = "".join(_reliability_bar(one, strength=0.25 + 0.75 * (one.n / most) ** 0.5) for one in filled)
    grid = "".join(
        f'<line class="pl-grid" x1="0" x2="100" y1="{at}" y2="{at}"/>'
        f'<text x="-2" y="{at + 1.5}" text-anchor="end">{100 - at} %</text>'
        f'<text x="{100 - at}" y="106" text-anchor="middle">{100 - at} %</text>'
        for at in (0, 25, 50, 75, 100)
    )
    said = tr(
        "Reliability diagram. {verdict} {bars}.",
        verdict=verdict,
        bars="; ".join(escape(_in_words(one)) for one in filled),
    )
    return (
        f'<svg class="pl-reliability" viewBox="-20 -5 127 123" role="img" '
        f'aria-label="{said}">{grid}{bars}'
        '<line class="pl-perfect" x1="0" y1="100" x2="100" y2="0"/>'
        f'<text x="50" y="115" text-anchor="middle">{tr("how sure it is")}</text>'
        f'<text transform="translate(-15.5 50) rotate(-90)" text-anchor="middle">{tr("how often it is right")}</text>'
        "</svg>"
    )


def _reliability_bar(one: CalibrationBin, *, strength: float) -> str:
    left, right, top = 100 * one.low + 0.6, 100 * one.high - 0.6, 100 - 100 * one.accuracy
    x, low, high = (left + right) / 2, 100 - 100 * one.accuracy_low, 100 - 100 * one.accuracy_high
    return (
        f"<g><title>{escape(_in_words(one))}</title>"
        f'<rect class="pl-hit-mark" x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}" '
        f'height="{100 - top:.2f}" opacity="{strength:.2f}"/>'
        f'<path class="pl-reach-mark" d="M{x:.2f} {low:.2f}V{high:.2f}M{x - 1.2:.2f} {low:.2f}h2.4'
        f'M{x - 1.2:.2f} {high:.2f}h2.4"/></g>'
    )


def _differing(rows: Sequence[RunRow]) -> list[str]:
    """Names of the settings that are not the same in all runs, in the order in which they come."""
    names = dict.fromkeys(name for row in rows for name in row.settings)
    return [name for name in names if len({row.settings.get(name) for row in rows}) > 1]


def _is_best(row: RunRow, rows: Sequence[RunRow]) -> bool:
    """Whether no run on the same data set has a higher accuracy, and at least one has a lower one."""
    rivals = [other.accuracy for other in rows if other.dataset == row.dataset and other.accuracy is not None]
    return row.accuracy is not None and min(rivals) < row.accuracy == max(rivals)


def _run_row(row: RunRow, differing: Sequence[str], *, best: bool) -> str:
    if row.accuracy is None:
        figure, bar = tr("not tested yet"), ""
    else:
        figure, bar = _percent(row.accuracy, row.n), _whisker(row.accuracy, row.accuracy_low, row.accuracy_high)
    settings = ", ".join(f"{name} {row.settings[name]}" for name in differing if name in row.settings)
    first = f' <span class="pl-best">{tr("best")}</span>' if best else ""
    return (
        f'<tr><th scope="row">{escape(row.name)}{first}</th><td class="pl-number">{figure}</td>'
        f'<td class="pl-bar-cell">{bar}</td>'
        f"<td>{escape(row.network)}<small>{escape(row.method)} · {escape(row.dataset)}</small></td>"
        f'<td>{escape(settings)}</td><td class="pl-number">{_duration(row.seconds)}</td></tr>'
    )


def _range(one: CalibrationBin) -> str:
    return tr("{low:.0f} to {high:.0f} %", low=100 * one.low, high=100 * one.high)


def _in_words(one: CalibrationBin) -> str:
    return tr("{range} sure: right on {accuracy:.0%} of {count}", range=_range(one), accuracy=one.accuracy, count=one.n)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return tr("{seconds:.1f} s", seconds=seconds)
    minutes, rest = divmod(round(seconds), 60)
    return tr("{minutes} min {seconds:02} s", minutes=minutes, seconds=rest)


def _percent(share: float | None, n: int) -> str:
    """A share of `n` pictures as HTML; what is not quite all or nothing is not shown as 100 % or 0 %."""
    return "–" if share is None else escape(_plain_percent(share, n))


def _plain_percent(share: float, n: int) -> str:
    text = f"{100 * share:.1f}" if n >= DECIMAL_FROM else f"{100 * share:.0f}"
    if share < 1 and text in ("100", "100.0"):
        text = ">99.9" if n >= DECIMAL_FROM else ">99"
    elif share > 0 and text in ("0", "0.0"):
        text = "<0.1" if n >= DECIMAL_FROM else "<1"
    return f"{text}\N{NO-BREAK SPACE}%"
