"""What is known of a run beside its weights: the content of `run.json`, checked wherever it comes from.

Making one of these types checks it, so that a record in hand is always a sound one.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from core.backbones.views import ViewSettings
from core.datasets.labelled import SPLITS, Dataset
from core.errors import CheckpointError, SettingsError
from core.runs.checks import (
    MAX_TEXT,
    list_of,
    object_of,
    one_of,
    parse_object,
    plain_of,
    real_of,
    shown_text,
    text_of,
    whole_of,
)
from core.runs.network_checks import check_architecture, checked_kwargs, checked_preprocessing

FORMAT = 1
MAX_CLASSES = 10_000
# Characters in the name of a run.
MAX_NAME = 200
# Characters in the name and the title of a data set.
MAX_TITLE = 300

Method = Literal["head", "finetune", "scratch"]
State = Literal["running", "stopped", "finished"]

_SHARES_MEASURED = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "top3")
_HEXADECIMAL = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class StoredFile:
    """One file of a run: its size, and 32 hexadecimal digits of its content's BLAKE2b digest."""

    size: int
    digest: str

    def __post_init__(self) -> None:
        whole_of(self.size, "The size of a file", 0, 1 << 40)
        if not isinstance(self.digest, str) or not _HEXADECIMAL.fullmatch(self.digest):
            raise CheckpointError("The digest of a file must be 32 hexadecimal digits.")


@dataclass(frozen=True)
class BackboneRecord:
    """The network below the head, with all that is needed to build it again; fields as in `Backbone`.

    Attributes:
        fingerprint: of the weights and how they are wired (`networks.fingerprint`), not of the preprocessing.
        weights: "published": loaded by name; "here": trained, stored with the run.
    """

    name: str
    title: str
    architecture: str
    create_kwargs: Mapping[str, Any]
    licence: str
    preprocessing: Mapping[str, Any]
    class_count: int
    embedding_dim: int
    fingerprint: str
    weights: Literal["published", "here"]

    def __post_init__(self) -> None:
        for name in ("name", "title", "licence"):
            text_of(getattr(self, name), f"The {name} of the network", low=1, high=200)
        check_architecture(self.architecture)
        object.__setattr__(self, "create_kwargs", checked_kwargs(self.create_kwargs))
        object.__setattr__(self, "preprocessing", checked_preprocessing(self.preprocessing))
        whole_of(self.class_count, "The number of the network's own classes", 0, 100_000)
        whole_of(self.embedding_dim, "The length of an embedding", 1, 100_000)
        if not isinstance(self.fingerprint, str) or not _HEXADECIMAL.fullmatch(self.fingerprint):
            raise CheckpointError("The fingerprint of the network must be 32 hexadecimal digits.")
        one_of(self.weights, "Where the weights are", ("published", "here"))


@dataclass(frozen=True)
class DatasetRecord:
    """What it learned from.

    Attributes:
        name, title, about: as in `Dataset`.
        counts: pictures of each class, for each split.
    """

    name: str
    title: str
    about: str
    counts: Mapping[str, tuple[int, ...]]

    def __post_init__(self) -> None:
        text_of(self.name, "The name of the data set", low=1, high=MAX_TITLE)
        text_of(self.title, "The title of the data set", low=1, high=MAX_TITLE)
        text_of(self.about, "The text about the data set")
        checked = {
            one_of(split, "A split", SPLITS): tuple(
                whole_of(count, "A count of pictures", 0, 10**9)
                for count in list_of(counts, "The counts of pictures", MAX_CLASSES)
            )
            for split, counts in object_of(self.counts, "the counts of pictures", len(SPLITS)).items()
        }
        object.__setattr__(self, "counts", checked)


