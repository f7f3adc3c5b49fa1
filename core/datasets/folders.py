"""Class folders: the pictures of each class lie in a folder that is called as the class.

    pets/cat/1.jpg            pets/train/cat/1.jpg      also val/, valid/, validation/ and test/
    pets/dog/2.jpg            pets/test/dog/2.jpg

Knows nothing of where the files come from: `arrange` works on their paths alone, and serves folders and zips alike.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.datasets.labelled import (
    Dataset,
    LabelledImages,
    LeftOut,
    OpenSnapshot,
    Split,
    check_enough,
    either,
    hold_out,
    in_words,
)
from core.errors import DatasetError
from core.texts import mark, say_n

TEST_SHARE = 0.2
SPLIT_SEED = 0
SPLIT_FOLDERS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
# Files called so are opened; HEIC and SVG only to say how they can be used.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
    *(".jp2", ".j2k", ".tga", ".ico", ".heic", ".heif", ".svg"),
)
# What systems leave behind; nobody needs to hear of it. Hidden files are the same.
_IGNORED = ("__macosx", "thumbs.db", "desktop.ini")
_MAX_DEPTH = 12
# Embeddings, overrides and isolates of the direction of writing (Unicode annex 9).
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@dataclass(frozen=True)
class FoundFile:
    """A picture file: where it belongs, and where it lies.

    Attributes:
        parts: the names of its folders and its own, from the top of the data set on, as people see them.
        path: the file.
    """

    parts: tuple[str, ...]
    path: Path

    @property
    def name(self) -> str:
        """The parts in one."""
        return "/".join(self.parts)


@dataclass(frozen=True)
class Arrangement:
    """Files by class and split.

    Attributes:
        class_names: `K` names.
        files: for each split, pairs of a file and its label. Without a given split all are "train".
        split_is_given: whether the folders say what is for testing.
        left_out: files that belong to no class.
    """

    class_names: tuple[str, ...]
    files: Mapping[Split, tuple[tuple[FoundFile, int], ...]]
    split_is_given: bool
    left_out: tuple[LeftOut, ...]


def open_folder(folder: Path, *, splits: Sequence[Split]) -> Iterator[OpenSnapshot]:
    """Open a folder of class folders.

    Raises:
        DatasetError: too few classes or pictures, or two classes that cannot be told apart by name.
    """
    files, left_out = find_files(folder)
    yield from open_files(files, folder=folder, name=folder.resolve().name, splits=splits, left_out=left_out)


def open_files(
    files: Sequence[FoundFile], *, folder: Path, name: str, splits: Sequence[Split], left_out: Sequence[LeftOut] = ()
) -> Iterator[OpenSnapshot]:
    """Arrange files by their names, examine those of the wanted splits, leave out what cannot be read.

    Where the folders give no split, exact duplicates are left out too and a fifth is held out for testing.
    A given split stays as it is: `inspection` reports duplicates there.
    """
    from core.datasets.examination import examine, find_duplicates

    arranged = arrange(files)
    left_out = [*left_out, *arranged.left_out]
    wanted = [split for split in arranged.files if split in splits or not arranged.split_is_given]
    rows = [(file, label, split) for split in wanted for file, label in arranged.files[split]]
    for snapshot in examine([file.path for file, _, _ in rows], folder=folder):
        if snapshot.verdicts is None:
            yield OpenSnapshot("examining", snapshot.done, snapshot.total)
    verdicts = snapshot.verdicts
    left_out += [LeftOut(row[0].name, v.reason) for row, v in zip(rows, verdicts, strict=True) if v.reason is not None]
    rows, keys = _readable(rows, verdicts)
    if not arranged.split_is_given:
        again = find_duplicates([file.name for file, _, _ in rows], keys, [label for _, label, _ in rows])
        left_out += again.values()
        rows = [row for index, row in enumerate(rows) if index not in again]
    counts = np.bincount([label for _, label, _ in rows], minlength=len(arranged.class_names))
    if "train" in splits:
        check_enough(arranged.class_names, counts)
    parts = _split(rows, name, arranged)
    dataset = Dataset(
        name=name,
        title=name,
        about=say_n(
            "{count} class from the folders of {name}.",
            "{count} classes from the folders of {name}.",
            len(arranged.class_names),
            name=name,
        ),
        class_names=arranged.class_names,
        splits={split: images for split, images in parts.items() if split in splits and len(images)},
        left_out=tuple(left_out),
    )
    if not dataset.splits:
        raise DatasetError(
            "{name} has no {names} pictures; it has {names_2}.",
            name=name,
            names=either(splits),
            names_2=in_words(arranged.files),
        )
    yield OpenSnapshot("ready", len(verdicts), len(verdicts), dataset)


def find_files(folder: Path) -> tuple[list[FoundFile], list[LeftOut]]:
    """All picture files under a folder, by their suffix, in the order of their names; links are not followed."""
    files: list[FoundFile] = []
    left_out: list[LeftOut] = []

    def walk(inside: Path, parts: tuple[str, ...]) -> None:
        try:
            entries = sorted(os.scandir(inside), key=lambda entry: entry.name)
        except OSError:
            left_out.append(LeftOut("/".join(parts) or inside.name, mark("this folder cannot be opened")))
            return
        for entry in entries:
            here = (*parts, readable_name(entry.name))
            if is_ignored(entry.name):
                continue
            if entry.is_symlink():
                left_out.append(LeftOut("/".join(here), mark("a link")))
            elif entry.is_dir(follow_symlinks=False):
                if len(here) < _MAX_DEPTH:
                    walk(Path(entry.path), here)
                else:
                    left_out.append(LeftOut("/".join(here), mark("too many folders inside each other")))
            elif is_picture_name(entry.name):
                files.append(FoundFile(here, Path(entry.path)))
            else:
                left_out.append(LeftOut("/".join(here), mark("not a picture")))

    walk(folder, ())
    return files, left_out


def arrange(files: Sequence[FoundFile]) -> Arrangement:
    """Sort files into classes and splits by their folders. Sees through folders around the class folders.

    Raises:
        DatasetError: the names of two class folders differ in nothing but capitals.
    """
    parts = {file: file.parts for file in files}
    while _is_wrapped(parts.values()):
        parts = {file: own[1:] for file, own in parts.items() if len(own) > 1}
    loose = [file for file in files if len(parts.get(file, ())) < 2]
    parts = {file: own for file, own in parts.items() if len(own) >= 2}
    given = _split_is_given(parts.values())
    beside = [file for file, own in parts.items() if given and not _is_in_split(own)]
    rows: list[tuple[FoundFile, str, Split]] = []
    for file, own in parts.items():
        if not given:
            rows.append((file, own[0], "train"))
        elif _is_in_split(own):
            rows.append((file, own[1], SPLIT_FOLDERS[own[0].casefold()]))
    class_names = sorted({name for _, name, _ in rows})
    _refuse_look_alikes(class_names)
    label_of = {name: label for label, name in enumerate(class_names)}
    by_split: dict[Split, list[tuple[FoundFile, int]]] = {}
    for file, name, split in rows:
        by_split.setdefault(split, []).append((file, label_of[name]))
    left_out = [LeftOut(file.name, mark("not in a class folder")) for file in [*loose, *beside]]
    return Arrangement(
        class_names=tuple(class_names),
        files={split: tuple(members) for split, members in by_split.items()},
        split_is_given=set(by_split) != {"train"},
        left_out=tuple(left_out),
    )


def is_ignored(name: str) -> bool:
    """Whether a file or folder is what a system leaves behind, or hidden."""
    return name.startswith(".") or name.casefold() in _IGNORED


def is_picture_name(name: str) -> bool:
    """Whether a file is called as a picture, in capitals or not."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def readable_name(name: str) -> str:
    """A name as people see it: composed letters (macOS splits them), nothing that turns or hides the text around it."""
    if name.isascii() and name.isprintable():  # nearly all, and there may be 100,000
        return name.strip() or "\ufffd"
    seen = "".join(
        "\ufffd" if unicodedata.category(sign) in ("Cc", "Cs", "Cn") or sign in _TURNING else sign for sign in name
    )
    return unicodedata.normalize("NFC", seen).strip() or "\ufffd"


