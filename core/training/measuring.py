"""Measure a network on pictures while it is being trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch

from core import runtime
from core.backbones.backbone import Backbone, embed_with
from core.backbones.folding import fold_batch_norm
from core.datasets.labelled import LabelledImages
from core.distributed import World
from core.training.feeding import Memory, in_order, pieces, read_picture, until_done
from core.training.interruption import Interruption
from core.training.network import Network
from core.training.sums import Sums

_CHUNK = 8
_CHUNK_ON_CARD = 256
# Pictures that stay in memory as the network sees them.
_MEMORY_BYTES = 300 << 20


class Measurer:
    """Loss and accuracy on the same pictures, again and again; each process measures its share."""

    def __init__(self, backbone: Backbone, images: LabelledImages, world: World) -> None:
        self._backbone, self._images, self._world = backbone, images, world
        self._interruption = Interruption()
        self._views = Memory(self._view, budget_bytes=_MEMORY_BYTES)

    def folded(self, network: Network) -> Network:
        """The same function, faster; takes the network over."""
        sample = torch.rand(2, 3, *self._backbone.input_size, generator=torch.Generator().manual_seed(0))
        network.trunk = fold_batch_norm(network.trunk, self._backbone.normalise(sample))
        self._interruption.watch(network)
        return network

    def measure(self, network: Network) -> Iterator[Sums]:
        """The sums so far, over this process's pictures, a few times a second; the last holds them all.

        Closed before that, it ends within a layer of the network, and measures nothing any more.
        """
        sums = Sums()
        chunk = _CHUNK if self._backbone.device.type == "cpu" else _CHUNK_ON_CARD
        numbers = pieces(self._world.mine(len(self._images)), chunk)
        left = self._interruption.wish
        with contextlib.closing(in_order(lambda part: self._of_chunk(network, part), numbers, left=left)) as parts:
            for _, future in parts:
                for _ in until_done(future):
                    yield sums
                sums.add(*future.result())
                yield sums

    @torch.inference_mode()
    def _of_chunk(self, network: Network, numbers: np.ndarray) -> tuple[float, float, int]:
        pixels = torch.from_numpy(np.stack([self._views(int(number)) for number in numbers])).permute(0, 3, 1, 2)
        inputs = self._backbone.normalise(pixels.to(self._backbone.device).float().div_(255))
        dtype = runtime.inference_dtype()
        with torch.autocast(inputs.device.type, dtype, enabled=dtype != torch.float32):
            embeddings = embed_with(network.trunk, inputs.contiguous(memory_format=torch.channels_last))
        logits = network.linear(embeddings.float())
        labels = torch.from_numpy(self._images.labels[numbers]).to(inputs.device)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return float(loss), float((logits.argmax(1) == labels).sum()), len(numbers)

    def _view(self, number: int) -> np.ndarray:
        picture = read_picture(self._images, number, short_side_px=max(self._backbone.input_size))
        return np.asarray(self._backbone.view(picture))
