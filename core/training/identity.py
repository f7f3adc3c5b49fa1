"""What names a training: the same settings, network, head and pictures, and nothing else, may go on where it stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Generator

import numpy as np

from core.backbones.backbone import Backbone
from core.datasets.labelled import LabelledImages, content_key
from core.distributed import World
from core.errors import DatasetError, ImageError
from core.head import Head
from core.training.feeding import in_order, pieces, until_done
from core.training.tuning_settings import TuneSettings

# Of what is stored and how steps are computed: a checkpoint of another version is not taken.
_VERSION = 1
# Files in one piece of work.
_CHUNK = 64


def identity_of(
    settings: TuneSettings,
    backbone: Backbone,
    head: Head | None,
    *,
    images: tuple[LabelledImages | None, ...],
    world: World,
) -> Generator[None, None, str]:
    """32 hexadecimal digits. All files are read; it yields a few times a second and returns the digits at the end.

    Raises:
        DatasetError: a picture is no longer there.
    """
    said: list[object] = [_VERSION, dataclasses.asdict(settings), backbone.fingerprint]
    if head is not None:
        said.append(_digest(head.weight.numpy().tobytes() + head.bias.numpy().tobytes()))
    for split in images:
        if split is not None:
            keys = yield from _content_keys(split, world)
            said.append([split.class_names, split.labels.tolist(), _digest(keys.tobytes())])
    return _digest(json.dumps(said, default=str).encode())


def _content_keys(images: LabelledImages, world: World) -> Generator[None, None, np.ndarray]:
    """The keys of all pictures, `(N, 16)` uint8; each process reads its part."""

    def keys(numbers: np.ndarray) -> np.ndarray:
        try:
            joined = b"".join(content_key(images.items[number]) for number in numbers)
        except ImageError as error:
            raise DatasetError(
                "A picture of {name} is no longer there. Open the data set again.", name=images.name
            ) from error
        return np.frombuffer(joined, np.uint8).reshape(-1, 16)

    found = [np.zeros((0, 16), np.uint8)]
    with contextlib.closing(in_order(keys, pieces(world.mine(len(images)), _CHUNK))) as parts:
        for _, future in parts:
            yield from until_done(future)
            found.append(future.result())
    return world.gather_rows(np.concatenate(found), len(images))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
