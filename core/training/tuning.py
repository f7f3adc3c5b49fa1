"""Fine-tuning, and training from scratch, as a stream of snapshots that can be left and resumed.

First the head learns on embeddings (`core.training.head`); then it goes on together with the last stages of the
network, lower stages at lower rates: features that fit already are bent, not torn by a random head.

References:
    Yosinski et al. 2014, arXiv:1411.1792 (which layers transfer); Howard and Ruder 2018, arXiv:1801.06146 (lower rates
    for lower layers); Kumar et al. 2022, arXiv:2202.10054 (head first, then all).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import torch

from core import distributed
from core.backbones.backbone import Backbone
from core.datasets.labelled import LabelledImages
from core.distributed import World
from core.errors import CheckpointError, DatasetError, SettingsError
from core.head import Head
from core.training.checkpoint import CheckpointFolder
from core.training.identity import identity_of
from core.training.tuning_run import TuningRun
from core.training.tuning_settings import TuneSettings
from core.training.tuning_state import Task, TuneSnapshot


def fine_tune(
    backbone: Backbone,
    head: Head | None,
    train: LabelledImages,
    validation: LabelledImages | None,
    settings: TuneSettings,
    *,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 15.0,
    enough: Callable[[], bool] | None = None,
) -> Iterator[TuneSnapshot]:
    """Train a copy of a network on pictures. Closing the stream stops it; what it had reached is stored first.

    The result has the weights of the end; with `patience`, or where training diverged, those of the best epoch.

    Args:
        backbone: where it starts; stays as it is.
        head: a head that was trained on this network's embeddings; None: one of zeros.
        train: what it learns from.
        validation: what it is measured on at the start and after each epoch; None: nothing is measured.
        settings: how.
        checkpoint: a folder that belongs to this run alone. A training that was stored there goes on, bit by bit as
            if it had never stopped, when network, pictures and settings are the same; otherwise it starts anew.
        checkpoint_seconds: what a killed process loses, and the step that it was in; 1.6 times as much where the disk
            is slow.
        enough: asked between steps; once it says yes, the stream ends with the network as it is then. Called again with
            the same checkpoint, the training goes on. Several processes must be told the same.

    Raises:
        SettingsError: settings that do not go together, or do not fit the network.
        CheckpointError: the head knows other classes, or a checkpoint cannot be written.
        DatasetError: a picture cannot be read.
        LostProcessError: another process of this run is gone.
    """
    world = distributed.world()
    _check(head, train, validation, settings, world)
    _check_size(backbone, settings.train_size_px)
    run = TuningRun(Task(backbone, head, train, validation, settings, world))
    folder = None
    try:
        yield run.snapshot("reading")
        yield from run.prepare()
        if checkpoint is not None:
            identity = yield from _identity(run)
            folder = CheckpointFolder(checkpoint, identity, every_seconds=checkpoint_seconds)
            run.restore(folder)
        while True:
            if folder is not None and folder.is_due():
                run.store(folder)
            if run.measurement_is_due():
                yield from run.measure()
            if run.is_finished():
                break
            if enough is not None and enough():
                run.note_stop()
                break
            yield from run.train_step()
    finally:
        run.close()
        if folder is not None:
            run.store(folder)
    yield from run.finish()


def _identity(run: TuningRun) -> Generator[TuneSnapshot, None, str]:
    """Returns what names this training."""
    task = run.task
    images = (task.train, task.validation)
    with contextlib.closing(
        identity_of(task.settings, task.backbone, task.head, images=images, world=task.world)
    ) as naming:
        while True:
            try:
                next(naming)
            except StopIteration as end:
                return end.value
            yield run.snapshot("reading")


def _check(
    head: Head | None, train: LabelledImages, validation: LabelledImages | None, settings: TuneSettings, world: World
) -> None:
    if not len(train):
        raise DatasetError("{name} has no pictures to learn from.", name=train.name)
    if validation is not None and validation.class_names != train.class_names:
        raise DatasetError("The validation pictures have other classes than those to learn from.")
    if head is not None and head.class_names != train.class_names:
        raise CheckpointError(
            "The head knows {count} classes, which are not the {count_2} of {name}. Train a head on these "
            "pictures first.",
            count=len(head.class_names),
            count_2=len(train.class_names),
            name=train.name,
        )
    if settings.batch_size < world.size:
        raise SettingsError(
            "batch_size is {batch_size}, but there are {size} processes, each of which needs a picture.",
            batch_size=settings.batch_size,
            size=world.size,
        )


def _check_size(backbone: Backbone, size_px: int) -> None:
    if size_px == 0 or (size_px, size_px) == backbone.input_size:
        return
    try:
        with torch.inference_mode():
            backbone.model.forward_features(torch.zeros(1, 3, size_px, size_px, device=backbone.device))
    except Exception as error:  # vision transformers assert, others fail at a concatenation of two sizes
        raise SettingsError(
            "train_size_px is {size_px}, but {title} cannot learn from pictures of that size. Set it to 0.",
            size_px=size_px,
            title=backbone.title,
        ) from error
