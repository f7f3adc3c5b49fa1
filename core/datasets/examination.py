"""Which picture files can be read, and which are the same.

Every file is decoded once, small; what was found is kept in `home()/examined`, by name, size and time, so that a
folder is examined once and not at each opening.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import places
from core.datasets.labelled import LeftOut
from core.errors import ImageError
from core.images import MAX_FILE_BYTES, read_image
from core.streams import in_chunks
from core.texts import first_sentence, from_plain, mark, say, to_plain

logger = logging.getLogger(__name__)

# Changes when files would be judged otherwise than before.
_VERSION = 1
# Decoding a JPEG at an eighth of its size finds the same damage: all its bytes are read.
_SHORT_SIDE_PX = 32
_CHUNK = 16
# So that who was cut off has not to begin again.
_STORE_EVERY = 4096


@dataclass(frozen=True)
class Verdict:
    """What is known of one file.

    Attributes:
        key: hex digits that name its content; empty where it could not be opened.
        is_jpeg: whether it begins as a JPEG does, whatever it is called.
        reason: why it cannot be read; None where it can.
    """

    key: str
    is_jpeg: bool
    reason: str | None


@dataclass(frozen=True, eq=False)
class ExaminationSnapshot:
    """How far it is; the last snapshot has the verdicts, in the order of the paths."""

    done: int
    total: int
    verdicts: tuple[Verdict, ...] | None = None


def examine(paths: Sequence[Path], *, folder: Path) -> Iterator[ExaminationSnapshot]:
    """Read each file on all processors.

    Args:
        paths: files anywhere under `folder`.
        folder: what was found before is kept under its name.
    """
    known = _load(folder)
    names = [path.relative_to(folder).as_posix() for path in paths]
    stamps = [_stamp(path) for path in paths]
    found = {
        name: known[name]
        for name, stamp in zip(names, stamps, strict=True)
        if name in known and stamp and known[name][0] == stamp
    }
    todo = [index for index, name in enumerate(names) if name not in found]
    yield ExaminationSnapshot(len(paths) - len(todo), len(paths))
    looked_at = 0
    for verdicts in in_chunks(_look_at_all, [paths[index] for index in todo], _CHUNK):
        for verdict in verdicts:
            index = todo[looked_at]
            found[names[index]] = (stamps[index], verdict)
            looked_at += 1
        if looked_at % _STORE_EVERY < _CHUNK:
            _store(folder, known | found)
        yield ExaminationSnapshot(len(paths) - len(todo) + looked_at, len(paths))
    if todo:
        _store(folder, known | found)
    yield ExaminationSnapshot(len(paths), len(paths), tuple(found[name][1] for name in names))


def look_at(path: Path) -> Verdict:
    """Read one file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Verdict("", False, mark("This is not a file."))
        if status.st_size > MAX_FILE_BYTES:
            reason = say("This file is larger than {megabytes} MB.", megabytes=MAX_FILE_BYTES // 1_000_000)
            return Verdict("", False, reason)
        data = path.read_bytes()
    except OSError:
        return Verdict("", False, mark("This file cannot be opened."))
    key, is_jpeg = hashlib.blake2b(data, digest_size=16).hexdigest(), data.startswith(b"\xff\xd8\xff")
    try:
        read_image(data, short_side_px=_SHORT_SIDE_PX)
    except ImageError as error:
        return Verdict(key, is_jpeg, say(first_sentence(error.words), **error.values))
    return Verdict(key, is_jpeg, None)


def find_duplicates(names: Sequence[str], keys: Sequence[str], labels: Sequence[int]) -> dict[int, LeftOut]:
    """Files with the same content as another: index -> what to report. They are to be left out.

    Of several in one class the first stays. Where the classes differ, none can be trusted, and none stays.
    """
    groups: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    found = {}
    for group in groups.values():
        contradictory = len({labels[index] for index in group}) > 1
        for index in group if contradictory else group[1:]:
            other = next(i for i in group if i != index and (not contradictory or labels[i] != labels[index]))
            reason = say("the same picture as {name}", name=names[other])
            if contradictory:
                reason = say("the same picture as {name}, which is in another class", name=names[other])
            found[index] = LeftOut(names[index], reason)
    return found


def _look_at_all(paths: Sequence[Path]) -> list[Verdict]:
    return [look_at(path) for path in paths]


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def _file(folder: Path) -> Path:
    name = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=12).hexdigest()
    return places.home() / "examined" / f"{name}.json"


def _load(folder: Path) -> dict[str, tuple[str, Verdict]]:
    try:
        kept = json.loads(_file(folder).read_text(encoding="utf-8"))
        if kept["version"] != _VERSION:
            return {}
        return {name: (str(stamp), _checked(*fields)) for name, (stamp, *fields) in kept["files"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # not there yet, or damaged: examined anew
        return {}


def _checked(key: object, is_jpeg: object, reason: object) -> Verdict:
    return Verdict(str(key), bool(is_jpeg), None if reason is None else from_plain(reason))


def _store(folder: Path, found: dict[str, tuple[str, Verdict]]) -> None:
    file = _file(folder)
    files = {
        name: [stamp, verdict.key, verdict.is_jpeg, verdict.reason and to_plain(verdict.reason)]
        for name, (stamp, verdict) in found.items()
        if verdict.key
    }
    temporary = file.with_suffix(f".{os.getpid()}-{id(found):x}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"version": _VERSION, "files": files}), encoding="utf-8")
        os.replace(temporary, file)
    except (OSError, UnicodeEncodeError):  # a full disk costs time at the next opening, nothing else
        logger.warning("what was found out about the files of %s could not be kept", folder.name)
        with contextlib.suppress(OSError):
            temporary.unlink()
