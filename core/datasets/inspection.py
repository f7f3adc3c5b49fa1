"""Look at a data set before training: how many pictures of what, what is odd about it, and some of them on one sheet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from core import runtime
from core.datasets.labelled import SPLITS, Dataset, Item, LabelledImages, LeftOut, Split, read_item
from core.datasets.near_duplicates import Fingerprints, NearDuplicate, fingerprints, most_alike, thumbnail
from core.errors import DatasetError, ImageError, SettingsError
from core.streams import in_chunks
from core.texts import AND, Said, mark, one_after_another, say, say_n, without_stop

# From here on one class outweighs another so much that accuracy alone misleads.
IMBALANCE = 3.0
# Fewer pictures a class than this, and another seed gives another accuracy.
FEW_PICTURES = 20
# A final split of fewer leaves the accuracy uncertain by ten points.
FEW_TO_TEST = 100
_TOLD = 3
_CHUNK = 16
_SHEET_BACKGROUND = (128, 128, 128)
MAX_SHEET_TILES = 400


@dataclass(frozen=True, eq=False)
class Inspection:
    """What there is to know.

    Attributes:
        class_names: `K` names.
        counts: for each split, pictures in each class, `(K,)` int64.
        warnings: sentences for people; none where all is well.
        near_duplicates: pictures for validation or testing that have their like among the training pictures.
        unreadable: files that could not be read.
    """

    class_names: tuple[str, ...]
    counts: Mapping[Split, np.ndarray]
    warnings: tuple[str, ...]
    near_duplicates: tuple[NearDuplicate, ...]
    unreadable: tuple[LeftOut, ...] = field(default=(), repr=False)


@dataclass(frozen=True, eq=False)
class InspectionSnapshot:
    """How far it is, in pictures; the last snapshot has the inspection."""

    done: int
    total: int
    inspection: Inspection | None = None


def inspect(dataset: Dataset) -> Iterator[InspectionSnapshot]:
    """Count, read every file once, small, and look for near-duplicates between training and the other splits."""
    splits = [split for split in SPLITS if split in dataset.splits]
    found: dict[Split, Fingerprints] = {}
    unreadable: list[LeftOut] = []
    total = sum(len(dataset.splits[split]) for split in splits)
    done = 0
    for split in splits:
        thumbnails: list[np.ndarray | None] = []
        items = dataset.splits[split].items
        for some in in_chunks(_thumbnails, items, _CHUNK):
            thumbnails += some
            done += len(some)
            yield InspectionSnapshot(done, total)
        unreadable += [
            LeftOut(item.name, mark("cannot be read"))
            for item, one in zip(items, thumbnails, strict=True)
            if _is_bad(item, one)
        ]
        found[split] = fingerprints(thumbnails)
    pairs = _near_duplicates(dataset, found)
    counts = {split: dataset.splits[split].counts() for split in splits}
    inspection = Inspection(
        class_names=dataset.class_names,
        counts=counts,
        warnings=tuple(_warnings(dataset, counts, pairs, unreadable)),
        near_duplicates=pairs,
        unreadable=tuple(unreadable),
    )
    yield InspectionSnapshot(total, total, inspection)


def contact_sheet(
    images: LabelledImages, *, columns: int = 8, rows: int = 4, tile_px: int = 96, seed: int = 0
) -> Image.Image:
    """A sheet of small pictures, as many of each class as of any other, cut to squares around their middle.

    Files that cannot be read are passed over. The same seed chooses the same pictures.

    Args:
        images: one split.
        columns: tiles in a row.
        rows: rows; fewer where there are not so many pictures.
        tile_px: side of a tile in pixels.
        seed: chooses the pictures.

    Returns:
        RGB, at most `columns * tile_px` wide and `rows * tile_px` high.

    Raises:
        SettingsError: a size outside its range.
        DatasetError: no picture can be read.
    """
    if columns < 1 or rows < 1 or columns * rows > MAX_SHEET_TILES:
        raise SettingsError(
            "A sheet of {columns} x {rows} tiles: there must be 1 to {max_sheet_tiles}.",
            columns=columns,
            rows=rows,
            max_sheet_tiles=MAX_SHEET_TILES,
        )
    if not 8 <= tile_px <= 512:
        raise SettingsError("tile_px is {tile_px}; it must be from 8 to 512.", tile_px=tile_px)
    wanted = columns * rows
    tiles: list[tuple[int, Image.Image]] = []
    order = _spread_over_classes(images.labels, seed)
    while order and len(tiles) < wanted:
        taken, order = order[: wanted - len(tiles)], order[wanted - len(tiles) :]
        drawn = runtime.workers().map(_tile, [images.items[index] for index in taken], [tile_px] * len(taken))
        tiles += [(images.labels[index], tile) for index, tile in zip(taken, drawn, strict=True) if tile is not None]
    if not tiles:
        raise DatasetError(
            "{name} has no {split} pictures that can be read.", name=images.name, split=say(images.split)
        )
    tiles.sort(key=lambda pair: pair[0])  # those of one class beside each other
    width = min(columns, len(tiles))
    sheet = Image.new("RGB", (width * tile_px, math.ceil(len(tiles) / width) * tile_px), _SHEET_BACKGROUND)
    for number, (_, tile) in enumerate(tiles):
        sheet.paste(tile, (number % width * tile_px, number // width * tile_px))
    return sheet


def _spread_over_classes(labels: np.ndarray, seed: int) -> list[int]:
    """All indices, one of each class in turn, in an order by chance."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    turn = np.zeros(len(labels), dtype=np.int64)  # the how-manieth of its class
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        turn[members] = np.arange(len(members))
    return shuffled[np.argsort(turn[shuffled], kind="stable")].tolist()


