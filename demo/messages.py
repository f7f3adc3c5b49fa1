"""Errors as messages: what a visitor may read, and nothing else."""

from __future__ import annotations

import logging

from core.errors import PetLensError
from demo.languages import tr

logger = logging.getLogger(__name__)


def message_for(error: Exception) -> str:
    """Our own errors say what is wrong; any other is logged, and only said to be our fault."""
    if isinstance(error, PetLensError):
        return tr(error.words, **error.values)
    logger.error("unexpected error", exc_info=error)
    return tr("Something went wrong inside Pet Lens. It is not your fault; the host finds the details in the log.")
