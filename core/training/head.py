"""Train a head on embeddings: softmax regression, as a stream of snapshots."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core import runtime
from core.errors import DatasetError
from core.training.checkpoint import CheckpointFolder, parse
from core.training.examples import Examples
from core.training.head_settings import HeadSettings
from core.training.head_training import HeadTraining
from core.training.history import TrainSnapshot

# A snapshot this often: between two the steps run without a break.
_SNAPSHOT_SECONDS = 0.05
# What a killed process loses; 0.96 s where the disk is slow.
_CHECKPOINT_SECONDS = 0.6


def train_head(
    train: Examples,
    validation: Examples | None,
    class_names: tuple[str, ...],
    settings: HeadSettings,
    *,
    checkpoint: Path | None = None,
) -> Iterator[TrainSnapshot]:
    """Fit a head to embeddings.

    Snapshots come every few hundredths of a second; the last one holds the head: that of the last step, of the lowest
    validation loss with early stopping, or the mean of the second half with averaging. A run that diverges ends, and
    gives the last head whose numbers were finite.

    Args:
        validation: measured and stopped by; None: neither.
        checkpoint: a folder that keeps the state about once a second, and when the generator is closed. Called again
            with the same arguments, the training goes on from there.

    Raises:
        CheckpointError: the state cannot be stored: the disk is full, for instance.
        DatasetError: there is nothing to learn from.
    """
    if len(train) == 0:
        raise DatasetError("There are no pictures to learn from.")
    training = runtime.on_one_thread(HeadTraining, train, validation, class_names, settings)
    folder = None
    if checkpoint is not None:
        identity = _identity(train, validation, class_names, settings)
        folder = CheckpointFolder(checkpoint, identity, every_seconds=_CHECKPOINT_SECONDS)
        content, _ = folder.read_bytes()
        if content is not None:
            training.restore(parse(content))
    try:
        yield training.snapshot()
        while not training.finished:
            runtime.on_one_thread(training.advance_for, _SNAPSHOT_SECONDS)
            if folder is not None and folder.is_due():
                folder.write(training.state())
            yield training.snapshot()
    finally:
        if folder is not None:
            folder.write(training.state())


def _identity(
    train: Examples, validation: Examples | None, class_names: tuple[str, ...], settings: HeadSettings
) -> str:
    digest = hashlib.blake2b(repr((settings, class_names)).encode(), digest_size=16)
    for examples in (train, validation):
        if examples is not None:
            digest.update(repr(examples.vectors.shape).encode())
            digest.update(np.ascontiguousarray(examples.vectors))
            digest.update(np.ascontiguousarray(examples.labels))
    return digest.hexdigest()


def refit_settings(settings: HeadSettings, best_epoch: float) -> HeadSettings:
    """The settings to train once more with the validation pictures: as many epochs as were best, without a stop."""
    epochs = settings.epochs
    if settings.patience:
        epochs = max(1, min(settings.epochs, round(best_epoch)))
    return dataclasses.replace(settings, epochs=epochs, patience=0)
