"""Whom an attack is to fool: one network, each of several, their average, or one that sees everything a little blurred."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from PIL import Image
from torch.nn import functional

from core import runtime
from core.classifier import Classifier, softmax
from core.errors import SettingsError
from core.images import to_pictures, to_pixels
from core.prediction import Prediction
from core.texts import say


@dataclass(frozen=True, eq=False)
class Victim:
    """Pixels -> logits, with gradients; pictures -> predictions, as everybody gets them.

    Attributes:
        classifiers: one, or several that know the same classes. The first one's view is the picture that is attacked.
        several: what several do: "each" reads the picture for itself, and all of them are to be fooled; or they say the
            "mean" of their logits, as one network (Dong et al. 2018, arXiv:1710.06081).
        smoothing_px: standard deviation of a blur before they look; 0: none. Several then say their mean.

    Raises:
        SettingsError: the networks know different classes.
    """

    classifiers: tuple[Classifier, ...]
    several: Literal["each", "mean"] = "each"
    smoothing_px: float = 0.0

    def __post_init__(self) -> None:
        first, *others = self.classifiers
        for other in others:
            if other.class_names != first.class_names:
                raise SettingsError(
                    "{other} and {first} know different classes, so that they cannot be fooled by one picture. "
                    "Choose networks with the same classes.",
                    other=other.backbone.title,
                    first=first.backbone.title,
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
        return say("{names}, blurred", names=names) if self.smoothing_px else names

    def view(self, picture: Image.Image) -> Image.Image:
        """The 8-bit picture that the first network sees of an RGB picture."""
        return self.first.backbone.view(picture)

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` in [0, 1] -> `(N, K)`, or `(N, M, K)` where each of M is to be fooled; gradients flow back."""
        if self.smoothing_px:
            pixels = blurred(pixels, self.smoothing_px)
        said = [one.logits(_sized(pixels, one.backbone.input_size)) for one in self._folded]
        if len(said) == 1:
            return said[0]
        return torch.stack([one.to(said[0].device) for one in said], dim=1) if self._is_each else sum(said) / len(said)

    @property
    def judge(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """Pixels -> logits as `readings` are made, where that differs from `logits`: it rounds more, or has other views."""
        if not self._is_each:
            return None
        sizes = {one.backbone.input_size for one in self.classifiers}
        if runtime.inference_dtype() == torch.float32 and len(sizes) == 1:
            return None
        return self.first.fast_logits if len(self.classifiers) == 1 else self._judged

    @property
    def _is_each(self) -> bool:
        """Whether every network is asked as everybody asks it."""
        return not self.smoothing_px and (len(self.classifiers) == 1 or self.several == "each")

    def _judged(self, pixels: torch.Tensor) -> torch.Tensor:
        pictures = to_pictures(pixels)
        said = [one.fast_logits(to_pixels(list(map(one.backbone.view, pictures)))) for one in self.classifiers]
        return torch.stack(said, dim=1)

    def predict(self, pictures: Sequence[Image.Image]) -> list[Prediction]:
        """What it reads in RGB pictures; of several that are each to be fooled, what the first one reads."""
        return [said[0] for said in self.readings(pictures)]

    @torch.inference_mode()
    def readings(self, pictures: Sequence[Image.Image]) -> list[tuple[Prediction, ...]]:
        """What each network that is to be fooled reads in RGB pictures; several that say their mean read as one."""
        if self._is_each:
            return list(zip(*(one.predict(pictures) for one in self.classifiers), strict=True))
        pixels = to_pixels([self.view(picture) for picture in pictures])
        names = self.first.head.class_names if self.first.head else None
        return [(Prediction(row, names),) for row in softmax(self.logits(pixels).cpu().numpy())]


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
