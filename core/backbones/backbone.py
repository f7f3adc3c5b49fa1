"""A pre-trained network with its own preprocessing: the type that everything else is built on."""

from __future__ import annotations

from collections.abc import Callable
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
        device: where it computes.
        transform: timm's evaluation transform for this network: PIL picture -> `(3, H, W)` uint8.
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
    device: torch.device
    transform: Callable[[Image.Image], torch.Tensor] = field(repr=False)

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
