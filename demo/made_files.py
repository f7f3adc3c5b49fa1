"""Files that are made for one download, each in a temporary folder that goes when Gradio has its copy."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path


def new_file(title: str, suffix: str, *, folder: Path | None = None) -> Path:
    """Where a file may be written, in a new temporary folder unless one is given.

    Args:
        title: words of a person, of which letters and digits stay.
        suffix: with its dot.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="pet-lens-"))
    name = "".join(c if c.isalnum() else "-" for c in title.casefold())[:60] or "picture"
    return folder / f"{name}{suffix}"


def discard(files: Iterable[str]) -> None:
    """Delete files and their folders, on a thread of its own: this may be called on the event loop."""
    folders = {Path(file).parent for file in files}
    threading.Thread(target=_delete, args=(folders,), name="discard", daemon=True).start()


def _delete(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
