"""Runs on the disk: made, saved, read, listed, found. `deleting` removes them, `loading` makes classifiers of them."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import logging
import math
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from core.classifier import Classifier
from core.errors import CheckpointError
from core.places import runs_folder
from core.runs.card import model_card
from core.runs.checks import finite_of, list_of, object_of, parse_object, whole_of
from core.runs.deleting import delete_run as delete_run
from core.runs.deleting import is_run
from core.runs.deleting import sweep_runs as sweep_runs
from core.runs.files import (
    BACKBONE_FILE,
    CARD_FILE,
    EVALUATION_FILE,
    HEAD_FILE,
    HISTORY_FILE,
    LIMITS,
    RECORD_FILE,
    commit,
    find_stored,
    move_folder,
    new_folder,
    read_limited,
    saving,
    stage,
)
from core.runs.networks import backbone_tensors, fingerprint, head_tensors, write_tensors
from core.runs.record import RunRecord
from core.training.history import COLUMNS, History

logger = logging.getLogger(__name__)

_MAX_ROWS = 200_000
# How often a reader starts again when somebody saves the run meanwhile.
_ATTEMPTS = 10

T = TypeVar("T")


def create_run(record: RunRecord, *, folder: Path | None = None) -> Path:
    """A new run without weights, complete from its first moment.

    Args:
        folder: what is to become the run; by default one of a fresh name in `runs_folder()`.

    Raises:
        CheckpointError: there is a folder of that name with something in it, or it cannot be written.
    """
    target = folder.absolute() if folder else fresh_folder(runs_folder(), record.name)
    with new_folder(target.parent) as building:
        store_files(building, record, {})
        move_folder(building, target)
    return target


def save_run(
    folder: Path, record: RunRecord, classifier: Classifier | None, *, history: History, evaluation: dict | None
) -> None:
    """Replace what is stored of a run. Whenever the process dies, either the old run is there or the new one.

    Args:
        classifier: its head is stored, and its network where the record says that its weights are here. None: those
            stored before stay.
        evaluation: plain values for JSON. None: the one stored before stays.

    Raises:
        CheckpointError: the run is not there any more, the classifier is not the record's, its numbers are not finite,
            or the disk is full.
    """
    writes: dict[str, Callable[[Path], Any]] = {HISTORY_FILE: writing(_history_json(history))}
    if evaluation is not None:
        writes[EVALUATION_FILE] = writing(_evaluation_json(evaluation))
    if classifier is not None:
        _check_belongs(classifier, record)
        writes[HEAD_FILE] = lambda path: write_tensors(path, head_tensors(classifier.head))
        if record.backbone.weights == "here":
            tuned = {"class_count": classifier.backbone.class_count, "fingerprint": fingerprint(classifier.backbone)}
            record = dataclasses.replace(record, backbone=dataclasses.replace(record.backbone, **tuned))
            writes[BACKBONE_FILE] = lambda path: write_tensors(path, backbone_tensors(classifier.backbone))
    with saving(folder):
        store_files(folder, record, writes)


def read_record(folder: Path) -> RunRecord:
    """What `run.json` says of a run.

    Raises:
        CheckpointError: there is no run, or it is damaged.
    """
    record = RunRecord.from_json(read_limited(folder / RECORD_FILE))
    unknown = set(record.files) - set(LIMITS)
    if unknown:
        raise CheckpointError("run.json is damaged: a run has no file {value}.", value=sorted(unknown)[0][:80])
    return record


def read_history(folder: Path) -> History:
    """The curves of a run; empty ones where there are none yet.

    Raises:
        CheckpointError: there is no run, or it is damaged.
    """
    return reading(folder, lambda record: history_of(folder, record))


def read_evaluation(folder: Path) -> dict | None:
    """The evaluation of a run as it was saved, if there is one; what is in it is for its reader to check.

    Raises:
        CheckpointError: there is no run, or it is damaged.
    """
    return reading(folder, lambda record: evaluation_of(folder, record))


def list_runs() -> list[tuple[Path, RunRecord]]:
    """All runs of `runs_folder()`, the newest first. Damaged ones are left out."""
    found = []
    with contextlib.suppress(OSError):
        for folder in runs_folder().iterdir():
            if folder.name.startswith(".") or not (folder / RECORD_FILE).is_file():
                continue
            try:
                found.append((folder, read_record(folder)))
            except CheckpointError as error:
                logger.warning("the run %s is left out: %s", folder.name, error)
    return sorted(found, key=lambda run: (run[1].created_at, run[0].name), reverse=True)


def find_run(run: str | Path) -> Path:
    """The folder of a run.

    Args:
        run: a folder; or, as a text, also the name of a folder in `runs_folder()`, or the name that its owner gave it
            (the newest, where several have it).

    Raises:
        CheckpointError: there is none; the message names similar ones.
    """
    if isinstance(run, Path):
        if is_run(run):
            return run
        raise CheckpointError('There is no run in the folder "{value}": it has no run.json.', value=run.name[:80])
    # a name with a slash would leave the folder of the runs, and so would ".."; ".new-..." is not complete
    if re.fullmatch(r"[^./\\][^/\\]*", run) and is_run(runs_folder() / run):
        return runs_folder() / run
    if run and is_run(Path(run)):
        return Path(run)
    runs = list_runs()
    named = [folder for folder, record in runs if record.name == run]
    if named:
        return named[0]
    names = [name for folder, record in runs for name in (folder.name, record.name)]
    close = list(dict.fromkeys(difflib.get_close_matches(run[:200], names, n=3)))
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise CheckpointError('There is no run called "{value}".{hint}', value=Path(run).name[:80], hint=hint)


def fresh_folder(parent: Path, name: str) -> Path:
    """A path that is not taken, called after a run: the letters of its name that are ASCII, and a number by chance."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "run"
    while (path := parent / f"{slug}-{secrets.token_hex(3)}").exists():
        pass
    return path


