"""Views of a picture: small, random, differentiable, and none at all where nothing is asked for."""

from __future__ import annotations

import pytest
import torch

from core.transforms import Views


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pixels():
    """Smooth pictures with a bright spot left of the middle."""
    across, down = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="xy")
    spot = torch.exp(-8 * ((across + 0.4).square() + down.square()))
    return spot.expand(4, 3, 64, 64).clone()


def _centre(view):
    """(across, down) of the brightness, in pixels."""
    weight = view[0] - view[0].min()
    side = torch.arange(view.shape[-1], dtype=torch.float32)
    return float((weight.sum(0) * side).sum() / weight.sum()), float((weight.sum(1) * side).sum() / weight.sum())


def test_without_changes_a_view_is_the_picture_itself(pixels):
    assert Views()(pixels, 64, _generator()) is pixels


def test_another_size_shows_the_whole_picture(pixels):
    view = Views()(pixels, 32, _generator())
    assert view.shape == (4, 3, 32, 32)
    assert torch.allclose(view, torch.nn.functional.avg_pool2d(pixels, 2), atol=0.01)


@pytest.mark.parametrize(
    "views",
    [
        Views(jitter=0.2),
        Views(zoom_in=0.5),
        Views(zoom_out=1.5),
        Views(rotate_degrees=30),
        Views(flip=True),
        Views(light=0.3),
        Views(noise=0.1),
    ],
)
def test_each_change_changes_views_by_the_seed_alone_and_lets_gradients_through(pixels, views):
    pixels.requires_grad_()
    view = views(pixels, 64, _generator())
    assert view.shape == pixels.shape
    assert torch.equal(view, views(pixels, 64, _generator()))
    assert not torch.equal(view, views(pixels, 64, _generator(1)))
    assert not torch.equal(view[0], view[1]) or views.flip
    assert torch.autograd.grad(view.sum(), pixels)[0].abs().sum() > 0


def test_views_that_are_alike_are_the_same_of_each_picture(pixels):
    views = Views(0.2, 0.7, 1.3, 20, True, 0.3, 0.1)
    seen = views(pixels, 64, _generator(), alike=True)
    assert all(torch.equal(seen[0], one) for one in seen)
    assert not torch.equal(seen[0], views(pixels, 64, _generator(1), alike=True)[0])


def test_every_pixel_of_a_large_picture_counts_in_a_small_view():
    pixels = torch.rand(1, 3, 96, 96, generator=_generator()).requires_grad_()
    (gradient,) = torch.autograd.grad(Views()(pixels, 40, _generator()).sum(), pixels)
    assert float(gradient.min()) > 0


def test_mirrored_views_put_the_spot_on_the_other_side(pixels):
    seen = {_centre(view)[0] > 32 for view in Views(flip=True)(pixels.repeat(4, 1, 1, 1), 64, _generator())}
    assert seen == {True, False}


def test_a_shift_stays_within_its_share(pixels):
    own = _centre(pixels[0])
    for view in Views(jitter=0.1)(pixels.repeat(8, 1, 1, 1), 64, _generator()):
        assert abs(_centre(view)[0] - own[0]) < 0.1 * 64 + 2
        assert abs(_centre(view)[1] - own[1]) < 0.1 * 64 + 2


def test_zooming_in_makes_things_larger(pixels):
    def size(view):
        return float((view[0] > 0.5).float().mean())

    views = Views(zoom_in=0.5)(pixels.repeat(16, 1, 1, 1), 64, _generator())
    assert max(size(view) for view in views) > 1.5 * size(pixels[0])
