"""Settings describe themselves, and refuse what lies outside."""

from __future__ import annotations

import dataclasses
import math

import pytest

from core.backbones.views import ViewSettings
from core.errors import SettingsError
from core.settings import settings_of
from core.training.head_settings import HeadSettings
from core.training.tuning_settings import TuneSettings

ALL = [HeadSettings, TuneSettings, ViewSettings]


def _outside(setting):
    if setting.kind == "switch":
        return [1, 0, "on", None]
    if setting.kind == "choice":
        return ["", "nonsense", None, 3, [setting.choices[0]]]
    wrong = [
        setting.low - 1,
        setting.high + 1,
        10**400,
        -(10**400),
        10**5000,
        math.nan,
        math.inf,
        -math.inf,
        True,
        "1",
        None,
        [1],
    ]
    return [*wrong, setting.low + 0.5] if setting.kind == "whole" else wrong


@pytest.mark.parametrize("kind", ALL)
def test_every_setting_refuses_what_lies_outside_and_names_itself(kind):
    for setting in settings_of(kind):
        for value in _outside(setting):
            with pytest.raises(SettingsError, match=f"^{setting.name} must be"):
                kind(**{setting.name: value})


@pytest.mark.parametrize("kind", ALL)
def test_every_setting_takes_both_ends_of_its_range_and_its_default(kind):
    kind()
    for setting in settings_of(kind):
        ends = {
            "switch": (True, False),
            "choice": setting.choices,
        }.get(setting.kind, (setting.low, setting.high))
        for value in ends:
            assert getattr(kind(**{setting.name: value}), setting.name) == value


@pytest.mark.parametrize("kind", ALL)
def test_every_setting_has_words_for_people(kind):
    described = list(settings_of(kind))
    assert [setting.name for setting in described] == [field.name for field in dataclasses.fields(kind)]
    for setting in described:
        assert setting.title[0].isupper()
        assert setting.about.endswith(".")


def test_numbers_become_what_they_stand_for():
    settings = HeadSettings(epochs=5.0, dropout=0)
    assert type(settings.epochs) is int
    assert type(settings.dropout) is float


def test_a_long_hostile_value_is_cut_in_the_message():
    with pytest.raises(SettingsError) as error:
        HeadSettings(optimiser="x" * 10_000)
    assert len(str(error.value)) < 300
