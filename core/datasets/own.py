"""A person's own pictures, class by class: dropped files, or shots from the webcam."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from core import limits, runtime
from core.datasets.examination import find_duplicates, look_at
from core.datasets.folders import TEST_SHARE
from core.datasets.labelled import Dataset, LabelledImages, LeftOut, check_enough, hold_out
from core.errors import DatasetError
from core.texts import say_n

MAX_CLASSES = 100
MAX_NAME_LENGTH = 60
SPLIT_SEED = 0


def collect(classes: Mapping[str, Sequence[Path]], *, name: str = "my pictures") -> Dataset:
    """Make a data set of files: those that cannot be read, and those that are there twice, are left out.

    A fifth of each class is held out for testing; the same files give the same split.

    Args:
        classes: class name -> files.
        name: what to call the data set.

    Raises:
        DatasetError: names that are empty, too long or the same to a reader; too few classes or pictures (it says which
            class lacks how many), or too many.
    """
    class_names = check_class_names(list(classes))
    rows = [(Path(path), label) for label, paths in enumerate(classes.values()) for path in paths]
    limit = limits.max_dataset_images()
    if len(rows) > limit:
        raise DatasetError(
            "These are {count:,} pictures; the host of this app allows {limit:,} (PETLENS_MAX_IMAGES).",
            count=len(rows),
            limit=limit,
        )
    verdicts = list(runtime.workers().map(look_at, [path for path, _ in rows]))
    left_out = [
        LeftOut(f"{class_names[label]}/{path.name}", verdict.reason)
        for (path, label), verdict in zip(rows, verdicts, strict=True)
        if verdict.reason is not None
    ]
    sound = [(*row, verdict.key) for row, verdict in zip(rows, verdicts, strict=True) if verdict.reason is None]
    again = find_duplicates(
        [f"{class_names[label]}/{path.name}" for path, label, _ in sound],
        [key for *_, key in sound],
        [label for _, label, _ in sound],
    )
    kept = [row for index, row in enumerate(sound) if index not in again]
    labels = np.array([label for _, label, _ in kept], dtype=np.int64)
    check_enough(class_names, np.bincount(labels, minlength=len(class_names)))
    images = LabelledImages(name, class_names, tuple(path for path, *_ in kept), labels, "train")
    train, test = hold_out(images, TEST_SHARE, seed=SPLIT_SEED, split="test")
    return Dataset(
        name=name,
        title=name,
        about=say_n("Your own pictures of {count} class.", "Your own pictures of {count} classes.", len(class_names)),
        class_names=class_names,
        splits={"train": train, "test": test},
        left_out=(*left_out, *again.values()),
    )


def check_class_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, tidied: composed letters, single spaces.

    Raises:
        DatasetError: one is empty or too long, two are the same to a reader, or there are too many.
    """
    if len(names) > MAX_CLASSES:
        raise DatasetError(
            "These are {count} classes; at most {max_classes} can be told apart here.",
            count=len(names),
            max_classes=MAX_CLASSES,
        )
    tidy = tuple(" ".join(unicodedata.normalize("NFC", name).split()) for name in names)
    seen: dict[str, int] = {}
    for number, name in enumerate(tidy, start=1):
        if not any(sign.isprintable() and not sign.isspace() for sign in name):
            raise DatasetError("Class {number} has no name. Call it what its pictures show.", number=number)
        if len(name) > MAX_NAME_LENGTH:
            raise DatasetError(
                "The name of class {number} has {count} letters; at most {max_name_length} fit. Shorten it: {name}...",
                number=number,
                count=len(name),
                max_name_length=MAX_NAME_LENGTH,
                name=name[:20],
            )
        other = seen.setdefault(unicodedata.normalize("NFC", name.casefold()), number)
        if other != number:
            raise DatasetError(
                "Classes {other} and {number} are both called {name}. Rename one of them.",
                other=other,
                number=number,
                name=name,
            )
    return tidy
