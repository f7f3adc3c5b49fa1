"""A network that is being trained: its own copy of the weights, the optimiser, and the mean of the weights."""

from __future__ import annotations

import contextlib
import copy
import queue
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from core import runtime
from core.backbones.backbone import Backbone
from core.distributed import World, told_when_lost
from core.head import Head
from core.training.interruption import Interruption
from core.training.network import Network, sharing, start_network
from core.training.randomness import generator_of
from core.training.stage_rates import optimiser_of
from core.training.stages import batch_norms, stages_that_learn, statistics, unfreeze_last
from core.training.tuning_settings import TuneSettings

_ALL_STAGES = 99


@dataclass(frozen=True, eq=False)
class Gradients:
    """What one chunk of a batch says.

    Attributes:
        parts: for each weight that learns at this step, in order; None where it takes no part.
        loss: sum of cross-entropies, without label smoothing.
        right: right answers.
        statistics: the batch-norm statistics after this chunk, where they are learned.
    """

    parts: tuple[torch.Tensor | None, ...] = field(repr=False)
    loss: float
    right: float
    statistics: Mapping[str, torch.Tensor] = field(repr=False)


class Trainee:
    """The weights that learn, what the optimiser remembers, and their running mean.

    The backbone that it starts from is copied, never changed. Nothing here draws from global random generators: the
    network's own dropout layers stay off, and the head's is drawn from the seed and the step.
    """

    def __init__(
        self, backbone: Backbone, head: Head | None, classes: int, settings: TuneSettings, world: World
    ) -> None:
        self.backbone, self.settings, self.world = backbone, settings, world
        scratch = settings.start == "scratch"
        self.network = start_network(backbone, head, classes, settings)
        trunk = self.network.trunk
        self.network.eval().to(backbone.device, memory_format=torch.channels_last)
        learning = unfreeze_last(trunk, _ALL_STAGES if scratch else settings.stages)
        # With random weights, batch norm needs the statistics of what it sees; a trained network's own are better
        # than those of a few pictures.
        self.learns_statistics = scratch and bool(batch_norms(trunk))
        if scratch:
            for layer in batch_norms(trunk).values():
                layer.train()
        self._learned = {name: p for name, p in self.network.named_parameters() if p.requires_grad}
        self._statistics = (
            {f"trunk.{name}": tensor for name, tensor in statistics(trunk).items()} if self.learns_statistics else {}
        )
        self._stages = [[f"trunk.{name}" for name in stage] for stage in learning]
        self._waiting: frozenset[str] = frozenset()
        self.optimiser = optimiser_of(self.network, learning, settings)
        self._average = {name: tensor.detach().clone() for name, tensor in self._weights().items()}
        # On processors, chunks of a batch go to one thread each; a card, or DistributedDataParallel, takes one after
        # the other.
        self.is_direct = world.size > 1 or backbone.device.type != "cpu"
        self.interruption = Interruption()
        self._wrapped = self._wrap()
        self._replicas: queue.SimpleQueue[Network] = queue.SimpleQueue()
        for _ in range(0 if self.is_direct else runtime.processor_count()):
            replica = sharing(self.network)
            self.interruption.watch(replica)
            self._replicas.put(replica)
        self._new_statistics: dict[str, torch.Tensor] = {}
        self._at_step_start = {name: tensor.clone() for name, tensor in self._statistics.items()}
        self.dtype = dtype_of(settings.precision)

    def let_learn(self, step: int, total_steps: int) -> None:
        """Decide which stages learn at this step: all, or with `gradual` those whose turn has come."""
        if self.settings.gradual and self.settings.start != "scratch" and self._stages:
            joined = stages_that_learn(len(self._stages), step, total_steps)
            self._waiting = frozenset(name for stage in self._stages[: len(self._stages) - joined] for name in stage)

    def _learning(self) -> list[nn.Parameter]:
        return [parameter for name, parameter in self._learned.items() if name not in self._waiting]

    def gradients(
        self, pixels: torch.Tensor, labels: np.ndarray, *, kept: torch.Tensor | None, batch_size: int
    ) -> Gradients:
        """The gradients of a chunk of a batch of `batch_size`. Several threads may compute chunks at once.

        Args:
            pixels: `(n, 3, H, W)` uint8.
            labels: `(n,)`.
            kept: `(n, D)`, this chunk's dropout, or None.

        Raises:
            InterruptedComputation: the step is being left.
        """
        network = self._replicas.get()
        try:
            if self._statistics:
                with torch.no_grad():
                    own = network.state_dict(keep_vars=True)
                    for name, tensor in self._statistics.items():
                        own[name].copy_(tensor)
            with torch.inference_mode(False), torch.enable_grad(), self.interruption.watched_backwards():
                smoothed, loss, right = self._losses(network, pixels, labels, kept)
                parts = torch.autograd.grad(smoothed / batch_size, self._learning(), allow_unused=True)
            seen = {name: own[name].clone() for name in self._statistics} if self._statistics else {}
            return Gradients(parts, float(loss), float(right), seen)
        finally:
            self._replicas.put(network)

    @torch.inference_mode(False)
    @torch.no_grad()
    def add(self, gradients: Gradients, *, share: float) -> None:
        """Add a chunk, which is this share of the batch, to the step's gradients. In the order of the chunks: sums of
        the same numbers in another order differ in their last digit."""
        for parameter, part in zip(self._learning(), gradients.parts, strict=True):
            if part is not None:
                parameter.grad = part if parameter.grad is None else parameter.grad.add_(part)
        for name, tensor in gradients.statistics.items():
            if tensor.is_floating_point():
                before = self._new_statistics.get(name, 0)
                self._new_statistics[name] = before + share * tensor
            else:
                self._new_statistics[name] = tensor

    def add_directly(
        self, pixels: torch.Tensor, labels: np.ndarray, *, kept: torch.Tensor | None, batch_size: int, last: bool
    ) -> tuple[float, float]:
        """`gradients` and `add` in this thread, on a card or with the other processes.

        Args:
            last: whether the batch ends here: the processes then exchange their gradients.

        Returns:
            the chunk's sum of losses, without label smoothing, and its right answers.

        Raises:
            LostProcessError: another process of the run is gone.
        """
        # whoever resumes the generator may be in inference mode
        with torch.inference_mode(False), torch.enable_grad(), contextlib.ExitStack() as stack:
            if self.world.size > 1:
                stack.enter_context(told_when_lost())
                if not last:
                    stack.enter_context(self._wrapped.no_sync())
            smoothed, loss, right = self._losses(self._wrapped, pixels, labels, kept)
            # DistributedDataParallel takes the mean over processes, where the sum is wanted
            (smoothed * (self.world.size / batch_size)).backward()
            return float(loss), float(right)

    def _losses(
        self, network: nn.Module, pixels: torch.Tensor, labels: np.ndarray, kept: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inputs = self.inputs(pixels)
        targets = torch.from_numpy(labels).to(inputs.device)
        with self.autocast():
            logits = network(inputs, kept if kept is None else kept.to(inputs.device))
        smoothed = nn.functional.cross_entropy(
            logits, targets, reduction="sum", label_smoothing=self.settings.label_smoothing
        )
        with torch.no_grad():
            loss = nn.functional.cross_entropy(logits, targets, reduction="sum")
            return smoothed, loss, (logits.argmax(1) == targets).sum()

    @torch.inference_mode(False)
    @torch.no_grad()
    def step(self, rate: float, *, averaged_steps: int, step: int) -> bool:
        """Take a step along the gradients, which are then forgotten.

        Returns:
            False where a gradient is not finite: nothing has changed then; or where a weight no longer is.
        """
        for name in self._waiting:
            self._learned[name].grad = None  # the optimiser leaves out, and does not decay, what has no gradient
        parameters = list(self._learned.values())
        limit = self.settings.clip_norm or float("inf")
        norm = nn.utils.clip_grad_norm_(parameters, limit)
        if not norm.isfinite():
            return False
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        self.optimiser.step()
        self.optimiser.zero_grad()
        for name, tensor in self._new_statistics.items():
            self._statistics[name].copy_(tensor)
        self._keep_statistics()
        if not self._is_finite():
            return False
        self._update_average(step, averaged_steps)
        return True

    def _is_finite(self) -> bool:
        """Whether all that learns is finite: the loss may still be, one step longer."""
        numbers = [tensor for tensor in self._weights().values() if tensor.is_floating_point()]
        return bool(nn.utils.get_total_norm(numbers, float("inf")).isfinite())

    def forget_gradients(self) -> None:
        """Drop an unfinished step, as if it had never begun."""
        self.optimiser.zero_grad()
        self._new_statistics.clear()
        with torch.no_grad():
            for name, tensor in self._at_step_start.items():
                self._statistics[name].copy_(tensor)

    def inputs(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` uint8 -> what the first layer expects, on the device."""
        scaled = pixels.to(self.backbone.device).to(torch.float32).div_(255)
        return self.backbone.normalise(scaled).contiguous(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """The number format of the settings."""
        return torch.autocast(self.backbone.device.type, self.dtype, enabled=self.dtype != torch.float32)

    @torch.inference_mode(False)
    @torch.no_grad()
    def result(self, weights: Mapping[str, torch.Tensor] | None = None) -> Network:
        """A frozen copy of the network with the mean of the weights where that is wanted; or with these weights."""
        twin = copy.deepcopy(self.network).eval().requires_grad_(False)
        state = twin.state_dict()
        for name, tensor in (weights or self.result_weights()).items():
            state[name].copy_(tensor)
        return twin

    def result_weights(self) -> dict[str, torch.Tensor]:
        """The weights that learn, as `result` has them; those of the trainee itself, which go on changing."""
        return self._average if self.settings.averaging else {name: p.detach() for name, p in self._weights().items()}

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that changes, on the processor, by name; `restore` takes it back. The next step may change it."""
        kept = {f"weights/{name}": tensor for name, tensor in self._weights().items()}
        kept |= {f"average/{name}": tensor for name, tensor in self._average.items()}
        for name, parameter in self._learned.items():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    kept[f"moments/{key}/{name}"] = value
        return {name: tensor.detach().cpu().contiguous() for name, tensor in kept.items()}

    @torch.inference_mode(False)
    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go back to where `tensors` was taken. KeyError or RuntimeError: it was another network."""
        for name, tensor in self._weights().items():
            tensor.copy_(tensors[f"weights/{name}"])
        for name, tensor in self._average.items():
            tensor.copy_(tensors[f"average/{name}"])
        self._keep_statistics()
        for full_name, value in tensors.items():
            kind, _, rest = full_name.partition("/")
            if kind == "moments":
                key, _, name = rest.partition("/")
                parameter = self._learned[name]
                # a fused optimiser has its counters of steps on the card too
                moved = value.to(parameter.device, copy=True)
                if value.ndim == 4:
                    moved = moved.contiguous(memory_format=torch.channels_last)
                self.optimiser.state[parameter][key] = moved

    def _weights(self) -> dict[str, torch.Tensor]:
        return {**self._learned, **self._statistics}

    def _keep_statistics(self) -> None:
        self._new_statistics.clear()
        for name, tensor in self._at_step_start.items():
            tensor.copy_(self._statistics[name])

    def _update_average(self, step: int, averaged_steps: int) -> None:
        if not self.settings.averaging:
            return
        # as in timm: the first steps count less, since the weights run ahead of their mean
        decay = min(1 - 1 / max(averaged_steps, 1), (1 + step) / (10 + step))
        for name, tensor in self._weights().items():
            if tensor.is_floating_point():
                self._average[name].lerp_(tensor, 1 - decay)
            else:
                self._average[name].copy_(tensor)

    def _wrap(self) -> nn.Module:
        if self.world.size == 1:
            return self.network
        device = self.backbone.device
        with told_when_lost():
            return DistributedDataParallel(
                self.network,
                device_ids=[device.index] if device.type == "cuda" else None,
                # a trunk may have weights that its embeddings do not need
                find_unused_parameters=True,
            )


def dtype_of(precision: str) -> torch.dtype:
    """The number format of training: bfloat16 on graphics cards that have it, or where it is wanted and native.

    On processors bfloat16 is faster for inference, but slower for gradients: "auto" is float32 there.
    """
    if precision == "bfloat16" or (precision == "auto" and runtime.device().type == "cuda"):
        return runtime.inference_dtype()
    return torch.float32


def dropout_mask(settings: TuneSettings, step: int, shape: tuple[int, int]) -> torch.Tensor | None:
    """What the embeddings of a whole batch `(B, D)` are multiplied by at a step; the same in every process."""
    if not settings.dropout:
        return None
    drawn = torch.rand(shape, generator=generator_of(settings.seed, step, 1))
    return (drawn >= settings.dropout).float() / (1 - settings.dropout)
