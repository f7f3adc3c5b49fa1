"""What to make of the entries of a zip: read from its table of contents, before a byte is unpacked.

Knows neither files nor folders of this machine.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.archive_limits import ArchiveLimits
from core.datasets.folders import is_ignored, is_picture_name, readable_name
from core.datasets.labelled import LeftOut
from core.texts import mark, say

# Others can ask for gigabytes of memory (LZMA) or have no limit on what a few bytes become (bzip2).
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_ENCRYPTED = 0x1
_IS_UTF8 = 0x800
_UNICODE_PATH = 0x7075
_MAX_DEPTH = 12
_MAX_NAME = 255


@dataclass(frozen=True)
class PlannedEntry:
    """A picture to unpack.

    Attributes:
        info: its line in the table of contents.
        parts: its folders and its name, as people see them.
        stored_name: what it is called on our disk.
    """

    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    stored_name: str

    @property
    def name(self) -> str:
        """The parts in one."""
        return "/".join(self.parts)


def plan(infos: Sequence[zipfile.ZipInfo], limits: ArchiveLimits) -> tuple[list[PlannedEntry], list[LeftOut]]:
    """The pictures that are to be unpacked, in the order of the zip, and the rest, with reasons.

    Stops at the first picture too many.
    """
    entries: list[PlannedEntry] = []
    left_out: list[LeftOut] = []
    seen: set[tuple[str, ...]] = set()
    for info in infos:
        if len(entries) > limits.max_images:
            break
        name = entry_name(info)
        parts, leads_out = split_name(name)
        if not leads_out and (name.endswith(("/", "\\")) or any(is_ignored(part) for part in parts)):
            continue
        shown = "/".join(parts) or readable_name(name)
        reason = mark("its path leads out of the zip") if leads_out else _why_not(info, parts, limits)
        if reason is None and parts in seen:
            reason = mark("there is another file of this name")
        if reason is None:
            seen.add(parts)
            entries.append(PlannedEntry(info, parts, _stored_name(len(entries), parts[-1])))
        else:
            left_out.append(LeftOut(shown[:_MAX_NAME], reason))
    return entries, left_out


def entry_name(info: zipfile.ZipInfo) -> str:
    """The name as its maker wrote it.

    The format knows UTF-8, marked by a flag or in a field of its own (APPNOTE 4.4.4 and 4.6.9), and the code page 437
    of 1981; many programs write UTF-8 without saying so, which hardly ever looks like anything else.
    """
    name = info.orig_filename
    if info.flag_bits & _IS_UTF8:
        return name
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:  # a newer Python has read the field of its own already
        return name
    own = _unicode_path(info.extra, raw)
    if own is not None:
        return own
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return name


def split_name(name: str) -> tuple[tuple[str, ...], bool]:
    """The readable parts of a name, and whether it tries to lead out of the zip."""
    if "/" not in name:
        name = name.replace("\\", "/")  # as some programs for Windows write
    raw = name.split("/")
    leads_out = name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
    leads_out = leads_out or re.match(r"[A-Za-z]:", name) is not None or "\0" in name
    return tuple(readable_name(part) for part in raw if part not in ("", ".")), leads_out


def _why_not(info: zipfile.ZipInfo, parts: tuple[str, ...], limits: ArchiveLimits) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    suffix = os.path.splitext(parts[-1])[1].lower() if parts else ""
    if not parts or len(parts) > _MAX_DEPTH or any(len(part) > _MAX_NAME for part in parts):
        return mark("its name is too long")
    if kind not in (0, stat.S_IFREG):
        return mark("a link") if kind == stat.S_IFLNK else mark("not a file")
    if suffix in _ARCHIVES:
        return mark("an archive inside the archive: unpack it first")
    if not is_picture_name(parts[-1]):
        return mark("not a picture")
    if info.flag_bits & _ENCRYPTED:
        return mark("encrypted")
    if info.compress_type not in _METHODS:
        return mark("packed in a way that is not opened here: use the usual one (deflate)")
    if info.file_size > limits.max_file_bytes:
        return say("larger than {megabytes:,.0f} MB", megabytes=limits.max_file_bytes / 1e6)
    if info.file_size > max(limits.ratio_from_bytes, limits.max_ratio * info.compress_size):
        return say("unpacks to more than {times:,.0f} times its size", times=limits.max_ratio)
    return None


def _stored_name(number: int, name: str) -> str:
    """A number, then what is harmless of the name."""
    stem, suffix = os.path.splitext(name)
    harmless = re.sub(r"[^\w-]+", "_", stem)[:30]
    return f"{number:06d}-{harmless}{suffix.lower()}"


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in the extra field 0x7075, if it belongs to this name."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        value, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(value) > 5 and value[0] == 1:
            if int.from_bytes(value[1:5], "little") != zlib.crc32(raw):
                return None
            return value[5:].decode("utf-8", "replace")
    return None
