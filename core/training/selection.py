"""Choose how much weights are pulled towards 0, by cross-validation on the training pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.training.examples import Examples
from core.training.feeding import in_order, until_done
from core.training.head_settings import HeadSettings
from core.training.head_training import DIVERGED, HeadTraining

# Half powers of ten around what suits embeddings of unit spread.
CANDIDATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
FOLDS = 5


@dataclass(frozen=True)
class SelectionSnapshot:
    """Trainings done and to do; in the last snapshot the choice, and the accuracy of each candidate in [0, 1]."""

    done: int
    total: int
    weight_decay: float | None = None
    accuracies: tuple[float, ...] = ()


def choose_weight_decay(
    train: Examples, class_names: tuple[str, ...], settings: HeadSettings
) -> Iterator[SelectionSnapshot]:
    """The candidate with the highest mean accuracy over `FOLDS` parts, each left out once; the larger of equals.

    The parts hold the classes in equal shares. All other settings are those given. A training that diverges counts as
    wrong about all of its part. Closing the generator ends what is being trained.
    """
    parts = _parts(train.labels, len(class_names), settings.seed)
    trials = [(decay, part) for decay in CANDIDATES for part in range(FOLDS)]
    right = dict.fromkeys(CANDIDATES, 0)
    done = 0
    stop = threading.Event()
    work = partial(_try, train, class_names, settings, parts, stop)
    with contextlib.closing(in_order(work, trials, left=stop.set)) as counts:
        for (decay, _), count in counts:
            for _ in until_done(count):
                yield SelectionSnapshot(done, len(trials))
            right[decay] += count.result()
            done += 1
            yield SelectionSnapshot(done, len(trials))
    best = max(CANDIDATES, key=lambda decay: (right[decay], decay))
    accuracies = tuple(right[decay] / len(train) for decay in CANDIDATES)
    yield SelectionSnapshot(done, len(trials), best, accuracies)


def _try(
    train: Examples,
    class_names: tuple[str, ...],
    settings: HeadSettings,
    parts: np.ndarray,
    stop: threading.Event,
    trial: tuple[float, int],
) -> int:
    """How many pictures of the part that was left out are called rightly; 0 where the training diverges."""
    decay, part = trial
    left_out = train.take(np.flatnonzero(parts == part))
    rest = train.take(np.flatnonzero(parts != part))
    if not len(left_out) or not len(rest):
        return 0
    plain = dataclasses.replace(settings, weight_decay=decay, patience=0)
    training = HeadTraining(rest, left_out, class_names, plain)
    while not training.finished and not stop.is_set():
        training.advance()
    if training.note == DIVERGED:
        return 0
    return round((training.history.validation_accuracy[-1] or 0.0) * len(left_out))


def _parts(labels: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """The part, from 0 to FOLDS - 1, of each example."""
    generator = np.random.default_rng(seed)
    parts = np.zeros(len(labels), dtype=np.int64)
    for label in range(classes):
        members = generator.permutation(np.flatnonzero(labels == label))
        # each class begins at another part, so that small classes do not all fill the first
        parts[members] = (np.arange(len(members)) + label) % FOLDS
    return parts
