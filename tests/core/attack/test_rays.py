"""Rays: pictures at every scale, that a file can hold where it must, and cheaper than any others of the same gain."""

from __future__ import annotations

import io

import pytest
import torch

from core.attack.rays import make_ray
from core.images import read_image, to_pictures, to_pixels
from core.norms import norm_of

KINDS = pytest.mark.parametrize("norm", ["l2", "linf"])
SCALES = [0.0, 0.5, 3.0, 40.0, 5000.0]


def _photos(count=3, side=16):
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 256, (count, 3, side, side), generator=generator)
    levels[:, :, :4] = 0  # black and white corners can move in one direction only
    levels[:, :, -4:] = 255
    return levels / 255, torch.randn(count, 3, side, side, generator=generator) ** 3


@KINDS
@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_a_picture_and_nought_is_the_photo(norm, eight_bits, scale):
    start, normal = _photos()
    pixels = make_ray(start, normal, norm, eight_bits=eight_bits).at(torch.full((3,), scale))
    assert torch.equal(pixels.clamp(0, 1), pixels)
    assert pixels.dtype == torch.float32
    if scale == 0:
        assert torch.equal(pixels, start)


@KINDS
@pytest.mark.parametrize("scale", SCALES)
def test_a_file_of_8_bits_holds_exactly_this_picture(norm, scale):
    start, normal = _photos()
    pixels = make_ray(start, normal, norm, eight_bits=True).at(torch.full((3,), scale))
    for row, picture in zip(pixels, to_pictures(pixels), strict=True):
        file = io.BytesIO()
        picture.save(file, "PNG")
        file.seek(0)
        assert torch.equal(to_pixels([read_image(file)])[0], row)


@KINDS
@pytest.mark.parametrize("eight_bits", [False, True])
def test_farther_out_is_larger_and_gains_more(norm, eight_bits):
    start, normal = _photos()
    ray = make_ray(start, normal, norm, eight_bits=eight_bits)
    moved = [ray.at(torch.full((3,), scale)) - start for scale in SCALES]
    sizes = torch.stack([norm_of(one, "l2") for one in moved])
    gains = torch.stack([-(one * normal).sum((1, 2, 3)) for one in moved])
    assert (sizes.diff(dim=0) >= 0).all()
    assert (gains.diff(dim=0) >= 0).all()
    assert (gains[-1] > 0).all()


def test_of_all_whole_steps_with_that_gain_none_is_smaller():
    start, normal = _photos(count=1, side=8)
    ours = make_ray(start, normal, "l2", eight_bits=True).at(torch.tensor([6.0])) - start
    gain, cost = -(ours * normal).sum(), (ours * 255).round().square().sum()
    generator = torch.Generator().manual_seed(1)
    for _ in range(2000):  # others: move a step from some pixels to others
        steps = (ours * 255).round()
        for _ in range(int(torch.randint(1, 4, (), generator=generator))):
            index = tuple(int(torch.randint(0, size, (), generator=generator)) for size in steps.shape)
            steps[index] += 1 if torch.rand((), generator=generator) < 0.5 else -1
        other = ((start * 255).round() + steps).clamp(0, 255) / 255 - start
        if -(other * normal).sum() >= gain + 1e-6:
            assert (other * 255).round().square().sum() >= cost


def test_the_least_linf_takes_the_steepest_pixels_first():
    start, normal = _photos()
    ray = make_ray(start, normal, "linf", eight_bits=True)
    few, all_, more = (ray.at(torch.full((3,), scale)) - start for scale in (0.1, 1.0, 1.5))
    assert norm_of(few, "linf").tolist() == pytest.approx([1 / 255] * 3, rel=1e-4)
    assert norm_of(all_, "linf").tolist() == pytest.approx([1 / 255] * 3, rel=1e-4)
    assert norm_of(more, "linf").tolist() == pytest.approx([2 / 255] * 3, rel=1e-4)
    touched = few != 0
    assert 0.08 < touched.float().mean() <= 0.11
    free = all_ != 0
    for picture in range(3):
        assert (
            normal[picture][touched[picture]].abs().min()
            >= normal[picture][free[picture] & ~touched[picture]].abs().max()
        )
