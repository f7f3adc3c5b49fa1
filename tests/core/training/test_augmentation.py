"""Augmentation depends on its seed alone, and shows what a network can see."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from core.training.augmentation import make_augmentation
from core.training.randomness import drawn_from, generator_of
from core.training.tuning_settings import AUGMENTATIONS
from tests.core.training.tinted import made


@pytest.fixture(scope="module")
def backbone():
    return made("test_resnet")


@pytest.fixture
def picture(chelsea) -> Image.Image:
    return Image.open(chelsea).convert("RGB")


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_same_seed_gives_the_same_pixels_on_any_thread(backbone, picture, name):
    change = make_augmentation(name, backbone)
    alone = [change(picture, 7, number) for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: change(picture, 7, number), range(12)))
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))
    assert alone[0].shape == (3, 64, 64)
    assert alone[0].dtype == torch.uint8


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "none"])
def test_another_seed_gives_other_pixels(backbone, picture, name):
    change = make_augmentation(name, backbone)
    assert len({change(picture, 7, number).numpy().tobytes() for number in range(12)}) > 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_nobody_elses_random_numbers_are_used(backbone, picture, name):
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()
    make_augmentation(name, backbone)(picture, 1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tobytes() == before[2]


def test_without_augmentation_it_is_what_the_network_sees(backbone, picture):
    seen = make_augmentation("none", backbone)(picture, 3).permute(1, 2, 0).numpy()
    assert np.array_equal(seen, np.asarray(backbone.view(picture)))


def test_flips_are_the_view_or_its_mirror_image(backbone, picture):
    seen = make_augmentation("none", backbone)(picture, 0)
    flipped = [make_augmentation("flip", backbone)(picture, 5, number) for number in range(20)]
    mirrored = [torch.equal(one, seen.flip(-1)) for one in flipped]
    assert all(torch.equal(one, seen) or mirror for one, mirror in zip(flipped, mirrored, strict=True))
    assert 4 <= sum(mirrored) <= 16


def test_colours_change_with_colour_and_not_before(backbone):
    plain = Image.new("RGB", (200, 160), (90, 140, 60))
    crops, colour = (make_augmentation(name, backbone)(plain, 2) for name in ("crops", "colour"))
    assert len(crops.flatten(1).unique(dim=1).T) == 1
    assert (crops[:, 0, 0].tolist(), colour[:, 0, 0].tolist()) == ([90, 140, 60], colour[:, 5, 5].tolist())
    assert colour[:, 0, 0].tolist() != [90, 140, 60]


def test_pictures_come_in_the_size_that_is_wanted(backbone, picture):
    for name in AUGMENTATIONS:
        assert make_augmentation(name, backbone, size_px=96)(picture, 0).shape == (3, 96, 96)


def test_draws_inside_use_the_generator_and_draws_outside_do_not():
    with drawn_from(generator_of(1, 2)):
        first = torch.rand(3), torch.empty(2).uniform_(), torch.randperm(5)
        torch.nn.init.trunc_normal_(torch.empty(4))
    with drawn_from(generator_of(1, 2)):
        second = torch.rand(3), torch.empty(2).uniform_(), torch.randperm(5)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.equal(torch.rand(3), first[0])


def test_rows_of_numbers_have_generators_of_their_own():
    rows = [(seed, number) for seed in range(20) for number in range(20)]
    assert len({tuple(torch.rand(2, generator=generator_of(*row)).tolist()) for row in rows}) == len(rows)
