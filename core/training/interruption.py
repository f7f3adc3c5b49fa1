"""End what a network computes in other threads between two of its layers, and not after a whole batch."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

import torch
from torch import nn


class InterruptedComputation(Exception):
    """Somebody wanted it to end; nobody waits for its result."""


class Interruption:
    """A wish that networks look for before each layer, forwards and backwards. Once wished, it stays."""

    def __init__(self) -> None:
        self._wished = threading.Event()

    def wish(self) -> None:
        """End what is being computed, and let nothing begin."""
        self._wished.set()

    def watch(self, network: nn.Module) -> None:
        """Let this network look for it before each of its layers."""
        for layer in network.modules():
            if not any(True for _ in layer.children()):
                layer.register_forward_pre_hook(lambda _layer, _inputs: self._look())

    def watched_backwards(self) -> AbstractContextManager:
        """`with` the loss computed inside, its gradients' computation looks for it at each tensor that it needs again."""

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            # the tensor itself would hold the graph that holds it
            return tensor.detach()

        def need(tensor: torch.Tensor) -> torch.Tensor:
            self._look()
            return tensor

        return torch.autograd.graph.saved_tensors_hooks(keep, need)

    def _look(self) -> None:
        if self._wished.is_set():
            raise InterruptedComputation
