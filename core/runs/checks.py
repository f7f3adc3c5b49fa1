"""Values out of a JSON file that anyone may have written: each is of the expected kind, or an error that names it."""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

from core.errors import CheckpointError

MAX_TEXT = 2_000
# Of free-form parts (settings, metrics): values in all, and how deep they may be nested.
_MAX_VALUES = 2_000
_MAX_DEPTH = 4
# Of a whole file: commas and brackets. An evaluation of a million pictures has three million numbers; read into memory,
# a file of this many parts takes less than 500 MB whatever it holds.
_MAX_PARTS = 4_000_000


def parse_object(text: bytes, what: str) -> dict[str, Any]:
    """One JSON object. NaN and infinity, which Python would take, are not JSON.

    How much there is in it is known before it is read: a small file can ask for fifty times its size in memory.

    Args:
        text: of a size that the caller has checked.

    Raises:
        CheckpointError: it is something else, or holds too much.
    """
    if sum(text.count(sign) for sign in (b",", b"[", b"{")) > _MAX_PARTS:
        raise CheckpointError("{what} holds too much: more than {max_parts:,} values.", what=what, max_parts=_MAX_PARTS)
    try:
        parsed = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # RecursionError: lists in lists, thousands deep
        raise CheckpointError("{what} is damaged: it is not JSON.", what=what) from error
    if not isinstance(parsed, dict):
        raise CheckpointError("{what} is damaged: it must hold one JSON object.", what=what)
    return parsed


def text_of(value: Any, what: str, *, low: int = 0, high: int = MAX_TEXT) -> str:
    """A text of `low` to `high` characters that can be shown: no control characters, no halves of a character."""
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise CheckpointError("{what} must be a text of {low} to {high} characters.", what=what, low=low, high=high)
    if any(map(_is_hidden, value)):
        raise CheckpointError("{what} holds characters that cannot be shown.", what=what)
    return value


def shown_text(text: str, *, high: int) -> str:
    """A text from anywhere as `text_of` takes it: no more than `high` characters, spaces for what cannot be shown."""
    words = "".join(" " if _is_hidden(letter) else letter for letter in text).split()
    shown = " ".join(words)
    return shown if len(shown) <= high else f"{shown[: high - 1].rstrip()}…"


def whole_of(value: Any, what: str, low: int, high: int) -> int:
    """A whole number in its range."""
    if type(value) is not int or not low <= value <= high:  # bool is a kind of int
        raise CheckpointError("{what} must be a whole number from {low} to {high}.", what=what, low=low, high=high)
    return value


def real_of(value: Any, what: str, low: float, high: float) -> float:
    """A finite number in its range."""
    if type(value) not in (int, float) or not low <= value <= high:  # NaN fails the comparison
        raise CheckpointError("{what} must be a number from {low:g} to {high:g}.", what=what, low=low, high=high)
    return float(value)


def finite_of(value: Any, what: str) -> float:
    """Any finite number: the losses of a training that diverges may be as large as numbers get."""
    most = sys.float_info.max
    if type(value) not in (int, float) or not -most <= value <= most:  # NaN fails the comparison
        raise CheckpointError("{what} must be a number.", what=what)
    return float(value)


def one_of(value: Any, what: str, choices: tuple[str, ...]) -> str:
    """One of several names."""
    if not isinstance(value, str) or value not in choices:
        raise CheckpointError("{what} must be one of {names}.", what=what, names=", ".join(choices))
    return value


def list_of(value: Any, what: str, high: int) -> tuple:
    """A list (or tuple) of at most `high` values."""
    if not isinstance(value, (list, tuple)) or len(value) > high:
        raise CheckpointError("{what} must be a list of at most {high} values.", what=what, high=high)
    return tuple(value)


def object_of(value: Any, what: str, high: int) -> dict[str, Any]:
    """A mapping from at most `high` names to anything."""
    if not isinstance(value, Mapping) or len(value) > high:
        raise CheckpointError("{what} must be an object of at most {high} entries.", what=what, high=high)
    return {text_of(key, f"A name in {what}", low=1, high=100): entry for key, entry in value.items()}


def plain_of(value: Any, what: str) -> dict[str, Any]:
    """A mapping of plain values: texts, finite numbers, true, false, null, and lists and objects of them."""
    left = _MAX_VALUES

    def checked(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > _MAX_DEPTH:
            raise CheckpointError("{what} holds too much.", what=what)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return text_of(value, f"A text in {what}")
        if isinstance(value, int) and abs(value) < 1 << 63:
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if isinstance(value, (list, tuple)):
            return [checked(entry, depth + 1) for entry in value]
        if isinstance(value, Mapping):
            return {key: checked(entry, depth + 1) for key, entry in object_of(value, what, _MAX_VALUES).items()}
        raise CheckpointError("{what} holds a value that is not plain: {value}.", what=what, value=repr(value)[:80])

    return checked(object_of(value, what, _MAX_VALUES), 0)


def _is_hidden(letter: str) -> bool:
    """A control character, or half of one that is written in two parts (as file names that are no text have)."""
    return unicodedata.category(letter) in ("Cc", "Cs")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
