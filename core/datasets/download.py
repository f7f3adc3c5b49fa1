"""Fetch a published data set into the folder of all data, while somebody watches.

The work runs on a thread of its own, because a silent server can hold a socket for seconds. All who want the same data
set watch the same download; processes take turns by a lock file, which the system frees when one dies. Each step can be
cut off at any byte: a part of a file is continued, a half-unpacked folder is under another name and thrown away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from core import fetching
from core.datasets.published import PUBLISHED, Published, unpack_published
from core.datasets.transfer import Stopped, transfer
from core.errors import DatasetError, PetLensError

logger = logging.getLogger(__name__)

Phase = Literal["waiting", "downloading", "checking", "unpacking", "ready"]

# In the folder of all data: on the same disk, so that a complete folder is moved there in one step.
WORKING_FOLDER = ".fetching"
_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class FetchProgress:
    """How far it is.

    Attributes:
        phase: what is going on; "waiting" while another process fetches the same.
        received_bytes: of all archives of the data set: received, or in the other phases checked or unpacked, too.
        total_bytes: of all its archives.
    """

    phase: Phase
    received_bytes: int
    total_bytes: int


class _Download:
    """One data set on its way, shared by all who asked for it."""

    def __init__(self, archives: Sequence[Published], data: Path) -> None:
        self.archives = archives
        self.data = data
        self.finished: Future[None] = Future()
        self.stop = threading.Event()
        self.watchers = 0
        self.progress = FetchProgress("waiting", 0, sum(archive.size_bytes for archive in archives))

    def report(self, phase: Phase, before: int, done: int) -> None:
        if self.stop.is_set():
            raise Stopped
        self.progress = FetchProgress(phase, before + done, self.progress.total_bytes)


_under_way: dict[tuple[Path, tuple[Published, ...]], _Download] = {}
_lock = threading.Lock()


def fetch_dataset(name: str, *, data: Path) -> Iterator[FetchProgress]:
    """Download a data set and unpack it; after the last snapshot, "ready", it can be opened.

    Who stops listening stops the download, unless somebody else listens; the next call continues it.

    Raises:
        DatasetError: there is nothing to download under this name, the host does not allow it, the server is silent or
            out of reach, what it sends is not the known file, or the disk is full.
    """
    archives = published_archives(name)
    total = sum(archive.size_bytes for archive in archives)
    if all(archive.is_unpacked(data) for archive in archives):
        yield FetchProgress("ready", total, total)
        return
    if not fetching.fetching_is_allowed():
        raise DatasetError(
            "{name} is not here, and the host of this app lets nothing be fetched (PETLENS_FETCH=0). Use "
            "drawn-pets, which needs no download, or ask the host.",
            name=name,
        )
    download = _join(archives, data)
    try:
        while not wait([download.finished], timeout=_TICK_SECONDS).done:
            yield download.progress
        download.finished.result()
    except PetLensError:
        raise
    except Exception as error:
        raise DatasetError(
            "{name} could not be fetched: its folder cannot be written. Is the disk full?", name=name
        ) from error
    finally:
        _leave(download)
    yield FetchProgress("ready", total, total)


def published_archives(name: str) -> tuple[Published, ...]:
    """What has to be downloaded for a data set.

    Raises:
        DatasetError: nothing is known under this name.
    """
    if name == "oxford-pets-species":
        name = "oxford-pets"
    if name not in PUBLISHED:
        raise DatasetError(
            "There is nothing to download for {name}. Data sets to download: {names}.",
            name=name,
            names=", ".join(PUBLISHED),
        )
    return PUBLISHED[name]


def _join(archives: tuple[Published, ...], data: Path) -> _Download:
    key = (data.resolve(), archives)
    with _lock:
        download = _under_way.get(key)
        if download is None or download.stop.is_set():
            download = _under_way[key] = _Download(archives, data)
            thread = threading.Thread(target=_run, args=(key, download), name=f"fetch {archives[0].file}", daemon=True)
            thread.start()
        download.watchers += 1
        return download


def _leave(download: _Download) -> None:
    with _lock:
        download.watchers -= 1
        if not download.watchers:
            download.stop.set()


def _run(key: tuple[Path, tuple[Published, ...]], download: _Download) -> None:
    try:
        for number in range(len(download.archives)):
            _fetch_one(download, number)
    except BaseException as error:
        _forget(key, download)
        download.finished.set_exception(error)
    else:
        _forget(key, download)
        download.finished.set_result(None)


def _forget(key: tuple[Path, tuple[Published, ...]], download: _Download) -> None:
    with _lock:
        if _under_way.get(key) is download:
            del _under_way[key]


def _fetch_one(download: _Download, number: int) -> None:
    archive = download.archives[number]
    before = sum(other.size_bytes for other in download.archives[:number])
    if archive.is_unpacked(download.data):
        return
    folder = download.data / WORKING_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / archive.file
    lock = FileLock(folder / f"{archive.file}.lock")
    _acquire(lock, download, file, before)
    try:
        if archive.is_unpacked(download.data):  # by another process, meanwhile
            return
        if not file.exists():
            transfer(
                archive.url,
                file,
                size_bytes=archive.size_bytes,
                checksum=archive.checksum,
                stop=download.stop,
                on_progress=lambda phase, done: download.report(phase, before, done),
            )
        _unpack(download, archive, file, before)
        file.unlink()
    finally:
        lock.release()
    logger.info("fetched %s", archive.file)


def _unpack(download: _Download, archive: Published, file: Path, before: int) -> None:
    try:
        unpack_published(
            archive,
            file,
            download.data,
            on_progress=lambda done: download.report("unpacking", before, min(done, archive.size_bytes)),
        )
    except DatasetError:
        file.unlink(missing_ok=True)  # damaged on our disk: the next call fetches it anew
        raise


def _acquire(lock: FileLock, download: _Download, file: Path, before: int) -> None:
    while True:
        try:
            lock.acquire(timeout=_TICK_SECONDS)
            return
        except Timeout:
            part = file.with_name(file.name + ".part")
            try:
                received = part.stat().st_size
            except OSError:  # complete, or not begun
                received = file.stat().st_size if file.exists() else 0
            download.report("waiting", before, received)
