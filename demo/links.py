"""Settings in an address: only what differs from what they began with, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import SettingsError
from core.settings import Setting
from demo.setting_widgets import plain


def differences(settings: Any, usual: Any, names: Iterable[str]) -> dict[str, str]:
    """Those of the named settings that are not as usual, as texts."""
    said = {}
    for name in names:
        value = getattr(settings, name)
        if value != getattr(usual, name):
            said[name] = plain(value) if isinstance(value, float) else str(value)
    return said


def given(params: Mapping[str, str], described: Iterable[Setting]) -> dict[str, Any]:
    """The settings that a link names.

    Raises:
        SettingsError: a number is none; ranges are left to the settings' own class.
    """
    return {setting.name: _parsed(setting, params[setting.name]) for setting in described if setting.name in params}


def _parsed(setting: Setting, text: str) -> Any:
    if setting.kind == "switch":
        return {"True": True, "False": False}.get(text, text)
    if setting.kind == "choice":
        return text
    try:
        number = float(text)
    except ValueError:
        raise SettingsError("{name} must be a number, not {text!r:.80}.", name=setting.name, text=text) from None
    return int(number) if setting.kind == "whole" and number.is_integer() else number
