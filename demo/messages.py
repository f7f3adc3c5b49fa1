"""Errors as messages: what a visitor may read, and nothing else."""

from __future__ import annotations

import logging

from core.errors import PetLensError
from demo.full_disk import FULL_DISK, is_full_disk, note_full_disk
from demo.languages import tr

logger = logging.getLogger(__name__)


def message_for(error: Exception) -> str:
    """Our own errors say what is wrong; any other but a full disk is logged, and only said to be our fault."""
    if is_full_disk(error):
        note_full_disk(error)
        return tr(FULL_DISK)
    if isinstance(error, PetLensError):
        return tr(error.words, **error.values)
    logger.error("unexpected error", exc_info=error)
    return tr("Something went wrong inside Pet Lens. It is not your fault; the host finds the details in the log.")
