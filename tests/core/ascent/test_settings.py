"""What is refused before anything runs, and in which words; presets; recipes in files."""

from __future__ import annotations

import dataclasses
import io
import json
import math

import numpy as np
import pytest
import timm
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file

from core.ascent.files import Recipe, read_recipe, to_png, to_webp
from core.ascent.presets import PRESETS, backbone_for, find_preset
from core.ascent.settings import AscentSettings
from core.errors import ImageError, SettingsError


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"learning_rate": math.nan}, "learning_rate must be a number"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"size_px": 7}, "size_px must be a whole number from 32"),
        ({"size_px": 5000}, "size_px must be a whole number from 32 to 512"),
        ({"coarse_px": 16}, "coarse_px must be 0 or"),
        ({"coarse_px": 256}, "size_px, which is 224"),
        ({"parameterization": "phase", "start": "grey"}, "noise only"),
        ({"looks": 5, "candidates": 4}, "looks times candidates is 20"),
        ({"looks": 5, "optimiser": "lbfgs"}, "4 times at the most with L-BFGS"),
        ({"class_weight": 0}, "All weights are 0"),
        ({"optimiser": "adagrad"}, "optimiser must be one of"),
        ({"tv_weight": -1}, "tv_weight must be a number from 0"),
        ({"flip": 1}, "flip must be on or off"),
    ],
)
def test_senseless_settings_are_refused_by_name_value_and_range(given, says):
    with pytest.raises(SettingsError, match=says):
        AscentSettings(**given)


def test_presets_have_names_of_their_own_and_an_unknown_one_is_told_which_there_are():
    assert [preset.token for preset in PRESETS] == ["best", "best-10s", "lesson", "lesson-tv", "lesson-resnet"]
    assert all(preset.title and preset.about for preset in PRESETS)
    assert len({preset.settings for preset in PRESETS}) == len(PRESETS)
    assert find_preset("lesson").settings.steps == 1000
    with pytest.raises(SettingsError, match="lesson-tv"):
        find_preset("nonsense")


def test_the_lessons_settings_are_the_lessons():
    plain, smooth = find_preset("lesson").settings, find_preset("lesson-tv").settings
    assert (plain.optimiser, plain.learning_rate, plain.schedule, plain.size_px) == ("sgd", 1.0, "constant", 224)
    assert (plain.objective, plain.class_weight, plain.tv_weight) == ("cross-entropy", 1.0, 0.0)
    assert smooth.class_weight == 10
    # 0.005 times the sum over a picture of values from -1 to 1, which our mean over [0, 1] replaces
    values = np.random.default_rng(0).uniform(-1, 1, (224, 224, 3))
    total = np.abs(np.diff(values, axis=0)).sum() + np.abs(np.diff(values, axis=1)).sum()
    parts = [np.abs(np.diff((values + 1) / 2, axis=axis)) for axis in (0, 1)]
    mean = sum(part.sum() for part in parts) / sum(part.size for part in parts)
    assert smooth.tv_weight * mean == pytest.approx(0.005 * total, rel=1e-9)


def test_the_resnet_of_the_lesson_is_taken_if_it_is_here_and_else_it_is_said(made_weights, tmp_path):
    preset = find_preset("lesson-resnet")
    assert backbone_for(find_preset("best")) == ("tf_efficientnet_lite0", "")
    name, note = backbone_for(preset)
    assert "resnet" in name
    assert "not here: drawn by" in note
    save_file(timm.create_model("resnet50").state_dict(), made_weights / "resnet50.a1_in1k.safetensors")
    assert backbone_for(preset) == ("resnet50", "")
    for file in made_weights.glob("*resnet*"):
        file.unlink()
    assert backbone_for(preset)[0] == "tf_efficientnet_lite0"


RECIPE = Recipe("zebra", "tf_efficientnet_lite0", 320, AscentSettings(tv_weight=3.5, seed=7))


@pytest.fixture
def picture():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))


def test_a_png_holds_the_picture_bit_by_bit_and_how_it_was_made(picture):
    png = to_png(picture, RECIPE)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), np.asarray(picture))
    assert read_recipe(png) == RECIPE


def test_a_picture_without_a_recipe_has_none_and_a_hostile_one_is_refused(picture):
    plain = io.BytesIO()
    picture.save(plain, "PNG")
    assert read_recipe(plain.getvalue()) is None
    with pytest.raises(ImageError, match="not a PNG"):
        read_recipe(b"GIF89a")
    good = RECIPE.as_dict()
    for said in (
        "{",
        "[" * 20_000,
        "[]",
        json.dumps({**good, "settings": {**good["settings"], "steps": 10**9}}),
        json.dumps({**good, "settings": {"nonsense": 1}}),
        json.dumps({**good, "steps": "many"}),
        json.dumps({"settings": {}}),
    ):
        info, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
        info.add_text("Pet Lens", said)
        picture.save(buffer, "PNG", pnginfo=info)
        with pytest.raises(SettingsError):
            read_recipe(buffer.getvalue())


def test_an_animation_has_every_frame_at_the_size_of_the_last(picture):
    frames = [picture.resize((16, 16)), picture.rotate(90), picture]
    with Image.open(io.BytesIO(to_webp(frames))) as animation:
        assert (animation.format, animation.n_frames, animation.size) == ("WEBP", 3, (32, 32))
    one = Image.open(io.BytesIO(to_webp([picture])))
    assert one.size == (32, 32)


def test_settings_survive_json():
    settings = AscentSettings(**json.loads(json.dumps(dataclasses.asdict(RECIPE.settings))))
    assert settings == RECIPE.settings
