"""The transfer-distance lab: how far a data set is from ImageNet, and how well a network can be taught it."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from core.backbones.backbone import Backbone
from core.backbones.loading import load_backbone
from core.datasets.labelled import Dataset, LabelledImages, few_of_each
from core.embeddings import EmbedSnapshot, embed
from core.errors import DatasetError
from core.runs.pipeline import train_run
from core.runs.plan import Plan
from core.runs.snapshot import RunSnapshot
from core.streams import relayed
from core.texts import say, say_n
from core.transfer.distance import LEAST, PICTURES, RELIABLE, Distance, distance_from
from core.transfer.reference import Reference, no_reference, reference_of
from core.transfer.result import LabResult


@dataclass(frozen=True, eq=False)
class LabSnapshot:
    """How far it is, complete in itself.

    Attributes:
        phase: what happens now: the distance is measured; the network is taught; done.
        done, total: pictures, trials or steps of what happens now.
        distance: known once it is measured; None before, and where it cannot be told.
        run: how far the training is; None before it begins.
        result: in the last snapshot, unless the training diverged.
        note: why there is no distance, or how far it can be trusted; else empty.
    """

    phase: Literal["measuring", "training", "finished"]
    done: int
    total: int
    distance: Distance | None = None
    run: RunSnapshot | None = field(default=None, repr=False)
    result: LabResult | None = None
    note: str = ""


def run_lab(plan: Plan, dataset: Dataset, *, folder: Path | None = None) -> Iterator[LabSnapshot]:
    """Measure the distance of a data set from ImageNet, then train and test as `train_run` does.

    The distance is that of at most `PICTURES` training pictures, always the same ones, seen as the network was
    published whatever view and seed the plan asks for: a data set has one distance for each network. Their embeddings
    are on disk when training asks for them. Closing the generator stops the run as `train_run` says.

    Args:
        plan: the source network (`plan.backbone`) and how to train.
        folder: what is to become the run; by default one of a fresh name in `runs_folder()`.

    Raises:
        BackboneError: the network is not to be had, or its reference is damaged.
        DatasetError: there are too few pictures.
        CheckpointError: the run cannot be made there.
    """
    distance, note = yield from _measure(plan, dataset)
    with contextlib.closing(train_run(plan, dataset, folder=folder)) as running:
        for run in running:
            if run.evaluation is None:
                yield LabSnapshot("training", run.done, run.total, distance, run, note=note)
            else:
                result = _result(plan, dataset, run, distance)
                yield LabSnapshot("finished", run.done, run.total, distance, run, result, note)


def measure_distance(
    backbone: Backbone, reference: Reference, images: LabelledImages, *, seed: int = 0
) -> Generator[EmbedSnapshot, None, Distance]:
    """The distance alone: yields how far the embedding is; returns the distance.

    Args:
        reference: that of the network.
        seed: which pictures are drawn, and how they are halved.

    Raises:
        DatasetError: there are fewer than `LEAST` pictures that can be read.
    """
    with contextlib.closing(embed(backbone, drawn_for_distance(images, seed=seed))) as stream:
        for snapshot in stream:
            yield snapshot
    return distance_from(reference, snapshot.embeddings.vectors, seed=seed)


def drawn_for_distance(images: LabelledImages, *, seed: int) -> LabelledImages:
    """At most `PICTURES` of them, each with the same chance."""
    if len(images) <= PICTURES:
        return images
    order = np.random.default_rng(seed).permutation(len(images))[:PICTURES]
    return images.take(np.sort(order))


def _measure(plan: Plan, dataset: Dataset) -> Generator[LabSnapshot, None, tuple[Distance | None, str]]:
    backbone = load_backbone(plan.backbone)
    reference = reference_of(backbone)
    if reference is None:
        return None, no_reference(backbone)
    count = len(dataset.split("train"))
    if count < LEAST:
        return None, say_n(
            "{count} picture to learn from is too few to tell a distance: it takes {least}.",
            "{count} pictures to learn from are too few to tell a distance: it takes {least}.",
            count,
            least=LEAST,
        )
    measuring = measure_distance(backbone, reference, dataset.split("train"))
    try:
        distance = yield from relayed(measuring, lambda seen: LabSnapshot("measuring", seen.done, seen.total))
    except DatasetError as error:  # most of these pictures cannot be read: of all, enough for training may be
        return None, say(error.words, **error.values)
    return distance, _how_sure(distance)


def _how_sure(distance: Distance) -> str:
    if distance.pictures >= RELIABLE:
        return ""
    return say_n(
        "Only {count} picture was measured: it looks farther away than it is.",
        "Only {count} pictures were measured: they look farther away than they are.",
        distance.pictures,
    )


def _result(plan: Plan, dataset: Dataset, run: RunSnapshot, distance: Distance | None) -> LabResult:
    evaluation = run.evaluation
    learned = few_of_each(dataset.split("train"), plan.head.images_per_class, seed=plan.head.seed)
    return LabResult(
        dataset=dataset.name,
        title=dataset.title,
        network=run.record.backbone.name,
        network_title=run.record.backbone.title,
        distance=distance.value if distance else None,
        accuracy=evaluation.accuracy,
        accuracy_low=evaluation.accuracy_low,
        accuracy_high=evaluation.accuracy_high,
        balanced_accuracy=evaluation.balanced_accuracy,
        guessing=evaluation.majority,
        classes=len(dataset.class_names),
        trained_on=len(learned),
        tested_on=evaluation.n,
    )
