"""From a stored run to a classifier."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from timm.data import create_transform

from core.backbones.backbone import Backbone
from core.backbones.freezing import seen_through
from core.backbones.loading import load_backbone, needs_fetching
from core.classifier import Classifier
from core.errors import BackboneError, CheckpointError
from core.head import Head
from core.runs.files import BACKBONE_FILE, HEAD_FILE, find_stored
from core.runs.networks import build_backbone, fingerprint, read_head
from core.runs.record import BackboneRecord, RunRecord
from core.runs.storage import evaluation_of, history_of, reading
from core.training.history import History

# Networks of runs that stay in memory: a fine-tuned one is as large as its original and shared by fewer.
_MAX_NETWORKS = 3


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """A run, ready for use.

    Attributes:
        folder: where it is.
        record: what is known of it.
        classifier: its network and its head.
        history: the curves of its training.
        evaluation: as it was saved; None where it was not evaluated.
    """

    folder: Path
    record: RunRecord
    classifier: Classifier = field(repr=False)
    history: History = field(repr=False)
    evaluation: dict | None = field(repr=False)


class _Networks:
    """Networks of runs in memory, by what is in them: the least recently used goes first.

    One is built at a time: two who ask for the same at once get the same.
    """

    def __init__(self) -> None:
        self._networks: collections.OrderedDict[tuple, Backbone] = collections.OrderedDict()
        self._lock = threading.Lock()
        self._building = threading.Lock()

    def get(self, key: tuple, build: Callable[[], Backbone]) -> Backbone:
        found = self._find(key)
        if found is not None:
            return found
        with self._building:
            found = self._find(key)
            if found is None:
                found = build()
                with self._lock:
                    self._networks[key] = found
                    while len(self._networks) > _MAX_NETWORKS:
                        self._networks.popitem(last=False)
        return found

    def _find(self, key: tuple) -> Backbone | None:
        with self._lock:
            if key in self._networks:
                self._networks.move_to_end(key)
            return self._networks.get(key)


_networks = _Networks()


def load_run(folder: Path) -> LoadedRun:
    """A run with its classifier.

    A network that was only looked through is the published one, if it is here and the same; else the one that came
    with the run, if it did. Its pictures are preprocessed as they were in training, whatever the published network
    says now.

    Raises:
        CheckpointError: there is no run, it has no trained head yet, it is damaged, or its network changed.
        BackboneError: its network is not here and cannot be fetched, or cannot see pictures of that size.
    """
    return reading(folder, lambda record: _load(folder, record))


def _load(folder: Path, record: RunRecord) -> LoadedRun:
    if HEAD_FILE not in record.files:
        raise CheckpointError(
            "{name} has no trained head yet: train it first, or go on with its training.",
            name=record.name,
        )
    history, evaluation = history_of(folder, record), evaluation_of(folder, record)
    head = read_head(find_stored(folder, HEAD_FILE, record.files[HEAD_FILE]), record.backbone, record.class_names)
    backbone = seen_through(_backbone(folder, record), record.view)
    classifier = Classifier(backbone, head, mirrored=record.view.mirrored)
    _check_answers(backbone, head)
    return LoadedRun(folder, record, classifier, history, evaluation)


def _backbone(folder: Path, record: RunRecord) -> Backbone:
    stored = record.files.get(BACKBONE_FILE)
    if record.backbone.weights == "here" and stored is None:
        raise CheckpointError(
            "{name} is damaged: {backbone_file} is missing.",
            name=record.name,
            backbone_file=BACKBONE_FILE,
        )
    if record.backbone.weights == "published":
        published = _published(record.backbone, fetch=stored is None)
        if published is not None and fingerprint(published) == record.backbone.fingerprint:
            return _as_in_training(published, record.backbone)
    if stored is None:
        raise CheckpointError(
            "{name} was trained on other weights of {title} than those that are here now. Get those weights "
            "again, or train the run anew.",
            name=record.name,
            title=record.backbone.title,
        )
    key = (stored.digest, repr(record.backbone))
    return _networks.get(key, lambda: build_backbone(find_stored(folder, BACKBONE_FILE, stored), record.backbone))


def _published(record: BackboneRecord, *, fetch: bool) -> Backbone | None:
    """The network of that name; None where the run has its own and this one is not to be had."""
    try:
        return load_backbone(record.name) if fetch or not needs_fetching(record.name) else None
    except BackboneError:
        if fetch:
            raise
        return None


def _as_in_training(backbone: Backbone, record: BackboneRecord) -> Backbone:
    """The same network, which shows itself pictures as the record says."""
    told = dict(record.preprocessing)
    if all(told[name] == _plain(backbone.preprocessing.get(name)) for name in told):
        return backbone
    mean, std = (torch.tensor(told[name], device=backbone.device).view(3, 1, 1) for name in ("mean", "std"))
    return dataclasses.replace(
        backbone,
        mean=mean,
        std=std,
        input_size=told["input_size"][1:],
        preprocessing=told,
        transform=create_transform(**told, is_training=False, normalize=False),
    )


def _check_answers(backbone: Backbone, head: Head) -> None:
    """Weights may be finite and their products not: what nobody can answer with is refused here, not at a picture."""
    noise = torch.rand(1, 3, *backbone.input_size, generator=torch.Generator().manual_seed(0))
    try:
        answers = head.logits(backbone.fast_embeddings(noise))
    except Exception as error:  # an input size that the published network does not take
        raise CheckpointError(
            "{title} cannot see pictures of the size that this run asks for.", title=backbone.title
        ) from error
    if not answers.isfinite().all():
        raise CheckpointError("The weights of this run are damaged: its answers are not numbers.")


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, (list, tuple)) else value
