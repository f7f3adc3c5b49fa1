"""Fetch weights from the hub, through timm, with a limit on their size and on anybody's patience.

The download itself is timm's (and so huggingface_hub's: resumed after a cut, checked for size, moved into place when
complete). It runs on a thread of its own, because a server that sends nothing can hold a socket for minutes: the
caller waits only while bytes arrive.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path

import timm.models
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from safetensors import SafetensorError

from core import limits
from core.backbones.sources import SAFE_FILE, find_in_hub_cache
from core.errors import BackboneError, PetLensError

# Time without a byte after which the caller gives up.
PATIENCE_SECONDS = 10.0
_METADATA_SECONDS = 8.0
# huggingface_hub writes to the disk in pieces of 10 MiB: below 1 MB a second that looks like silence.
_PIECE_BYTES = 1 << 16
# What stays free on the disk, for uploads and the system.
_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class FetchSnapshot:
    """How far a download is. `total_bytes` is None until the hub has answered."""

    received_bytes: int
    total_bytes: int | None


class _Download:
    """One file on its way, shared by all who asked for it."""

    def __init__(self, hub_id: str) -> None:
        self.finished: Future[None] = Future()
        self.total_bytes: int | None = None
        self._hub_id = hub_id
        self._bytes_before = received_bytes(hub_id)  # an older version, or what a killed process left behind

    def snapshot(self) -> FetchSnapshot:
        return FetchSnapshot(max(0, received_bytes(self._hub_id) - self._bytes_before), self.total_bytes)


_under_way: dict[str, _Download] = {}
_lock = threading.Lock()


def fetch_weights(hub_id: str) -> Iterator[FetchSnapshot]:
    """Download `model.safetensors` of a hub repository into the hub's cache; the last snapshot means that it is there.

    Who asks for a file that is already on its way watches the same download.

    Raises:
        BackboneError: not on the hub, too large, or the hub cannot be reached or sends nothing for `PATIENCE_SECONDS`.
    """
    with _lock:
        download = _under_way.get(hub_id)
        if download is None:
            download = _under_way[hub_id] = _Download(hub_id)
            threading.Thread(target=_run, args=(hub_id, download), name=f"fetch {hub_id}", daemon=True).start()
    received, moved_at = -1, time.monotonic()
    while not wait([download.finished], timeout=0.1).done:
        snapshot = download.snapshot()
        if snapshot.received_bytes > received:  # fewer: thrown away after a cut, and no progress when they come again
            received, moved_at = snapshot.received_bytes, time.monotonic()
            yield snapshot
        if time.monotonic() - moved_at > PATIENCE_SECONDS:
            raise BackboneError(
                "The hub has sent nothing for {patience_seconds:.0f} seconds. Try again later.",
                patience_seconds=PATIENCE_SECONDS,
            )
    try:
        download.finished.result()
    except PetLensError:
        raise
    except Exception as error:
        raise _in_plain_words(hub_id, error) from error
    yield FetchSnapshot(download.total_bytes, download.total_bytes)


def received_bytes(hub_id: str) -> int:
    """Bytes of this repository in the hub's cache, those of an unfinished download included."""
    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=hub_id, repo_type="model") / "blobs"
    total = 0
    for blob in blobs.glob("*") if blobs.is_dir() else ():
        try:
            total += blob.stat().st_size
        except OSError:  # renamed between the two calls
            continue
    return total


def _run(hub_id: str, download: _Download) -> None:
    try:
        metadata = get_hf_file_metadata(hf_hub_url(hub_id, SAFE_FILE), timeout=_METADATA_SECONDS)
        _check_size(hub_id, metadata.size)
        download.total_bytes = metadata.size
        # Read by huggingface_hub at each download; its other protocol, Xet, writes where progress cannot be seen.
        constants.DOWNLOAD_CHUNK_SIZE = _PIECE_BYTES
        constants.HF_HUB_DISABLE_XET = True
        timm.models.load_state_dict_from_hf(hub_id, SAFE_FILE)
        if find_in_hub_cache(hub_id) is None:
            raise BackboneError("{hub_id} was fetched but is not in the hub's cache: is the disk full?", hub_id=hub_id)
    except BaseException as error:
        if isinstance(error, SafetensorError):
            _discard(hub_id)
        _forget(hub_id)
        download.finished.set_exception(error)
    else:
        _forget(hub_id)
        download.finished.set_result(None)


def _forget(hub_id: str) -> None:
    with _lock:
        _under_way.pop(hub_id, None)


def _discard(hub_id: str) -> None:
    """Remove a damaged file, so that the next try fetches it anew."""
    link = find_in_hub_cache(hub_id)
    if link is not None:
        link.resolve().unlink(missing_ok=True)
        link.unlink(missing_ok=True)


def _check_size(hub_id: str, size: int | None) -> None:
    limit = limits.max_weights_bytes()
    if size is None:
        raise BackboneError("The hub does not say how large {hub_id} is; it is not fetched.", hub_id=hub_id)
    if size > limit:
        raise BackboneError(
            "{hub_id} takes {size:,.0f} MB; the host of this app allows {limit:,.0f} MB (PETLENS_MAX_WEIGHTS_MB).",
            hub_id=hub_id,
            size=size / 1e6,
            limit=limit / 1e6,
        )
    folder = Path(constants.HF_HUB_CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < size + _FREE_BYTES:
        raise BackboneError(
            "The disk is nearly full: there is no room for the {size:,.0f} MB of {hub_id}.",
            size=size / 1e6,
            hub_id=hub_id,
        )


def _in_plain_words(hub_id: str, error: Exception) -> BackboneError:
    if isinstance(error, GatedRepoError):
        return BackboneError(
            "The hub gives {hub_id} only to people who accepted its terms. Choose another network.", hub_id=hub_id
        )
    if isinstance(error, RepositoryNotFoundError):
        return BackboneError("The hub has no weights called {hub_id}. Choose another network.", hub_id=hub_id)
    if isinstance(error, SafetensorError):
        return BackboneError(
            "What the hub sent as {hub_id} is damaged or not in the safetensors format. Try again later.", hub_id=hub_id
        )
    # the local one only says that there was no answer
    if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return BackboneError(
            "{hub_id} has no weights in the safetensors format, the only one that is opened here.", hub_id=hub_id
        )
    if isinstance(error, OSError) and error.errno == 28:
        return BackboneError("The disk is full: there is no room for the weights.")
    return BackboneError(
        "The hub cannot be reached, or the connection broke. Check the internet connection and try again."
    )
