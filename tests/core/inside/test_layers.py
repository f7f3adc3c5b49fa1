"""Layers that can be shown: in order, each once, with names for people, on any network."""

from __future__ import annotations

import gc
import itertools
import weakref

import pytest
import timm
import torch

from core import load_backbone
from core.errors import SettingsError
from core.inside.layers import find_layer, layers_of, stages_of
from core.inside.maps import maps_of
from tests.core.inside.conftest import frozen, made

SMALL = timm.list_models("test_*")


def test_the_shipped_network_on_a_strip():
    strip = [(layer.name, layer.title, layer.channels, layer.height) for layer in stages_of(load_backbone())]
    assert strip == [
        ("bn1", "Stem", 32, 112),
        ("blocks.0.0", "Stage 1", 16, 112),
        ("blocks.1.1", "Stage 2, block 2", 24, 56),
        ("blocks.2.1", "Stage 3, block 2", 40, 28),
        ("blocks.4.2", "Stage 4, block 6", 112, 14),
        ("blocks.6.0", "Stage 5, block 5", 320, 7),
        ("bn2", "Last maps", 1280, 7),
    ]


def test_parts_of_a_residual_block():
    backbone = frozen(timm.create_model("resnet18"), "resnet18", size_px=64)
    titles = {layer.name: layer.title for layer in layers_of(backbone) if layer.name.startswith("layer2.0")}
    assert titles == {
        "layer2.0.act1": "Stage 2, block 1, convolution",
        "layer2.0.downsample.1": "Stage 2, block 1, shortcut",
        "layer2.0": "Stage 2, block 1",
    }


def test_a_plain_row_of_layers_has_stages_by_size():
    # VGG's structure with fewer channels
    model = timm.models.VGG([8, 8, "M", 16, "M", 16, 16, "M"], num_classes=10)
    model.num_classes = 10
    strip = stages_of(frozen(model, "vgg", size_px=64))
    assert [(layer.title, layer.channels, layer.height) for layer in strip] == [
        ("Stage 1, convolution 2", 8, 64),
        ("Stage 2, convolution", 16, 32),
        ("Stage 3, convolution 2", 16, 16),
        ("Last maps", 16, 8),
    ]


def test_patches_of_a_vision_transformer_without_its_class_token():
    backbone = made("test_vit")
    first, *_, last = layers_of(backbone)
    assert (first.title, first.kind, first.height, first.width) == ("Stem", "patches", 10, 10)
    assert (last.name, last.layout, last.prefix, last.channels) == ("norm", "tokens", 1, 64)
    outputs = torch.arange(101 * 64.0).view(1, 101, 64)
    assert torch.equal(last.maps(outputs)[0, :, 0, 3], outputs[0, 4])
    assert torch.equal(last.maps(outputs)[0, :, 2, 5], outputs[0, 26])
    assert [layer.title for layer in stages_of(backbone)][1:3] == ["Block 1", "Block 2"]


def test_channels_last_layers_are_turned():
    backbone = frozen(
        timm.create_model("swin_tiny_patch4_window7_224", depths=(1, 1), embed_dim=24, num_heads=(2, 4), num_classes=7),
        "swin",
        size_px=224,
    )
    strip = stages_of(backbone)
    assert [(layer.title, layer.channels, layer.height) for layer in strip] == [
        ("Stem", 24, 56),
        ("Stage 1", 24, 56),
        ("Stage 2", 48, 28),
        ("Last maps", 48, 28),
    ]
    assert strip[1].layout == "NHWC"
    outputs = torch.randn(2, 56, 56, 24)
    assert torch.equal(strip[1].maps(outputs), outputs.permute(0, 3, 1, 2))


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_of_every_network_gives_the_maps_that_it_says(name, unchanged):
    backbone = unchanged(made(name))
    layers = layers_of(backbone)
    assert len({layer.title for layer in layers}) == len({layer.name for layer in layers}) == len(layers)
    assert layers[-1].title == "Last maps"
    stages = [layer.stage for layer in layers]
    assert stages[0] == 0
    assert sorted(set(stages)) == list(range(max(stages) + 1))
    assert len(stages_of(backbone)) == max(stages) + 1 >= 5
    pixels = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    seen = []
    with torch.inference_mode():
        for layer in layers:
            maps = maps_of(backbone, layer, pixels)
            assert maps.shape == (1, layer.channels, layer.height, layer.width)
            assert maps.isfinite().all()
            seen.append(maps)
    for one, two in itertools.pairwise(seen):
        assert one.shape != two.shape or not torch.equal(one, two) or not one.any()  # NFNets begin with zeros


def test_the_folded_network_gives_the_same_maps():
    from core.backbones.tapping import outputs_at, tapped

    backbone = made("test_resnet")
    assert backbone.inference_model is not backbone.model
    pixels = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    whole = tapped(backbone.model)
    with torch.inference_mode():
        for layer in layers_of(backbone):
            expected = layer.maps(outputs_at(whole, backbone.normalise(pixels), layer.name))
            torch.testing.assert_close(maps_of(backbone, layer, pixels), expected, rtol=1e-3, atol=1e-3)


def test_what_is_kept_goes_with_the_network():
    backbone = frozen(timm.create_model("test_efficientnet"), "test_efficientnet")
    assert layers_of(backbone) is layers_of(backbone)
    maps_of(backbone, layers_of(backbone)[0], torch.rand(1, 3, 160, 160))
    gone = weakref.ref(backbone.model), weakref.ref(backbone.inference_model)
    del backbone
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_an_unknown_layer_is_answered_with_those_that_there_are(tiny):
    with pytest.raises(SettingsError, match=r"tiny has no layer 'third'.*act, second"):
        find_layer(tiny, "third")
