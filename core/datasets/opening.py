"""Open a data set by its name, or from a folder or a zip; list what there is to choose from."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from core import places
from core.datasets import cats_vs_dogs, oxford_pets
from core.datasets.folders import open_folder
from core.datasets.labelled import SPLITS, Dataset, OpenSnapshot, Split
from core.errors import DatasetError, SettingsError

NAMES = ("drawn-pets", "oxford-pets", "oxford-pets-species", "cats-vs-dogs")


def open_dataset(source: str | Path, *, data: Path | None = None, splits: Sequence[Split] = SPLITS) -> Dataset:
    """Open a data set.

    Args:
        source: one of `NAMES`, a folder of class folders, or a zip of one.
        data: the folder that holds `oxford-iiit-pet/` and `PetImages/`; by default `places.data_folder()`.
        splits: those that are wanted; nothing else needs to be on the disk.

    Raises:
        DatasetError: it is not here, or not arranged in classes, or has too few pictures.
        SettingsError: there is no such split.
    """
    *_, last = open_gradually(source, data=data, splits=splits)
    return last.dataset


def open_gradually(
    source: str | Path, *, data: Path | None = None, splits: Sequence[Split] = SPLITS
) -> Iterator[OpenSnapshot]:
    """`open_dataset`, watched: examining many files for the first time takes a while."""
    unknown = [split for split in splits if split not in SPLITS]
    if unknown or not splits:
        raise SettingsError(f"splits is {list(splits)}; it must name some of {', '.join(SPLITS)}.")
    if str(source) in NAMES:
        snapshots = _open_named(str(source), data or places.data_folder(), splits)
    else:
        snapshots = _open_path(Path(source).expanduser(), str(source), splits)
    for snapshot in snapshots:
        if snapshot.dataset is not None:
            _refuse_empty(snapshot.dataset, splits)
        yield snapshot


def _open_named(name: str, data: Path, splits: Sequence[Split]) -> Iterator[OpenSnapshot]:
    if name == "drawn-pets":
        from core.datasets.drawn import drawn_pets

        yield _ready(drawn_pets())
        return
    source = cats_vs_dogs if name == "cats-vs-dogs" else oxford_pets
    folder = data / source.FOLDER
    if not source.is_here(folder):
        raise DatasetError(_how_to_get(name, source.FOLDER))
    if source is cats_vs_dogs:
        yield from cats_vs_dogs.open_cats_vs_dogs(folder, splits=splits)
    else:
        view = "species" if name == "oxford-pets-species" else "breeds"
        yield _ready(oxford_pets.open_oxford_pets(folder, view=view, splits=splits))


def _open_path(path: Path, typed: str, splits: Sequence[Split]) -> Iterator[OpenSnapshot]:
    if path.is_dir():
        if oxford_pets.is_here(path):
            yield _ready(oxford_pets.open_oxford_pets(path, splits=splits))
        else:
            yield from open_folder(path, splits=splits)
        return
    raise DatasetError(_no_such(path, typed))


def _ready(dataset: Dataset) -> OpenSnapshot:
    pictures = sum(len(images) for images in dataset.splits.values())
    return OpenSnapshot("ready", pictures, pictures, dataset)


def _refuse_empty(dataset: Dataset, splits: Sequence[Split]) -> None:
    if not any(len(images) for images in dataset.splits.values()):
        raise DatasetError(f"{dataset.title} has no {' or '.join(splits)} pictures.")


def _how_to_get(name: str, folder: str) -> str:
    return (
        f"The pictures of {name} are not here. Download them on the Train tab or with "
        f"`python -m core fetch {name}`; or, without internet, put the folder {folder} into the folder that PETLENS_DATA "
        "(or --data) names. The data set drawn-pets needs no download."
    )


def _no_such(path: Path, typed: str) -> str:
    if path.is_file():
        return f"{path.name} is neither a folder nor a zip. Put the pictures of each class into a folder of its own."
    close = difflib.get_close_matches(typed.lower().replace("_", "-").replace(" ", "-"), NAMES, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}? There" if close else "There"
    known = ", ".join(NAMES)
    return f"There is no data set, folder or zip called {path.name}. {hint} are {known}; or name a folder of class folders."
