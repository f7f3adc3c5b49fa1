"""What a training is doing, in words and as a bar. Every text is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.runs.snapshot import RunSnapshot

# The stages of a run as one sees them, and the phases of the stream that belong to each.
_STAGES = (("Look", ("embedding",)), ("Learn", ("choosing", "training", "tuning")), ("Test", ("testing", "finished")))


def run_card(snapshot: RunSnapshot, *, stopping: bool = False) -> str:
    """How far a run is."""
    doing = "Stopping: what was learned is being stored …" if stopping else _doing(snapshot)
    share = snapshot.done / snapshot.total if snapshot.total else 0.0
    return (
        f'<div class="pl-card pl-run">{_stages(snapshot)}'
        f'<p class="pl-doing" role="status">{escape(doing)}</p>'
        f'<div class="pl-progress"><span style="width:{min(1.0, share):.1%}"></span></div>'
        f'<p class="pl-foot">{escape(_pace(snapshot)) or "&nbsp;"}</p></div>'
    )


def finished_card(snapshot: RunSnapshot) -> str:
    """What came out."""
    evaluation = snapshot.evaluation
    split = snapshot.record.metrics.get("split", "test")
    seconds = snapshot.record.metrics.get("seconds", 0.0)
    notes = "".join(f'<p class="pl-foot">{escape(note)}</p>' for note in snapshot.notes)
    low, high = _share(evaluation.accuracy_low), _share(evaluation.accuracy_high)
    return (
        f'<div class="pl-card pl-run"><p class="pl-network">{escape(snapshot.record.name)} · {_time(seconds)}</p>'
        f'<p class="pl-headline" role="status"><span class="pl-percent">{_share(evaluation.accuracy)}</span>'
        f'<span class="pl-right">of the {evaluation.n:,} {escape(split)} pictures right</span></p>'
        f"<p>With other pictures of this kind probably between {low} and {high}.</p>{notes}</div>"
    )


def stopped_card(snapshot: RunSnapshot | None, *, max_minutes: int | None = None) -> str:
    """What was stopped, and what one can do now; `max_minutes` where the host's limit stopped it."""
    if snapshot is None:
        return _plain("Stopped before it began.")
    why = f"Stopped after {max_minutes} minutes, which is the limit here" if max_minutes else "Stopped"
    where = _doing(snapshot)
    return _plain(f"{why}, at: {where}. What was learned is stored. Go on continues from here.")


def restored_card(name: str) -> str:
    """A run of an earlier visit that is not finished."""
    return _plain(f"{name} is not finished. Choose the same pictures and press Go on, or train a new one.")


def _plain(text: str) -> str:
    return f'<div class="pl-card pl-run"><p class="pl-doing" role="status">{escape(text)}</p></div>'


def _stages(snapshot: RunSnapshot) -> str:
    now = next(number for number, (_, phases) in enumerate(_STAGES) if snapshot.phase in phases)
    items = "".join(
        f'<li class="{"pl-now" if number == now else "pl-past" if number < now else "pl-later"}">{title}</li>'
        for number, (title, _) in enumerate(_STAGES)
    )
    return f'<ol class="pl-stages" aria-hidden="true">{items}</ol>'


def _doing(snapshot: RunSnapshot) -> str:
    done, total, training = snapshot.done, snapshot.total, snapshot.training
    if snapshot.phase == "embedding":
        return f"Looking at {total:,} pictures once: {_percent(done, total)}"
    if snapshot.phase == "choosing":
        return f"Trying weight decays: {done} of {total}"
    if snapshot.phase in ("training", "tuning") and training is not None:
        what = "Learning" if snapshot.phase == "training" else "The network learns"
        return f"{what}: epoch {min(training.epochs, int(training.epoch) + 1)} of {training.epochs}"
    if snapshot.phase == "testing":
        return f"Test: {total:,} pictures that it has never seen, {_percent(done, total)}"
    return "Ready"


def _pace(snapshot: RunSnapshot) -> str:
    parts = []
    if snapshot.images_per_second:
        parts.append(f"{snapshot.images_per_second:,.0f} pictures a second")
    if snapshot.seconds_left is not None and snapshot.phase != "finished":
        parts.append(f"{_time(snapshot.seconds_left)} left")
    return " · ".join(parts)


def _percent(done: int, total: int) -> str:
    return f"{done / max(1, total):.0%}".replace("%", " %")


def _share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def _time(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
