"""What the live plot shows: all runs of one visitor, and the one that grows."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from demo.live_plot import PlottedRun, plot_value
from demo.session import Session, VisitorsRun

if TYPE_CHECKING:
    from core.runs.snapshot import RunSnapshot

# A finished run's curve is written once and kept for as long as the run is.
_written: weakref.WeakKeyDictionary[VisitorsRun, PlottedRun] = weakref.WeakKeyDictionary()


def plot_of(session: Session) -> dict[str, Any]:
    """The value of the live plot: all runs of the visitor, by name."""
    return plot_value([_plotted(run) for run in session.runs if len(run.history)])


def growing_plot(session: Session, token: str, snapshot: RunSnapshot) -> dict[str, Any]:
    """The same while a run grows: it comes last, in the colour that it will keep."""
    training = snapshot.training
    if training is None or not len(training.history):
        return plot_of(session)  # a run that is gone on with shows what it had reached
    others = [_plotted(run) for run in session.runs if run.token != token and len(run.history)]
    growing = PlottedRun(
        snapshot.record.name,
        training.history,
        training.total_steps,
        session.free_colour(token),
        training.total_steps / training.epochs if training.epochs else None,
    )
    return plot_value([*others, growing])


def _plotted(run: VisitorsRun) -> PlottedRun:
    known = _written.get(run)
    if known is None:
        known = _written[run] = PlottedRun(
            run.record.name, run.history, run.history.step[-1], run.colour, _steps_per_epoch(run)
        )
    return known


def _steps_per_epoch(run: VisitorsRun) -> float | None:
    """Known where the run went through all its epochs."""
    settings = run.record.settings.get("head" if run.record.method == "head" else "tune", {})
    epochs, patience = settings.get("epochs"), settings.get("patience")
    steps = run.history.step[-1]
    if run.record.state != "finished" or patience != 0 or not isinstance(epochs, int) or epochs < 1:
        return None
    return steps / epochs if steps % epochs == 0 else None
