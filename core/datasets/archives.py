"""Unpack a zip of class folders that a stranger made.

Nothing in a zip is believed: no name becomes a path (files are written under numbers, their names kept in a list
beside them), no size is taken as told, links and archives inside are not followed. A zip is unpacked once, into a
folder that is named by its content and appears only when it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import places
from core.datasets.archive_limits import ArchiveLimits
from core.datasets.entries import PlannedEntry, plan
from core.datasets.folders import FoundFile
from core.datasets.labelled import LeftOut
from core.errors import DatasetError
from core.texts import Said, from_plain, mark, say, say_n, to_plain

# Changes when a zip would be unpacked otherwise than before.
_VERSION = b"zip 1"
_CONTENTS = "contents.json"
_PIECE_BYTES = 1 << 20
_SLICE_SECONDS = 0.3
# What stays free on the disk, for uploads and the system.
_FREE_BYTES = 1_000_000_000
# Files that the report names; a hostile zip could fill it.
_REPORTED = 1000
_UNFINISHED_SECONDS = 24 * 3600
_UNUSED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class UnpackSnapshot:
    """How far it is, in pictures; the last snapshot has the folder, to be read with `read_contents`."""

    done: int
    total: int
    folder: Path | None = None


def unpack(zip_path: Path, *, limits: ArchiveLimits | None = None) -> Iterator[UnpackSnapshot]:
    """Unpack the pictures of a zip into a folder of `places.unpacked_folder()`.

    What cannot be used is left out and reported in the folder's contents. Who stops in between leaves nothing behind.

    Raises:
        DatasetError: it is no zip, is damaged or encrypted, holds no pictures, exceeds a limit, or the disk is full.
    """
    limits = limits or ArchiveLimits.from_environment()
    yield UnpackSnapshot(0, 0)
    folder = places.unpacked_folder() / _content_hash(zip_path)
    if (folder / _CONTENTS).is_file():
        with contextlib.suppress(OSError):
            os.utime(folder)  # in use: not to be swept away
        yield UnpackSnapshot(1, 1, folder)
        return
    entries, left_out = _read_table(zip_path, limits)
    _sweep(folder.parent)
    temporary = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    try:
        with _disk_errors_told(zip_path):
            temporary.mkdir(parents=True)
        _check_disk(zip_path, temporary, entries)
        budget = limits.max_unpacked_bytes
        written: list[PlannedEntry] = []
        position = 0
        while position < len(entries):
            yield UnpackSnapshot(position, len(entries))
            with _disk_errors_told(zip_path), _open_zip(zip_path, limits) as archive:
                # opening reads the table again: a slice is long against that
                end = time.monotonic() + max(_SLICE_SECONDS, 4 * archive.opened_seconds)
                while position < len(entries) and time.monotonic() < end:
                    entry = entries[position]
                    size, reason = _write(archive.file, entry, temporary / entry.stored_name, limits)
                    budget -= size
                    if budget < 0:
                        raise _too_large(zip_path, limits)
                    if reason is None:
                        written.append(entry)
                    else:
                        left_out.append(LeftOut(entry.name, reason))
                    position += 1
        if not written:
            raise _no_pictures(zip_path, left_out)
        with _disk_errors_told(zip_path):
            _write_contents(temporary, written, left_out)
            _move_into_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    yield UnpackSnapshot(len(entries), len(entries), folder)


def read_contents(folder: Path) -> tuple[list[FoundFile], list[LeftOut]]:
    """What was unpacked into a folder, and what was left out.

    Raises:
        DatasetError: the list is damaged.
    """
    try:
        contents = json.loads((folder / _CONTENTS).read_text(encoding="utf-8"))
        files = [FoundFile(tuple(parts), folder / Path(stored).name) for stored, parts in contents["files"]]
        return files, [LeftOut(from_plain(name), from_plain(reason)) for name, reason in contents["left_out"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError("What was unpacked from this zip is damaged. Give the zip again.") from error


@dataclass(frozen=True)
class _Opened:
    file: zipfile.ZipFile
    opened_seconds: float


class _BoundedFile(io.FileIO):
    """A file that is never read in one huge piece, as `zipfile` reads the table of contents."""

    limit = 0

    def read(self, size: int | None = -1) -> bytes:
        bound = max(self.limit, _PIECE_BYTES)
        if size is None or size < 0:  # the few bytes at its end
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > bound:
            raise DatasetError("This zip lists more files than can be opened here. Make several smaller zips of it.")
        return super().read(size)


@contextlib.contextmanager
def _open_zip(path: Path, limits: ArchiveLimits) -> Iterator[_Opened]:
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        try:
            raw = stack.enter_context(_BoundedFile(path, "rb"))
            raw.limit = limits.max_table_bytes
            archive = stack.enter_context(zipfile.ZipFile(raw))
        except DatasetError:
            raise
        except Exception as error:  # the parser of hostile bytes raises anything
            raise DatasetError(
                "{name} is not a zip that can be opened: it is damaged, cut short, or of another kind. Make the "
                "zip again.",
                name=path.name,
            ) from error
        yield _Opened(archive, time.monotonic() - start)


def _read_table(path: Path, limits: ArchiveLimits) -> tuple[list[PlannedEntry], list[LeftOut]]:
    with _open_zip(path, limits) as archive:
        entries, left_out = plan(archive.file.infolist(), limits)
    if any(reported.reason.startswith("encrypted") for reported in left_out):
        raise DatasetError("{name} is protected by a password. Make a zip without one.", name=path.name)
    if not entries:
        raise _no_pictures(path, left_out)
    if len(entries) > limits.max_images:
        raise DatasetError(
            "{name} holds more than {max_images:,} pictures, which the host of this app allows "
            "(PETLENS_MAX_IMAGES). Make several smaller zips of it.",
            name=path.name,
            max_images=limits.max_images,
        )
    if sum(entry.info.file_size for entry in entries) > limits.max_unpacked_bytes:
        raise _too_large(path, limits)
    return entries, left_out


def _write(
    archive: zipfile.ZipFile, entry: PlannedEntry, target: Path, limits: ArchiveLimits
) -> tuple[int, str | None]:
    """Unpack one file; the bytes that came out, and why it is left out, if it is."""
    size = 0
    reason = None
    try:
        with archive.open(entry.info) as packed, target.open("xb") as unpacked:
            while piece := packed.read(_PIECE_BYTES):
                size += len(piece)
                if size > limits.max_file_bytes:
                    reason = say("larger than {megabytes:,.0f} MB", megabytes=limits.max_file_bytes / 1e6)
                    break
                unpacked.write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError):
        reason = mark("damaged in the zip")
    if reason is not None:
        target.unlink(missing_ok=True)
    return size, reason


def _write_contents(folder: Path, written: Sequence[PlannedEntry], left_out: Sequence[LeftOut]) -> None:
    reported = list(left_out[:_REPORTED])
    if len(left_out) > _REPORTED:
        more = say_n("{count:,} file more", "{count:,} files more", len(left_out) - _REPORTED)
        reported.append(LeftOut(more, mark("left out for such reasons, too")))
    contents = {
        "files": [[entry.stored_name, entry.parts] for entry in written],
        "left_out": [[to_plain(one.name), to_plain(one.reason)] for one in reported],
    }
    (folder / _CONTENTS).write_text(json.dumps(contents), encoding="utf-8")


def _move_into_place(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not (folder / _CONTENTS).is_file():  # else somebody unpacked the same zip meanwhile
            raise


def _content_hash(path: Path) -> str:
    hashed = hashlib.blake2b(_VERSION, digest_size=16)
    try:
        if not path.is_file():
            raise DatasetError("{name} is not a file.", name=path.name)
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                hashed.update(piece)
    except OSError as error:
        raise DatasetError("{name} cannot be opened.", name=path.name) from error
    return hashed.hexdigest()


def _check_disk(path: Path, folder: Path, entries: Sequence[PlannedEntry]) -> None:
    needed = sum(entry.info.file_size for entry in entries)
    if shutil.disk_usage(folder).free < needed + _FREE_BYTES:
        raise DatasetError(
            "The disk is nearly full: there is no room for the {needed:,.0f} MB of {name}.",
            needed=needed / 1e6,
            name=path.name,
        )


@contextlib.contextmanager
def _disk_errors_told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if full:
            raise DatasetError("{name} cannot be unpacked. The disk is full.", name=path.name) from error
        raise DatasetError(
            "{name} cannot be unpacked. The host's folder for unpacked pictures cannot be written.", name=path.name
        ) from error


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half done, and what nobody opened for a week."""
    now = time.time()
    for inside in folder.glob("*") if folder.is_dir() else ():
        unfinished = inside.name.startswith(".")
        with contextlib.suppress(OSError):
            if now - inside.stat().st_mtime > (_UNFINISHED_SECONDS if unfinished else _UNUSED_SECONDS):
                shutil.rmtree(inside, ignore_errors=True)


def _too_large(path: Path, limits: ArchiveLimits) -> DatasetError:
    return DatasetError(
        "{name} unpacks to more than {megabytes:,.0f} MB, which the host of this app allows "
        "(PETLENS_MAX_UNPACKED_MB). Use fewer or smaller pictures.",
        name=path.name,
        megabytes=limits.max_unpacked_bytes / 1e6,
    )


def _no_pictures(path: Path, left_out: Sequence[LeftOut]) -> DatasetError:
    if not left_out:
        return DatasetError(
            "{name} holds no pictures in class folders. Put the pictures of each class into a folder of its own.",
            name=path.name,
        )
    first = left_out[0]
    return DatasetError(
        "{name} holds no pictures in class folders. Left out: {file} ({reason}). Put the pictures of each class into a "
        "folder of its own.",
        name=path.name,
        file=first.name,
        reason=first.reason if isinstance(first.reason, Said) else say(first.reason),
    )
