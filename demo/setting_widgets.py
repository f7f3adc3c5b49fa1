"""Widgets made from the settings of `core`: title, sentence, range and default are written there."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.errors import SettingsError
from core.settings import Setting
from core.texts import say
from demo.languages import tr

# A slider with more stops than this cannot be set with a finger.
_SLIDER_STOPS = 100
_A_DECADE = (1, 3)


def widget_of(setting: Setting, *, elem_id: str) -> gr.components.Component:
    """The component for one setting. Ranges of numbers are left to `core`, whose messages say what to do."""
    common = {"label": tr(setting.title), "info": tr(setting.about), "elem_id": elem_id, "min_width": 200}
    if setting.kind == "switch":
        return gr.Checkbox(setting.default, **common)
    if setting.kind == "choice":
        return gr.Dropdown(list(setting.choices), value=setting.default, **common)
    if setting.logarithmic:
        return gr.Dropdown(ladder(setting), value=plain(setting.default), allow_custom_value=True, **common)
    step = 1 if setting.kind == "whole" else 0.01
    if (setting.high - setting.low) / step <= _SLIDER_STOPS:
        return gr.Slider(setting.low, setting.high, value=setting.default, step=step, **common)
    return gr.Number(setting.default, **common)


def ladder(setting: Setting) -> list[str]:
    """Values of a setting that moves by factors: 1, 3, 10, 30 and so on, its default among them; others can be typed."""
    values = {setting.default, setting.low, setting.high}
    values |= {digit * 10.0**power for power in range(-9, 4) for digit in _A_DECADE}
    return [plain(value) for value in sorted(values) if setting.low <= value <= setting.high and value < 1e6]


def plain(value: float) -> str:
    """A number as people write it: 0.0003, not 3e-04."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def value_of(setting: Setting, value: Any) -> Any:
    """What a widget gives, as `core` wants it."""
    if not setting.logarithmic:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise SettingsError(
            "{title} must be a number such as {default}, not {value!r:.80}.",
            title=say(setting.title),
            default=plain(setting.default),
            value=value,
        ) from None
