"""What a channel looks for: photos, the place in them, and an ideal image by the machinery that is there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from core import AscentSettings, ascend
from core.ascent.presets import CHANNEL
from core.backbones.tapping import outputs_at, tapped
from core.datasets.labelled import LabelledImages
from core.errors import BackboneError, DatasetError, SettingsError
from core.images import to_pixels
from core.inside.channels import channel_classifier, exciting, top_of
from core.inside.fields import field_box, receptive_field_px
from core.inside.layers import find_layer
from core.inside.maps import feature_maps
from core.streams import last
from tests.core.inside.conftest import Tiny, frozen, made

QUICK = AscentSettings(steps=12, size_px=64, parameterization="fourier", learning_rate=0.05)


@pytest.fixture
def images(tmp_path):
    """Eleven noisy pictures, one of which cannot be read."""
    generator = np.random.default_rng(0)
    paths = []
    for number in range(11):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(paths[-1])
    paths[5].write_bytes(b"no picture")
    return LabelledImages("noise", ("one",), tuple(paths), np.zeros(11, np.int64), "test")


def test_the_most_exciting_photos_and_where(tiny, images, unchanged):
    unchanged(tiny)
    found = last(exciting(tiny, "act", images, channel=2, top=3))
    values = {
        number: feature_maps(tiny, Image.open(images.items[number]), "act").maps for number in range(11) if number != 5
    }
    best = sorted(values, key=lambda number: -float(values[number][2].max()))[:3]
    assert [one.index for one in found.top] == best
    assert [reason.name for reason in found.left_out] == ["5.png"]
    for one in found.top:
        maps = values[one.index][2]
        row, column = divmod(int(maps.argmax()), 8)
        assert one.value == pytest.approx(float(maps.max()), abs=1e-5)
        assert one.box == (2 * column, 2 * row, 2 * column + 2, 2 * row + 2)
    other = top_of(found.excitement, 0, 2)
    assert other[0].value == pytest.approx(max(float(maps[0].max()) for maps in values.values()), abs=1e-5)


def test_of_photos_that_excite_it_as_much_as_can_be_the_mean_decides(images):
    torch.manual_seed(0)
    model = Tiny()
    model.first.weight.data.mul_(40)
    model.act = torch.nn.ReLU6()
    backbone = frozen(model, "capped", size_px=16, mean=(0, 0, 0), std=(1, 1, 1))
    readable = [number for number in range(11) if number != 5]
    maps = [feature_maps(backbone, Image.open(images.items[number]), "act").maps for number in readable]
    channel = next(channel for channel in range(4) if all(float(one[channel].max()) == 6 for one in maps))
    found = last(exciting(backbone, "act", images, channel=channel, top=4)).top
    assert {one.value for one in found} == {6.0}
    means = {number: float(one[channel].mean()) for number, one in zip(readable, maps, strict=True)}
    assert [one.index for one in found] == sorted(means, key=lambda number: -means[number])[:4]


def test_each_snapshot_is_whole_and_stays_as_it_is(tiny, images):
    snapshots = list(exciting(tiny, "second", images, channel=0))
    counts = [len(one.excitement.indices) for one in snapshots]
    assert counts == sorted(counts)
    assert snapshots[-1].done == snapshots[-1].total == 11
    for one, count in zip(snapshots, counts, strict=True):
        assert len(one.excitement.maxima) == count
        np.testing.assert_array_equal(one.excitement.maxima, snapshots[-1].excitement.maxima[:count])


def test_a_place_sees_what_its_filters_span(tiny):
    assert receptive_field_px(tiny, "act") == 2
    assert receptive_field_px(tiny, "second") == 4


def test_what_a_place_sees_lies_around_it_and_inside_the_view(tiny):
    layer = find_layer(tiny, "act")  # 8 x 8 places of 2 pixels each
    assert field_box(layer, (16, 16), 4, 3 * 8 + 4) == (7, 5, 11, 9)
    assert field_box(layer, (16, 16), 4, 0) == (0, 0, 4, 4)
    assert field_box(layer, (16, 16), 4, 63) == (12, 12, 16, 16)
    assert field_box(layer, (16, 16), 99, 20) == (0, 0, 16, 16)
    # a view that is wider than high
    assert field_box(layer, (32, 16), 4, 8 + 7) == (28, 1, 32, 5)


def test_places_of_later_layers_see_more():
    backbone = made("test_resnet")
    sides = [receptive_field_px(backbone, name) for name in ("maxpool", "layer1.0", "layer2.0", "layer4.0")]
    assert sides == sorted(sides)
    assert sides[0] < 20
    assert sides[-1] > 60


@pytest.mark.parametrize(
    ("name", "layer"),
    [("test_efficientnet", "blocks.2.0"), ("test_vit", "blocks.2"), ("test_convnext", "stages.1.blocks.0.mlp")],
)
def test_a_class_of_the_cut_network_is_the_mean_of_a_channel(name, layer, photo, unchanged):
    backbone = unchanged(made(name))
    classifier = channel_classifier(backbone, layer)
    maps = feature_maps(backbone, photo, layer).maps
    assert classifier.class_names[-1] == f"channel {len(maps) - 1}"
    pixels = to_pixels([backbone.view(photo)])
    with torch.no_grad():
        logits = classifier.logits(pixels)[0]
        fast = classifier.fast_logits(pixels)[0]
    torch.testing.assert_close(logits, maps.mean((1, 2)), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(fast, logits, rtol=5e-2, atol=5e-2)  # in bfloat16 where the processor has it


def test_an_activation_at_the_end_is_left_out():
    backbone = made("test_resnet")
    classifier = channel_classifier(backbone, "layer1.0")
    pixels = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = classifier.backbone.model.forward_features(backbone.normalise(pixels))
        whole = outputs_at(tapped(backbone.model), backbone.normalise(pixels), "layer1.0")
    assert (maps < 0).any()
    torch.testing.assert_close(maps.relu(), whole)


@pytest.mark.parametrize(
    ("name", "layer"), [("test_resnet", "layer2.0"), ("test_efficientnet", "bn2"), ("test_vit", "blocks.2")]
)
def test_its_ideal_image_excites_a_channel_more(name, layer, unchanged):
    backbone = unchanged(made(name))
    stream = list(ascend(channel_classifier(backbone, layer), [3], QUICK))
    assert stream[-1].history[-1].loss < stream[-1].history[1].loss


@pytest.mark.parametrize(("name", "layer"), [("test_resnet", "layer2.0"), ("test_efficientnet", "bn2")])
@pytest.mark.parametrize("more", [{"prior_weight": 5.0}, {"skip_blocks": 0.3}])
def test_the_batch_norm_prior_and_left_out_blocks_work_too(name, layer, more):
    settings = dataclasses.replace(QUICK, **more)
    classifier = channel_classifier(made(name), layer)
    if name == "test_efficientnet" and "skip_blocks" in more:
        with pytest.raises(BackboneError, match="no residual blocks"):
            last(ascend(classifier, [3], settings))
    else:
        assert last(ascend(classifier, [3], settings)).step == 12


def test_a_prior_where_no_norm_was_passed_is_refused_in_words(tiny):
    with pytest.raises(BackboneError, match="no batch norm"):
        next(ascend(channel_classifier(tiny, "act"), [0], AscentSettings(prior_weight=1.0, size_px=32)))


def test_the_settings_for_channels_look_at_nothing_but_the_channel():
    assert (CHANNEL.objective, CHANNEL.prior_weight, CHANNEL.skip_blocks) == ("logit", 0, 0)


def test_bad_input_is_refused_in_words(tiny, images, tmp_path):
    with pytest.raises(SettingsError, match="The channel 4 is not one of the 4 of Stage 1, convolution"):
        next(exciting(tiny, "act", images, channel=4))
    with pytest.raises(SettingsError, match="has no layer 'nowhere'"):
        channel_classifier(tiny, "nowhere")
    with pytest.raises(DatasetError, match="Not one of the 1 test pictures"):
        list(exciting(tiny, "act", images.take([5]), channel=0))
    with pytest.raises(DatasetError, match="There are no test pictures in noise"):
        next(exciting(tiny, "act", images.take([]), channel=0))
