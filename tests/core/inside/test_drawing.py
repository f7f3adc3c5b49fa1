"""Maps as pictures."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from core.inside.drawing import coloured, over_photo, stretched, strip, tiles


def test_the_scale_of_colours_grows_lighter_all_the_way():
    colours = coloured(np.linspace(0, 1, 64)).astype(float) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16  # CIE L*, above its linear foot
    steps = np.diff(lightness)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.mean()


def test_maps_are_stretched_alone_or_together():
    maps = torch.tensor([[[0.0, 2.0]], [[1.0, 1.0]], [[2.0, 4.0]]])
    assert stretched(maps).tolist() == [[[0, 1]], [[0, 0]], [[0, 1]]]
    assert stretched(maps, "common").tolist() == [[[0, 0.5]], [[0.25, 0.25]], [[0.5, 1]]]


def test_tiles_are_the_maps_in_the_order_that_is_wanted():
    maps = torch.rand(10, 4, 8, generator=torch.Generator().manual_seed(0))
    order = [7, 3, 9]
    for channel, tile in zip(order, tiles(maps, order), strict=True):
        expected = coloured(stretched(maps[channel : channel + 1])[0].numpy())
        assert np.array_equal(np.asarray(tile.convert("RGB")), expected)
    together = np.stack([np.asarray(tile.convert("RGB")) for tile in tiles(maps, order, scale="common")])
    assert np.array_equal(together, coloured(stretched(maps[order], "common").numpy()))


def test_a_large_map_is_averaged_down_to_its_tile():
    maps = torch.zeros(1, 64, 128)
    maps[0, :32, :64] = 1
    (tile,) = tiles(maps, torch.tensor([0]), side_px=16)
    assert tile.size == (16, 8)
    tile = tile.convert("RGB")
    assert tile.getpixel((7, 3)) == tuple(coloured(np.array(1.0)).tolist())
    assert tile.getpixel((8, 3)) == tile.getpixel((7, 4)) == tuple(coloured(np.array(0.0)).tolist())


def test_heat_leaves_cold_places_alone():
    photo = Image.new("RGB", (40, 20), (10, 200, 30))
    heat = torch.zeros(2, 4)
    heat[:, 3] = 1
    drawn = over_photo(photo, heat, opacity=1.0)
    assert drawn.size == photo.size
    assert drawn.getpixel((2, 10)) == (10, 200, 30)
    assert drawn.getpixel((39, 10)) == tuple(coloured(np.array(1.0)).tolist())


def test_a_strip_has_a_column_for_each_channel_and_a_row_for_each_place():
    maps = torch.zeros(512, 7, 7)
    maps[100, 2, 3] = 1
    picture = strip(maps, place_px=4)
    assert picture.size == (1024, 49 * 4)
    values = np.asarray(picture).astype(int).sum(2)
    assert np.unravel_index(values.argmax(), values.shape) == ((2 * 7 + 3) * 4, 200)
    assert strip(torch.rand(32, 112, 112)).size == (32 * 32, 64 * 4)
