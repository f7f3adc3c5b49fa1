"""What the live plot shows: all runs of one visitor, and the one that grows."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from demo.languages import tr
from demo.live_plot import PlottedRun, plot_value
from demo.session import Session, VisitorsRun

if TYPE_CHECKING:
    from core.runs.snapshot import RunSnapshot

# A finished run's curve is written once and kept for as long as the run is.
_written: weakref.WeakKeyDictionary[VisitorsRun, PlottedRun] = weakref.WeakKeyDictionary()


def plot_of(session: Session) -> dict[str, Any]:
    """The value of the live plot: all runs of the visitor, by name."""
    runs = [run for run in session.runs if len(run.history)]
    return plot_value(_plotted(runs, short_names([run.record.name for run in runs])))


def growing_plot(session: Session, token: str, snapshot: RunSnapshot) -> dict[str, Any]:
    """The same while a run grows: it comes last, in the colour that it will keep."""
    training = snapshot.training
    if training is None or not len(training.history):
        return plot_of(session)  # a run that is gone on with shows what it had reached
    others = [run for run in session.runs if run.token != token and len(run.history)]
    names = short_names([*(run.record.name for run in others), snapshot.record.name])
    growing = PlottedRun(
        names[-1],
        training.history,
        training.total_steps,
        session.free_colour(token),
        training.total_steps / training.epochs if training.epochs else None,
    )
    return plot_value([*_plotted(others, names[:-1]), growing])


def short_names(names: Sequence[str]) -> list[str]:
    """Names with room in a legend: of "network on pictures (what differs)" only what differs, where the rest is shared."""
    parts = [name.partition(" (") for name in names]
    if len(names) < 2 or len({shared for shared, _, _ in parts}) > 1:
        return list(names)
    return [differs.removesuffix(")") or tr("all as it comes") for _, _, differs in parts]


def _plotted(runs: Sequence[VisitorsRun], names: Sequence[str]) -> list[PlottedRun]:
    return [_plotted_run(run, name) for run, name in zip(runs, names, strict=True)]


def _plotted_run(run: VisitorsRun, name: str) -> PlottedRun:
    known = _written.get(run)
    if known is None or known.name != name:
        known = _written[run] = PlottedRun(name, run.history, run.history.step[-1], run.colour, _steps_per_epoch(run))
    return known


def _steps_per_epoch(run: VisitorsRun) -> float | None:
    """Known where the run went through all its epochs."""
    settings = run.record.settings.get("head" if run.record.method == "head" else "tune", {})
    epochs, patience = settings.get("epochs"), settings.get("patience")
    steps = run.history.step[-1]
    if run.record.state != "finished" or patience != 0 or not isinstance(epochs, int) or epochs < 1:
        return None
    return steps / epochs if steps % epochs == 0 else None