def _tile(item: Item, tile_px: int) -> Image.Image | None:
    try:
        picture = read_item(item, short_side_px=tile_px)
    except ImageError:
        return None
    return ImageOps.fit(picture, (tile_px, tile_px), Image.Resampling.BICUBIC)


def _thumbnails(items: Sequence[Item]) -> list[np.ndarray | None]:
    """Of files; drawn pictures differ by construction and are not drawn for this."""
    return [thumbnail(item) if isinstance(item, Path) else None for item in items]


def _is_bad(item: Item, one: np.ndarray | None) -> bool:
    return isinstance(item, Path) and one is None


def _near_duplicates(dataset: Dataset, found: Mapping[Split, Fingerprints]) -> tuple[NearDuplicate, ...]:
    if "train" not in found:
        return ()
    train = dataset.splits["train"]
    pairs = []
    for split, prints in found.items():
        if split == "train":
            continue
        for index, other, alike in most_alike(prints, found["train"]):
            same = bool(dataset.splits[split].labels[index] == train.labels[other])
            pairs.append(NearDuplicate(split, index, other, alike, same))
    return tuple(pairs)


def _warnings(
    dataset: Dataset,
    counts: Mapping[Split, np.ndarray],
    pairs: Sequence[NearDuplicate],
    unreadable: Sequence[LeftOut],
) -> Iterator[str]:
    names = dataset.class_names
    for split, of_split in counts.items():
        missing = [names[label] for label in np.flatnonzero(of_split == 0)]
        if missing:
            if split == "train":
                yield say("No train pictures of {names}: what is not there cannot be learned.", names=_listed(missing))
            else:
                yield say(
                    "No {split} pictures of {names}: what is not there cannot be judged.",
                    split=say(split),
                    names=_listed(missing),
                )
    if "train" in counts:
        yield from _warnings_of_train(names, counts["train"])
    final = counts.get(dataset.final_split)
    if final is not None and 0 < final.sum() < FEW_TO_TEST:
        points = 100 / math.sqrt(final.sum())  # half of the widest 95 % interval: 1.96 * sqrt(0.25 / n)
        yield say_n(
            "Only {count} {split} picture: the accuracy measured on it can be off by up to {points:.0f} points by chance.",
            "Only {count} {split} pictures: the accuracy measured on them can be off by up to {points:.0f} points by "
            "chance.",
            int(final.sum()),
            split=say(dataset.final_split),
            points=float(points),
        )
    for split in sorted({pair.split for pair in pairs}):
        yield _warning_of_pairs(split, [pair for pair in pairs if pair.split == split], len(dataset.splits[split]))
    if dataset.left_out or unreadable:
        yield _warning_of_left_out([*dataset.left_out, *unreadable])


