"""Ways of storing a picture: all give pictures, all can learn, all can go on finer."""

from __future__ import annotations

import pytest
import torch

from core.errors import SettingsError
from core.parameterize import parameterize

KINDS = ("pixels", "fourier", "phase")


def _made(kind, start="noise", side=32, count=2, seed=0):
    return parameterize(kind, start, count=count, side_px=side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [32, 33])
def test_every_kind_draws_pictures_of_the_size_that_differ_from_each_other(kind, side):
    pixels = _made(kind, side=side).pixels()
    assert pixels.shape == (2, 3, side, side)
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
    assert not torch.equal(pixels[0], pixels[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(kind):
    assert torch.equal(_made(kind).pixels(), _made(kind).pixels())
    assert not torch.equal(_made(kind).pixels(), _made(kind, seed=1).pixels())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_brought_nearer_to_a_wanted_picture(kind):
    pictures = _made(kind, count=1)
    wanted = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    wanted = torch.nn.functional.avg_pool2d(wanted, 9, 1, 4)
    optimiser = torch.optim.Adam(pictures.parameters, lr=0.05)
    losses = []
    for _ in range(30):
        loss = (pictures.pixels() - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        pictures.keep_inside()
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]
    assert 0 <= float(pictures.pixels().min()) <= float(pictures.pixels().max()) <= 1


@pytest.mark.parametrize("kind", ["pixels", "fourier"])
def test_a_photo_is_stored_nearly_as_it_is(kind):
    photo = 0.05 + 0.9 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert (_made(kind, photo, count=2).pixels() - photo).abs().max() < 1e-3


@pytest.mark.parametrize("kind", ["pixels", "fourier"])
def test_grey_is_grey(kind):
    assert torch.allclose(_made(kind, "grey").pixels(), torch.tensor(0.5))


@pytest.mark.parametrize("start", ["grey", torch.zeros(1, 3, 32, 32)])
def test_phases_start_from_noise_only_and_say_so(start):
    with pytest.raises(SettingsError, match="noise"):
        _made("phase", start)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [48, 64])
def test_a_finer_picture_shows_the_same_shapes(kind, side):
    coarse = _made(kind, side=32)
    fine = coarse.at_size(side)
    assert fine.pixels().shape == (2, 3, side, side)
    assert not any(a is b for a, b in zip(coarse.parameters, fine.parameters, strict=True))
    shown = [torch.nn.functional.interpolate(p.pixels(), size=8, mode="area").flatten() for p in (coarse, fine)]
    assert float(torch.corrcoef(torch.stack(shown))[0, 1]) > 0.8


def test_slow_waves_are_stronger_than_fast_ones_as_in_photos():
    for kind in ("fourier", "phase"):
        spectrum = torch.fft.rfft2(_made(kind, side=64, count=8).pixels()).abs().mean((0, 1))
        assert float(spectrum[1:4, 1:4].mean()) > 4 * float(spectrum[20:24, 20:24].mean())


def test_phases_begin_with_the_contrast_of_photos():
    logits = torch.logit(_made("phase", side=64, count=4).pixels())
    assert 0.8 < float(logits.std()) < 1.6


def test_noise_in_pixels_is_the_lessons():
    values = _made("pixels", side=128).parameters[0].detach()
    inside = values[values.abs() < 1]
    # of N(0, 1), cut off at -1 and 1: 68 % lie inside
    assert 0.66 < inside.numel() / values.numel() < 0.70
