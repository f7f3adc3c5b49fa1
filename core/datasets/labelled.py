"""Pictures with their classes: the one type that all sources of data give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from PIL import Image

from core.errors import DatasetError, ImageError
from core.texts import COMMA, OR, mark, one_after_another, say, say_n

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = (mark("train"), mark("validation"), mark("test"))

# What a person's own pictures must come to.
MIN_CLASSES = 2
MIN_PICTURES = 5
# Classes that one message names.
_TOLD = 5


@runtime_checkable
class Drawable(Protocol):
    """A picture that is drawn when it is needed. Equal drawables draw equal pictures; they can be hashed and pickled.

    Attributes:
        key: names the picture for ever: what is drawn, the seed, and the version of the drawing code.
        name: a short name for people.
    """

    key: str
    name: str

    def draw(self) -> Image.Image:
        """The picture, RGB."""
        ...


Item = Path | Drawable


def read_item(item: Item, *, short_side_px: int | None = None) -> Image.Image:
    """The picture of an item, upright RGB; see `images.read_image`.

    Raises:
        ImageError: the file cannot be read.
    """
    if not isinstance(item, Path):
        return item.draw()
    from core.images import read_image  # brings torch along, which who only lists data sets does not need

    return read_image(item, short_side_px=short_side_px)


def item_name(item: Item) -> str:
    """What to call an item before people: the name of its file, without the folder."""
    return item.name


def content_key(item: Item) -> bytes:
    """16 bytes that name the content: equal files have equal keys, wherever they lie and whatever they are called.

    Raises:
        ImageError: the file cannot be opened.
    """
    if isinstance(item, Path):
        try:
            content = b"file" + item.read_bytes()
        except OSError as error:
            raise ImageError("This file cannot be opened.") from error
    else:
        content = b"drawing" + item.key.encode()
    return hashlib.blake2b(content, digest_size=16).digest()


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Pictures of one split with their classes.

    Attributes:
        name: of the data set.
        class_names: `K` names; any script.
        items: `N` paths or drawables.
        labels: `(N,)` int64, each from 0 to K - 1.
        split: which part of the data set this is.
    """

    name: str
    class_names: tuple[str, ...]
    items: tuple[Item, ...] = field(repr=False)
    labels: np.ndarray = field(repr=False)
    split: Split

    def __post_init__(self) -> None:
        assert len(self.items) == len(self.labels)
        assert self.labels.dtype == np.int64

    def __len__(self) -> int:
        return len(self.items)

    def counts(self) -> np.ndarray:
        """Pictures in each class, `(K,)`."""
        return np.bincount(self.labels, minlength=len(self.class_names))

    def take(self, indices: Sequence[int] | np.ndarray, *, split: Split | None = None) -> LabelledImages:
        """Those pictures, in that order."""
        items = tuple(self.items[index] for index in indices)
        return replace(
            self, items=items, labels=self.labels[np.asarray(indices, dtype=np.int64)], split=split or self.split
        )


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, opened: its splits, and what was left out.

    Attributes:
        name: what the command line calls it, or the name of the folder or zip.
        title: what people call it.
        about: one sentence: what it shows, its licence.
        class_names: `K` names, the same in every split.
        splits: those that there are. A data set without "validation" lends training some of "train"; one without
            "test" is evaluated on "validation".
        left_out: files that are not used.
    """

    name: str
    title: str
    about: str
    class_names: tuple[str, ...]
    splits: Mapping[Split, LabelledImages] = field(repr=False)
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False)

    def split(self, name: Split) -> LabelledImages:
        """One split.

        Raises:
            DatasetError: there is none of that name.
        """
        if name not in self.splits:
            raise DatasetError(
                "{title} has no {name} pictures; it has {names}.",
                title=self.title,
                name=say(name),
                names=in_words(self.splits),
            )
        return self.splits[name]

    @property
    def final_split(self) -> Split:
        """The split that the final figures are measured on: test, else validation."""
        return "test" if "test" in self.splits else "validation"


@dataclass(frozen=True, eq=False)
class OpenSnapshot:
    """How far the opening of a data set is; the last snapshot holds it.

    Attributes:
        phase: what is going on.
        done: files so far.
        total: files in all.
        dataset: the data set, in the last snapshot.
    """

    phase: Literal["unpacking", "examining", "ready"]
    done: int
    total: int
    dataset: Dataset | None = None


def check_enough(class_names: Sequence[str], counts: Sequence[int] | np.ndarray) -> None:
    """Are there `MIN_CLASSES` classes, with `MIN_PICTURES` pictures each?

    Raises:
        DatasetError: no; it says which class lacks how many.
    """
    if len(class_names) < MIN_CLASSES:
        found = say("only one, {name}", name=class_names[0]) if class_names else say("none")
        raise DatasetError(
            "At least {min_classes} classes are needed; there is {found}. Put the pictures of each class into a "
            "folder of its own, called as the class.",
            min_classes=MIN_CLASSES,
            found=found,
        )
    lacking = [(name, MIN_PICTURES - int(n)) for name, n in zip(class_names, counts, strict=True) if n < MIN_PICTURES]
    if lacking:
        told = one_after_another(
            [
                say_n("{name} needs {count} more", "{name} needs {count} more", lack, name=name)
                for name, lack in lacking[:_TOLD]
            ]
        )
        rest = len(lacking) - _TOLD
        if rest > 0:
            told = say_n("{told}; and {count} class more", "{told}; and {count} classes more", rest, told=told)
        raise DatasetError(
            "Each class needs at least {min_pictures} pictures that can be read: {told}.",
            min_pictures=MIN_PICTURES,
            told=told,
        )


def in_words(splits: Iterable[Split]) -> str:
    """Splits one after another, for a message."""
    return one_after_another([say(split) for split in splits], COMMA)


def either(splits: Iterable[Split]) -> str:
    """One or another of these splits, for a message."""
    return one_after_another([say(split) for split in splits], OR)


def hold_out(images: LabelledImages, share: float, *, seed: int, split: Split) -> tuple[LabelledImages, LabelledImages]:
    """Take a share of each class out: what stays, and what was taken as `split`.

    Each class gives `round(share * n)` pictures, but at least one where it has two or more, and never its last one.
    The same seed takes the same pictures, in whatever order they come: each has a rank of its own, a hash of the seed
    and its name, so that a picture more or less moves hardly any other from one side to the other.
    """
    ranks = np.array([_rank(item, seed) for item in images.items], dtype=np.uint64)
    taken = np.zeros(len(images), dtype=bool)
    for label in range(len(images.class_names)):
        members = np.flatnonzero(images.labels == label)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        taken[members[np.argsort(ranks[members], kind="stable")][: max(count, 0)]] = True
    return images.take(np.flatnonzero(~taken)), images.take(np.flatnonzero(taken), split=split)


def _rank(item: Item, seed: int) -> int:
    name = item.name if isinstance(item, Path) else item.key
    hashed = hashlib.blake2b(f"{seed}/{name}".encode(errors="surrogateescape"), digest_size=8)
    return int.from_bytes(hashed.digest(), "big")


def some_of(images: LabelledImages, count: int, *, seed: int = 0) -> LabelledImages:
    """At most `count` pictures, each with the same chance, in their order. The same seed takes the same ones."""
    if len(images) <= count:
        return images
    return images.take(np.sort(np.random.default_rng(seed).permutation(len(images))[:count]))


def few_of_each(images: LabelledImages, count: int, *, seed: int) -> LabelledImages:
    """At most `count` pictures of each class, in their order; all where it is 0. The same seed takes the same ones."""
    if count == 0:
        return images
    generator = np.random.default_rng(seed)
    kept = [
        generator.permutation(np.flatnonzero(images.labels == label))[:count]
        for label in range(len(images.class_names))
    ]
    return images.take(np.sort(np.concatenate(kept)))
