"""Pictures for training: shuffled, changed and decoded ahead of the network, on all processors.

Which picture comes at which step, and how it is changed, follows from the seed and the step alone: a run can go on at
any step, in any number of processes.
"""

from __future__ import annotations

import collections
import concurrent.futures
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from core import runtime
from core.datasets.labelled import LabelledImages, item_name, read_item
from core.distributed import World
from core.errors import DatasetError, ImageError
from core.training.augmentation import Augmentation

T = TypeVar("T")
R = TypeVar("R")

# Pictures that stay in memory, decoded; a data set beyond it is decoded again each epoch.
_MEMORY_BYTES = 600 << 20
# Crops come from a picture whose short side is this many times that of what the network sees. Crops of less than 0.6
# of a square picture are enlarged from it: a little blurred, for a third of the memory of a picture twice as large.
_MARGIN = 1.3
# Seconds after which a wait for pictures lets the caller say that it still lives.
_PATIENCE_SECONDS = 0.2


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some pictures of a batch.

    Attributes:
        rows: `(n,)`, their places in the whole batch.
        labels: `(n,)` int64.
        pixels: `(n, 3, H, W)` uint8, channels-last; on its way.
    """

    rows: np.ndarray
    labels: np.ndarray
    pixels: Future[torch.Tensor] = field(repr=False)


class Memory:
    """A function of a picture's number whose results stay in memory, up to `_MEMORY_BYTES` for all of them."""

    def __init__(self, function: Callable[[int], np.ndarray], *, budget_bytes: int = _MEMORY_BYTES) -> None:
        self._function = function
        self._kept: dict[int, np.ndarray] = {}
        self._left = budget_bytes
        self._lock = threading.Lock()

    def __call__(self, number: int) -> np.ndarray:
        """The result, computed or remembered; nobody changes it."""
        found = self._kept.get(number)
        if found is None:
            found = self._function(number)
            with self._lock:
                if number not in self._kept and found.nbytes <= self._left:
                    self._kept[number] = found
                    self._left -= found.nbytes
        return found


class Feed:
    """The batches of one training run, this process's share of them.

    Epoch follows epoch without a gap: every batch is full, and may hold the last pictures of one epoch and the first
    of the next.
    """

    def __init__(
        self,
        images: LabelledImages,
        augmentation: Augmentation,
        *,
        batch_size: int,
        chunk: int,
        seed: int,
        world: World,
    ) -> None:
        self._images = images
        self._augmentation = augmentation
        self._batch_size, self._chunk, self._seed, self._world = batch_size, chunk, seed, world
        self._pictures = Memory(lambda number: shrunk(images, number, augmentation.size))
        self._orders: dict[int, np.ndarray] = {}
        self._begun: dict[int, list[Chunk]] = {}

    def chunks(self, step: int) -> Sequence[Chunk]:
        """This process's part of the batch of a step, in chunks; those of the next step are begun too."""
        for wanted in (step, step + 1):
            if wanted not in self._begun:
                self._begun[wanted] = self._begin(wanted)
        for past in [begun for begun in self._begun if begun < step]:
            del self._begun[past]
        return self._begun[step]

    def close(self) -> None:
        """Stop what is being read ahead; when this returns, nothing runs any more."""
        pending = [chunk.pixels for chunks in self._begun.values() for chunk in chunks]
        self._begun.clear()
        for future in pending:
            future.cancel()
        concurrent.futures.wait(pending)

    def _begin(self, step: int) -> list[Chunk]:
        rows = self._world.mine(self._batch_size)
        pool = runtime.workers()
        begun = []
        for start in range(0, len(rows), self._chunk):
            part = rows[start : start + self._chunk]
            positions = step * self._batch_size + part
            numbers = [self._number_at(int(position)) for position in positions]
            begun.append(Chunk(part, self._images.labels[numbers], pool.submit(self._load, numbers, positions)))
        return begun

    def _number_at(self, position: int) -> int:
        """Which picture comes at a position of the endless stream of epochs."""
        epoch, place = divmod(position, len(self._images))
        if epoch not in self._orders:
            self._orders.pop(epoch - 2, None)
            self._orders[epoch] = np.random.default_rng([self._seed, epoch]).permutation(len(self._images))
        return int(self._orders[epoch][place])

    def _load(self, numbers: Sequence[int], positions: np.ndarray) -> torch.Tensor:
        changed = [
            self._augmentation(Image.fromarray(self._pictures(number)), self._seed, int(position))
            for number, position in zip(numbers, positions, strict=True)
        ]
        return torch.stack(changed).contiguous(memory_format=torch.channels_last)


def shrunk(images: LabelledImages, number: int, size: tuple[int, int]) -> np.ndarray:
    """A picture of a data set, its short side at most `_MARGIN` times the longer one of `size` (height, width);
    `(H, W, 3)` uint8.

    Raises:
        DatasetError: it cannot be read; it says which one.
    """
    wanted = round(_MARGIN * max(size))
    picture = read_picture(images, number, short_side_px=wanted)
    scale = wanted / min(picture.size)
    if scale < 1:
        smaller = [max(1, round(side * scale)) for side in picture.size]
        picture = picture.resize(smaller, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(picture)


def read_picture(images: LabelledImages, number: int, *, short_side_px: int) -> Image.Image:
    """A picture of a data set, upright RGB.

    Raises:
        DatasetError: it cannot be read; it says which one.
    """
    item = images.items[number]
    try:
        return read_item(item, short_side_px=short_side_px)
    except ImageError as error:
        raise DatasetError(
            "{item} of {name} cannot be read. {error}",
            item=item_name(item),
            name=images.name,
            error=error,
        ) from error


def pieces(numbers: Sequence[T], size: int) -> list[Sequence[T]]:
    """A sequence cut into pieces of that size."""
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def in_order(
    function: Callable[[T], R], parts: Sequence[T], *, left: Callable[[], None] | None = None
) -> Iterator[tuple[T, Future[R]]]:
    """Each part and `function` of it, on its way: computed on all processors, two a processor ahead at most.

    When the iterator is closed, nothing runs any more.

    Args:
        left: called when it is closed before its end, so that what is being computed may end too.
    """
    pool = runtime.workers()
    pending: collections.deque[Future[R]] = collections.deque()
    try:
        for place, part in enumerate(parts):
            while len(pending) < 2 * runtime.processor_count() and place + len(pending) < len(parts):
                pending.append(pool.submit(function, parts[place + len(pending)]))
            yield part, pending[0]
            pending.popleft()
    finally:
        if pending and left is not None:
            left()
        # the newest first: a part may wait for those before it, and must not begin once one of them never will
        for future in reversed(pending):
            future.cancel()
        concurrent.futures.wait(pending)


def aside(function: Callable[[], R]) -> Generator[None, None, R]:
    """`function` on one of the processors, while the caller can go on living: yields now and then, returns its result.

    A thread that computes alone waits for no other one in between, whatever else the machine does.
    """
    future = runtime.workers().submit(function)
    try:
        yield from until_done(future)
    finally:
        future.cancel()
        concurrent.futures.wait([future])
    return future.result()


def until_done(future: Future) -> Iterator[None]:
    """Wait, letting go now and then; ends when there is a result."""
    while not concurrent.futures.wait([future], timeout=_PATIENCE_SECONDS).done:
        yield
