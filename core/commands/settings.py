"""Settings as options of the command line: name, range and sentence come from the settings themselves."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from typing import Any

from core.settings import Setting


def add_setting_option(
    group: argparse._ArgumentGroup, setting: Setting, defaults: Sequence[Any], *, more_choices: Sequence[str] = ()
) -> None:
    """An option for a setting. Where it is not given, the parsed options do not have it.

    Args:
        defaults: what the help says in brackets, once each.
        more_choices: beside the setting's own, where another one shares the option.
    """
    option = f"--{setting.name.replace('_', '-')}"
    said = dict.fromkeys(str(default) for default in defaults)
    about = f"{setting.about} [{' / '.join(said)}]".replace("%", "%%")
    if setting.kind == "switch":
        group.add_argument(option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=about)
    elif setting.kind == "choice":
        choices = tuple(dict.fromkeys((*setting.choices, *more_choices)))
        group.add_argument(option, choices=choices, default=argparse.SUPPRESS, help=about)
    else:
        group.add_argument(option, type=_number, default=argparse.SUPPRESS, metavar="N", help=about)


def _number(text: str) -> float | int:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a number")
