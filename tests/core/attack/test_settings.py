"""Settings of attacks: what is refused, in words; presets and usual settings are valid."""

from __future__ import annotations

import dataclasses
import math

import pytest

from core.attack.presets import ATTACK_PRESETS, find_attack_preset
from core.attack.settings import METHODS, USED_BY, AttackSettings, epsilon_of, usual
from core.errors import SettingsError
from core.settings import settings_of


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "pgd", "epsilon": 0}, "epsilon is 0, which changes nothing"),
        ({"method": "fgsm", "norm": "linf", "epsilon": 1.01}, "at most 1 for linf, not 1.01"),
        ({"method": "pgd", "norm": "linf", "epsilon": 0.9 / 255}, "1/255 .* at least"),
        ({"epsilon": -1}, "epsilon must be a number from 0"),
        ({"epsilon": math.nan}, "epsilon must be a number"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"steps": 10**9}, "steps must be a whole number"),
        ({"method": "magic"}, "method must be one of minimal, fgsm, pgd"),
        ({"norm": "l3"}, "norm must be one of l2, linf"),
        ({"tv_weight": math.inf}, "tv_weight must be a number"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"patch_side": 0}, "patch_side must be a number from 0.02"),
        ({"eight_bits": "yes"}, "eight_bits must be on or off"),
    ],
)
def test_what_cannot_be_is_refused_in_words(given, said):
    with pytest.raises(SettingsError, match=said):
        AttackSettings(**given)


def test_a_method_without_bounds_does_not_mind_epsilon():
    assert not AttackSettings(method="minimal", epsilon=0).bounded


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("norm", [None, "l2", "linf"])
def test_usual_settings_are_those_of_the_method(method, norm):
    settings = usual(method, norm)
    assert settings.method == method
    assert norm in (None, settings.norm)
    changed = {
        setting.name for setting in settings_of(AttackSettings) if getattr(settings, setting.name) != setting.default
    }
    assert changed <= USED_BY[method] | {"norm", "epsilon"}, "nothing is set that the method does not read"


def test_total_steps_count_attempts():
    assert AttackSettings(method="pgd", steps=7, restarts=3).total_steps == 21
    assert AttackSettings(method="fgsm", steps=7).total_steps == 1
    assert AttackSettings(steps=7, restarts=3).total_steps == 7


def test_presets_are_found_by_their_tokens():
    assert [preset.token for preset in ATTACK_PRESETS] == [
        "invisible",
        "lesson",
        "one-step",
        "smooth",
        "others",
        "patch",
    ]
    for preset in ATTACK_PRESETS:
        assert find_attack_preset(preset.token) is preset
        dataclasses.replace(preset.settings)  # checked
    with pytest.raises(SettingsError, match="There are invisible, lesson"):
        find_attack_preset("magic")


@pytest.mark.parametrize(("text", "value"), [("8/255", 8 / 255), (" 0.5 ", 0.5), ("1", 1.0), ("16/255", 16 / 255)])
def test_an_epsilon_is_read_as_people_write_it(text, value):
    assert epsilon_of(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "a", "8/0", "8/", "1/2/3", "nan", "inf", "8/255/1", "1e999"])
def test_what_is_no_number_is_no_epsilon(text):
    with pytest.raises(SettingsError, match="such as 8/255"):
        epsilon_of(text)