def _readable(rows: list, verdicts: Sequence) -> tuple[list, list[str]]:
    pairs = [(row, verdict.key) for row, verdict in zip(rows, verdicts, strict=True) if verdict.reason is None]
    return [row for row, _ in pairs], [key for _, key in pairs]


def _split(
    rows: Sequence[tuple[FoundFile, int, Split]], name: str, arranged: Arrangement
) -> dict[Split, LabelledImages]:
    parts = {}
    for split in arranged.files:
        own = [row for row in rows if row[2] == split]
        labels = np.array([label for _, label, _ in own], dtype=np.int64)
        parts[split] = LabelledImages(name, arranged.class_names, tuple(file.path for file, _, _ in own), labels, split)
    if arranged.split_is_given or "train" not in parts:
        return parts
    train, test = hold_out(parts["train"], TEST_SHARE, seed=SPLIT_SEED, split="test")
    return {"train": train, "test": test}


def _is_wrapped(paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether all class folders lie in one folder more, which is neither a class nor a split."""
    tops = {parts[0] for parts in paths if len(parts) > 1}
    if len(tops) != 1 or next(iter(tops)).casefold() in SPLIT_FOLDERS:
        return False
    return any(len(parts) > 2 for parts in paths)


def _split_is_given(paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether the top folders are train/ and the like. A class may be called train, too: it holds its pictures."""
    tops = {parts[0].casefold() for parts in paths}
    splits = {parts[0].casefold() for parts in paths if _is_in_split(parts)}
    return "train" in {SPLIT_FOLDERS[top] for top in splits} or (bool(tops) and tops == splits)


def _is_in_split(parts: tuple[str, ...]) -> bool:
    """Whether it is SPLIT/CLASS/..."""
    return len(parts) > 2 and parts[0].casefold() in SPLIT_FOLDERS


def _refuse_look_alikes(class_names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in class_names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise DatasetError(
                "Two class folders are called {other} and {name}: a person cannot tell them apart. Rename one of "
                "them, or put their pictures into one folder.",
                other=other,
                name=name,
            )
