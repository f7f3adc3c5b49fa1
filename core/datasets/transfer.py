"""Bring one large file here over HTTP: resumed after a cut, checked, in place only when it is complete."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from core.errors import DatasetError

# Time without a byte after which we give up.
PATIENCE_SECONDS = 10.0
# Connections in a row that break before they bring anything new.
_TRIES = 3
# What stays free on the disk, for uploads and the system.
_FREE_BYTES = 1_000_000_000


class Stopped(Exception):
    """Nobody waits for the file any more."""


def transfer(
    url: str,
    target: Path,
    *,
    size_bytes: int,
    checksum: str,
    stop: threading.Event,
    on_progress: Callable[[str, int], None],
) -> None:
    """Download a file; what a cut, a stop or a killed process left in `TARGET.part` is continued.

    Args:
        url: http or https; redirects are followed.
        target: the complete, checked file. Its folder exists; only one process at a time writes there.
        size_bytes: of the file.
        checksum: algorithm and hex digits.
        stop: set by who does not want it any more.
        on_progress: called with the phase, "downloading" or "checking", and its bytes so far.

    Raises:
        DatasetError: the server is silent, out of reach, has no such file or another one; the disk is full.
        Stopped: `stop` was set.
    """
    part = target.with_name(target.name + ".part")
    while True:
        resumed = _size(part)
        _check_disk(target, size_bytes, resumed)
        _receive_all(url, part, size_bytes, stop, lambda received: on_progress("downloading", received))
        if _is_right(part, checksum, stop, lambda checked: on_progress("checking", checked)):
            part.replace(target)
            return
        part.unlink()
        if not resumed:
            raise DatasetError(
                "What {host} sent as {name} is damaged or not the file that is known here: its checksum is wrong. "
                "Try again later.",
                host=httpx.URL(url).host,
                name=target.name,
            )
        # the old beginning may be of another version: once more, from the first byte on


def _receive_all(url: str, part: Path, size_bytes: int, stop: threading.Event, report: Callable[[int], None]) -> None:
    host = httpx.URL(url).host
    tries, furthest = 0, _size(part)
    while _size(part) != size_bytes:
        if _size(part) > size_bytes:
            part.unlink()
        try:
            _receive(url, part, size_bytes, stop, report)
        except httpx.TimeoutException as error:
            raise DatasetError(
                "{host} has sent nothing for {patience_seconds:.0f} seconds. Try again: what is here already is kept.",
                host=host,
                patience_seconds=PATIENCE_SECONDS,
            ) from error
        except httpx.HTTPError as error:
            # Getting as far as before is no progress: a server that begins anew each time must not keep us for ever.
            tries = 0 if _size(part) > furthest else tries + 1
            furthest = max(furthest, _size(part))
            if tries >= _TRIES:
                raise DatasetError(
                    "{host} cannot be reached, or the connection breaks each time. Check the internet connection "
                    "and try again: what is here already is kept.",
                    host=host,
                ) from error
        except OSError as error:
            raise DatasetError("{stem} cannot be written: is the disk full?", stem=part.stem) from error
        stop.wait(0.1 * tries)


def _receive(url: str, part: Path, size_bytes: int, stop: threading.Event, report: Callable[[int], None]) -> None:
    """One connection."""
    start = _size(part)
    # Compressed on the way, it would be another file. Ranges count the bytes that are sent.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE_SECONDS, follow_redirects=True) as answer:
        start = _start_of(answer, start, size_bytes, part)
        # Unbuffered, and in the pieces that come: a killed process loses nothing that it received.
        with part.open("r+b" if start else "wb", buffering=0) as file:
            file.seek(start)
            for piece in answer.iter_raw():
                if stop.is_set():
                    raise Stopped
                start += len(piece)
                if start > size_bytes:
                    raise _another_file(answer, part)
                file.write(piece)
                report(start)
    if start < size_bytes:
        raise httpx.RemoteProtocolError("the answer ended early")


def _start_of(answer: httpx.Response, asked: int, size_bytes: int, part: Path) -> int:
    """The byte that the answer begins with: the one asked for, or 0 where the server sends the whole file."""
    name, host = part.stem, answer.url.host
    if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.unlink(missing_ok=True)
        raise _another_file(answer, part)  # it ends before the byte that is missing here
    if answer.status_code in (404, 410):
        raise DatasetError(
            "{host} has no file {name} any more (error {status_code}). Use another data set.",
            host=host,
            name=name,
            status_code=answer.status_code,
        )
    if answer.status_code not in (200, 206):
        raise DatasetError(
            "{host} does not give {name} (error {status_code}). Try again later.",
            host=host,
            name=name,
            status_code=answer.status_code,
        )
    if answer.status_code == 206:
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if told and told[2] not in ("*", str(size_bytes)):
            part.unlink(missing_ok=True)
            raise _another_file(answer, part)
        if not told or int(told[1]) != asked:
            part.unlink(missing_ok=True)
            raise httpx.RemoteProtocolError("the server sends another part")
        return asked
    length = answer.headers.get("Content-Length", str(size_bytes))
    if length != str(size_bytes):
        raise _another_file(answer, part)
    return 0


def _another_file(answer: httpx.Response, part: Path) -> DatasetError:
    return DatasetError(
        "{host} sends something else as {name} than the file that is known here: its size is wrong. Perhaps the network "
        "shows a page to sign in. Try again later.",
        host=answer.url.host,
        name=part.stem,
    )


def _is_right(file: Path, checksum: str, stop: threading.Event, report: Callable[[int], None]) -> bool:
    algorithm, expected = checksum.split(":")
    hashed = hashlib.new(algorithm, usedforsecurity=False)
    with file.open("rb") as content:
        while piece := content.read(1 << 22):
            if stop.is_set():
                raise Stopped
            hashed.update(piece)
            report(content.tell())
    return hashed.hexdigest() == expected


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):
        return file.stat().st_size
    return 0


def _check_disk(target: Path, size_bytes: int, received_bytes: int) -> None:
    """Is there room for the rest of the file and, photos do not shrink in an archive, for what it unpacks to?"""
    needed = max(0, size_bytes - received_bytes) + size_bytes
    if shutil.disk_usage(target.parent).free < needed + _FREE_BYTES:
        raise DatasetError(
            "The disk is nearly full: {name} needs {needed:,.0f} MB to be downloaded and unpacked.",
            name=target.name,
            needed=needed / 1e6,
        )
