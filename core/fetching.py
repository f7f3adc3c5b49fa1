"""May anything be fetched from the internet, and how much?

The host decides: `PETLENS_FETCH=0` keeps everything, weights and data sets alike, on the machine.
"""

from __future__ import annotations

import os

from huggingface_hub import constants

from core.errors import SettingsError


def fetching_is_allowed() -> bool:
    """Whether the host lets the app fetch: neither `PETLENS_FETCH=0` nor the hub's own `HF_HUB_OFFLINE` is set.

    Raises:
        SettingsError: `PETLENS_FETCH` is neither 0 nor 1. A switch for safety must not stay on because of a typo.
    """
    switch = os.environ.get("PETLENS_FETCH", "1")
    if switch not in ("0", "1"):
        raise SettingsError("PETLENS_FETCH is {switch!r}; it must be 0 or 1.", switch=switch)
    return switch == "1" and not constants.HF_HUB_OFFLINE
