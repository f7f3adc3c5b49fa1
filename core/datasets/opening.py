"""Open a data set by its name, or from a folder or a zip; list what there is to choose from."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from core import places
from core.datasets import cats_vs_dogs, oxford_pets
from core.datasets.archives import read_contents, unpack
from core.datasets.download import published_archives
from core.datasets.folders import open_files, open_folder
from core.datasets.labelled import SPLITS, Dataset, OpenSnapshot, Split, either
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
        raise SettingsError(
            "splits is {splits}; it must name some of {names}.",
            splits=list(splits),
            names=", ".join(SPLITS),
        )
    if str(source) in NAMES:
        snapshots = _open_named(str(source), data or places.data_folder(), splits)
    else:
        snapshots = _open_path(Path(source).expanduser(), str(source), splits)
    for snapshot in snapshots:
        if snapshot.dataset is not None:
            _refuse_empty(snapshot.dataset, splits)
        yield snapshot


@dataclass(frozen=True)
class DatasetListing:
    """One data set that can be chosen by name.

    Attributes:
        name: what the command line calls it.
        title: what people call it.
        about: one sentence: what it shows, its licence.
        here: whether it can be opened now.
        pictures: those that are here; where it is not, those of the whole set.
        classes: how many.
        download_bytes: what it takes to fetch it; 0 for the drawn ones.
    """

    name: str
    title: str
    about: str
    here: bool
    pictures: int
    classes: int
    download_bytes: int


def list_datasets(data: Path | None = None) -> list[DatasetListing]:
    """What can be chosen by name, here or not; the one that is always here comes first. Opens no picture."""
    data = data or places.data_folder()
    return [_list_drawn(), *(_list_photos(name, data) for name in NAMES if name != "drawn-pets")]


def _list_photos(name: str, data: Path) -> DatasetListing:
    source = _source(name)
    here = source.is_complete(data / source.FOLDER)
    classes = {"oxford-pets": len(oxford_pets.BREEDS)}.get(name, 2)
    return DatasetListing(
        name=name,
        title={"oxford-pets-species": oxford_pets.TITLE_SPECIES}.get(name, source.TITLE),
        about={"oxford-pets-species": oxford_pets.ABOUT_SPECIES}.get(name, source.ABOUT),
        here=here,
        pictures=source.count_pictures(data / source.FOLDER) if here else source.PICTURES,
        classes=classes,
        download_bytes=sum(archive.size_bytes for archive in published_archives(name)),
    )


def _list_drawn() -> DatasetListing:
    from core.datasets.drawn import drawn_pets

    drawn = drawn_pets()
    pictures = sum(len(images) for images in drawn.splits.values())
    return DatasetListing(drawn.name, drawn.title, drawn.about, True, pictures, len(drawn.class_names), 0)


def _source(name: str) -> ModuleType:
    return cats_vs_dogs if name == "cats-vs-dogs" else oxford_pets


def _open_named(name: str, data: Path, splits: Sequence[Split]) -> Iterator[OpenSnapshot]:
    if name == "drawn-pets":
        from core.datasets.drawn import drawn_pets

        drawn = drawn_pets()
        yield _ready(replace(drawn, splits={split: drawn.splits[split] for split in drawn.splits if split in splits}))
        return
    source = _source(name)
    folder = data / source.FOLDER
    if not source.is_here(folder):
        raise DatasetError(
            "The pictures of {name} are not here. Download them on the Train tab or with `python -m core fetch {name}`; "
            "or, without internet, put the folder {folder} into the folder that PETLENS_DATA (or --data) names. The data "
            "set drawn-pets needs no download.",
            name=name,
            folder=source.FOLDER,
        )
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
    elif path.suffix.lower() == ".zip" and path.is_file():
        yield from _open_zip(path, splits)
    else:
        raise _no_such(path, typed)


def _open_zip(path: Path, splits: Sequence[Split]) -> Iterator[OpenSnapshot]:
    for unpacked in unpack(path):
        if unpacked.folder is None:
            yield OpenSnapshot("unpacking", unpacked.done, unpacked.total)
    files, left_out = read_contents(unpacked.folder)
    yield from open_files(files, folder=unpacked.folder, name=path.stem, splits=splits, left_out=left_out)


def _ready(dataset: Dataset) -> OpenSnapshot:
    pictures = sum(len(images) for images in dataset.splits.values())
    return OpenSnapshot("ready", pictures, pictures, dataset)


def _refuse_empty(dataset: Dataset, splits: Sequence[Split]) -> None:
    if not any(len(images) for images in dataset.splits.values()):
        raise DatasetError("{title} has no {names} pictures.", title=dataset.title, names=either(splits))


def _no_such(path: Path, typed: str) -> DatasetError:
    if path.is_file():
        return DatasetError(
            "{name} is neither a folder nor a zip. Put the pictures of each class into a folder of its own.",
            name=path.name,
        )
    close = difflib.get_close_matches(typed.lower().replace("_", "-").replace(" ", "-"), NAMES, n=1, cutoff=0.5)
    known = ", ".join(NAMES)
    if close:
        return DatasetError(
            "There is no data set, folder or zip called {name}. Did you mean {close}? There are {known}; or name a "
            "folder of class folders.",
            name=path.name,
            close=close[0],
            known=known,
        )
    return DatasetError(
        "There is no data set, folder or zip called {name}. There are {known}; or name a folder of class folders.",
        name=path.name,
        known=known,
    )
