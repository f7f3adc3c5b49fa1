"""The Ideal image tab without a browser: what is chosen reaches the ascent, links come back, texts stay texts."""

from __future__ import annotations

import dataclasses
import io
import math
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from core import Classifier, SettingsError, load_backbone
from core.ascent.agreement import Opinion
from core.ascent.files import read_recipe
from core.ascent.film import MOST_FRAMES, Film, Frame
from core.ascent.presets import PRESETS, find_preset
from core.ascent.settings import AscentSettings
from core.ascent.sweep import TV_WEIGHTS, sweep
from core.head import Head
from core.prediction import Prediction
from core.streams import last
from demo.ideal_cards import frame_panel, opinions_card, picture_panel, status_card, sweep_panel
from demo.ideal_form import TV_STOPS, build_form, every_setting, link_of, read_link, stop_of, tv_weight_at
from demo.ideal_run import Wish, draw, opinions_of, png_of, write_files

TAG = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def form():
    with gr.Blocks():
        return build_form()


def _values(form, **changed):
    values = {widget: widget.value for widget in form.inputs}
    for name, value in changed.items():
        values[getattr(form, name, None) or form.widgets[name]] = value
    return values


def test_an_untouched_form_is_the_first_preset(form):
    assert form.settings(_values(form)) == PRESETS[0].settings


def test_every_setting_has_its_place(form):
    assert set(form.widgets) == set(every_setting()) - {"tv_weight"}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.token)
def test_a_preset_on_the_screen_is_the_preset_to_the_last_digit(form, preset):
    smoothness, *values = form.shown(preset.settings)
    shown = dict(zip(form.widgets, values, strict=True))
    given = _values(form, smoothness=smoothness, preset=preset.token, **shown)
    assert form.settings(given) == preset.settings


def test_what_the_visitor_sets_reaches_the_settings(form):
    settings = form.settings(_values(form, smoothness=0, steps=7, flip=True, learning_rate="0.3", start="grey"))
    assert (settings.tv_weight, settings.steps, settings.flip) == (0.0, 7, True)
    assert (settings.learning_rate, settings.start) == (0.3, "grey")
    for wrong in ({"learning_rate": "fast"}, {"steps": math.nan}, {"steps": 0}, {"smoothness": 99}, {"preset": "x"}):
        with pytest.raises(SettingsError):
            form.settings(_values(form, **wrong))


@pytest.mark.parametrize("stop", [-1, len(TV_STOPS), 0.5, math.nan, True, None, "3"])
def test_a_place_that_the_slider_does_not_have_is_refused(stop):
    with pytest.raises(SettingsError, match="Smoothness"):
        tv_weight_at(stop, "best")


def test_each_weight_has_its_place_and_the_lessons_keeps_its_digits():
    assert [stop_of(weight) for weight in TV_STOPS] == list(range(len(TV_STOPS)))
    lesson = find_preset("lesson-tv").settings.tv_weight
    assert tv_weight_at(stop_of(lesson), "lesson-tv") == lesson


def test_a_link_brings_everything_back_and_says_only_what_differs():
    settings = dataclasses.replace(find_preset("lesson").settings, seed=7, flip=True, tv_weight=30.0, jitter=0.05)
    link = link_of("Siamese cat", "resnet18", "lesson", settings)
    assert read_link(dict(parse_qsl(link[1:]))) == ("Siamese cat", "resnet18", "lesson", settings)
    assert "steps" not in link
    assert len(link) < 150


@pytest.mark.parametrize(
    "params",
    [{"preset": "nonsense"}, {"steps": "many"}, {"steps": "inf"}, {"steps": "1e9"}, {"flip": "yes"}, {"start": "x"}],
)
def test_a_link_that_names_what_there_is_not_is_refused_in_words(params):
    with pytest.raises(SettingsError):
        read_link(params)


@pytest.fixture
def wish(made_weights):
    return Wish("zebra", "test_resnet", AscentSettings(steps=4, size_px=48), "best")


@pytest.fixture
def drawing(wish):
    from core.ascent.snapshot import Steering

    return last(draw(wish, Steering(wish.settings), go_on=None, max_seconds=60))


def test_a_drawing_has_its_film_its_files_and_its_recipe(drawing, wish):
    assert (drawing.title, drawing.label) == ("zebra", 340)
    assert [frame.step for frame in drawing.film.frames] == [0, 1, 2, 3, 4]
    assert read_recipe(png_of(drawing)).settings == wish.settings
    png, webp = write_files(drawing)
    with Image.open(png) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(drawing.best.picture))
    with Image.open(webp) as film:
        assert film.n_frames > 1


