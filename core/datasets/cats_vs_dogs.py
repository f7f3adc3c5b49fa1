"""Cats vs Dogs: 25,000 photos from an animal shelter site, as Microsoft publishes them in one zip.

`PetImages/{Cat,Dog}/NUMBER.jpg`. Some files are empty, cut short, or no JPEG at all; some photos are there twice, even
as cat and as dog. These are found, reported and left out. There is no official split: a fixed one is made, 80/20.

References:
    Elson, Douceur, Howell, Saul: Asirra: a CAPTCHA that exploits interest-aligned manual image categorization. CCS 2007.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core.datasets.labelled import Dataset, LabelledImages, LeftOut, OpenSnapshot, Split, hold_out
from core.errors import DatasetError
from core.texts import mark

FOLDER = "PetImages"
PICTURES = 25_000
CLASS_FOLDERS = ("Cat", "Dog")
CLASS_NAMES = ("cat", "dog")
TITLE = "Cats vs Dogs"
TEST_SHARE = 0.2
SPLIT_SEED = 2007

ABOUT = mark(
    "25,000 photos of cats and dogs from a site for animals without a home (Asirra, Microsoft Research and "
    "Petfinder, 2007); no formal licence."
)


def is_here(folder: Path) -> bool:
    """Whether a folder has the layout."""
    return all((folder / name).is_dir() for name in CLASS_FOLDERS)


def is_complete(folder: Path) -> bool:
    """The same: the split is made here, of the files that there are."""
    return is_here(folder)


def count_pictures(folder: Path) -> int:
    """Pictures in the folder, sound or not."""
    return len(_list_files(folder)[0])


def open_cats_vs_dogs(folder: Path, *, splits: Sequence[Split]) -> Iterator[OpenSnapshot]:
    """Examine the files of the folder `PetImages` and split them; see `examination.examine`.

    Raises:
        DatasetError: there are no pictures of a class.
    """
    from core.datasets.examination import examine, find_duplicates

    paths, labels = _list_files(folder)
    for snapshot in examine(paths, folder=folder):
        if snapshot.verdicts is None:
            yield OpenSnapshot("examining", snapshot.done, snapshot.total)
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    left_out = {}
    for index, verdict in enumerate(snapshot.verdicts):
        if verdict.reason is not None:
            left_out[index] = LeftOut(names[index], verdict.reason)
        elif not verdict.is_jpeg:
            left_out[index] = LeftOut(names[index], mark("This file is not a JPEG, whatever it is called."))
    sound = [index for index in range(len(paths)) if index not in left_out]
    again = find_duplicates(
        [names[index] for index in sound],
        [snapshot.verdicts[index].key for index in sound],
        [labels[index] for index in sound],
    )
    left_out |= {sound[index]: reported for index, reported in again.items()}
    kept = [index for index in range(len(paths)) if index not in left_out]
    items = tuple(paths[index] for index in kept)
    images = LabelledImages("cats-vs-dogs", CLASS_NAMES, items, np.array([labels[i] for i in kept], np.int64), "train")
    if len(images) == 0 or min(images.counts()) < 2:
        raise DatasetError(
            "The folder {folder} holds no pictures of a class. Remove it and download the data set again.",
            folder=FOLDER,
        )
    train, test = hold_out(images, TEST_SHARE, seed=SPLIT_SEED, split="test")
    dataset = Dataset(
        name="cats-vs-dogs",
        title=TITLE,
        about=ABOUT,
        class_names=CLASS_NAMES,
        splits={part.split: part for part in (train, test) if part.split in splits},
        left_out=tuple(left_out[index] for index in sorted(left_out)),
    )
    yield OpenSnapshot("ready", len(paths), len(paths), dataset)


def _list_files(folder: Path) -> tuple[list[Path], list[int]]:
    """Files called as pictures, in an order that does not depend on the disk; their labels."""
    paths, labels = [], []
    for label, name in enumerate(CLASS_FOLDERS):
        found = [path for path in (folder / name).iterdir() if path.suffix.lower() in (".jpg", ".jpeg")]
        found.sort(key=lambda path: (len(path.name), path.name))
        paths += found
        labels += [label] * len(found)
    return paths, labels
