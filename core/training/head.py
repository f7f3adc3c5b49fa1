"""Train a head on embeddings: softmax regression, as a stream of snapshots."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

from core import runtime
from core.errors import DatasetError
from core.training.examples import Examples
from core.training.head_settings import HeadSettings
from core.training.head_training import HeadTraining
from core.training.history import TrainSnapshot
from core.training.state_file import StateFile, tag_of

# A snapshot this often: between two the steps run without a break.
_SNAPSHOT_SECONDS = 0.05
# What a killed process loses.
_CHECKPOINT_SECONDS = 0.8


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
        checkpoint: a file that keeps the state about once a second, and when the generator is closed. Called again with
            the same arguments, the training goes on from there.

    Raises:
        DatasetError: there is nothing to learn from.
    """
    if len(train) == 0:
        raise DatasetError("There are no pictures to learn from.")
    with runtime.one_thread():
        training = HeadTraining(train, validation, class_names, settings)
    file = StateFile(checkpoint, _tag(train, validation, class_names, settings)) if checkpoint else None
    found = file.read() if file else None
    if found:
        training.restore(*found)
    written_at = time.monotonic()
    try:
        yield training.snapshot()
        while not training.finished:
            with runtime.one_thread():
                training.advance_for(_SNAPSHOT_SECONDS)
            if file and time.monotonic() - written_at >= _CHECKPOINT_SECONDS:
                file.write(*training.state())
                written_at = time.monotonic()
            yield training.snapshot()
    finally:
        if file:
            file.write(*training.state())


def _tag(train: Examples, validation: Examples | None, class_names: tuple[str, ...], settings: HeadSettings) -> str:
    parts: list[str | bytes] = [repr(settings), repr(class_names)]
    for examples in (train, validation):
        if examples is not None:
            parts += [examples.vectors.tobytes(), examples.labels.tobytes()]
    return tag_of(*parts)


def refit_settings(settings: HeadSettings, best_epoch: float) -> HeadSettings:
    """The settings to train once more with the validation pictures: as many epochs as were best, without a stop."""
    epochs = settings.epochs
    if settings.patience:
        epochs = max(1, min(settings.epochs, round(best_epoch)))
    return dataclasses.replace(settings, epochs=epochs, patience=0)