def _warnings_of_train(names: Sequence[str], counts: np.ndarray) -> Iterator[str]:
    there = np.flatnonzero(counts)
    if len(there) == 0:
        return
    most, least = there[np.argmax(counts[there])], there[np.argmin(counts[there])]
    ratio = counts[most] / counts[least]
    if ratio >= IMBALANCE:
        yield say(
            "Unbalanced: {most} has {ratio:.0f} times as many training pictures as {least} ({more:,} against {fewer:,}). A "
            "network does well by guessing the large classes; look at the balanced accuracy, which counts every class the "
            "same.",
            most=names[most],
            ratio=float(ratio),
            least=names[least],
            more=int(counts[most]),
            fewer=int(counts[least]),
        )
    few = [f"{names[label]} ({counts[label]})" for label in there[np.argsort(counts[there], kind="stable")]]
    few = few[: int((counts[there] < FEW_PICTURES).sum())]
    if few:
        yield say(
            "Fewer than {limit} training pictures of {names}: which ones they are decides much, and another seed may give "
            "another accuracy.",
            limit=FEW_PICTURES,
            names=_listed(few),
        )


def _warning_of_pairs(split: Split, pairs: Sequence[NearDuplicate], total: int) -> str:
    contradictory = sum(not pair.same_class for pair in pairs)
    values = {"total": total, "split": say(split), "contradictory": contradictory}
    if contradictory:
        return say_n(
            "{count:,} of the {total:,} {split} pictures is nearly the same as a training picture ({contradictory:,} of "
            "them in another class): the network has seen the answer, and on new pictures it will do worse than its "
            "{split} accuracy says.",
            "{count:,} of the {total:,} {split} pictures are nearly the same as a training picture ({contradictory:,} of "
            "them in another class): the network has seen the answer, and on new pictures it will do worse than its "
            "{split} accuracy says.",
            len(pairs),
            **values,
        )
    return say_n(
        "{count:,} of the {total:,} {split} pictures is nearly the same as a training picture: the network has seen the "
        "answer, and on new pictures it will do worse than its {split} accuracy says.",
        "{count:,} of the {total:,} {split} pictures are nearly the same as a training picture: the network has seen the "
        "answer, and on new pictures it will do worse than its {split} accuracy says.",
        len(pairs),
        **values,
    )


def _warning_of_left_out(left_out: Sequence[LeftOut]) -> str:
    kinds = Counter(_kind(reported.reason) for reported in left_out)
    told = one_after_another(
        [say("{count:,}: {reason}", count=count, reason=reason) for reason, count in kinds.most_common(_TOLD)]
    )
    more = len(kinds) - _TOLD
    if more > 0:
        told = say_n("{told}; and {count} reason more", "{told}; and {count} reasons more", more, told=told)
    return say_n(
        "One entry is left out ({told}).", "{count:,} entries are left out ({told}).", len(left_out), told=told
    )


def _kind(reason: str) -> Said:
    """A reason without the names in it."""
    if reason.startswith("the same picture as"):
        return say("there twice, in two classes") if reason.endswith("class") else say("there twice")
    return without_stop(reason)


def _listed(names: Sequence[str]) -> str:
    if len(names) > _TOLD:
        first, more = ", ".join(names[:_TOLD]), len(names) - _TOLD
        return say_n("{names} and {count} more", "{names} and {count} more", more, names=first)
    return say(AND, before=", ".join(names[:-1]), last=names[-1]) if len(names) > 1 else names[0]
