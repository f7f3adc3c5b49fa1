"""Files that are there whole or not at all, and reading files that anyone may have written.

A run's files change together. New ones are written beside the old under names that carry their digest; replacing
`run.json`, which names the digests, makes them the run's; only then do they take over the plain names. So whatever
moment the process dies at, the digests in `run.json` find a complete set: all old or all new.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from core.errors import CheckpointError
from core.runs.record import StoredFile

logger = logging.getLogger(__name__)

RECORD_FILE = "run.json"
HEAD_FILE = "head.safetensors"
BACKBONE_FILE = "backbone.safetensors"
NETWORK_FILE = "network.safetensors"
HISTORY_FILE = "history.json"
EVALUATION_FILE = "evaluation.json"
CARD_FILE = "README.md"
CHECKPOINT_FOLDER = "checkpoint"
# Empty; who trains the run holds a lock on it.
LOCK_FILE = ".training"

# Bytes that a file of that name may have: together they stay below 2 GiB, so that a zip of them is a plain one.
LIMITS: Mapping[str, int] = {
    RECORD_FILE: 32 << 20,  # 10,000 classes with names of 300 characters
    HEAD_FILE: 200 << 20,
    BACKBONE_FILE: 1400 << 20,
    NETWORK_FILE: 1600 << 20,
    HISTORY_FILE: 32 << 20,
    EVALUATION_FILE: 128 << 20,
    CARD_FILE: 8 << 20,
}

_BLOCK = 1 << 20
_TEMPORARY = ".new-"
_TEMPORARY_SECONDS = 24 * 3600

_one_saves = threading.Lock()


def read_limited(path: Path) -> bytes:
    """A whole file of a run.

    Raises:
        CheckpointError: it is not there, not a file, or over its limit.
    """
    limit = LIMITS[path.name]
    try:
        if not path.is_file():  # a pipe or a device: reading it may never end
            raise CheckpointError("This run has no {name}.", name=path.name)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name of the folder
        raise CheckpointError("{name} cannot be opened.", name=path.name) from error
    if len(data) > limit:
        raise CheckpointError(_too_large(path.name))
    return data


def find_stored(folder: Path, name: str, stored: StoredFile) -> Path:
    """Where the content that `run.json` speaks of lies: under its plain name, or still under that with its digest.

    Raises:
        CheckpointError: there is no such file, or its content is another.
    """
    if stored.size > LIMITS[name]:
        raise CheckpointError(_too_large(name))
    # the plain name twice: it may take over from the other between two looks
    for path in (folder / name, _pending(folder, name, stored), folder / name):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size == stored.size and _digest(path) == stored.digest:
                return path
    raise CheckpointError("{name} of this run is damaged or missing.", name=name)


def stage(folder: Path, name: str, write: Callable[[Path], None]) -> StoredFile:
    """Write a new version of a file beside the old one; `commit` makes it the run's.

    Args:
        write: makes a file at the path that it is given.

    Raises:
        CheckpointError: it would be over its limit.
    """
    temporary = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        write(temporary)
        stored = StoredFile(temporary.stat().st_size, _digest(temporary))
        if stored.size > LIMITS[name]:
            raise CheckpointError(_too_large(name))
        _flush(temporary)
        os.replace(temporary, _pending(folder, name, stored))
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def commit(folder: Path, record: str, files: Mapping[str, StoredFile]) -> None:
    """Replace `run.json`, which turns the staged files into the run's; then put everything in order."""
    temporary = folder / f".{RECORD_FILE}.{secrets.token_hex(4)}"
    try:
        temporary.write_text(record, encoding="utf-8")
        if temporary.stat().st_size > LIMITS[RECORD_FILE]:
            raise CheckpointError(_too_large(RECORD_FILE))
        _flush(temporary)
        _flush(folder)
        os.replace(temporary, folder / RECORD_FILE)
    finally:
        temporary.unlink(missing_ok=True)
    _flush(folder)
    for name, stored in files.items():
        with contextlib.suppress(FileNotFoundError):  # it has its plain name already
            os.replace(_pending(folder, name, stored), folder / name)
    _sweep(folder, files)


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """While this lasts, nobody else changes the run, in this process or another.

    Raises:
        CheckpointError: the run is not there any more.
    """
    with _one_saves:
        try:
            handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
        except OSError as error:
            raise CheckpointError("This run is not there any more: it was deleted or moved.") from error
        try:
            if handle is not None:
                import fcntl  # not on Windows

                with contextlib.suppress(OSError):  # a network folder without locks
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            if handle is not None:
                os.close(handle)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While this lasts, nobody else trains the run or deletes it, in this process or another.

    It is the system's lock on an open file, not a thread's: it may be held across a `yield`, and goes when its process
    dies. Where a system or a network folder has none, nothing is held.

    Raises:
        CheckpointError: somebody has it, or the run is not there any more.
    """
    handle = _locked(folder / LOCK_FILE) if os.name == "posix" else None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _locked(path: Path) -> int:
    """A descriptor that holds a lock for as long as it is open."""
    import fcntl  # not on Windows

    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CheckpointError("This run is not there any more, or its folder cannot be written to.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise CheckpointError("This run is being trained at this moment. Stop that training first.") from error
    except OSError:  # a network folder without locks
        logger.info("there are no locks on this disk: nobody is kept from training this run twice")
    return handle


@contextlib.contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder to build a run in, to be renamed when it is complete; what is left at the end is removed."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep_folders(parent)
        folder = parent / f"{_TEMPORARY}{secrets.token_hex(6)}"
        folder.mkdir()
    except OSError as error:
        raise CheckpointError("The folder of the runs cannot be written to.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_folder(folder: Path, target: Path) -> None:
    """Give a complete folder its name, for good.

    Raises:
        CheckpointError: there is something of that name already.
    """
    try:
        os.rename(folder, target)
    except OSError as error:
        raise CheckpointError(
            "{name} cannot be made: there is something of that name already.", name=target.name
        ) from error
    _flush(target.parent)


def _pending(folder: Path, name: str, stored: StoredFile) -> Path:
    return folder / f".{name}.{stored.digest}"


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path, files: Mapping[str, StoredFile]) -> None:
    """Remove files that the run has no more, and what a save that died left behind."""
    for path in folder.iterdir():
        gone = path.name in LIMITS and path.name not in files and path.name != RECORD_FILE
        # ".tmp...": what safetensors writes to before it renames
        half = path.name.startswith(tuple(f".{name}." for name in LIMITS)) or path.name.startswith(".tmp")
        if gone or (half and path.is_file()):
            path.unlink(missing_ok=True)


def _sweep_folders(parent: Path) -> None:
    """Remove what a process that was killed left half made, a day later: by then nobody is at work on it."""
    for path in parent.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _TEMPORARY_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _too_large(name: str) -> str:
    return f"{name} is too large: at most {LIMITS[name] >> 20} MB."
