"""Ideal images of many classes: batches of them, drawn side by side, one batch a processor."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from PIL import Image

from core import runtime
from core.ascent.ascent import ascend
from core.ascent.settings import AscentSettings
from core.ascent.snapshot import AscentSnapshot
from core.ascent.wanted import check_labels
from core.classifier import Classifier

# Pictures of one batch: more take more memory and gain no time.
_TOGETHER = 10
_NEWS_EVERY_SECONDS = 0.25
# Nobody watches these pictures grow, and a look at ten of them takes a third of a step.
_LOOK_EVERY_SECONDS = 10.0


@dataclass(frozen=True)
class Batch:
    """Some of the classes, and how far their pictures are.

    Attributes:
        labels: which.
        snapshot: None before they are begun.
    """

    labels: tuple[int, ...]
    snapshot: AscentSnapshot | None = field(default=None, repr=False)

    @property
    def share_done(self) -> float:
        """Of the steps, in [0, 1]."""
        return self.snapshot.step / self.snapshot.total_steps if self.snapshot else 0.0


def ascend_side_by_side(
    classifier: Classifier,
    labels: Sequence[int],
    settings: AscentSettings,
    *,
    beside: Sequence[Classifier] = (),
    photo: Image.Image | None = None,
    max_seconds: float | None = None,
) -> Iterator[tuple[Batch, ...]]:
    """Draw an ideal image of each label, each once: where all of them are, a few times a second; the last holds the results.

    A batch takes less time a picture than single pictures do, and two batches on two processors less than one on both.

    Args:
        beside, photo, max_seconds: as `ascend` takes them; the seconds are those of the whole call.

    Raises:
        As `ascend`.
    """
    began = time.monotonic()
    check_labels(labels, classifier)
    batches = [Batch(some) for some in _split(tuple(dict.fromkeys(labels)), settings.candidates)]
    stop = threading.Event()
    processors = runtime.processor_count()

    def draw(index: int) -> None:
        # what is left of the time, shared with the batches that wait
        rounds_left = math.ceil((len(batches) - index) / processors)
        seconds = None if max_seconds is None else max(0.0, max_seconds - (time.monotonic() - began)) / rounds_left
        some = batches[index].labels
        snapshots = ascend(
            classifier,
            some,
            settings,
            beside=beside,
            photo=photo,
            max_seconds=seconds,
            look_every_seconds=_LOOK_EVERY_SECONDS,
            all_processors=len(batches) == 1,
        )
        for snapshot in snapshots:
            batches[index] = Batch(some, snapshot)
            if stop.is_set():
                return

    pool = ThreadPoolExecutor(processors, thread_name_prefix="side-by-side")
    futures = [pool.submit(draw, index) for index in range(len(batches))]
    try:
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=_NEWS_EVERY_SECONDS, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            yield tuple(batches)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _split(labels: Sequence[int], candidates: int) -> list[tuple[int, ...]]:
    """Batches of about the same size, as many for each processor."""
    most = max(1, _TOGETHER // candidates)
    rounds = math.ceil(len(labels) / (most * runtime.processor_count()))
    count = min(len(labels), rounds * runtime.processor_count())
    bounds = [round(len(labels) * index / count) for index in range(count + 1)]
    return [tuple(labels[start:end]) for start, end in itertools.pairwise(bounds)]
