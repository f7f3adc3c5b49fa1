"""One training of a network: where it is, its single steps, and how it is stored."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

import torch

from core import runtime
from core.classifier import Classifier
from core.texts import mark, say
from core.training.augmentation import make_augmentation
from core.training.checkpoint import Checkpoint, CheckpointFolder, parse
from core.training.feeding import Chunk, Feed, aside, in_order, until_done
from core.training.measuring import Measurer
from core.training.network import classifier_of
from core.training.sums import Sums
from core.training.trainee import Trainee, dropout_mask
from core.training.tuning_settings import rate_at
from core.training.tuning_state import Best, Phase, Progress, Task, TuneSnapshot

R = TypeVar("R")

# Pictures that one thread computes gradients of at once: fewer where the network is large, so that each layer, after
# which it can be left, takes a fraction of a second. Batch norm that learns its statistics needs more of them (ghost
# batches: Hoffer et al. 2017, arXiv:1705.08741).
_CHUNK = 8
_CHUNK_WEIGHTS = 100_000_000
_CHUNK_WITH_STATISTICS = 16
# Rows of the curves in one run: enough for any screen.
_ROWS = 400
_BEST = "best/"


class TuningRun:
    """One training: where it is, and its single steps."""

    def __init__(self, task: Task) -> None:
        self.task = task
        settings, train = task.settings, task.train
        self._trainee: Trainee | None = None
        self._feed: Feed | None = None
        measured = task.validation is not None and len(task.validation) > 0
        self._measurer = Measurer(task.backbone, task.validation, task.world) if measured else None
        self._total_steps = math.ceil(settings.epochs * len(train) / settings.batch_size)
        self._steps_per_epoch = max(1, round(len(train) / settings.batch_size))
        self._at = Progress()
        self._best: Best | None = None
        self._stored_at, self._stopped, self._resumed = (0, -1), "", False

    def snapshot(self, phase: Phase, *, classifier: Classifier | None = None) -> TuneSnapshot:
        """Where it is."""
        rate = 0.0 if self._at.step_seconds is None else self.task.settings.batch_size / self._at.step_seconds
        return TuneSnapshot(
            step=self._at.step,
            total_steps=self._total_steps,
            epoch=self._epoch(),
            epochs=self.task.settings.epochs,
            history=self._at.history,
            images_per_second=rate,
            seconds_left=0.0 if phase == "ready" else self._seconds_left(),
            note=self._stopped or self._note(),
            phase=phase,
            resumed=self._resumed,
            classifier=classifier,
        )

    def prepare(self) -> Iterator[TuneSnapshot]:
        """Copy or build the network that is going to learn."""
        task, settings = self.task, self.task.settings
        classes = len(task.train.class_names)
        self._trainee = yield from self._aside(
            "reading", lambda: Trainee(task.backbone, task.head, classes, settings, task.world)
        )
        self._feed = Feed(
            task.train,
            make_augmentation(settings.augmentation, task.backbone, size_px=settings.train_size_px),
            batch_size=settings.batch_size,
            chunk=self._chunk(),
            seed=settings.seed,
            world=task.world,
        )

    def is_finished(self) -> bool:
        """Whether no step is to follow."""
        return bool(self._at.ended) or self._at.step >= self._total_steps

    def measurement_is_due(self) -> bool:
        """Whether the network is to be measured at this step: at the start, after each epoch, at the end."""
        if self._at.measured_at == self._at.step or self._at.ended:
            return False
        size, pictures = self.task.settings.batch_size, len(self.task.train)
        epoch, before = (step * size // pictures for step in (self._at.step, self._at.step - 1))
        return self._at.step in (0, self._total_steps) or epoch > before

    def note_stop(self) -> None:
        """Say that it ends before its time; a checkpoint does not keep that."""
        self._stopped = say(
            "stopped at epoch {epoch:.1f} of {epochs}", epoch=self._epoch(), epochs=self.task.settings.epochs
        )

    def train_step(self) -> Iterator[TuneSnapshot]:
        """One step of the optimiser, chunk by chunk."""
        start = time.monotonic()
        sums = Sums()
        chunks = self._feed.chunks(self._at.step)
        self._trainee.forget_gradients()
        self._trainee.let_learn(self._at.step, self._total_steps)
        if self._trainee.is_direct:
            yield from self._add_directly(chunks, sums)
        else:
            yield from self._add_in_threads(chunks, sums)
        yield from self._aside("training", lambda: self._advance(sums))
        if self._at.ended:
            return
        seconds = time.monotonic() - start
        # the first step also decodes and warms up
        self._at.step_seconds = (
            seconds if self._at.step_seconds is None else 0.9 * self._at.step_seconds + 0.1 * seconds
        )
        yield self.snapshot("training")

    def _advance(self, sums: Sums) -> None:
        """The optimiser's step and what is noted of it: both or neither, even when the stream is closed meanwhile."""
        if not self._trainee.step(self._rate(), averaged_steps=self._steps_per_epoch, step=self._at.step):
            self._at.ended = "diverged"
            return
        self._at.step += 1
        self._at.sums.add(sums.loss, sums.right, sums.count)
        if self._at.step % math.ceil(self._total_steps / _ROWS) == 0 and not self.measurement_is_due():
            self._add_row(None)

    def _add_in_threads(self, chunks: Sequence[Chunk], sums: Sums) -> Iterator[TuneSnapshot]:
        """The gradients of a batch, a thread a chunk: no thread waits for another between two layers."""
        size = self.task.settings.batch_size
        added = [threading.Event() for _ in chunks]

        def add_gradients(number: int) -> tuple[float, float]:
            chunk = chunks[number]
            try:
                # the pixels, and the chunk before, were begun before this: they wait for nothing that waits for it
                pixels = chunk.pixels.result()
                part = self._trainee.gradients(pixels, chunk.labels, kept=self._kept(chunk), batch_size=size)
                if number:
                    added[number - 1].wait()
                self._trainee.add(part, share=len(chunk.rows) / size)
                return part.loss, part.right
            finally:
                added[number].set()

        left = self._trainee.interruption.wish
        with contextlib.closing(in_order(add_gradients, range(len(chunks)), left=left)) as parts:
            for number, future in parts:
                for _ in until_done(future):
                    yield self.snapshot("reading" if self._at.step_seconds is None else "training")
                sums.add(*future.result(), len(chunks[number].rows))

    def _add_directly(self, chunks: Sequence[Chunk], sums: Sums) -> Iterator[TuneSnapshot]:
        for number, chunk in enumerate(chunks):
            for _ in until_done(chunk.pixels):
                yield self.snapshot("reading" if self._at.step_seconds is None else "training")
            loss, right = self._trainee.add_directly(
                chunk.pixels.result(),
                chunk.labels,
                kept=self._kept(chunk),
                batch_size=self.task.settings.batch_size,
                last=number == len(chunks) - 1,
            )
            sums.add(loss, right, len(chunk.rows))
            if number < len(chunks) - 1:
                yield self.snapshot("training")

    def _kept(self, chunk: Chunk) -> torch.Tensor | None:
        """This chunk's part of the batch's dropout."""
        shape = self.task.settings.batch_size, self.task.backbone.embedding_dim
        mask = dropout_mask(self.task.settings, self._at.step, shape)
        return None if mask is None else mask[chunk.rows]

    def measure(self) -> Iterator[TuneSnapshot]:
        """Measure the network on validation, keep the best, and see whether to stop early."""
        measured = None
        if self._measurer is not None:
            start = time.monotonic()
            measured = Sums()
            network = yield from self._aside("measuring", lambda: self._measurer.folded(self._trainee.result()))
            for part in self._measurer.measure(network):
                measured = part
                yield self.snapshot("measuring")
            measured = measured.over_all(self.task.world)
            self._at.measure_seconds = time.monotonic() - start
        self._add_row(measured)
        self._at.measured_at = self._at.step
        self._keep_if_best(measured)
        patience = self.task.settings.patience
        if patience and self._best is not None and self._epoch() - self._best.epoch > patience - 1e-6:
            self._at.ended = "early"
        yield self.snapshot("measuring")

    def finish(self) -> Iterator[TuneSnapshot]:
        """The last snapshot, with what was trained, frozen like any other network."""
        takes_best = self._best is not None and (self.task.settings.patience or self._at.ended == "diverged")
        weights = self._best.weights if takes_best else None
        names, settings = self.task.train.class_names, self.task.settings
        classifier = yield from self._aside(
            "measuring",
            lambda: classifier_of(self._trainee.result(weights), self.task.backbone, names, settings),
        )
        yield self.snapshot("ready", classifier=classifier)

    def close(self) -> None:
        """Drop an unfinished step; when this returns, nothing runs any more."""
        if self._feed is not None:
            self._feed.close()
            self._trainee.forget_gradients()

    def store(self, folder: CheckpointFolder) -> None:
        """Write where it is, unless that is stored already."""
        state = (self._at.step, self._at.measured_at)
        if not self.task.world.is_first or state == self._stored_at or self._at.step < 1:
            return
        tensors = self._trainee.tensors()
        facts = self._at.as_dict()
        if self._best is not None:
            tensors |= {_BEST + name: tensor.cpu().contiguous() for name, tensor in self._best.weights.items()}
            facts["best"] = [self._best.epoch, self._best.accuracy, self._best.loss]
        folder.write(Checkpoint(tensors, facts))
        self._stored_at = state

    def restore(self, folder: CheckpointFolder) -> None:
        """Go on from what is stored, if anything is; the first process reads it for all."""
        content, note = folder.read_bytes() if self.task.world.is_first else (None, "")
        content = self.task.world.from_first(content)
        if content is None:
            self._at.note = note
            return
        stored = parse(content)
        self._trainee.restore(stored.tensors)
        facts = stored.facts
        self._at = Progress.from_dict(facts)
        self._at.note = self._at.note or note
        if not self.task.world.is_first:
            # every process adds its own part to these
            self._at.sums = Sums()
        if "best" in facts:
            best = {name: tensor for name, tensor in stored.tensors.items() if name.startswith(_BEST)}
            weights = {name.removeprefix(_BEST): tensor for name, tensor in best.items()}
            self._best = Best(*facts["best"], weights)
        self._stored_at, self._resumed = (self._at.step, self._at.measured_at), True

    def _aside(self, phase: Phase, function: Callable[[], R]) -> Generator[TuneSnapshot, None, R]:
        """`function` on a thread that computes alone, with snapshots meanwhile; on a card, or with other processes, here."""
        if self.task.world.size > 1 or self.task.backbone.device.type != "cpu":
            return function()
        with contextlib.closing(aside(function)) as work:
            while True:
                try:
                    next(work)
                except StopIteration as end:
                    return end.value
                yield self.snapshot(phase)

    def _chunk(self) -> int:
        if self.task.backbone.device.type != "cpu":
            return self.task.settings.batch_size
        if self._trainee.learns_statistics:
            return _CHUNK_WITH_STATISTICS
        size = sum(parameter.numel() for parameter in self._trainee.network.parameters())
        return max(1, min(_CHUNK, _CHUNK_WEIGHTS // size, self.task.settings.batch_size // runtime.processor_count()))

    def _epoch(self) -> float:
        return min(self.task.settings.epochs, self._at.step * self.task.settings.batch_size / len(self.task.train))

    def _seconds_left(self) -> float | None:
        if self._at.step_seconds is None:
            return None
        measurements = math.ceil(self.task.settings.epochs - self._epoch())
        return (self._total_steps - self._at.step) * self._at.step_seconds + measurements * self._at.measure_seconds

    def _add_row(self, measured: Sums | None) -> None:
        trained = self._at.sums.over_all(self.task.world)
        self._at.history = self._at.history.with_row(
            step=self._at.step,
            train_loss=trained.mean_loss if trained.count else None,
            train_accuracy=trained.accuracy if trained.count else None,
            validation_loss=measured.mean_loss if measured else None,
            validation_accuracy=measured.accuracy if measured else None,
            rate=self._rate(),
        )
        self._at.sums = Sums()

    def _keep_if_best(self, measured: Sums | None) -> None:
        accuracy, loss = (measured.accuracy, measured.mean_loss) if measured else (0.0, 0.0)
        if not math.isfinite(loss) and self._best is None:
            # where it started is all that there is, should it diverge
            accuracy, loss = 0.0, math.inf
        elif not math.isfinite(loss):
            return
        if measured and self._best is not None and (accuracy, -loss) <= (self._best.accuracy, -self._best.loss):
            return
        weights = {name: tensor.clone() for name, tensor in self._trainee.result_weights().items()}
        self._best = Best(self._epoch(), accuracy, loss, weights)

    def _note(self) -> str:
        if self._at.ended == "diverged":
            return mark("diverged: try a lower learning rate")
        if self._at.ended == "early":
            return say(
                "stopped early after epoch {epoch:.0f}; epoch {best:.0f} was the best",
                epoch=self._epoch(),
                best=self._best.epoch,
            )
        return self._at.note

    def _rate(self) -> float:
        """The rate of the next step; after the last one, its own."""
        step = min(self._at.step, self._total_steps - 1)
        return rate_at(self.task.settings, step, self._total_steps, self._steps_per_epoch)
