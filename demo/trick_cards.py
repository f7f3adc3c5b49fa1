"""An experiment as HTML: how far it is, both curves over each other, and what came out. Every text is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from demo.curves import over_each_other
from demo.languages import tr, tr_n
from demo.tricks import GUESS_TEXTS, Trick

if TYPE_CHECKING:
    from core.experiments.comparison import Comparison
    from core.experiments.running import ExperimentSnapshot
    from core.runs.snapshot import RunSnapshot
    from core.training.history import TrainSnapshot


def experiment_card(trick: Trick, snapshot: ExperimentSnapshot, guess: str, *, ended: bool = False) -> str:
    """All that is to be seen of it now; `ended`: nothing more comes."""
    inner = ""
    if snapshot.comparison is not None:
        inner = _outcome(trick, snapshot.comparison, guess)
    elif ended:
        inner = _line(_why_no_outcome(snapshot))
    else:
        inner = _progress(trick, snapshot)
    return f'<div class="pl-card pl-experiment">{inner}{_curves(trick, snapshot)}</div>'


def _progress(trick: Trick, snapshot: ExperimentSnapshot) -> str:
    run = snapshot.second or snapshot.first
    if snapshot.now == "first":
        which = tr("Training 1 of 2: {name}", name=tr(trick.first))
    else:
        which = tr("Training 2 of 2: {name}", name=tr(trick.second))
    share = run.done / run.total if run.total else 0.0
    return (
        f'<p class="pl-doing"><b>{escape(which)}</b></p><p class="pl-doing" role="status">{escape(doing(run))}</p>'
        f'<div class="pl-progress"><span style="width:{min(1.0, share):.1%}"></span></div>'
    )


def doing(run: RunSnapshot) -> str:
    """What happens in a training now."""
    if run.phase == "embedding":
        return tr("Looking at the pictures: {done} of {total}", done=run.done, total=run.total)
    if run.phase == "testing":
        return tr("Test with pictures that it has never seen: {done} of {total}", done=run.done, total=run.total)
    if run.phase == "training" and run.training is not None:
        epoch = min(run.training.epochs, int(run.training.epoch) + 1)
        return tr("Learning: epoch {epoch} of {epochs}", epoch=epoch, epochs=run.training.epochs)
    return tr("Ready")


def _outcome(trick: Trick, comparison: Comparison, guess: str) -> str:
    verdict = comparison.verdict
    hit = guess == verdict
    kind, sign = ("pl-good", "✓") if hit else ("pl-bad", "✗")
    judged = tr("You predicted: {guess}.", guess=tr(GUESS_TEXTS.get(guess, "")))
    return (
        f'<p class="pl-found" role="status">{escape(_found(comparison))}</p>'
        f'<p class="pl-judged {kind}"><b aria-hidden="true">{sign}</b> {escape(judged)} '
        f"{escape(tr('That was right.') if hit else tr('It came out otherwise.'))}</p>"
        f'<div class="pl-scores">{_score(trick.first, comparison.first_accuracy, comparison.first_interval)}'
        f"{_score(trick.second, comparison.second_accuracy, comparison.second_interval)}</div>"
        f"<p>{escape(tr(trick.meaning(verdict)))}</p>{_how_sure(comparison)}"
    )


def _found(comparison: Comparison) -> str:
    points = abs(comparison.difference) * 100
    return {
        "better": tr("The second is better, by {points:.1f} points.", points=points),
        "worse": tr("The second is worse, by {points:.1f} points.", points=points),
        "same": tr("No difference that {n} pictures could show ({points:.1f} points).", n=comparison.n, points=points),
    }[comparison.verdict]


def _how_sure(comparison: Comparison) -> str:
    """McNemar's test in words."""
    if not comparison.only_first + comparison.only_second:
        return _line(tr("Both gave the right name to the same {n} pictures.", n=comparison.first_correct))
    split = tr(
        "Of {n} test pictures, {first} came out right only in the first training and {second} only in the second.",
        n=comparison.n,
        first=comparison.only_first,
        second=comparison.only_second,
    )
    p = comparison.p_value
    if p < 0.001:
        chance = tr("Tossing coins would split them so unevenly in fewer than 1 of 1,000 cases (McNemar's exact test).")
    else:
        chance = tr(
            "Tossing coins would split them at least so unevenly in {share} % of the cases (McNemar's exact test; "
            "below 5 % we believe in a difference).",
            share=f"{p * 100:.1f}" if p < 0.095 else f"{p:.0%}".rstrip("%"),
        )
    return _line(split) + _line(chance)


def _score(name: str, share: float, interval: tuple[float, float]) -> str:
    low, high = interval
    range_ = tr("with other pictures probably {low:.0%} to {high:.0%}", low=low, high=high)
    return f'<p class="pl-score"><span>{escape(tr(name))}</span><b>{share:.1%}</b><span>{escape(range_)}</span></p>'


def _curves(trick: Trick, snapshot: ExperimentSnapshot) -> str:
    sides = {tr(trick.first): snapshot.first, tr(trick.second): snapshot.second}
    trained = {name: run.training for name, run in sides.items() if run is not None and run.training is not None}
    if not trained:
        return ""
    epochs = max(training.epochs for training in trained.values())
    ticks = {0.0: "0", float(epochs): tr_n("{count} epoch", "{count} epochs", epochs)}
    accuracy = {name: _points(training, "validation_accuracy") for name, training in trained.items()}
    loss = {name: _points(training, "validation_loss") for name, training in trained.items()}
    return (
        '<div class="pl-two-curves">'
        + over_each_other(tr("Right, of pictures kept aside"), accuracy, ticks=ticks, share=True)
        + over_each_other(tr("Loss on these pictures"), loss, ticks=ticks)
        + "</div>"
    )


def _points(training: TrainSnapshot, column: str) -> list[tuple[float, float]]:
    epochs_per_step = training.epochs / training.total_steps
    rows = zip(training.history.step, getattr(training.history, column), strict=True)
    return [(step * epochs_per_step, value) for step, value in rows if value is not None]


def _why_no_outcome(snapshot: ExperimentSnapshot) -> str:
    for run in (snapshot.first, snapshot.second):
        if run is not None and run.training is not None and run.training.note and run.evaluation is None:
            return tr(run.training.note)
    return tr("Stopped. What was seen so far stays here; run it again for a result.")


def _line(text: str) -> str:
    return f'<p class="pl-foot">{escape(text)}</p>'