def test_a_drawing_goes_on_with_its_film(drawing, wish):
    from core.ascent.snapshot import Steering

    more = last(draw(wish, Steering(wish.settings), go_on=drawing, max_seconds=60))
    assert more.snapshot.step == 8
    assert (drawing.by_hand, more.by_hand) == (False, True)
    assert [frame.step for frame in more.film.frames] == list(range(9))


def test_a_class_that_nobody_knows_is_refused_with_those_that_are_near(classifier):
    with pytest.raises(SettingsError, match="No ImageNet class"):
        classifier.label_of("unicorn horn")
    with pytest.raises(SettingsError, match="could be"):
        classifier.label_of("crane")
    trained = Classifier(classifier.backbone, Head(torch.zeros(2, 1280), torch.zeros(2), ("Ant", "bee")))
    assert trained.label_of("ANT") == 0
    with pytest.raises(SettingsError, match="It knows Ant, bee"):
        trained.label_of("zebra")


def test_others_judge_the_file_that_is_downloaded(drawing):
    *_, opinions = opinions_of(drawing)
    names = {opinion.name.split(".")[0] for opinion in opinions}
    assert "test_resnet" not in names
    assert "tf_efficientnet_lite0" in names
    assert all(opinion.place >= 1 for opinion in opinions)
    (none,) = opinions_of(dataclasses.replace(drawing, own_classes=True))
    assert none == ()


def test_no_text_becomes_markup(drawing):
    hostile = dataclasses.replace(drawing, title=TAG, network=TAG)
    prediction = Prediction(np.full(2, 0.5), (TAG, "b"))
    opinion = Opinion(TAG, "x", 2, 0.5, prediction)
    said = [
        picture_panel(hostile),
        frame_panel(hostile, hostile.film.frames[0]),
        status_card(hostile, running=True),
        status_card(hostile, running=False),
        opinions_card(hostile, [opinion], done=True),
        sweep_panel(hostile.snapshot, [0.0], TAG),
    ]
    assert all(TAG not in text and "<img src=x" not in text for text in said)


def test_how_many_others_agree_is_said_in_one_sentence(drawing):
    prediction = Prediction(np.eye(1000)[340])
    opinions = [Opinion("A", "a", 1, 1.0, prediction), Opinion("B", "b", 7, 0.1, prediction)]
    assert "1 of 2 other networks read zebra too" in opinions_card(drawing, opinions, done=True)
    assert "Asking others" in opinions_card(drawing, opinions[:1], done=False)
    assert "nobody else to ask" in opinions_card(dataclasses.replace(drawing, own_classes=True), [], done=True)
    assert "no other network" in opinions_card(drawing, [], done=True)


def test_a_film_stays_short_and_even():
    film, picture = Film(), Image.new("RGB", (8, 8))
    for step in range(500):
        film = film.with_frame(Frame.of(step, 0.5, picture))
    steps = [frame.step for frame in film.frames]
    assert MOST_FRAMES / 2 <= len(steps) <= MOST_FRAMES
    gaps = np.diff(steps)
    assert steps[0] == 0
    assert gaps.min() == gaps.max()
    assert Image.open(io.BytesIO(film.frames[-1].jpeg)).size == (8, 8)


def test_a_sweep_draws_each_weight_from_the_same_noise(made_weights):
    classifier = Classifier(load_backbone("test_resnet"))
    first, *_, final = sweep(classifier, 340, AscentSettings(steps=12, size_px=64, learning_rate=0.1, prior_weight=1))
    begun = {np.asarray(one.picture).tobytes() for one in first.drawn}
    assert len(begun) == 1
    assert len(final.drawn) == len(TV_WEIGHTS)
    roughness = [one.variation for one in final.drawn]
    assert roughness[0] > roughness[-1]
    seen = AscentSettings(steps=3, size_px=64, jitter=0.2, flip=True, light=0.3, noise=0.1)
    alike = last(sweep(classifier, 340, seen, [10.0, 10.0, 10.0])).drawn
    assert len({np.asarray(one.picture).tobytes() for one in alike}) == 1
    with pytest.raises(SettingsError, match="tv_weight"):
        next(sweep(classifier, 340, AscentSettings(), [math.nan]))
    with pytest.raises(SettingsError, match="no weight"):
        next(sweep(classifier, 340, AscentSettings(), []))
