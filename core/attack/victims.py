"""Whom an attack is to fool: one network, the average of several, or one that sees everything a little blurred."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch.nn import functional

from core import runtime
from core.classifier import Classifier, softmax
from core.errors import SettingsError
from core.images import to_pixels
from core.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Victim:
    """Pixels -> logits, with gradients; pictures -> predictions, as everybody gets them.

    Attributes:
        classifiers: one, or several that know the same classes, of whose logits the mean is taken (Dong et al. 2018,
            arXiv:1710.06081). The first one's view is the picture that is attacked.
        smoothing_px: standard deviation of a blur before they look; 0: none.

    Raises:
        SettingsError: the networks know different classes.
    """

    classifiers: tuple[Classifier, ...]
    smoothing_px: float = 0.0

    def __post_init__(self) -> None:
        first, *others = self.classifiers
        for other in others:
            if other.class_names != first.class_names:
                raise SettingsError(
                    "{title} and {title_2} know different classes, so that there is no average of what they say. "
                    "Choose networks with the same classes.",
                    title=other.backbone.title,
                    title_2=first.backbone.title,
                )
        # The form that is fastest for gradients; the same function.
        folded = tuple(
            dataclasses.replace(one, backbone=dataclasses.replace(one.backbone, model=one.backbone.inference_model))
            for one in self.classifiers
        )
        object.__setattr__(self, "_folded", folded)

    @property
    def first(self) -> Classifier:
        """Whose classes and view are those of the attack."""
        return self.classifiers[0]

    @property
    def title(self) -> str:
        """What people call it."""
        names = " + ".join(one.backbone.title for one in self.classifiers)
        return f"{names}, blurred" if self.smoothing_px else names

    def view(self, picture: Image.Image) -> Image.Image:
        """The 8-bit picture that the first network sees of an RGB picture."""
        return self.first.backbone.view(picture)

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` in [0, 1] -> `(N, K)`; gradients flow back."""
        if self.smoothing_px:
            pixels = blurred(pixels, self.smoothing_px)
        each = [one.logits(_sized(pixels, one.backbone.input_size)) for one in self._folded]
        return each[0] if len(each) == 1 else torch.stack(each).mean(0)

    @property
    def judge(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """Pixels -> logits as `predict` computes them, where it rounds more than `logits` does; else None."""
        rounds = runtime.inference_dtype() != torch.float32
        return self.first.fast_logits if rounds and self._is_plain else None

    @property
    def _is_plain(self) -> bool:
        return len(self.classifiers) == 1 and not self.smoothing_px

    @torch.inference_mode()
    def predict(self, pictures: Sequence[Image.Image]) -> list[Prediction]:
        """What it reads in RGB pictures."""
        if self._is_plain:
            return self.first.predict(pictures)
        pixels = to_pixels([self.view(picture) for picture in pictures])
        names = self.first.head.class_names if self.first.head else None
        return [Prediction(row, names) for row in softmax(self.logits(pixels).numpy())]


def blurred(pixels: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Pixels `(N, C, H, W)` under a Gaussian blur; beyond the edges they are mirrored."""
    reach = min(max(1, math.ceil(3 * sigma_px)), min(pixels.shape[-2:]) - 1)
    places = torch.arange(-reach, reach + 1, dtype=pixels.dtype, device=pixels.device)
    weights = torch.exp(-0.5 * (places / sigma_px) ** 2)
    weights = weights / weights.sum()
    channels = pixels.shape[1]
    for size, pad in (((2 * reach + 1, 1), (0, 0, reach, reach)), ((1, 2 * reach + 1), (reach, reach, 0, 0))):
        kernel = weights.view(1, 1, *size).expand(channels, 1, *size)
        pixels = functional.conv2d(functional.pad(pixels, pad, mode="reflect"), kernel, groups=channels)
    return pixels


def _sized(pixels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """At the size that a network sees."""
    if tuple(pixels.shape[-2:]) == tuple(size):
        return pixels
    return functional.interpolate(pixels, size=size, mode="bilinear", antialias=True, align_corners=False)
