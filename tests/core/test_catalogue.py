"""The catalogue's plain facts against what timm builds (on the meta device: no memory, no weights)."""

import pytest
import timm
import torch

from core.backbones.catalogue import CATALOGUE, DEFAULT_BACKBONE, catalogued

ROWS = pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)


@ROWS
def test_facts_are_those_of_timm(row):
    with torch.device("meta"):
        model = timm.create_model(row.name, **row.create_kwargs)
    config = timm.get_pretrained_cfg(row.name)
    assert row.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert row.imagenet_head == (model.num_classes == 1000)
    assert row.input_px == row.create_kwargs.get("img_size", config.input_size[-1])
    assert (row.hub_id, row.licence) == (config.hf_hub_id, config.license)


def test_the_lessons_networks_are_listed():
    titles = {row.title for row in CATALOGUE}
    wanted = {"VGG-16", "VGG-19", "ResNet-18", "ResNet-50", "MobileNetV2", "MobileNetV3-Small"}
    assert wanted | {"EfficientNet-Lite0", "EfficientNet-B0", "ConvNeXt-Tiny", "DINOv2 ViT-S/14"} <= titles


def test_a_row_is_found_with_and_without_its_tag():
    assert catalogued("resnet18") is catalogued("resnet18.a1_in1k") is not None
    assert catalogued("resnet18.tv_in1k") is None
    assert catalogued(DEFAULT_BACKBONE) is CATALOGUE[0]
