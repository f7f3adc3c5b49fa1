"""A head in training, between two steps."""

from __future__ import annotations

import math
import time

import torch

from core.optimisers import make_optimiser
from core.schedules import rate_factor
from core.texts import mark, say
from core.training.checkpoint import Checkpoint
from core.training.examples import Examples, Scaling
from core.training.head_settings import HeadSettings
from core.training.history import History, TrainSnapshot
from core.training.softmax_regression import SoftmaxRegression, initial

# Rows of the curves in one run, and how many of the training pictures, always the same, the training curve is measured
# on. A row costs as much as some steps: with twice the rows and twice the pictures a run takes a third longer.
_ROWS = 100
_MEASURED = 500
DIVERGED = mark("The loss is not a number any more: the training diverged. Try a lower learning rate.")


class HeadTraining:
    """One training, between two steps. Not shared; `train_head` drives it."""

    def __init__(
        self, train: Examples, validation: Examples | None, class_names: tuple[str, ...], settings: HeadSettings
    ) -> None:
        self.settings = settings
        self._class_names = class_names
        vectors = torch.from_numpy(train.vectors)
        self._scaling = Scaling.of(vectors, settings.scaling)
        self._inputs = self._scaling.apply(vectors)
        self._labels = torch.from_numpy(train.labels)
        self._validation = None
        if validation is not None and len(validation):
            inputs = self._scaling.apply(torch.from_numpy(validation.vectors))
            self._validation = (inputs, torch.from_numpy(validation.labels))
        self._generator = torch.Generator().manual_seed(settings.seed)
        measured = torch.randperm(len(train), generator=self._generator)[:_MEASURED]
        self._measured = (self._inputs[measured], self._labels[measured])

        whole_batches = settings.optimiser == "lbfgs"
        self.batch_size = len(train) if whole_batches else min(settings.batch_size, len(train))
        self.steps_per_epoch = math.ceil(len(train) / self.batch_size)
        self.total_steps = settings.epochs * self.steps_per_epoch
        self._rows_every = max(1, self.total_steps // _ROWS)

        self._regression = initial(settings.initialisation, len(class_names), vectors.shape[1], self._generator)
        self._optimiser = make_optimiser(
            settings.optimiser, self._regression.parameters, weight_decay=settings.weight_decay
        )
        self._order = torch.empty(0, dtype=torch.int64)
        self._mean: SoftmaxRegression | None = None
        self._averaged = 0
        self._best = _copy(self._regression)
        self._best_loss = math.inf
        self.best_epoch = float(settings.epochs)
        self._seconds = 0.0
        self.step = 0
        self.history = History()
        self.note = ""
        self._record()

    @property
    def finished(self) -> bool:
        """Whether the last step was done, or the run ended early."""
        return self.step >= self.total_steps or bool(self.note)

    def advance_for(self, seconds: float) -> None:
        """Steps until the time is over or the run has ended; one at least."""
        end = time.monotonic() + seconds
        while not self.finished:
            self.advance()
            if time.monotonic() >= end:
                return

    def advance(self) -> None:
        """One step of the optimiser, and what is measured after it."""
        began = time.perf_counter()
        loss = self.step_at(self._rate())
        if self.settings.averaging and self.step > self.total_steps // 2:
            self._average()
        if not math.isfinite(loss):
            self.note = DIVERGED
        elif self.step % self._rows_every == 0 or self.step == self.total_steps:
            self._record()
        self._seconds += time.perf_counter() - began

    def step_at(self, rate: float) -> float:
        """One step at that learning rate: the loss of its batch before the step."""
        batch = self._next_batch()
        inputs, labels = self._inputs, self._labels
        if self.batch_size < len(inputs):
            inputs, labels = inputs.index_select(0, batch), labels[batch]
        loss = self._step(self._hide(inputs), labels, rate)
        self.step += 1
        return loss

    def snapshot(self) -> TrainSnapshot:
        """What can be seen now. Weights that overflowed end the run, whatever the loss before the step was."""
        if not self._result().is_sound():
            self.note = DIVERGED
        each = self._seconds / self.step if self.step else 0.0
        return TrainSnapshot(
            step=self.step,
            total_steps=self.total_steps,
            epoch=self.step / self.steps_per_epoch,
            epochs=self.settings.epochs,
            history=self.history,
            images_per_second=self.batch_size / each if each else 0.0,
            seconds_left=each * (self.total_steps - self.step) if self.step else None,
            head=self._scaling.fold(self._result(), self._class_names),
            best_epoch=None if self.note == DIVERGED else self.best_epoch,
            note=self.note,
        )

    def state(self) -> Checkpoint:
        """Everything that the next steps depend on."""
        tensors = {"order": self._order, "generator": self._generator.get_state()}
        for name, regression in (("now", self._regression), ("mean", self._mean), ("best", self._best)):
            if regression is not None:
                tensors |= {f"{name}.weight": regression.weight, f"{name}.bias": regression.bias}
        tensors |= {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state.items()}
        plain = {
            "step": self.step,
            "averaged": self._averaged,
            "best_loss": self._best_loss,
            "best_epoch": self.best_epoch,
            "seconds": self._seconds,
            "note": self.note,
            "history": self.history.as_dict(),
        }
        return Checkpoint(tensors, plain)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where `state` was taken of a training with the same examples and settings."""
        tensors, plain = checkpoint.tensors, checkpoint.facts
        self._order = tensors["order"]
        self._generator.set_state(tensors["generator"])
        self._regression.weight.copy_(tensors["now.weight"])
        self._regression.bias.copy_(tensors["now.bias"])
        self._best = SoftmaxRegression(tensors["best.weight"], tensors["best.bias"])
        if "mean.weight" in tensors:
            self._mean = SoftmaxRegression(tensors["mean.weight"], tensors["mean.bias"])
        prefix = "optimiser."
        self._optimiser.state = {
            name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
        }
        self.step = plain["step"]
        self._averaged = plain["averaged"]
        self._best_loss = plain["best_loss"]
        self.best_epoch = plain["best_epoch"]
        self._seconds = plain["seconds"]
        # stored as text
        self.note = plain["note"] if plain["note"] in ("", DIVERGED) else self._stopped_early()
        self.history = History.from_dict(plain["history"])

    def _result(self) -> SoftmaxRegression:
        if self.note or (self.settings.patience and self.finished):
            return self._best
        return self._mean or self._regression

    def _rate(self) -> float:
        if self.settings.optimiser == "lbfgs":  # its line search finds the length of the step
            return 1.0
        factor = rate_factor(self.settings.schedule, self.step, self.total_steps, self.steps_per_epoch)
        return self.settings.learning_rate * factor

    def _next_batch(self) -> torch.Tensor:
        place = self.step % self.steps_per_epoch
        if place == 0:
            self._order = torch.randperm(len(self._inputs), generator=self._generator)
        return self._order[place * self.batch_size : (place + 1) * self.batch_size]

    def _hide(self, inputs: torch.Tensor) -> torch.Tensor:
        """Dropout (Srivastava et al. 2014) of the inputs."""
        share = self.settings.dropout
        if not share:
            return inputs
        kept = torch.rand(inputs.shape, generator=self._generator) >= share
        return inputs * kept / (1 - share)

    def _step(self, inputs: torch.Tensor, labels: torch.Tensor, rate: float) -> float:
        """Returns the loss of the batch before the step."""

        def objective() -> torch.Tensor:
            loss = self._regression.differentiate(inputs, labels, label_smoothing=self.settings.label_smoothing)
            if self.settings.clip_norm:
                _clip([parameter.grad for parameter in self._regression.parameters], self.settings.clip_norm)
            return loss

        return float(self._optimiser.step(objective, rate))

    def _average(self) -> None:
        """Running mean of the weights (Polyak and Juditsky 1992)."""
        self._averaged += 1
        if self._mean is None:
            self._mean = _copy(self._regression)
            return
        for mean, now in zip(self._mean.parameters, self._regression.parameters, strict=True):
            mean.lerp_(now, 1 / self._averaged)

    def _record(self) -> None:
        now = self._mean or self._regression
        train_loss, train_accuracy = now.measure(*self._measured)
        loss, accuracy = now.measure(*self._validation) if self._validation else (None, None)
        judged = train_loss if loss is None else loss
        if not math.isfinite(judged):
            self.note = DIVERGED
            return
        self.history = self.history.with_row(
            step=self.step,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            validation_loss=loss,
            validation_accuracy=accuracy,
            rate=self._rate() if self.step < self.total_steps else 0.0,
        )
        epoch = self.step / self.steps_per_epoch
        if judged < self._best_loss:
            self._best, self._best_loss, self.best_epoch = _copy(now), judged, epoch
        elif self.settings.patience and epoch - self.best_epoch >= self.settings.patience:
            self.note = self._stopped_early()

    def _stopped_early(self) -> str:
        return say("Stopped early: the validation loss was lowest after {epochs:.1f} epochs.", epochs=self.best_epoch)


def _copy(regression: SoftmaxRegression) -> SoftmaxRegression:
    return SoftmaxRegression(regression.weight.clone(), regression.bias.clone())


def _clip(gradients: list[torch.Tensor], longest: float) -> None:
    """Shorten the gradient to that length where it is longer (Pascanu et al. 2013, arXiv:1211.5063)."""
    norm = float(sum(gradient.square().sum() for gradient in gradients)) ** 0.5
    if norm > longest:
        for gradient in gradients:
            gradient *= longest / norm
