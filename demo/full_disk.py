"""A full disk, in words: where our own work meets it, and where Gradio does, which stores each picture and file that it shows."""

from __future__ import annotations

import errno
import logging
from typing import Any

import gradio as gr

from demo.languages import Language, mark, speaking, spoken, tr

logger = logging.getLogger(__name__)

FULL_DISK = mark(
    "The disk of this machine is full, so that nothing new can be kept. What is there stays. Tell whoever runs this page to "
    "make room, then try again."
)
# EFBIG: a limit to the size of files, as some hosts set it
_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that there is no room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _CODES:
            return True
        error = error.__cause__
    return False


def note_full_disk(error: BaseException) -> None:
    """A line in the log, for whoever is told by visitors."""
    while error.__cause__ is not None:
        error = error.__cause__
    logger.error("the disk is full: %s", error)


class Page(gr.Blocks):
    """A page that says so when Gradio finds no room for what it should show.

    Attributes:
        language_of: by the number of an event, what its handler speaks.
    """

    def __init__(self, **options: Any) -> None:
        self.language_of: dict[int, Language] = {}
        super().__init__(**options)

    async def process_api(self, block_fn: Any, *given: Any, **named: Any) -> dict[str, Any]:
        """As Gradio does.

        Raises:
            gr.Error: the disk is full.
        """
        try:
            return await super().process_api(block_fn, *given, **named)
        except Exception as error:  # Gradio may have wrapped it
            if not is_full_disk(error):
                raise
            note_full_disk(error)
            number = block_fn if isinstance(block_fn, int) else block_fn._id
            with speaking(self.language_of.get(number, spoken())):
                raise gr.Error(tr(FULL_DISK), print_exception=False) from error
