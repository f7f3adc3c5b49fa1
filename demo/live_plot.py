"""The training plot: curves of several runs that grow while one watches, drawn by the browser.

The value is made for Gradio's streaming, which sends only what differs from the value before: of a text that has grown
it sends the new end. So each curve is one text to which points are appended, and a finished run costs nothing.

The drawing is in `assets/live_plot*.js`, its looks in `assets/live_plot.css` (`STYLE_SHEET`, for `launch(css_paths=)`).
Names of runs are texts of people: they travel as data and reach the page as text only, never through a template.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from demo.languages import mark, tr
from demo.scripts import script_of

_ASSETS = Path(__file__).resolve().parent.parent / "assets"
_SCRIPTS = "live_plot_scales.js", "live_plot_drawing.js", "live_plot.js"  # one function in the browser
STYLE_SHEET = _ASSETS / "live_plot.css"

COLOURS = 8  # in the style sheet; more runs than that share them
MOST_POINTS = 400  # of one curve: a panel is about 500 pixels wide
_LONGEST_NAME = 80


class Measured(Protocol):
    """What is drawn of a training: sequences of equal length, a place for each recorded step, only ever appended to.

    Attributes:
        step: rising, from 0.
        train_loss, validation_loss: may be NaN or infinite after a divergence; validation is None where not measured.
        train_accuracy, validation_accuracy: 0 to 1; None where not measured.
        rate: learning rate at that step.
    """

    @property
    def step(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def train_loss(self) -> Sequence[float | None]: ...  # noqa: D102
    @property
    def train_accuracy(self) -> Sequence[float | None]: ...  # noqa: D102
    @property
    def validation_loss(self) -> Sequence[float | None]: ...  # noqa: D102
    @property
    def validation_accuracy(self) -> Sequence[float | None]: ...  # noqa: D102
    @property
    def rate(self) -> Sequence[float]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class PlottedRun:
    """One run in the plot. Keep the object of a finished run: its curve is then written only once.

    Attributes:
        name: the person's own words; shown as text.
        history: what was measured so far.
        total_steps: steps when the run is complete; the axis is as long as the longest run.
        colour: index into the palette, from 0; stays with the run when others come and go.
        steps_per_epoch: puts epochs below the steps, where all visible runs agree.
    """

    name: str
    history: Measured
    total_steps: int
    colour: int = 0
    steps_per_epoch: float | None = None
    _written: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict, init=False, repr=False)


# What the drawing says of itself. Its places are filled in by the browser, where the numbers are.
_WORDS = {
    "accuracy": mark("Accuracy"),
    "all_hidden": mark("All runs are hidden."),
    "column_epoch": mark("epoch"),
    "column_loss": mark("loss"),
    "column_rate": mark("learning rate"),
    "column_run": mark("run"),
    "column_step": mark("step"),
    "curves": mark("{name}: {values}"),
    "diverged": mark("diverged"),
    "hide": mark("Hide {name}"),
    "legend": mark("Runs; press one to hide or show it"),
    "log_scale": mark("log scale"),
    "loss": mark("Loss"),
    "loss_value": mark("loss {value}"),
    "loss_by_rate": mark("Loss against the learning rate"),
    "newest": mark("{name}: step {step} of {total}, {values}"),
    "no_values": mark("no values yet"),
    "not_finite": mark("not finite"),
    "rate": mark("rate {rate}"),
    "rate_place": mark("learning rate {rate}"),
    "read_by_keys": mark("{title}. Arrow keys read the values."),
    "show": mark("Show {name}"),
    "step": mark("step {step}"),
    "step_and_epoch": mark("step {step} · epoch {epoch}"),
    "suggested": mark("suggested {rate}"),
    "suggested_rate": mark("suggested learning rate {rate}"),
    "table": mark("Values of the plot"),
    "table_title": mark("Values as a table"),
    "training": mark("training"),
    "training_accuracy": mark("training accuracy"),
    "training_loss": mark("training loss"),
    "validation": mark("validation"),
    "validation_accuracy": mark("validation accuracy"),
    "validation_loss": mark("validation loss"),
}


def live_plot(elem_id: str = "plot", *, hint: str = mark("Press Train and watch the curves grow.")) -> gr.HTML:
    """Loss and accuracy against steps. Its values are made by `plot_value`; `hint` is shown while there is none."""
    return _plot("runs", elem_id, plot_value([]), hint)


def plot_value(runs: Sequence[PlottedRun], *, most_points: int = MOST_POINTS) -> dict[str, Any]:
    """What the plot shows.

    Put the growing run last and leave the order of the others: an update then costs only the run's new points.

    Args:
        runs: in the order of the legend.
        most_points: a longer curve is thinned to every second, fourth, ... point, so that the points that were sent
            stay and all are sent again only when their number has doubled. The newest point is always there.
    """
    return {"runs": [_run_value(run, most_points) for run in runs]}


def rate_plot(elem_id: str = "rate-plot", *, hint: str = mark("The curve of the learning-rate finder.")) -> gr.HTML:
    """Loss against the learning rate on a logarithmic axis. Its values are made by `rate_value`."""
    return _plot("rates", elem_id, rate_value([], [], None), hint)


def rate_value(rates: Sequence[float], losses: Sequence[float | None], suggested: float | None) -> dict[str, Any]:
    """What the rate plot shows.

    Args:
        rates: rising, above 0.
        losses: one for each rate; NaN or infinite where the training diverged.
        suggested: the rate to mark; None while there is none.
    """
    return {
        "points": _records("%.4g", rates, losses),
        "suggested": None if suggested is None else float(f"{suggested:.4g}"),
    }


def _plot(kind: str, elem_id: str, value: dict[str, Any], hint: str) -> gr.HTML:
    return gr.HTML(
        value,
        # constant: Gradio evaluates it at each update and touches the page only where the outcome differs
        html_template="<div class='pl-plot'></div>",
        js_on_load=script_of(
            *_SCRIPTS, kind=kind, hint=tr(hint), words={name: tr(text) for name, text in _WORDS.items()}
        ),
        apply_default_css=False,
        elem_id=elem_id,
    )


def _script() -> str:
    """The script with its words at the head: in a tab that was never seen, an update may come before the props."""
    words = json.dumps({name: tr(text) for name, text in _WORDS.items()})
    return "\n".join((f"const words = {words};", *((_ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS)))


def _run_value(run: PlottedRun, most_points: int) -> dict[str, Any]:
    return {
        "name": _one_line(run.name),
        "colour": run.colour % COLOURS,
        "total": int(run.total_steps),
        "epoch": run.steps_per_epoch,
        **_curves(run, most_points),
    }


def _curves(run: PlottedRun, most_points: int) -> dict[str, str]:
    """Both curves as text, written again only when the history has grown."""
    key = (len(run.history.step), most_points)
    written = run._written.get(key)
    if written is None:
        written = _write_curves(run.history, most_points)
        run._written.clear()
        run._written[key] = written
    return written


def _write_curves(history: Measured, most_points: int) -> dict[str, str]:
    validated = [place for place, loss in enumerate(history.validation_loss) if loss is not None]
    training, newest = _thinned(range(len(history.step)), most_points)
    validation, newest_validation = _thinned(validated, most_points)

    def write(places: Sequence[int], *columns: Sequence[float | None]) -> str:
        return _records("%d", *([column[place] for place in places] for column in (history.step, *columns)))

    of_training = history.train_loss, history.train_accuracy, history.rate
    of_validation = history.validation_loss, history.validation_accuracy

    return {
        "training": write(training, *of_training),
        "training_newest": write(newest, *of_training),
        "validation": write(validation, *of_validation),
        "validation_newest": write(newest_validation, *of_validation),
    }


def _thinned(places: Sequence[int], most_points: int) -> tuple[Sequence[int], Sequence[int]]:
    """Every 1st, 2nd, 4th, ... of them, at most `most_points`, and the last one if it is not among those."""
    stride = 1
    while stride * most_points < len(places):
        stride *= 2
    kept = places[::stride]
    return kept, places[-1:] if kept and kept[-1] != places[-1] else []


def _records(first: str, *columns: Sequence[float | None]) -> str:
    """`12,0.3456,0.9876;`: 4 significant digits, `nan` or `inf` as Python writes them, nothing where not measured.

    Args:
        first: how the first column is written.
        columns: of equal length.
    """
    form = ",".join([first, *["%.4g"] * (len(columns) - 1)]) + ";"
    try:
        return "".join(map(form.__mod__, zip(*columns, strict=True)))  # thousands of numbers an update: no Python loop
    except TypeError:  # None
        return "".join(
            ",".join(
                "" if value is None else part % value for part, value in zip(form[:-1].split(","), point, strict=True)
            )
            + ";"
            for point in zip(*columns, strict=True)
        )


def _one_line(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"
