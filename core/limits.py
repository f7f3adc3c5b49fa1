"""What a host allows, wherever `core` is used from: each an environment variable, read when it is needed.

What a page allows its visitors besides is in `demo/context.py`.
"""

from __future__ import annotations

import os

from core.errors import SettingsError


def max_picture_pixels() -> int:
    """Of one picture that is read: `PETLENS_MAX_MEGAPIXELS`, by default 50 million; Pillow opens none above 178 million."""
    return 1_000_000 * whole_number("PETLENS_MAX_MEGAPIXELS", 50, high=178)


def max_backbones() -> int:
    """Networks kept in memory: `PETLENS_MAX_BACKBONES`, by default 6."""
    return whole_number("PETLENS_MAX_BACKBONES", 6)


def max_weights_bytes() -> int:
    """Of one weights file that is fetched: `PETLENS_MAX_WEIGHTS_MB`, by default 1,000."""
    return 1_000_000 * whole_number("PETLENS_MAX_WEIGHTS_MB", 1000, low=0)


def max_embeddings_bytes() -> int:
    """Of all embeddings on disk: `PETLENS_MAX_EMBEDDINGS_MB`, by default 2,000."""
    return 1_000_000 * whole_number("PETLENS_MAX_EMBEDDINGS_MB", 2000, low=0)


def max_dataset_images() -> int:
    """In one zip or set of folders: `PETLENS_MAX_IMAGES`, by default 20,000."""
    return whole_number("PETLENS_MAX_IMAGES", 20_000)


def max_unpacked_bytes() -> int:
    """Of one zip, unpacked: `PETLENS_MAX_UNPACKED_MB`, by default 2,000."""
    return 1_000_000 * whole_number("PETLENS_MAX_UNPACKED_MB", 2000)


ALL = (
    max_picture_pixels,
    max_backbones,
    max_weights_bytes,
    max_embeddings_bytes,
    max_dataset_images,
    max_unpacked_bytes,
)


def check() -> None:
    """Read all of them: who starts an app wants to hear of a wrong one then, not from a visitor.

    Raises:
        SettingsError: names the variable.
    """
    for limit in ALL:
        limit()


def whole_number(variable: str, default: int | None = None, *, low: int = 1, high: int = 10**9) -> int:
    """What an environment variable says, or the default, if there is one, where it is not set.

    Raises:
        SettingsError: it is not a whole number from `low` to `high`.
    """
    text = os.environ.get(variable, "" if default is None else str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 16) or not low <= int(text) <= high:
        raise SettingsError(
            "{variable} is {text!r}; it must be a whole number from {low} to {high:,}.",
            variable=variable,
            text=text[:80],
            low=low,
            high=high,
        )
    return int(text)
