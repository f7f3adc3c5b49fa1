"""May anything be fetched from the internet, and how much?

The host decides: `PETLENS_FETCH=0` keeps everything, weights and data sets alike, on the machine.
"""

from __future__ import annotations

import os

from core.errors import SettingsError


def fetching_is_allowed() -> bool:
    """Whether the host lets the app fetch: neither `PETLENS_FETCH=0` nor the hub's own `HF_HUB_OFFLINE=1` is set."""
    return os.environ.get("PETLENS_FETCH", "1") != "0" and os.environ.get("HF_HUB_OFFLINE", "0") != "1"


def max_weights_bytes() -> int:
    """The largest weights file that may be fetched: `PETLENS_MAX_WEIGHTS_MB`, by default 1,000."""
    text = os.environ.get("PETLENS_MAX_WEIGHTS_MB", "1000")
    if not text.isdecimal():
        raise SettingsError(f"PETLENS_MAX_WEIGHTS_MB is {text!r}; it must be a whole number of megabytes.")
    return int(text) * 1_000_000
