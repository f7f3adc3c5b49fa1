"""What a training is doing, in words and as a bar. Every text is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from demo.languages import mark, tr, tr_n

if TYPE_CHECKING:
    from core.runs.snapshot import RunSnapshot

# The stages of a run as one sees them, and the phases of the stream that belong to each.
_STAGES = (
    (mark("Look"), ("embedding",)),
    (mark("Learn"), ("choosing", "training", "tuning")),
    (mark("Test"), ("testing", "finished")),
)


def run_card(snapshot: RunSnapshot, *, stopping: bool = False) -> str:
    """How far a run is."""
    doing = tr("Stopping: what was learned is being stored …") if stopping else _doing(snapshot)
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
    notes = "".join(f'<p class="pl-foot">{escape(tr(note))}</p>' for note in snapshot.notes)
    low, high = _share(evaluation.accuracy_low), _share(evaluation.accuracy_high)
    return (
        f'<div class="pl-card pl-run"><p class="pl-network">{escape(snapshot.record.name)} · {_time(seconds)}</p>'
        f'<p class="pl-headline" role="status"><span class="pl-percent">{_share(evaluation.accuracy)}</span>'
        f'<span class="pl-right">{_right_of(evaluation.n, split)}</span></p>'
        f"<p>{tr('With other pictures of this kind probably between {low} and {high}.', low=low, high=high)}</p>"
        f"{notes}</div>"
    )


def stopped_card(snapshot: RunSnapshot | None, *, max_minutes: int | None = None) -> str:
    """What was stopped, and what one can do now; `max_minutes` where the host's limit stopped it."""
    if snapshot is None:
        return _plain(tr("Stopped before it began."))
    where = _doing(snapshot)
    if not max_minutes:
        return _plain(tr("Stopped, at: {where}. What was learned is stored. Go on continues from here.", where=where))
    return _plain(
        tr_n(
            "Stopped after {count} minute, which is the limit here, at: {where}. What was learned is stored. "
            "Go on continues from here.",
            "Stopped after {count} minutes, which is the limit here, at: {where}. What was learned is stored. "
            "Go on continues from here.",
            max_minutes,
            where=where,
        )
    )


def restored_card(name: str) -> str:
    """A run of an earlier visit that is not finished."""
    return _plain(
        tr("{name} is not finished. Choose the same pictures and press Go on, or train a new one.", name=name)
    )


def looking(total: int, share: str) -> str:
    """What goes on while embeddings are made; `share`: how much of it is done, as percent."""
    return tr_n(
        "Looking at {count:,} picture once: {share}", "Looking at {count:,} pictures once: {share}", total, share=share
    )


def _plain(text: str) -> str:
    return f'<div class="pl-card pl-run"><p class="pl-doing" role="status">{escape(text)}</p></div>'


def _right_of(n: int, split: str) -> str:
    if split == "validation":
        return tr_n("of the {count:,} validation picture right", "of the {count:,} validation pictures right", n)
    return tr_n("of the {count:,} test picture right", "of the {count:,} test pictures right", n)


def _stages(snapshot: RunSnapshot) -> str:
    now = next(number for number, (_, phases) in enumerate(_STAGES) if snapshot.phase in phases)
    items = "".join(
        f'<li class="{"pl-now" if number == now else "pl-past" if number < now else "pl-later"}">{tr(title)}</li>'
        for number, (title, _) in enumerate(_STAGES)
    )
    return f'<ol class="pl-stages" aria-hidden="true">{items}</ol>'


def _doing(snapshot: RunSnapshot) -> str:
    done, total, training = snapshot.done, snapshot.total, snapshot.training
    if snapshot.phase == "embedding":
        return looking(total, _percent(done, total))
    if snapshot.phase == "choosing":
        return tr("Trying weight decays: {done} of {total}", done=done, total=total)
    if snapshot.phase in ("training", "tuning") and training is not None:
        epoch = {"epoch": min(training.epochs, int(training.epoch) + 1), "epochs": training.epochs}
        if snapshot.phase == "training":
            return tr("Learning: epoch {epoch} of {epochs}", **epoch)
        return tr("The network learns: epoch {epoch} of {epochs}", **epoch)
    if snapshot.phase == "testing":
        return tr_n(
            "Test: {count:,} picture that it has never seen, {share}",
            "Test: {count:,} pictures that it has never seen, {share}",
            total,
            share=_percent(done, total),
        )
    return tr("Ready")


def _pace(snapshot: RunSnapshot) -> str:
    parts = []
    if snapshot.images_per_second:
        each_second = round(snapshot.images_per_second)
        parts.append(tr_n("{count:,} picture a second", "{count:,} pictures a second", each_second))
    if snapshot.seconds_left is not None and snapshot.phase != "finished":
        parts.append(tr("{time} left", time=_time(snapshot.seconds_left)))
    return " · ".join(parts)


def _percent(done: int, total: int) -> str:
    return f"{done / max(1, total):.0%}".replace("%", " %")


def _share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def _time(seconds: float) -> str:
    if seconds < 99.5:
        return tr("{seconds:.0f} s", seconds=seconds)
    if seconds < 3600:
        return tr("{minutes:.0f} min", minutes=seconds / 60)
    return tr("{hours:.1f} h", hours=seconds / 3600)
