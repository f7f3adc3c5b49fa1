"""A pre-trained network with its own preprocessing: the type that everything else is built on."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import nn

from core import runtime

# bfloat16 moves the distance between the best two logits by 0.12 or less for 95 of 100 pets, so that this catches nearly
# all that could change places; about 7 of 100 are computed twice (a trial on 81 pets with EfficientNet-Lite0; `benchmarks/agreement.py` measures the result).
CLOSE_LOGITS = 0.15


@dataclass(frozen=True, eq=False)
class Backbone:
    """A frozen network in evaluation mode, shared by all who use it. Nobody changes it.

    Attributes:
        name: timm name, with the tag of the weights.
        title: the name that people know it by.
        licence: of the weights.
        model: the network; float32, channels-last, no gradients to its weights.
        inference_model: the same function, faster (see `folding`); may be `model` itself.
        mean, std: `(3, 1, 1)`, what the network subtracts from and divides pixels by.
        input_size: (height, width) that it sees.
        class_count: outputs of its own head; 0 for a network without classes.
        embedding_dim: `D`, the length of the vector that its own head reads.
        device: where it computes.
        transform: timm's evaluation transform for this network: PIL picture -> `(3, H, W)` uint8.
        architecture, create_kwargs: what `timm.create_model` needs to build the same network, without its weights.
        preprocessing: timm's names for what is done to a picture: input_size, interpolation, crop_pct, mean, std.
    """

    name: str
    title: str
    licence: str
    model: nn.Module = field(repr=False)
    inference_model: nn.Module = field(repr=False)
    mean: torch.Tensor = field(repr=False)
    std: torch.Tensor = field(repr=False)
    input_size: tuple[int, int]
    class_count: int
    embedding_dim: int
    device: torch.device
    transform: Callable[[Image.Image], torch.Tensor] = field(repr=False)
    architecture: str = field(repr=False)
    create_kwargs: Mapping[str, object] = field(repr=False)
    preprocessing: Mapping[str, object] = field(repr=False)

    def view(self, picture: Image.Image) -> Image.Image:
        """The 8-bit picture that the network sees of an RGB picture.

        A picture of exactly the input size is used as it is; any other is resized and cropped by Pillow, as the
        network was evaluated.
        """
        height, width = self.input_size
        if picture.size == (width, height):
            return picture
        return Image.fromarray(self.transform(picture).permute(1, 2, 0).numpy())

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` in [0, 1] -> what the first layer expects, same shape, on the network's device."""
        return (pixels.to(self.device) - self.mean).div_(self.std)

    @torch.inference_mode()
    def fast_outputs(self, pixels: torch.Tensor) -> torch.Tensor:
        """The network's outputs `(N, class_count)`, float32, without gradients, by the fastest way this machine has.

        Stages run in `runtime.inference_dtype()`, pooling and head in float32. Rounding must not decide between two
        close classes: where bfloat16 puts the best two within `CLOSE_LOGITS`, float32 computes the picture again.
        """
        inputs = self.normalise(pixels).contiguous(memory_format=torch.channels_last)
        if runtime.inference_dtype() == torch.float32:
            return self.inference_model(inputs).cpu()
        with torch.autocast(self.device.type, runtime.inference_dtype()):
            features = self.inference_model.forward_features(inputs)
        if not isinstance(features, torch.Tensor):  # a few networks (CrossViT) hand several to their head
            return self.inference_model(inputs).cpu()
        outputs = self.inference_model.forward_head(features.float())
        if self.class_count > 1:
            best = outputs.topk(2).values
            close = best[:, 0] - best[:, 1] < CLOSE_LOGITS
            if close.any():
                outputs[close] = self.inference_model(inputs[close])
        return outputs.cpu()

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` in [0, 1] -> embeddings `(N, D)` float32, what the network's own head reads.

        Gradients flow back to the pixels.
        """
        return embed_with(self.model, self.normalise(pixels))

    @torch.inference_mode()
    def fast_embeddings(self, pixels: torch.Tensor) -> torch.Tensor:
        """The same on the processor, without gradients, by the fastest way this machine has."""
        inputs = self.normalise(pixels).contiguous(memory_format=torch.channels_last)
        with torch.autocast(
            self.device.type, runtime.inference_dtype(), enabled=runtime.inference_dtype() != torch.float32
        ):
            return embed_with(self.inference_model, inputs).float().cpu()

    @functools.cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that name what `fast_embeddings` computes: weights, preprocessing, number format."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        said = [self.architecture, dict(self.create_kwargs), dict(self.preprocessing), self.input_size]
        constants = [self.mean.flatten().tolist(), self.std.flatten().tolist(), str(runtime.inference_dtype())]
        digest.update(json.dumps([*said, *constants], default=str, sort_keys=True).encode())
        return digest.hexdigest()


def embed_with(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Normalised inputs -> embeddings `(N, D)` of a timm network, whatever its own head is."""
    return model.forward_head(model.forward_features(inputs), pre_logits=True)
