"""Settings that describe themselves: each field knows its title, its range and what it does.

The page's sliders and the command line's options are made from these fields, and `Checked` refuses values outside
them, wherever they come from. A default or a range is written in one place only: the dataclass of the operation.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import SettingsError
from core.texts import say

Kind = Literal["whole", "real", "switch", "choice"]


@dataclass(frozen=True)
class Setting:
    """One field, described.

    Attributes:
        name: of the field.
        kind: a whole number, a real number, a switch (bool) or one of several names.
        default: the value it has when nobody says otherwise.
        title: what the page calls it.
        about: one sentence: what it does.
        low, high: the range of a number, both included.
        choices: the names of a choice.
        logarithmic: whether a slider should move by factors.
    """

    name: str
    kind: Kind
    default: Any
    title: str
    about: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    logarithmic: bool = False


def whole(default: int, low: int, high: int, *, title: str, about: str) -> Any:
    """A field for a whole number."""
    return _field("whole", default, title, about, low=low, high=high)


def real(default: float, low: float, high: float, *, title: str, about: str, logarithmic: bool = False) -> Any:
    """A field for a real number."""
    return _field("real", default, title, about, low=low, high=high, logarithmic=logarithmic)


def switch(default: bool, *, title: str, about: str) -> Any:
    """A field that is on or off."""
    return _field("switch", default, title, about)


def choice(default: str, choices: Sequence[str], *, title: str, about: str) -> Any:
    """A field that is one of several names."""
    return _field("choice", default, title, about, choices=tuple(choices))


def settings_of(settings_class: type) -> Iterator[Setting]:
    """The described fields of a settings class, in their order."""
    for field in dataclasses.fields(settings_class):
        yield Setting(name=field.name, default=field.default, **field.metadata)


class Checked:
    """Base of settings dataclasses: a value outside its range cannot be made.

    Raises:
        SettingsError: names the setting, the value and the range.
    """

    def __post_init__(self) -> None:
        for setting in settings_of(type(self)):
            value = _checked(setting, getattr(self, setting.name))
            object.__setattr__(self, setting.name, value)


def _field(kind: Kind, default: Any, title: str, about: str, **more: Any) -> Any:
    return dataclasses.field(default=default, metadata={"kind": kind, "title": title, "about": about, **more})


def _checked(setting: Setting, value: Any) -> Any:
    if setting.kind == "switch":
        if isinstance(value, bool):
            return value
        raise SettingsError(
            "{name} must be on or off (true or false), not {value}.",
            name=setting.name,
            value=_shown(value),
        )
    if setting.kind == "choice":
        if isinstance(value, str) and value in setting.choices:
            return value
        raise SettingsError(
            "{name} must be one of {names}, not {value}.",
            name=setting.name,
            names=", ".join(setting.choices),
            value=_shown(value),
        )
    # bool is a kind of int in Python, but not for people; whole numbers may be too long for a float
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf
    if setting.kind == "whole":
        if is_number and value == int(value) and setting.low <= value <= setting.high:
            return int(value)
        between = say("a whole number from {low:g} to {high:g}", low=setting.low, high=setting.high)
    else:
        if is_number and setting.low <= value <= setting.high:
            return float(value)
        between = say("a number from {low:g} to {high:g}", low=setting.low, high=setting.high)
    raise SettingsError(
        "{name} must be {between}, not {value}.",
        name=setting.name,
        between=between,
        value=_shown(value),
    )


def _shown(value: Any) -> str:
    try:
        return repr(value)[:80]
    except ValueError:  # Python writes no whole numbers of more than 4,300 digits
        return say("a number of thousands of digits")