@dataclass(frozen=True)
class RunRecord:
    """A run, described.

    Attributes:
        name: what its owner calls it.
        dataset: what it learned from.
        class_names: `K` names, as the head gives them.
        backbone: the network below the head.
        view: how the network is shown a picture.
        settings: of the training: plain values.
        metrics: what was measured: "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy" and "top3" in
            [0, 1], "n" pictures of the "split", and the "seconds" that training took. Others are left aside.
        method: what was trained.
        state: whether the training goes on, was stopped, or is done.
        created: when, in ISO 8601 with the time zone.
        versions: of python, torch, timm and pet-lens.
        files: the run's files; `save_run` fills it in and ignores what it is given.

    Raises:
        CheckpointError: something is of the wrong kind or outside its range; it says what.
    """

    name: str
    dataset: DatasetRecord
    class_names: tuple[str, ...]
    backbone: BackboneRecord
    view: ViewSettings = field(default_factory=ViewSettings)
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    method: Method = "head"
    state: State = "running"
    created: str = field(default_factory=lambda: now())
    versions: Mapping[str, str] = field(default_factory=lambda: current_versions())
    files: Mapping[str, StoredFile] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        text_of(self.name, "The name of the run", low=1, high=MAX_NAME)
        names = list_of(self.class_names, "The class names", MAX_CLASSES)
        if not names:
            raise CheckpointError("A run needs classes; this one has none.")
        for name in names:
            text_of(name, "A class name", low=1, high=300)
        object.__setattr__(self, "class_names", names)
        if any(len(counts) != len(names) for counts in self.dataset.counts.values()):
            raise CheckpointError("The counts of pictures do not fit the {count} classes.", count=len(names))
        object.__setattr__(self, "settings", plain_of(self.settings, "the settings"))
        object.__setattr__(self, "metrics", _checked_metrics(self.metrics))
        one_of(self.method, "The method", ("head", "finetune", "scratch"))
        one_of(self.state, "The state", ("running", "stopped", "finished"))
        _moment(self.created)
        versions = object_of(self.versions, "the versions", 50)
        for name, version in versions.items():
            text_of(version, f"The version of {name}", high=100)
        object.__setattr__(self, "versions", versions)

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        return _moment(self.created)

    def to_json(self) -> str:
        """The content of `run.json`."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> RunRecord:
        """What `to_json` wrote; the text may come from anywhere.

        Raises:
            CheckpointError: it is damaged, or of a newer Pet Lens.
        """
        stored = parse_object(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, "run.json")
        version = stored.get("format")
        if type(version) is int and version > FORMAT:
            raise CheckpointError("This run was made by a newer Pet Lens. Install that one to open it.")
        if version != FORMAT:
            raise CheckpointError("run.json is damaged: its format must be {format}.", format=FORMAT)
        parts = {"dataset": DatasetRecord, "backbone": BackboneRecord, "view": ViewSettings}
        values = {name: _part(part, stored.get(name), name) for name, part in parts.items()}
        files = object_of(stored.get("files", {}), "the list of files", 20)
        values["files"] = {name: _part(StoredFile, entry, "files") for name, entry in files.items()}
        return _part(cls, {**stored, **values}, "run.json")


def describe_dataset(dataset: Dataset) -> DatasetRecord:
    """A data set as a run remembers it; a folder may be called what no record takes, which is put right here."""
    counts = {name: tuple(int(count) for count in images.counts()) for name, images in dataset.splits.items()}
    name, title = (shown_text(text, high=MAX_TITLE) or "unnamed" for text in (dataset.name, dataset.title))
    return DatasetRecord(name, title, shown_text(dataset.about, high=MAX_TEXT), counts)


def current_versions() -> dict[str, str]:
    """Versions of what computes here."""
    ours = re.search(r'^version = "(.+)"', _project_file(), re.MULTILINE)
    return {
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "timm": metadata.version("timm"),
        "pet-lens": ours.group(1) if ours else "unknown",
    }


def now() -> str:
    """This moment, as `RunRecord.created` wants it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _part(kind: type, stored: Any, what: str) -> Any:
    """An object of a dataclass from its stored fields; fields that it does not know are left aside."""
    known = {entry.name for entry in dataclasses.fields(kind)}
    fields = object_of(stored, what, 100)
    try:
        return kind(**{name: value for name, value in fields.items() if name in known})
    except (TypeError, SettingsError) as error:  # TypeError: a field is missing
        raise CheckpointError("run.json is damaged: {what} is not as it should be.", what=what) from error


def _checked_metrics(metrics: Any) -> dict[str, Any]:
    """The figures that are known; who made the file may have written anything into them."""
    stored = object_of(metrics, "the metrics", 100)
    checked: dict[str, Any] = {name: real_of(stored[name], name, 0, 1) for name in _SHARES_MEASURED if name in stored}
    if "n" in stored:
        checked["n"] = whole_of(stored["n"], "n", 0, 10**9)
    if "split" in stored:
        checked["split"] = one_of(stored["split"], "split", SPLITS)
    if "seconds" in stored:
        checked["seconds"] = real_of(stored["seconds"], "seconds", 0, 1e10)
    return checked


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text_of(text, "The time of making", low=1, high=40))
        if not 2000 <= moment.year <= 2100:
            raise ValueError(moment)
    except ValueError as error:
        raise CheckpointError("The time of making must be in ISO 8601, in this century.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _project_file() -> str:
    path = Path(__file__).resolve().parents[2] / "pyproject.toml"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
