"""A visitor's runs as files: one as a zip or as ONNX, all as a table; and a run out of a zip."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import places
from core.errors import CheckpointError
from demo.evaluation_view import RunRow
from demo.languages import ENGLISH, mark, speaking, tr
from demo.session import Session, VisitorsRun
from demo.tables import write_table
from demo.train_run import folder_of, new_token
from demo.visitors_runs import read_runs

if TYPE_CHECKING:
    from core.settings import Setting

METHODS = {"head": mark("last layer only"), "finetune": mark("fine-tuned"), "scratch": mark("from scratch")}
# What a run out of a zip may come to: 1,000 classes make a matrix of 8 MB, and 10 million probabilities take 40 MB.
MOST_CLASSES = 1_000
MOST_PROBABILITIES = 10_000_000
FIGURES = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "top3", "n")


def write_zip(run: VisitorsRun, served: Path) -> Path:
    """The run with its network as a zip in a fresh folder of `served`, whose name nobody can guess.

    Raises:
        CheckpointError: the run is not there any more, or is not finished.
    """
    from core.runs.archive import zip_run

    return zip_run(run.folder, _fresh_file(run, served, ".zip"))


def write_onnx(run: VisitorsRun, served: Path) -> Path:
    """The run as ONNX, as `write_zip`.

    Raises:
        CheckpointError: packages are missing, or the network cannot be written so.
    """
    from core.runs.onnx import export_onnx

    return export_onnx(run.folder, _fresh_file(run, served, ".onnx"))


def open_run(zip_path: str) -> VisitorsRun:
    """Make a run of an uploaded zip, in a folder of its own that only its token finds.

    Raises:
        CheckpointError: it is no zip of a run, or damaged, or holds what no run has.
    """
    from core.runs.archive import open_zip

    opened = open_zip(Path(zip_path), places.runs_folder())
    token = new_token()
    try:
        opened.rename(folder_of(token))
    except OSError as error:
        shutil.rmtree(opened, ignore_errors=True)
        raise CheckpointError("The run cannot be kept here: the disk refuses.") from error
    try:
        return _shown_on_a_page(token)
    except CheckpointError:
        shutil.rmtree(folder_of(token), ignore_errors=True)
        raise


def _shown_on_a_page(token: str) -> VisitorsRun:
    """The run of that token, if it is small enough for a page that many share."""
    runs = read_runs([token], Session())
    if not runs:
        raise CheckpointError("The evaluation in this zip is damaged. Download the run again.")
    run = runs[0]
    classes = len(run.record.class_names)
    if classes > MOST_CLASSES:
        raise CheckpointError(
            "This run knows {classes:,} names; this page takes runs of up to {most_classes:,}.",
            classes=classes,
            most_classes=MOST_CLASSES,
        )
    if run.evaluation is not None and run.evaluation.probabilities.size > MOST_PROBABILITIES:
        raise CheckpointError("This run was tested on {n:,} pictures, too many for this page.", n=run.evaluation.n)
    return run


def delete(run: VisitorsRun) -> None:
    """Delete a run from the disk; nothing happens where it is gone already.

    Raises:
        CheckpointError: it cannot be deleted.
    """
    from core.runs.storage import delete_run

    if run.folder.exists():
        delete_run(run.folder)


def row_of(run: VisitorsRun, name: str) -> RunRow:
    """A run in the comparison. Figures come from the evaluation, not from what a record says of itself."""
    record, evaluation = run.record, run.evaluation
    seconds = record.metrics.get("seconds")
    return RunRow(
        name=name,
        network=record.backbone.title,
        dataset=tr(record.dataset.title),
        method=tr(METHODS[record.method]),
        settings=settings_in_words(run),
        accuracy=evaluation.accuracy if evaluation else None,
        accuracy_low=evaluation.accuracy_low if evaluation else None,
        accuracy_high=evaluation.accuracy_high if evaluation else None,
        n=evaluation.n if evaluation else 0,
        seconds=float(seconds) if type(seconds) in (int, float) else None,
    )


def settings_in_words(run: VisitorsRun) -> dict[str, str]:
    """All settings of a run: "epochs" -> "30"; none where this Pet Lens does not know them."""
    from core.runs.plan import Plan
    from core.settings import settings_of

    try:
        plan = Plan.of_run(run.record)
    except CheckpointError:
        return {}
    parts = [plan.view, plan.head] + ([plan.tune] if plan.method != "head" else [])
    return {
        _name_of(setting, tuning=part is plan.tune): _in_words(setting.name, getattr(part, setting.name))
        for part in parts
        for setting in settings_of(type(part))
    }


def write_csv(runs: Sequence[VisitorsRun]) -> str:
    """A line for each run, with all its settings; returns the path of a new temporary file.

    In English for everybody: programs read it.
    """
    with speaking(ENGLISH):
        settings = [settings_in_words(run) for run in runs]
        names = list(dict.fromkeys(name for one in settings for name in one))
        columns = ["run", "network", "data", "method", *FIGURES, "seconds", "created", *names]
        return write_table(columns, map(_csv_line, runs, settings))


def _csv_line(run: VisitorsRun, settings: dict[str, str]) -> dict[str, Any]:
    row = row_of(run, run.record.name)
    # a name of a setting never hides a figure
    return settings | {
        "run": row.name,
        "network": row.network,
        "data": row.dataset,
        "method": row.method,
        "seconds": "" if row.seconds is None else row.seconds,
        "created": run.record.created,
        **({name: getattr(run.evaluation, name) for name in FIGURES} if run.evaluation else {}),
    }


def _name_of(setting: Setting, *, tuning: bool) -> str:
    """In English the setting's own name, as in names of runs; other languages have words for its title only."""
    title = tr(setting.title)
    name = setting.name.replace("_", " ") if title == setting.title else title[:1].lower() + title[1:]
    return tr("tune {setting}", setting=name) if tuning else name


def _in_words(name: str, value: Any) -> str:
    if name == "images_per_class" and value == 0:
        return tr("all")
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fresh_file(run: VisitorsRun, served: Path, suffix: str) -> Path:
    from core.runs.storage import fresh_folder

    folder = served / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder / f"{fresh_folder(folder, run.record.name).name}{suffix}"
