"""Which pictures can be read at all: asked before a training that would come upon the others one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence

import numpy as np

from core import distributed
from core.datasets.labelled import Item, LabelledImages, read_item
from core.errors import DatasetError, ImageError
from core.streams import in_chunks
from core.texts import say_n

# A JPEG is decoded at a fraction of its size, which finds the same damage: all its bytes are read.
_SHORT_SIDE_PX = 32
_CHUNK = 16


def find_readable(images: LabelledImages) -> Generator[tuple[int, int], None, LabelledImages]:
    """Decode each picture once, small: yields how many of how many; returns those that can be read.

    Under several processes each looks at its share, and all end with the same pictures.

    Raises:
        DatasetError: not one of them can be read.
        LostProcessError: another process of this run is gone.
    """
    world = distributed.world()
    mine = [images.items[index] for index in world.mine(len(images))]
    found: list[bool] = []
    with contextlib.closing(in_chunks(_readable, mine, _CHUNK)) as chunks:
        for chunk in chunks:
            found += chunk
            yield len(found) * world.size, len(images)
    readable = world.gather_rows(np.array(found, dtype=np.uint8).reshape(-1, 1), len(images))[:, 0].astype(bool)
    if not readable.any():
        raise DatasetError(
            "Not one of the {count} {split} pictures of {name} can be read.",
            count=len(images),
            split=images.split,
            name=images.name,
        )
    return images if readable.all() else images.take(np.flatnonzero(readable))


def lost_in_words(before: LabelledImages, after: LabelledImages) -> str:
    """How many pictures to learn from, or to watch by, were left out; empty where none was."""
    lost = len(before) - len(after)
    if not lost:
        return ""
    if before.split == "validation":
        return say_n(
            "One validation picture cannot be read and is left out.",
            "{count} validation pictures cannot be read and are left out.",
            lost,
        )
    return say_n(
        "One train picture cannot be read and is left out.",
        "{count} train pictures cannot be read and are left out.",
        lost,
    )


def _readable(items: Sequence[Item]) -> list[bool]:
    return [_can_be_read(item) for item in items]


def _can_be_read(item: Item) -> bool:
    try:
        read_item(item, short_side_px=_SHORT_SIDE_PX)
    except ImageError:
        return False
    return True
