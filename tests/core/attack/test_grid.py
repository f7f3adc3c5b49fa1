"""Rounding stays inside the ball, and gives pictures that a file holds."""

from __future__ import annotations

import pytest
import torch

from core.attack.grid import perturbed
from core.norms import norm_of, project


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("radius", [0.02, 0.1, 0.7, 3.0])
def test_rounded_pictures_are_inside_the_ball_and_whole(seed, norm, radius):
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(0, 256, (3, 3, 24, 24), generator=generator) / 255
    radii = radius * torch.tensor([1.0, 0.6, 1.7])
    wanted = project(torch.randn(start.shape, generator=generator), norm, radii)
    pixels = perturbed(start, wanted, norm, radii, eight_bits=True)
    assert (norm_of(pixels - start, norm) <= radii * (1 + 1e-5)).all()
    assert torch.equal((pixels.double() * 255).round().div(255).float(), pixels)
    assert torch.equal(pixels.clamp(0, 1), pixels)


def test_what_fits_is_the_nearest_picture():
    start = torch.full((1, 3, 4, 4), 100 / 255)
    wanted = torch.full_like(start, 1.4 / 255)
    assert torch.equal(perturbed(start, wanted, "l2", torch.tensor([1.0]), eight_bits=True), start + 1 / 255)
    assert torch.equal(perturbed(start, wanted, "l2", None, eight_bits=True), start + 1 / 255)
    exact = perturbed(start, wanted, "l2", None, eight_bits=False)
    assert torch.allclose(exact - start, wanted)


def test_a_shrunk_change_keeps_most_of_its_size():
    generator = torch.Generator().manual_seed(0)
    start = torch.randint(60, 200, (1, 3, 64, 64), generator=generator) / 255
    radius = torch.tensor([0.5])
    pixels = perturbed(
        start, project(torch.randn(start.shape, generator=generator), "l2", radius), "l2", radius, eight_bits=True
    )
    assert norm_of(pixels - start, "l2") > 0.45
