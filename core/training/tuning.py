"""Fine-tuning, and training from scratch, as a stream of snapshots that can be left and resumed.

First the head learns on embeddings (`core.training.head`); then it goes on together with the last stages of the
network, lower stages at lower rates: features that fit already are bent, not torn by a random head.

References:
    Yosinski et al. 2014, arXiv:1411.1792 (which layers transfer); Howard and Ruder 2018, arXiv:1801.06146 (lower rates
    for lower layers); Kumar et al. 2022, arXiv:2202.10054 (head first, then all).
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from core import distributed, runtime
from core.backbones.backbone import Backbone
from core.backbones.freezing import freeze
from core.classifier import Classifier
from core.datasets.labelled import LabelledImages, content_key
from core.distributed import World
from core.errors import CheckpointError, DatasetError, ImageError, SettingsError
from core.head import Head
from core.training.augmentation import make_augmentation
from core.training.checkpoint import Checkpoint, CheckpointFolder, parse
from core.training.feeding import Chunk, Feed, in_order, pieces, until_done
from core.training.history import History, TrainSnapshot
from core.training.measuring import Measurer
from core.training.trainee import Gradients, Network, Sums, Trainee, dropout_mask
from core.training.tuning_settings import TuneSettings, rate_at

Phase = Literal["reading", "training", "measuring", "ready"]

# Pictures whose gradients are computed at once on a processor, so that a step can be left within a second. Batch norm
# that learns its statistics needs more of them (ghost batches: Hoffer et al. 2017, arXiv:1705.08741).
_CHUNK = 4
_CHUNK_WITH_STATISTICS = 16
# Rows of the curves in one run: enough for any screen.
_ROWS = 400
# Files whose content is compared with a checkpoint's, in one piece of work.
_HASHED = 64


@dataclass(frozen=True, eq=False)
class TuneSnapshot(TrainSnapshot):
    """How far fine-tuning is.

    Attributes:
        phase: what is going on: files are read, the network learns, it is measured on validation, it is ready.
        resumed: whether this run went on from a checkpoint.
        classifier: the trained network, in the last snapshot.
    """

    phase: Phase = "training"
    resumed: bool = False
    classifier: Classifier | None = field(default=None, repr=False)


def fine_tune(
    backbone: Backbone,
    head: Head | None,
    train: LabelledImages,
    validation: LabelledImages | None,
    settings: TuneSettings,
    *,
    checkpoint: Path | None = None,
) -> Iterator[TuneSnapshot]:
    """Train a copy of a network on pictures. Closing the stream stops it; what it had reached is stored first.

    The result has the weights of the end, or with `patience` those of the best epoch.

    Args:
        backbone: where it starts; stays as it is.
        head: a head that was trained on this network's embeddings; None: one of zeros.
        train: what it learns from.
        validation: what it is measured on after each epoch; None: nothing is measured.
        settings: how.
        checkpoint: a folder that belongs to this run alone. A training that was stored there goes on, bit by bit as
            if it had never stopped, when network, pictures and settings are the same; otherwise it starts anew.

    Raises:
        SettingsError: settings that do not go together, or do not fit the network.
        CheckpointError: the head knows other classes, or a checkpoint cannot be written.
        DatasetError: a picture cannot be read.
        LostProcessError: another process of this run is gone.
    """
    _check(head, train, validation, settings, distributed.world())
    run = _Run(backbone, head, train, validation, settings, distributed.world())
    folder = None
    try:
        yield run.snapshot("reading")
        if checkpoint is not None:
            identity = yield from run.identity(head)
            folder = CheckpointFolder(checkpoint, identity)
            run.restore(folder)
        while True:
            if run.measurement_is_due():
                yield from run.measure()
            if run.is_finished():
                break
            if folder is not None and folder.is_due():
                run.store(folder)
            yield from run.train_step()
    finally:
        run.feed.close()
        if folder is not None:
            run.trainee.forget_gradients()
            run.store(folder)
    yield run.snapshot("ready", classifier=run.classifier())


def _check(
    head: Head | None, train: LabelledImages, validation: LabelledImages | None, settings: TuneSettings, world: World
) -> None:
    if not len(train):
        raise DatasetError(f"{train.name} has no pictures to learn from.")
    if validation is not None and validation.class_names != train.class_names:
        raise DatasetError("The validation pictures have other classes than those to learn from.")
    if head is not None and head.class_names != train.class_names:
        raise CheckpointError(
            f"The head knows {len(head.class_names)} classes, which are not the {len(train.class_names)} of {train.name}. "
            "Train a head on these pictures first."
        )
    if settings.batch_size < world.size:
        raise SettingsError(
            f"batch_size is {settings.batch_size}, but there are {world.size} processes, each of which needs a picture."
        )


@dataclass(frozen=True, eq=False)
class _Best:
    """The weights that did best on validation so far (without validation: the newest)."""

    epoch: float
    accuracy: float
    loss: float
    weights: Mapping[str, torch.Tensor] = field(repr=False)


class _Run:
    """One training: where it is, and its single steps."""

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None,
        train: LabelledImages,
        validation: LabelledImages | None,
        settings: TuneSettings,
        world: World,
    ) -> None:
        self.backbone, self.train, self.validation, self.settings, self.world = (
            backbone,
            train,
            validation,
            settings,
            world,
        )
        self.trainee = Trainee(backbone, head, len(train.class_names), settings, world)
        self.feed = Feed(
            train,
            make_augmentation(settings.augmentation, backbone, size_px=settings.size_px),
            batch_size=settings.batch_size,
            chunk=self._chunk(),
            seed=settings.seed,
            world=world,
        )
        self.measurer = Measurer(backbone, validation, world) if validation is not None and len(validation) else None
        self.total_steps = math.ceil(settings.epochs * len(train) / settings.batch_size)
        self.step, self.history, self.note, self.resumed = 0, History(), "", False
        self.best: _Best | None = None
        self.measured_at = -1
        self.stored_at = (-1, -1)
        self.ended = False
        self.sums = Sums()
        self.step_seconds: float | None = None
        self.measure_seconds = 0.0

    def snapshot(self, phase: Phase, *, classifier: Classifier | None = None) -> TuneSnapshot:
        """Where it is."""
        rate = 0.0 if self.step_seconds is None else self.settings.batch_size / self.step_seconds
        return TuneSnapshot(
            step=self.step,
            total_steps=self.total_steps,
            epoch=self._epoch(),
            epochs=self.settings.epochs,
            history=self.history,
            images_per_second=rate,
            seconds_left=0.0 if phase == "ready" else self._seconds_left(),
            note=self.note,
            phase=phase,
            resumed=self.resumed,
            classifier=classifier,
        )

    def is_finished(self) -> bool:
        """Whether no step is to follow."""
        return self.ended or self.step >= self.total_steps

    def measurement_is_due(self) -> bool:
        """Whether the network is to be measured at this step: at the start, after each epoch, at the end."""
        if self.measured_at == self.step or self.ended:
            return False
        size, pictures = self.settings.batch_size, len(self.train)
        return self.step in (0, self.total_steps) or self.step * size // pictures > (self.step - 1) * size // pictures

    def train_step(self) -> Iterator[TuneSnapshot]:
        """One step of the optimiser, chunk by chunk."""
        start = time.monotonic()
        settings, sums = self.settings, Sums()
        mask = dropout_mask(settings, self.step, (settings.batch_size, self.backbone.embedding_dim))
        chunks = self.feed.chunks(self.step)
        self.trainee.forget_gradients()
        if self.trainee.is_direct:
            yield from self._add_directly(chunks, mask, sums)
        else:
            yield from self._add_in_threads(chunks, mask, sums)
        per_epoch = max(1, round(len(self.train) / settings.batch_size))
        rate = rate_at(settings, self.step, self.total_steps, per_epoch)
        if not self.trainee.step(rate, averaged_steps=per_epoch, step=self.step):
            self._end("diverged: the learning rate is too high")
            return
        self.step += 1
        self.sums.add(sums.loss, sums.right, sums.count)
        if self.step % math.ceil(self.total_steps / _ROWS) == 0 and not self.measurement_is_due():
            self._add_row(None)
        seconds = time.monotonic() - start
        # the first step also decodes and warms up
        self.step_seconds = seconds if self.step_seconds is None else 0.9 * self.step_seconds + 0.1 * seconds
        yield self.snapshot("training")

    def _add_in_threads(self, chunks: Sequence[Chunk], mask: torch.Tensor | None, sums: Sums) -> Iterator[TuneSnapshot]:
        """The gradients of a batch, a thread a chunk: no thread waits for another between two layers."""
        size = self.settings.batch_size

        def gradients(chunk: Chunk) -> Gradients:
            # was begun before this, so that it waits for nothing that waits for it
            pixels = chunk.pixels.result()
            kept = None if mask is None else mask[chunk.rows]
            return self.trainee.gradients(pixels, chunk.labels, kept=kept, batch_size=size)

        with contextlib.closing(in_order(gradients, chunks)) as parts:
            for chunk, future in parts:
                for _ in until_done(future):
                    yield self.snapshot("reading" if self.step_seconds is None else "training")
                part = future.result()
                self.trainee.add(part, share=len(chunk.rows) / size)
                sums.add(part.loss, part.right, len(chunk.rows))

    def _add_directly(self, chunks: Sequence[Chunk], mask: torch.Tensor | None, sums: Sums) -> Iterator[TuneSnapshot]:
        for number, chunk in enumerate(chunks):
            for _ in until_done(chunk.pixels):
                yield self.snapshot("reading" if self.step_seconds is None else "training")
            loss, right = self.trainee.add_directly(
                chunk.pixels.result(),
                chunk.labels,
                kept=None if mask is None else mask[chunk.rows],
                batch_size=self.settings.batch_size,
                last=number == len(chunks) - 1,
            )
            sums.add(loss, right, len(chunk.rows))
            if number < len(chunks) - 1:
                yield self.snapshot("training")

    def measure(self) -> Iterator[TuneSnapshot]:
        """Measure the network on validation, keep the best, and see whether to stop early."""
        measured = None
        if self.measurer is not None:
            start = time.monotonic()
            measured = Sums()
            for part in self.measurer.measure(self.trainee.result()):
                measured = part
                yield self.snapshot("measuring")
            measured = measured.over_all(self.world)
            self.measure_seconds = time.monotonic() - start
        self._add_row(measured)
        self.measured_at = self.step
        self._keep_if_best(measured)
        patience = self.settings.patience
        if patience and self.best is not None and self._epoch() - self.best.epoch > patience - 1e-6:
            self._end(f"stopped early after epoch {self._epoch():.0f}; epoch {self.best.epoch:.0f} was the best")
        yield self.snapshot("measuring")

    def classifier(self) -> Classifier:
        """What was trained, frozen like any other network."""
        network = self.trainee.result()
        if self.best is not None and (self.settings.patience or self.note.startswith("diverged")):
            _load(network, self.best.weights)
        return Classifier(_frozen(self.backbone, network, self.settings), _head_of(network, self.train.class_names))

    # --- storing

    def identity(self, head: Head | None) -> Iterator[TuneSnapshot]:
        """Returns what names this training: settings, network, head, pictures and their classes."""
        said: list[object] = [1, dataclasses.asdict(self.settings), self.backbone.fingerprint]
        if head is not None:
            said.append(hashlib.blake2b(head.weight.numpy().tobytes() + head.bias.numpy().tobytes()).hexdigest())
        for images in (self.train, self.validation):
            if images is not None:
                keys = yield from self._content_keys(images)
                said += [images.class_names, images.labels.tolist(), hashlib.blake2b(keys.tobytes()).hexdigest()]
        return hashlib.blake2b(json.dumps(said, default=str).encode(), digest_size=16).hexdigest()

    def store(self, folder: CheckpointFolder) -> None:
        """Write where it is, unless that is stored already."""
        state = (self.step, self.measured_at)
        if not self.world.is_first or state == self.stored_at or self.step < 1:
            return
        tensors = self.trainee.tensors()
        facts = {
            "step": self.step,
            "measured_at": self.measured_at,
            "history": self.history.as_dict(),
            "note": self.note,
            "ended": self.ended,
            "sums": dataclasses.astuple(self.sums),
            "step_seconds": self.step_seconds,
            "measure_seconds": self.measure_seconds,
        }
        if self.best is not None:
            tensors |= {f"best/{name}": tensor.contiguous() for name, tensor in self.best.weights.items()}
            facts["best"] = [self.best.epoch, self.best.accuracy, self.best.loss]
        folder.write(Checkpoint(tensors, facts))
        self.stored_at = state

    def restore(self, folder: CheckpointFolder) -> None:
        """Go on from what is stored, if anything is; the first process reads it for all."""
        content, self.note = folder.read_bytes() if self.world.is_first else (None, "")
        content = self.world.from_first(content)
        if content is None:
            return
        stored = parse(content)
        facts = stored.facts
        self.trainee.restore(stored.tensors)
        self.step, self.measured_at = facts["step"], facts["measured_at"]
        self.history, self.ended = History.from_dict(facts["history"]), facts["ended"]
        self.note = facts["note"] or self.note
        self.sums = Sums(*facts["sums"])
        self.step_seconds, self.measure_seconds = facts["step_seconds"], facts["measure_seconds"]
        if "best" in facts:
            weights = {
                name.removeprefix("best/"): tensor
                for name, tensor in stored.tensors.items()
                if name.startswith("best/")
            }
            self.best = _Best(*facts["best"], weights)
        self.stored_at, self.resumed = (self.step, self.measured_at), True

    # --- parts of the above

    def _content_keys(self, images: LabelledImages) -> Iterator[TuneSnapshot]:
        """Returns the keys of all pictures, `(N, 16)` uint8; each process reads its part."""

        def keys(numbers: np.ndarray) -> np.ndarray:
            try:
                joined = b"".join(content_key(images.items[number]) for number in numbers)
            except ImageError as error:
                raise DatasetError(
                    f"A picture of {images.name} is no longer there. Open the data set again."
                ) from error
            return np.frombuffer(joined, np.uint8).reshape(-1, 16)

        parts = [np.zeros((0, 16), np.uint8)]
        numbers = self.world.mine(len(images))
        with contextlib.closing(in_order(keys, pieces(numbers, _HASHED))) as keyed:
            for _, future in keyed:
                for _ in until_done(future):
                    yield self.snapshot("reading")
                parts.append(future.result())
        return self.world.gather_rows(np.concatenate(parts), len(images))

    def _chunk(self) -> int:
        if self.backbone.device.type != "cpu":
            return self.settings.batch_size
        if self.trainee.learns_statistics:
            return _CHUNK_WITH_STATISTICS
        return max(1, min(_CHUNK, self.settings.batch_size // runtime.processor_count()))

    def _epoch(self) -> float:
        return min(self.settings.epochs, self.step * self.settings.batch_size / len(self.train))

    def _seconds_left(self) -> float | None:
        if self.step_seconds is None:
            return None
        measurements = math.ceil(self.settings.epochs - self._epoch())
        return (self.total_steps - self.step) * self.step_seconds + measurements * self.measure_seconds

    def _add_row(self, measured: Sums | None) -> None:
        trained = self.sums.over_all(self.world)
        per_epoch = max(1, round(len(self.train) / self.settings.batch_size))
        self.history = self.history.with_row(
            step=self.step,
            train_loss=trained.mean_loss if trained.count else None,
            train_accuracy=trained.accuracy if trained.count else None,
            validation_loss=measured.mean_loss if measured else None,
            validation_accuracy=measured.accuracy if measured else None,
            rate=rate_at(self.settings, min(self.step, self.total_steps - 1), self.total_steps, per_epoch),
        )
        self.sums = Sums()

    def _keep_if_best(self, measured: Sums | None) -> None:
        accuracy, loss = (measured.accuracy, measured.mean_loss) if measured else (0.0, 0.0)
        if not math.isfinite(loss):
            return
        if measured and self.best is not None and (accuracy, -loss) <= (self.best.accuracy, -self.best.loss):
            return
        weights = {name: tensor.clone() for name, tensor in self.trainee.result_weights().items()}
        self.best = _Best(self._epoch(), accuracy, loss, weights)

    def _end(self, note: str) -> None:
        self.note, self.ended = note, True


def _load(network: Network, weights: Mapping[str, torch.Tensor]) -> None:
    state = network.state_dict()
    with torch.inference_mode(False), torch.no_grad():
        for name, tensor in weights.items():
            state[name].copy_(tensor)


def _head_of(network: Network, class_names: tuple[str, ...]) -> Head:
    weight, bias = network.linear.weight.detach(), network.linear.bias.detach()
    return Head(weight.float().cpu().clone(), bias.float().cpu().clone(), class_names)


def _frozen(backbone: Backbone, network: Network, settings: TuneSettings) -> Backbone:
    scratch = settings.start == "scratch"
    frozen = freeze(
        network.trunk,
        name=backbone.name,
        title=f"{backbone.title}, {'trained from scratch' if scratch else 'fine-tuned'}",
        licence="your own" if scratch else backbone.licence,
        architecture=backbone.architecture,
        create_kwargs={**backbone.create_kwargs, "num_classes": 0},
        preprocessing=copy.deepcopy(dict(backbone.preprocessing)),
    )
    # another size of pictures, or no input scaling: it saw pictures as `backbone` does
    return dataclasses.replace(
        frozen,
        mean=backbone.mean,
        std=backbone.std,
        input_size=backbone.input_size,
        transform=backbone.transform,
    )
