"""From pictures to embeddings: computed once, on all processors, kept on disk."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from core import distributed
from core.backbones.backbone import Backbone
from core.classifier import CHUNK, fast_embeddings
from core.datasets.labelled import Item, LabelledImages, LeftOut, content_key, item_name, read_item
from core.embedding_cache import EmbeddingCache
from core.errors import DatasetError, ImageError
from core.images import to_pixels
from core.streams import in_chunks
from core.texts import say

# Changes when vectors are computed otherwise than before: those on the disk are then left alone.
_VERSION = 1
# A GPU takes more at once than a processor, whose cache is small.
GPU_CHUNK = 64
# A large network takes fewer, so that there is news, and an end where one is wished, about every second.
_CHUNK_WEIGHTS = 100_000_000
# Files that one worker hashes at a time.
_HASH_CHUNK = 32
# Vectors wait in memory this long, at most, before they are written: what a killed process loses.
_WRITE_EVERY_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Pictures and their embeddings.

    Attributes:
        vectors: `(N, D)` float32.
        images: the `N` pictures, those that cannot be read left out.
        left_out: the others, with the reason.
    """

    vectors: np.ndarray = field(repr=False)
    images: LabelledImages
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, eq=False)
class EmbedSnapshot:
    """How far it is.

    Attributes:
        done, total: pictures.
        remembered: how many of them were on disk already.
        images_per_second: of those that were computed; 0 before the first.
        seconds_left: None before the first was computed.
        embeddings: the result, in the last snapshot.
    """

    done: int
    total: int
    remembered: int
    images_per_second: float = 0.0
    seconds_left: float | None = None
    embeddings: Embeddings | None = field(default=None, repr=False)


def embed(
    backbone: Backbone, images: LabelledImages, *, mirrored: bool = False, cache: bool = True
) -> Iterator[EmbedSnapshot]:
    """Embeddings of all pictures of a split.

    Under several processes (see `distributed`) each computes its share, and all end with all of them.

    Args:
        mirrored: take the mean with the mirror images' embeddings.
        cache: read and write the embeddings on disk.

    Raises:
        DatasetError: not one of the pictures can be read.
    """
    world = distributed.world()
    mine = world.mine(len(images))
    computed = yield from _embed_items(backbone, [images.items[i] for i in mine], mirrored=mirrored, cache=cache)
    vectors, reasons = computed
    vectors = world.gather_rows(vectors, len(images))
    if world.size > 1:
        reasons = dict.fromkeys(np.flatnonzero(np.isnan(vectors[:, 0])).tolist(), "This picture cannot be read.")
    readable = np.array([i for i in range(len(images)) if i not in reasons], dtype=np.int64)
    if not len(readable):
        raise DatasetError(
            "Not one of the {count} {split} pictures of {name} can be read.",
            count=len(images),
            split=say(images.split),
            name=images.name,
        )
    left_out = tuple(LeftOut(item_name(images.items[i]), reason) for i, reason in sorted(reasons.items()))
    whole = len(readable) == len(images)
    result = Embeddings(vectors if whole else vectors[readable], images if whole else images.take(readable), left_out)
    yield EmbedSnapshot(len(images), len(images), len(images), embeddings=result)


def _embed_items(backbone: Backbone, items: Sequence[Item], *, mirrored: bool, cache: bool) -> Iterator[EmbedSnapshot]:
    """Yields snapshots; returns vectors `(N, D)`, NaN where a picture cannot be read, and the reasons by position."""
    store = EmbeddingCache(f"{backbone.fingerprint}-{_VERSION}{'-m' if mirrored else ''}", backbone.embedding_dim)
    vectors = np.full((len(items), backbone.embedding_dim), np.nan, np.float32)
    reasons: dict[int, str] = {}
    keys: list[bytes | None] = [None] * len(items)
    if cache:
        keys = []
        with contextlib.closing(in_chunks(_keys, items, _HASH_CHUNK)) as chunks:
            for chunk in chunks:
                keys += chunk
                yield EmbedSnapshot(0, len(items), 0)
        found = store.read([key for key in keys if key])
        for position, key in enumerate(keys):
            if key in found:
                vectors[position] = found[key]
    missing = np.flatnonzero(np.isnan(vectors[:, 0])).tolist()
    remembered = len(items) - len(missing)
    start = written_at = time.monotonic()
    unwritten: dict[bytes, np.ndarray] = {}
    size = _chunk(backbone)
    done = 0
    work = partial(_embed_chunk, backbone, items, mirrored)
    with contextlib.closing(in_chunks(work, missing, size)) as chunks:
        for computed in chunks:
            for position, vector in computed:
                done += 1
                if isinstance(vector, str):
                    reasons[position] = vector
                    continue
                vectors[position] = vector
                if keys[position]:
                    unwritten[keys[position]] = vector
            if unwritten and time.monotonic() - written_at > _WRITE_EVERY_SECONDS:
                store.write(unwritten)
                unwritten, written_at = {}, time.monotonic()
            rate = done / max(1e-9, time.monotonic() - start)
            yield EmbedSnapshot(
                remembered + done, len(items), remembered, rate, (len(missing) - done) / rate if rate else None
            )
    if unwritten:
        store.write(unwritten)
        store.make_room()
    return vectors, reasons


def _chunk(backbone: Backbone) -> int:
    if backbone.device.type != "cpu":
        return GPU_CHUNK
    weights = sum(parameter.numel() for parameter in backbone.model.parameters())
    return max(1, min(CHUNK, _CHUNK_WEIGHTS // max(1, weights)))


def _keys(items: Sequence[Item]) -> list[bytes | None]:
    keys: list[bytes | None] = []
    for item in items:
        try:
            keys.append(content_key(item))
        except ImageError:
            keys.append(None)  # the reason is found again, and told, when the picture is read
    return keys


def _embed_chunk(
    backbone: Backbone, items: Sequence[Item], mirrored: bool, positions: Sequence[int]
) -> list[tuple[int, np.ndarray | str]]:
    """For each position its vector, or the reason why there is none."""
    pictures, answers = {}, {}
    for position in positions:
        try:
            pictures[position] = backbone.view(read_item(items[position], short_side_px=max(backbone.input_size)))
        except ImageError as error:
            answers[position] = str(error)
    if pictures:
        vectors = fast_embeddings(backbone, to_pixels(list(pictures.values())), mirrored=mirrored).numpy()
        answers.update(zip(pictures, vectors, strict=True))
    return [(position, answers[position]) for position in positions]
