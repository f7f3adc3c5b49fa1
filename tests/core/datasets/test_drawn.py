"""Drawn pets: the same choices draw the same bytes, all is on the canvas, and no picture comes twice."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from core.datasets.drawing.curves import ellipse, limb, outward_normals, petal, smooth, turned
from core.datasets.drawing.figure import area, bounds, mark, placed
from core.datasets.drawing.palettes import animal_palette, scene_palette
from core.datasets.drawing.styles import ANIMALS, STYLES, _composed
from core.datasets.drawing.tracing import Pen, trace
from core.datasets.drawn import DrawnPet, drawn_pets
from core.datasets.labelled import Drawable, content_key, item_name, read_item
from core.errors import SettingsError
from tests.conftest import PROJECT

ALL = [(animal, style) for animal in ANIMALS for style in STYLES]


def pixels(item: DrawnPet) -> np.ndarray:
    return np.asarray(item.draw())


# The data set


def test_there_are_cats_dogs_and_six_more_animals_in_at_least_five_styles():
    assert len(ANIMALS) == 8
    assert {"cat", "dog"} <= set(ANIMALS)
    assert len(STYLES) >= 5


@pytest.mark.parametrize(("per_class", "train", "test"), [(120, 96, 24), (40, 32, 8), (5, 4, 1), (9, 8, 1)])
def test_a_fifth_of_each_class_is_for_the_test(per_class, train, test):
    dataset = drawn_pets(per_class=per_class)
    assert set(dataset.splits) == {"train", "test"}
    assert dataset.class_names == tuple(ANIMALS)
    assert dataset.split("train").counts().tolist() == [train] * 8
    assert dataset.split("test").counts().tolist() == [test] * 8


def test_labels_name_the_animal():
    for images in drawn_pets(per_class=10).splits.values():
        for item, label in zip(images.items, images.labels, strict=True):
            assert item.animal == images.class_names[label]


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_style_has_the_same_share_of_each_class(split):
    items = drawn_pets().split(split).items
    assert len({sum((i.animal, i.style) == pair for i in items) for pair in ALL}) == 1


def test_splits_and_seeds_share_no_picture():
    keys = [
        content_key(item)
        for seed in (0, 1)
        for images in drawn_pets(seed=seed).splits.values()
        for item in images.items
    ]
    assert len(set(keys)) == len(keys) == 2 * 960


def test_no_two_pictures_have_equal_pixels():
    items = [item for images in drawn_pets(per_class=10, seed=3).splits.values() for item in images.items]
    assert len({hashlib.sha256(pixels(item).tobytes()).digest() for item in items}) == len(items) == 80


def test_more_pictures_leave_those_that_were_there():
    few, many = drawn_pets(per_class=20), drawn_pets(per_class=35)
    for split in ("train", "test"):
        assert set(few.split(split).items) <= set(many.split(split).items)


@pytest.mark.parametrize("per_class", [4, 0, -1, 10_001, 7.0, True, "12", None])
def test_per_class_out_of_range_is_an_error_that_says_so(per_class):
    with pytest.raises(SettingsError, match=r"per_class must be a whole number from 5 to 10,000, not"):
        drawn_pets(per_class=per_class)


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, False, None])
def test_seed_out_of_range_is_an_error_that_says_so(seed):
    with pytest.raises(SettingsError, match=r"seed must be a whole number from 0 to"):
        drawn_pets(seed=seed)


def test_seeds_at_the_ends_of_the_range_can_be_drawn():
    assert drawn_pets(per_class=5, seed=2**31 - 1).split("test").items[0].draw().size == (256, 256)


# One picture


@pytest.mark.parametrize(("animal", "style", "seed"), [("unicorn", "ink", 0), ("cat", "jpeg", 0)])
def test_unknown_names_are_an_error_that_lists_the_known(animal, style, seed):
    with pytest.raises(SettingsError, match=r"Choose one of: ca"):
        DrawnPet(animal, style, seed)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_a_drawing_refuses_a_seed_that_is_none(seed):
    with pytest.raises(SettingsError, match="seed of a drawing"):
        DrawnPet("cat", "ink", seed)


@pytest.mark.parametrize(("animal", "style"), ALL)
def test_drawing_is_rgb_and_neither_empty_nor_constant(animal, style):
    for seed in range(2):
        picture = DrawnPet(animal, style, seed).draw()
        assert (picture.mode, picture.size) == ("RGB", (256, 256))
        values = np.asarray(picture).astype(float)
        assert values.std(axis=(0, 1)).max() > 8
        # the animal fills a good part: most of the middle is not the colour of the corners
        corner = np.median(np.concatenate([values[:8, :8], values[:8, -8:]]).reshape(-1, 3), axis=0)
        assert (np.abs(values - corner).max(-1) > 24).mean() > 0.03


@pytest.mark.parametrize("animal", ANIMALS)
def test_animals_stay_inside_the_canvas(animal):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        figure, feet = _composed(ANIMALS[animal](rng), rng)
        low, high = bounds(figure.layers)
        assert low.min() >= 16
        assert high.max() <= 240
        assert (high - low).max() > 256 * 0.5
        assert feet[1] == pytest.approx(high[1])


@pytest.mark.parametrize("style", STYLES)
def test_same_choices_draw_the_same_bytes(style):
    assert pixels(DrawnPet("dog", style, 7)).tobytes() == pixels(DrawnPet("dog", style, 7)).tobytes()


def test_another_process_draws_the_same_bytes():
    code = (
        "import hashlib; from core.datasets.drawn import DrawnPet; from core.datasets.drawing.styles import STYLES;"
        "print(hashlib.sha256(b''.join(DrawnPet('cat', s, 5).draw().tobytes() for s in reversed(STYLES))).hexdigest())"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    ours = hashlib.sha256(b"".join(DrawnPet("cat", style, 5).draw().tobytes() for style in reversed(STYLES)))
    assert output.stdout.strip() == ours.hexdigest()


@pytest.mark.parametrize("style", STYLES)
def test_drawing_neither_uses_nor_moves_the_global_random_numbers(style):
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = pixels(DrawnPet("bird", style, 1))
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(2)
    assert np.array_equal(pixels(DrawnPet("bird", style, 1)), first)


@pytest.mark.parametrize("changed", [("cat", "ink", 2), ("cat", "chalk", 1), ("dog", "ink", 1)])
def test_any_other_choice_is_another_picture(changed):
    item, other = DrawnPet("cat", "ink", 1), DrawnPet(*changed)
    assert item != other
    assert item.key != other.key
    assert item.name != other.name
    assert not np.array_equal(pixels(item), pixels(other))


def test_drawings_are_items_of_a_data_set():
    item = DrawnPet("turtle", "pixel", 3)
    assert isinstance(item, Drawable)
    assert item_name(item) == "turtle 3, pixel"
    assert np.array_equal(np.asarray(read_item(item)), pixels(item))


def test_drawings_can_be_hashed_and_pickled():
    item = DrawnPet("frog", "painted", 11)
    copy = pickle.loads(pickle.dumps(item))
    assert copy == item
    assert len({item, copy}) == 1
    assert np.array_equal(pixels(copy), pixels(item))


# Curves and cels


def test_smooth_curve_passes_through_its_points():
    points = [(0, 0), (2, 1), (3, -1), (5, 4)]
    for closed in (True, False):
        curve = smooth(points, closed=closed, steps=5)
        assert all(np.abs(curve - point).sum(1).min() < 1e-12 for point in points)
        assert len(curve) == (20 if closed else 16)


def test_petal_is_sharp_at_its_tip_and_starts_at_its_base():
    curve = petal([(-1, 0), (1, 0)], (0, -3))
    assert curve[0] == pytest.approx((-1, 0))
    assert curve[-1] == pytest.approx((1, 0))
    assert curve[:, 1].min() == pytest.approx(-3)


def test_limb_is_as_wide_as_told():
    curve = limb([(0, 0), (10, 0)], [2, 2])
    assert np.abs(curve[:, 1]).max() == pytest.approx(1)
    assert curve[:, 0].min() == pytest.approx(-1)
    assert curve[:, 0].max() == pytest.approx(11)


@pytest.mark.parametrize("order", [1, -1])
def test_normals_point_outwards_whichever_way_the_curve_runs(order):
    curve = ellipse(3, 4, 2, 2)[::order]
    assert np.allclose(outward_normals(curve), (curve - (3, 4)) / 2, atol=0.02)


def test_turning_is_clockwise_on_the_canvas():
    assert turned(np.array([(1.0, 0.0)]), np.pi / 2) == pytest.approx(np.array([(0.0, 1.0)]))


def test_placed_layers_are_mirrored_scaled_and_moved():
    box = area("coat", np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)]), marks=[mark("marks", np.array([(1.0, 1.0)]))])
    (moved,) = placed([box], at=(10, 20), scale=3, mirror=True)
    assert moved.curves[0].tolist() == [[10, 20], [4, 20], [4, 23]]
    assert moved.marks[0].curves[0].tolist() == [[7, 23]]


@pytest.fixture
def palette():
    rng = np.random.default_rng(0)
    return {**scene_palette(rng), **animal_palette("cat", rng)}


def test_marks_show_only_on_their_area_and_lines_not_through_what_lies_before_them(palette):
    below = area("coat", ellipse(20, 20, 12, 12), marks=[mark("marks", ellipse(32, 20, 8, 8))])
    before = area("belly", ellipse(8, 20, 7, 7), edge=0.0)
    base = Image.new("RGB", (40, 40), (1, 2, 3))
    cel = trace([], [below], palette, base, Pen(2), np.random.default_rng(0))
    assert cel.flat.getpixel((28, 20)) == palette["marks"]
    assert cel.flat.getpixel((38, 20)) == (1, 2, 3)
    assert cel.cover.getpixel((20, 20)) == 255
    assert cel.cover.getpixel((38, 20)) == 0
    assert cel.lines.getpixel((8, 20)) > 100
    assert cel.lines.getpixel((20, 20)) == 0
    covered = trace([below], [area("belly", before.curves[0])], palette, base, Pen(2), np.random.default_rng(0))
    assert covered.lines.getpixel((8, 20)) == 0
    assert covered.cover.getpixel((20, 20)) == 0  # a scene does not count


def test_every_paint_of_the_animals_has_a_colour(palette):
    for animal, draw in ANIMALS.items():
        for seed in range(30):
            for layer in draw(np.random.default_rng(seed)).layers:
                used = [layer.paint, *(inner.paint for inner in getattr(layer, "marks", ()))]
                assert set(used) <= set(palette), animal
