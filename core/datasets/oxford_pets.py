"""Oxford-IIIT Pet: 37 breeds of cats and dogs, about 200 photos each, with the official split.

The folder is as its two archives unpack: `images/NAME.jpg` and `annotations/{trainval,test}.txt`, whose lines are
NAME CLASS-ID SPECIES BREED-ID. It may hold a part of the pictures.

References:
    Parkhi, Vedaldi, Zisserman, Jawahar: Cats and Dogs. CVPR 2012.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from core.datasets.labelled import Dataset, LabelledImages, LeftOut, Split
from core.errors import DatasetError
from core.texts import mark, say_n

FOLDER = "oxford-iiit-pet"
PICTURES = 7349
LISTS: dict[Split, str] = {"train": "trainval.txt", "test": "test.txt"}

# In the order of their ids, 1 to 37.
BREEDS = (
    "Abyssinian",
    "American Bulldog",
    "American Pit Bull Terrier",
    "Basset Hound",
    "Beagle",
    "Bengal",
    "Birman",
    "Bombay",
    "Boxer",
    "British Shorthair",
    "Chihuahua",
    "Egyptian Mau",
    "English Cocker Spaniel",
    "English Setter",
    "German Shorthaired Pointer",
    "Great Pyrenees",
    "Havanese",
    "Japanese Chin",
    "Keeshond",
    "Leonberger",
    "Maine Coon",
    "Miniature Pinscher",
    "Newfoundland",
    "Persian",
    "Pomeranian",
    "Pug",
    "Ragdoll",
    "Russian Blue",
    "Saint Bernard",
    "Samoyed",
    "Scottish Terrier",
    "Shiba Inu",
    "Siamese",
    "Sphynx",
    "Staffordshire Bull Terrier",
    "Wheaten Terrier",
    "Yorkshire Terrier",
)
SPECIES = ("cat", "dog")

TITLE = "Oxford-IIIT Pet"
TITLE_SPECIES = mark("Oxford-IIIT Pet, cats and dogs")

ABOUT = mark(
    "Photos of 37 breeds of cats and dogs (Parkhi and others, 2012); CC BY-SA 4.0, copyright with the photographers."
)
ABOUT_SPECIES = mark(
    "The photos of Oxford-IIIT Pet as cats and dogs (Parkhi and others, 2012); CC BY-SA 4.0, copyright with the "
    "photographers."
)

View = Literal["breeds", "species"]

_LINE = re.compile(r"([\w.-]+) (\d+) ([12]) \d+")


def is_here(folder: Path) -> bool:
    """Whether a folder has the layout: its pictures and at least one of its lists."""
    return (folder / "images").is_dir() and any((folder / "annotations" / name).is_file() for name in LISTS.values())


def is_complete(folder: Path) -> bool:
    """Whether the pictures and both lists are there."""
    return is_here(folder) and all((folder / "annotations" / name).is_file() for name in LISTS.values())


def count_pictures(folder: Path) -> int:
    """Pictures in the folder, listed or not."""
    return sum(path.suffix == ".jpg" for path in (folder / "images").iterdir())


def open_oxford_pets(folder: Path, *, view: View = "breeds", splits: Sequence[Split]) -> Dataset:
    """Open the folder `oxford-iiit-pet`; only the lists of the wanted splits are read.

    Raises:
        DatasetError: a list is missing or damaged, or none of its pictures is here.
    """
    class_names = BREEDS if view == "breeds" else SPECIES
    name = "oxford-pets" if view == "breeds" else "oxford-pets-species"
    present = _present(folder / "images")
    opened: dict[Split, LabelledImages] = {}
    left_out = []
    for split in LISTS:
        if split not in splits:
            continue
        names, breeds, species = _read_list(folder / "annotations" / LISTS[split])
        labels = breeds if view == "breeds" else species
        here = np.array([f"{name}.jpg" in present for name in names], dtype=bool)
        if not here.any():
            raise DatasetError(
                "None of the {count:,} pictures that {lists} lists is in the folder {folder}/images. Remove that "
                "folder and download the data set again.",
                count=len(names),
                lists=LISTS[split],
                folder=FOLDER,
            )
        if not here.all():
            several = say_n(
                "{count:,} pictures listed in {lists}",
                "{count:,} pictures listed in {lists}",
                int((~here).sum()),
                lists=LISTS[split],
            )
            left_out.append(LeftOut(several, mark("not in the folder images")))
        items = tuple(folder / "images" / f"{names[index]}.jpg" for index in np.flatnonzero(here))
        opened[split] = LabelledImages(name, class_names, items, labels[here], split)
    return Dataset(
        name=name,
        title=TITLE if view == "breeds" else TITLE_SPECIES,
        about=ABOUT if view == "breeds" else ABOUT_SPECIES,
        class_names=class_names,
        splits=opened,
        left_out=tuple(left_out),
    )


def _present(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError as error:
        raise DatasetError(
            "The folder {folder}/images is missing. Download the data set again.", folder=FOLDER
        ) from error


def _read_list(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names `(N)`; labels of the breeds `(N,)` int64, 0 to 36; of the species `(N,)` int64: 0 cat, 1 dog."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            "The list {folder}/annotations/{name} is missing or cannot be read. Remove the folder annotations and "
            "download the data set again.",
            folder=FOLDER,
            name=path.name,
        ) from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row = _LINE.fullmatch(line.strip())
        if not row or not 1 <= int(row[2]) <= len(BREEDS):
            raise DatasetError(
                "Line {number} of {name} is not NAME CLASS-ID SPECIES BREED-ID. Remove the folder annotations and "
                "download the data set again.",
                number=number,
                name=path.name,
            )
        rows.append((row[1], int(row[2]) - 1, int(row[3]) - 1))
    names = [row[0] for row in rows]
    labels = np.array([row[1:] for row in rows], dtype=np.int64).reshape(-1, 2)
    return names, labels[:, 0], labels[:, 1]
