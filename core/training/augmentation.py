"""Training pictures, changed a little each time: a picture mirrored or cut differently shows the same animal.

The changes are torchvision's; which of them a picture gets depends on the seed that it is given and on nothing else.

References:
    RandomResizedCrop: Szegedy et al. 2015, arXiv:1409.4842. RandAugment: Cubuk et al. 2019, arXiv:1909.13719.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from PIL import Image
from timm.data import create_transform
from torchvision import transforms
from torchvision.transforms import InterpolationMode, functional

from core.backbones.backbone import Backbone
from core.training.randomness import drawn_from, generator_of

# Of the picture's area. ImageNet's 0.08 cuts out a paw, which says little of the breed when there are few pictures.
_CROP_AREA = (0.35, 1.0)
_CROP_RATIO = (3 / 4, 4 / 3)
_COLOUR = 0.3
# Two changes at 9 of 30, the values of the paper for ResNet-50.
_RANDAUGMENT = {"num_ops": 2, "magnitude": 9, "num_magnitude_bins": 31}


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What makes a training picture out of a picture and a seed.

    Attributes:
        name: one of `AUGMENTATIONS`: "none" is the network's own view; "flip" also mirrors it; "crops" cuts out and
            mirrors; "colour" and "randaugment" do that and each its own changes.
        size: (height, width) of what comes out.
        transform: what does it.
    """

    name: str
    size: tuple[int, int]
    transform: Callable[[Image.Image], Image.Image | torch.Tensor] = field(repr=False)

    def __call__(self, picture: Image.Image, *seed: int) -> torch.Tensor:
        """An RGB picture -> `(3, H, W)` uint8. The same seed gives the same pixels, on whatever thread."""
        with drawn_from(generator_of(*seed)):
            changed = self.transform(picture)
        return changed if isinstance(changed, torch.Tensor) else functional.pil_to_tensor(changed)


def make_augmentation(name: str, backbone: Backbone, *, size_px: int = 0) -> Augmentation:
    """The augmentation of that name for what a network sees.

    Args:
        size_px: side of the pictures; 0: the network's own.
    """
    size = (size_px, size_px) if size_px else backbone.input_size
    if name in ("none", "flip"):
        seen = create_transform(
            **{**backbone.preprocessing, "input_size": (3, *size)}, is_training=False, normalize=False
        )
        parts = [seen, transforms.RandomHorizontalFlip()] if name == "flip" else [seen]
        return Augmentation(name, size, transforms.Compose(parts))
    interpolation = InterpolationMode(backbone.preprocessing.get("interpolation", "bicubic"))
    parts = [
        transforms.RandomResizedCrop(size, scale=_CROP_AREA, ratio=_CROP_RATIO, interpolation=interpolation),
        transforms.RandomHorizontalFlip(),
    ]
    if name == "colour":
        parts.append(transforms.ColorJitter(brightness=_COLOUR, contrast=_COLOUR, saturation=_COLOUR))
    if name == "randaugment":
        grey = [round(255 * mean) for mean in backbone.preprocessing["mean"]]
        parts.append(transforms.RandAugment(**_RANDAUGMENT, interpolation=InterpolationMode.BILINEAR, fill=grey))
    return Augmentation(name, size, transforms.Compose(parts))
