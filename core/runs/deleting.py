"""Runs that go: one that its owner deletes, and those that a host has no room for."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import time
from pathlib import Path

from core.errors import CheckpointError
from core.runs.files import CHECKPOINT_FOLDER, LIMITS, RECORD_FILE, alone

logger = logging.getLogger(__name__)


def delete_run(folder: Path) -> None:
    """Remove a run: first out of sight, then from the disk.

    Raises:
        CheckpointError: there is no run, it is being trained, or its folder holds something else, which nobody wants to
            lose.
    """
    if folder.is_symlink() or not is_run(folder):
        raise CheckpointError("There is no run of that name to delete.")
    own = (*LIMITS, CHECKPOINT_FOLDER)
    others = [path.name for path in folder.iterdir() if path.name not in own and not path.name.startswith(".")]
    if others:
        raise CheckpointError(
            "This run's folder holds other files too ({value}): it is not deleted.",
            value=others[0][:80],
        )
    gone = folder.with_name(f".new-{secrets.token_hex(6)}")
    with alone(folder):
        try:
            folder.rename(gone)
        except OSError as error:
            raise CheckpointError("This run cannot be deleted: its folder cannot be written to.") from error
    shutil.rmtree(gone, ignore_errors=True)


def size_of(folder: Path) -> int:
    """Bytes of all files of a run, checkpoints among them; 0 where it is gone."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # renamed or removed this moment
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def sweep_runs(folder: Path, *, max_bytes: int | None = None, max_age_seconds: float | None = None) -> list[str]:
    """Delete the runs of a folder that were saved longest ago, until the others keep within bounds.

    A run that is being trained stays, however old and large; so does one whose folder holds files of somebody else.

    Args:
        folder: holds runs, as `runs_folder()` does.
        max_bytes: that all runs together may take. None: any number.
        max_age_seconds: since a run was saved for the last time. None: any age.

    Returns:
        the names of the folders that were removed, the oldest first.
    """
    removed = []
    runs = _oldest_first(folder)
    sizes = {path: size_of(path) for path, _ in runs}
    total = sum(sizes.values())
    for path, saved_at in runs:
        too_old = max_age_seconds is not None and time.time() - saved_at > max_age_seconds
        if not too_old and (max_bytes is None or total <= max_bytes):
            continue
        try:
            delete_run(path)
        except CheckpointError as error:
            logger.info("the run %s stays: %s", path.name, error)
            continue
        total -= sizes[path]
        removed.append(path.name)
    return removed


def is_run(folder: Path) -> bool:
    """Whether there is a run in that folder, whole or damaged."""
    try:
        return (folder / RECORD_FILE).is_file()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False


def _oldest_first(folder: Path) -> list[tuple[Path, float]]:
    """The runs of a folder and when each was saved; the time in a record is what somebody wrote there."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                if not path.name.startswith(".") and not path.is_symlink():
                    found.append((path, (path / RECORD_FILE).stat().st_mtime))
    return sorted(found, key=lambda run: (run[1], run[0].name))
