"""A full disk, in words: where our own work meets it, and where Gradio does, which stores each picture and file that it shows."""

from __future__ import annotations

import errno
from typing import Any

import gradio as gr

from demo.languages import mark, tr

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


class Page(gr.Blocks):
    """A page that says so when Gradio finds no room for what it should show."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """As Gradio does.

        Raises:
            gr.Error: the disk is full.
        """
        try:
            return await super().process_api(*given, **named)
        except Exception as error:  # Gradio may have wrapped it
            if not is_full_disk(error):
                raise
            raise gr.Error(tr(FULL_DISK), print_exception=False) from error
