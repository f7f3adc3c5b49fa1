"""The networks that Pet Lens describes. Any other timm network can be used by its name too.

Plain facts, readable without importing torch; `tests/core/test_catalogue.py` compares them with what timm builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_BACKBONE = "tf_efficientnet_lite0"


@dataclass(frozen=True)
class Catalogued:
    """One network of the catalogue.

    Attributes:
        name: the architecture's name in timm.
        title: the name that people know it by.
        parameters: count of weights, with the ImageNet head where there is one.
        input_px: side of the square that it sees.
        licence: of the weights on the hub.
        hub_id: repository of the default weights.
        about: one phrase for a learner.
        imagenet_head: whether it names ImageNet's classes itself.
        create_kwargs: creation arguments beside timm's defaults.
    """

    name: str
    title: str
    parameters: int
    input_px: int
    licence: str
    hub_id: str
    about: str
    imagenet_head: bool = True
    create_kwargs: Mapping[str, object] = field(default_factory=dict)


CATALOGUE: tuple[Catalogued, ...] = (
    Catalogued(
        "tf_efficientnet_lite0", "EfficientNet-Lite0", 4_652_008, 224, "apache-2.0", "timm/tf_efficientnet_lite0.in1k",
        "small and quick, made for phones; comes with Pet Lens",
    ),
    Catalogued(
        "vgg16", "VGG-16", 138_357_544, 224, "bsd-3-clause", "timm/vgg16.tv_in1k",
        "the lesson's network: plain, large, 2014",
    ),
    Catalogued(
        "vgg19", "VGG-19", 143_667_240, 224, "bsd-3-clause", "timm/vgg19.tv_in1k",
        "VGG-16 with three more layers",
    ),
    Catalogued(
        "resnet18", "ResNet-18", 11_689_512, 224, "apache-2.0", "timm/resnet18.a1_in1k",
        "the smallest residual network",
    ),
    Catalogued(
        "resnet50", "ResNet-50", 25_557_032, 224, "apache-2.0", "timm/resnet50.a1_in1k",
        "the field's yardstick since 2015",
    ),
    Catalogued(
        "mobilenetv2_100", "MobileNetV2", 3_504_872, 224, "apache-2.0", "timm/mobilenetv2_100.ra_in1k",
        "made for phones",
    ),
    Catalogued(
        "mobilenetv3_small_100", "MobileNetV3-Small", 2_542_856, 224, "apache-2.0",
        "timm/mobilenetv3_small_100.lamb_in1k",
        "the quickest of the list",
    ),
    Catalogued(
        "efficientnet_b0", "EfficientNet-B0", 5_288_548, 224, "apache-2.0", "timm/efficientnet_b0.ra_in1k",
        "found by architecture search",
    ),
    Catalogued(
        "convnext_tiny", "ConvNeXt-Tiny", 28_589_128, 224, "apache-2.0", "timm/convnext_tiny.in12k_ft_in1k",
        "a convolutional network of 2022, the most accurate of the list",
    ),
    Catalogued(
        "vit_small_patch14_dinov2", "DINOv2 ViT-S/14", 21_628_800, 224, "apache-2.0",
        "timm/vit_small_patch14_dinov2.lvd142m",
        "learned from pictures without names: it has no classes of its own",
        imagenet_head=False,
        # Its own 518 px are 5 times as many patches as a processor without a graphics card should be asked for;
        # timm resamples the position embedding.
        create_kwargs={"img_size": 224},
    ),
)  # fmt: skip


def catalogued(name: str) -> Catalogued | None:
    """The catalogue's row for a name, or for a name with the catalogue's own tag ("resnet18.a1_in1k")."""
    for row in CATALOGUE:
        if name in (row.name, row.hub_id.removeprefix("timm/")):
            return row
    return None
