"""Feature maps: those of the network, strongest first, for several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from core import load_backbone
from core.errors import BackboneError, SettingsError
from core.images import to_pixels
from core.inside.layers import stages_of
from core.inside.maps import feature_maps, first_filters, walk
from tests.core.inside.conftest import made


def test_maps_are_those_of_a_ten_line_network(tiny, photo):
    found = feature_maps(tiny, photo, "act")
    pixels = np.asarray(found.view, dtype=np.float64) / 255
    weight, bias = (tensor.double().numpy() for tensor in (tiny.model.first.weight, tiny.model.first.bias))
    expected = np.zeros((4, 8, 8))
    for row in range(8):
        for column in range(8):
            patch = pixels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].transpose(2, 0, 1)
            expected[:, row, column] = np.maximum((weight * patch).sum((1, 2, 3)) + bias, 0)
    np.testing.assert_allclose(found.maps.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(found.strength.numpy(), expected.std((1, 2)), atol=1e-5)
    assert found.order.tolist() == np.argsort(-expected.std((1, 2)), kind="stable").tolist()


def test_a_photo_of_any_size_is_seen_as_the_network_sees_it(photo):
    backbone = load_backbone()
    whole = feature_maps(backbone, photo, "blocks.2.1")
    assert whole.view.size == (224, 224)
    assert torch.equal(whole.maps, feature_maps(backbone, whole.view, "blocks.2.1").maps)
    assert whole.maps.dtype == torch.float32
    assert whole.maps.is_contiguous()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet"])
def test_a_walk_along_the_stages_sees_what_each_layer_alone_shows(name, photo, unchanged):
    backbone = unchanged(made(name))
    seen = walk(backbone, photo)
    assert [one.layer for one in seen] == list(stages_of(backbone))
    for one in seen:
        alone = feature_maps(backbone, photo, one.layer.name)
        torch.testing.assert_close(one.maps, alone.maps, rtol=1e-4, atol=1e-5)
        assert one.order.tolist() == one.strength.argsort(descending=True, stable=True).tolist()


def test_several_threads_at_once_get_what_one_gets(photo, unchanged):
    backbone = unchanged(made("test_resnet"))
    names = [layer.name for layer in stages_of(backbone)] * 6
    alone = {name: feature_maps(backbone, photo, name).maps for name in set(names)}
    fresh = made.__wrapped__("test_resnet")  # whose twin they make at once
    with ThreadPoolExecutor(6) as pool:
        for which in (backbone, fresh):
            together = list(pool.map(lambda name, which=which: feature_maps(which, photo, name).maps, names))
            for name, maps in zip(names, together, strict=True):
                torch.testing.assert_close(maps, alone[name], rtol=1e-4, atol=1e-5)


def test_nothing_is_left_behind_after_an_error(photo, unchanged):
    backbone = unchanged(made("test_vit"))
    with pytest.raises(SettingsError, match="has no layer 'nowhere' that can be shown"):
        feature_maps(backbone, photo, "nowhere")
    with torch.inference_mode():
        maps = feature_maps(backbone, photo, "blocks.3").maps
        assert torch.equal(maps, feature_maps(backbone, photo, "blocks.3").maps)
        backbone.model(backbone.normalise(to_pixels([backbone.view(photo)])))


def test_first_filters_as_pictures(tiny):
    filters = first_filters(tiny, tile_px=20)
    assert len(filters) == 4
    assert {one.size for one in filters} == {(20, 20)}
    weight = tiny.model.first.weight[2].numpy()
    expected = np.round(255 * (0.5 + weight / np.abs(weight).max() / 2)).transpose(1, 2, 0)
    assert np.abs(np.asarray(filters[2].resize((2, 2), 0), dtype=float) - expected).max() <= 1


def test_filters_that_are_no_pictures_are_refused_in_words(tiny):
    import dataclasses

    odd = dataclasses.replace(tiny, model=torch.nn.Sequential(torch.nn.Conv2d(16, 4, 3)))
    with pytest.raises(BackboneError, match="does not begin with filters over the three colours"):
        first_filters(odd)