def store_files(folder: Path, record: RunRecord, writes: Mapping[str, Callable[[Path], Any]]) -> None:
    """Replace the record of a run, its card, and those files that `writes` makes; the others stay.

    Raises:
        CheckpointError: the disk is full, or a file over its limit.
    """
    before = read_record(folder).files if (folder / RECORD_FILE).exists() else {}
    try:
        staged = {name: stage(folder, name, write) for name, write in writes.items()}
        staged[CARD_FILE] = stage(folder, CARD_FILE, writing(model_card(record)))
        record = dataclasses.replace(record, files={**before, **staged})
        commit(folder, record.to_json(), record.files)
    except OSError as error:
        raise CheckpointError(
            "The run cannot be written: {value}.", value=error.strerror or "the disk refuses"
        ) from error


def writing(text: str) -> Callable[[Path], Any]:
    """What writes a text, for `store_files`."""
    return lambda path: path.write_text(text, encoding="utf-8")


def reading(folder: Path, read: Callable[[RunRecord], T]) -> T:
    """Read several files of one run so that all are of one save: again from the start when somebody saved meanwhile."""
    failed = None
    for _ in range(_ATTEMPTS):
        record = read_record(folder)
        try:
            value = read(record)
        except CheckpointError:
            with saving(folder):
                pass  # whoever was saving has finished: a file may just have got its plain name
            if failed == record.files == read_record(folder).files:
                raise
            failed = record.files
        else:
            if read_record(folder).files == record.files:
                return value
    raise CheckpointError("This run is being saved again and again. Try once more.")


def history_of(folder: Path, record: RunRecord) -> History:
    """The history that belongs to a record; empty where there is none."""
    if HISTORY_FILE not in record.files:
        return History()
    content = _content(folder, HISTORY_FILE, record)
    columns = object_of(parse_object(content, HISTORY_FILE), HISTORY_FILE, len(COLUMNS))
    if set(columns) != set(COLUMNS):
        raise CheckpointError("history.json is damaged: it must hold {names}.", names=", ".join(COLUMNS))
    rows = {name: list_of(column, f"The column {name}", _MAX_ROWS) for name, column in columns.items()}
    if len({len(column) for column in rows.values()}) > 1:
        raise CheckpointError("history.json is damaged: its columns have different lengths.")
    for name, column in rows.items():
        for value in column:
            if name == "step":
                whole_of(value, name, 0, 1 << 60)
            elif value is not None or name == "rate":
                finite_of(value, name)
    return History(**rows)


def evaluation_of(folder: Path, record: RunRecord) -> dict | None:
    """The evaluation that belongs to a record."""
    if EVALUATION_FILE not in record.files:
        return None
    return parse_object(_content(folder, EVALUATION_FILE, record), EVALUATION_FILE)


def _check_belongs(classifier: Classifier, record: RunRecord) -> None:
    head = classifier.head
    if head is None or head.class_names != record.class_names:
        raise CheckpointError("The classes of the trained head are not those of the run.")
    if classifier.mirrored != record.view.mirrored or head.embedding_dim != record.backbone.embedding_dim:
        raise CheckpointError("The classifier is not the one that the run describes.")


def _content(folder: Path, name: str, record: RunRecord) -> bytes:
    path = find_stored(folder, name, record.files[name])
    try:
        return path.read_bytes()
    except OSError as error:  # it got its plain name this moment
        raise CheckpointError("{name} cannot be opened.", name=name) from error


def _history_json(history: History) -> str:
    """Losses of a training that diverged are not finite, which JSON cannot say: null, as where none was measured."""
    columns = {
        name: [None if value is None or not math.isfinite(value) else float(value) for value in column]
        for name, column in history.as_dict().items()
    }
    columns["step"] = [int(step) for step in history.step]
    return json.dumps(columns)


def _evaluation_json(evaluation: dict) -> str:
    try:
        return json.dumps(evaluation, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError("The evaluation holds values that cannot be stored.") from error
