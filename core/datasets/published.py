"""The archives of published data sets: where they are, how they are told from others, what is taken from them.

Knows nothing of the network: unpacks what lies on the disk.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import DatasetError

# More than any of the archives holds; a wrong one must not fill the disk.
_MAX_FILES = 100_000
_MAX_FILE_BYTES = 100_000_000
_MAX_TIMES_SIZE = 3
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Published:
    """One archive.

    Attributes:
        file: its name.
        url: where it is.
        size_bytes: of the archive.
        checksum: algorithm and hex digits of the archive, "md5:..." or "sha256:...".
        wanted: the members to take, as a regular expression; the rest is left aside.
        makes: the folder that they become, inside the folder of all data.
        strip: leading folders of a member's name that `makes` stands for.
    """

    file: str
    url: str
    size_bytes: int
    checksum: str
    wanted: str
    makes: str
    strip: int = 1

    def is_unpacked(self, data: Path) -> bool:
        """Whether its folder is there, with something in it."""
        try:
            with os.scandir(data / self.makes) as entries:
                return next(entries, None) is not None
        except OSError:
            return False


# Checksums of Oxford-IIIT Pet as torchvision 0.29 knows them. That of Cats vs Dogs is known from GoMLX's example; the
# sizes are those that the servers declare.
PUBLISHED: dict[str, tuple[Published, ...]] = {
    "oxford-pets": (
        Published(
            file="annotations.tar.gz",
            url="https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
            size_bytes=19_173_078,
            checksum="md5:95a8c909bbe2e81eed6a22bccdf3f68f",
            wanted=r"(\./)?annotations/(list|trainval|test)\.txt",
            makes="oxford-iiit-pet/annotations",
        ),
        Published(
            file="images.tar.gz",
            url="https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
            size_bytes=791_918_971,
            checksum="md5:5c4f3ee8e5d25df40f4fd59a7f44e54c",
            wanted=r"(\./)?images/\w[\w.-]*\.jpg",
            makes="oxford-iiit-pet/images",
        ),
    ),
    "cats-vs-dogs": (
        Published(
            file="kagglecatsanddogs_5340.zip",
            url="https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/"
            "kagglecatsanddogs_5340.zip",
            size_bytes=824_887_076,
            checksum="sha256:b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
            wanted=r"PetImages/(Cat|Dog)/\d+\.jpg",
            makes="PetImages",
        ),
    ),
}


def unpack_published(archive: Published, file: Path, data: Path, *, on_progress: Callable[[int], None]) -> None:
    """Unpack an archive into its folder, which appears only when it is complete.

    One process at a time: what another left half done is removed.

    Args:
        archive: what to take from it.
        file: where it lies.
        data: the folder of all data.
        on_progress: called with the bytes of the archive that are done; may raise to stop.

    Raises:
        DatasetError: it cannot be read, or does not hold what it should.
    """
    temporary = file.with_name(f"{archive.file}.unpacked")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        count = _write_members(archive, file, temporary, on_progress)
        if not count:
            raise DatasetError("{file} does not hold what it should. Download it again.", file=archive.file)
        target = data / archive.makes
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not archive.is_unpacked(data):
            target.rmdir()  # Windows does not rename onto an empty folder
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_members(archive: Published, file: Path, folder: Path, on_progress: Callable[[int], None]) -> int:
    count, left = 0, _MAX_TIMES_SIZE * archive.size_bytes + _MAX_FILE_BYTES
    try:
        with closing(_members(file, re.compile(archive.wanted))) as members:
            for name, content, position in members:
                on_progress(position)
                parts = [part for part in name.split("/") if part not in ("", ".")][archive.strip :]
                target = folder.joinpath(*parts)
                target.parent.mkdir(exist_ok=True)
                with target.open("xb") as out:
                    shutil.copyfileobj(content, out, _PIECE_BYTES)
                count += 1
                left -= target.stat().st_size
                if left < 0 or count > _MAX_FILES:
                    raise DatasetError("{file} holds more than it should. Download it again.", file=archive.file)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, FileExistsError, NotImplementedError) as error:
        raise DatasetError("{file} is damaged. Download it again.", file=archive.file) from error
    return count


def _members(file: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, BinaryIO, int]]:
    """Plain files whose whole name is wanted: name, content, and how far into the archive they lie."""
    if zipfile.is_zipfile(file):
        position = 0
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                position += info.compress_size
                if wanted.fullmatch(info.filename) and info.file_size <= _MAX_FILE_BYTES:
                    with archive.open(info) as content:
                        yield info.filename, content, position
        return
    with file.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|gz") as archive:
        for member in archive:
            # isreg: neither a link nor a device, whatever the name says
            if member.isreg() and member.size <= _MAX_FILE_BYTES and wanted.fullmatch(member.name):
                yield member.name, archive.extractfile(member), raw.tell()
