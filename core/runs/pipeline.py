"""From a plan and a data set to a run: embed, train, test once, store. One stream of snapshots for page and terminal."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core import distributed
from core.backbones.freezing import seen_through
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.datasets.labelled import Dataset, LabelledImages
from core.embeddings import embed
from core.errors import DatasetError
from core.evaluation import Evaluation, to_json
from core.runs.files import CHECKPOINT_FOLDER
from core.runs.judging import judge
from core.runs.networks import describe_backbone
from core.runs.plan import Plan, split_for_training
from core.runs.record import RunRecord, describe_dataset
from core.runs.snapshot import Phase, RunSnapshot
from core.runs.storage import create_run, read_record, save_run
from core.training.examples import Examples
from core.training.head import refit_settings, train_head
from core.training.history import History, TrainSnapshot
from core.training.selection import choose_weight_decay
from core.training.tuning import fine_tune

Stream = Generator[RunSnapshot, None, Any]


def train_run(plan: Plan, dataset: Dataset, *, folder: Path | None = None) -> Iterator[RunSnapshot]:
    """Train, test once, and store everything in a run; the last snapshot holds the evaluation.

    Closing the generator stops the run: what was learned so far is stored, and `resume_run` goes on from there. So it
    does after the process was killed, which loses a second of a head's training or half a minute of fine-tuning.

    Args:
        folder: what is to become the run; by default one of a fresh name in `runs_folder()`.

    Raises:
        BackboneError: the network is not to be had.
        DatasetError: there are too few pictures.
        CheckpointError: the run cannot be stored.
    """
    running = _Running(plan, dataset)
    running.keep_in(create_run(running.record, folder=folder) if distributed.world().is_first else None)
    return running.snapshots()


def resume_run(folder: Path, dataset: Dataset) -> Iterator[RunSnapshot]:
    """Go on with a run that was stopped or killed, with the same pictures.

    Raises:
        CheckpointError: it is finished already, or was made with other settings or classes.
    """
    world = distributed.world()
    record = RunRecord.from_json(world.from_first(read_record(folder).to_json().encode() if world.is_first else None))
    running = _Running(Plan.of_run(record), dataset)
    running.go_on_from(record)
    running.keep_in(folder if world.is_first else None)
    return running.snapshots()


class _Running:
    """One run while it is made. Its generators hold nothing across a `yield` but plain values."""

    def __init__(self, plan: Plan, dataset: Dataset) -> None:
        self.plan = plan
        self.dataset = dataset
        self.folder: Path | None = None
        self.checkpoints = Path()
        published = load_backbone(plan.backbone)
        self.backbone = seen_through(published, plan.view)
        self.train, self.validation = split_for_training(dataset, plan.head)
        self.record = RunRecord(
            name=plan.name or _title(plan, published.title, dataset),
            dataset=describe_dataset(dataset),
            class_names=dataset.class_names,
            backbone=describe_backbone(published, weights="published" if plan.method == "head" else "here"),
            view=plan.view,
            settings=plan.settings(),
            method=plan.method,
        )
        self.began = time.monotonic()
        self.seconds_before = 0.0
        self.training: TrainSnapshot | None = None
        self.notes: tuple[str, ...] = ()

    def keep_in(self, folder: Path | None) -> None:
        """Store the run in that folder of the first process; all of several know where its checkpoints are."""
        self.folder = folder
        known = distributed.world().from_first(os.fsencode(folder) if folder else None)
        self.checkpoints = Path(os.fsdecode(known)) / CHECKPOINT_FOLDER

    def go_on_from(self, record: RunRecord) -> None:
        """Take over what an earlier process stored."""
        if record.state == "finished":
            raise DatasetError(f"{record.name} is finished: there is nothing to go on with.")
        if record.class_names != self.dataset.class_names:
            raise DatasetError(f"{record.name} learned other classes than those of {self.dataset.title}.")
        self.seconds_before = float(record.metrics.get("seconds", 0.0))
        self.record = dataclasses.replace(record, state="running")

    def snapshots(self) -> Iterator[RunSnapshot]:
        """The whole run."""
        classifier = None
        try:
            if self.plan.method == "head":
                classifier = yield from self._train_head()
            else:
                classifier = yield from self._tune()
            yield from self._test(classifier)
        except GeneratorExit:
            self._store("stopped", classifier or self._so_far())
            raise

    def _train_head(self) -> Stream:
        settings = self.plan.head
        train = yield from self._embed("train")
        validation = yield from self._embed("validation")
        if settings.choose_weight_decay:
            settings = yield from self._choose(train, settings)
        head = yield from self._fit(train, validation, settings)
        if settings.refit and self.training.best_epoch is not None:
            again = refit_settings(settings, self.training.best_epoch)
            head = yield from self._refit(_joined(train, validation), again)
        return Classifier(self.backbone, head, mirrored=self.plan.view.mirrored)

    def _embed(self, part: Literal["train", "validation"]) -> Stream:
        """The embeddings of a part; from now on, the part has no pictures that cannot be read."""
        images: LabelledImages = getattr(self, part)
        stream = embed(self.backbone, images, mirrored=self.plan.view.mirrored)
        with contextlib.closing(stream):
            for snapshot in stream:
                if snapshot.embeddings is None:
                    yield self._seen("embedding", snapshot.done, snapshot.total, snapshot)
                else:
                    embeddings = snapshot.embeddings
        if embeddings.left_out:
            self.notes += (f"{len(embeddings.left_out)} {images.split} pictures cannot be read and are left out.",)
        setattr(self, part, embeddings.images)
        return Examples(embeddings.vectors, embeddings.images.labels)

    def _choose(self, train: Examples, settings: Any) -> Stream:
        with contextlib.closing(choose_weight_decay(train, self.dataset.class_names, settings)) as stream:
            for snapshot in stream:
                yield self._seen("choosing", snapshot.done, snapshot.total)
        self.notes += (f"Weight decay {snapshot.weight_decay:g} was best in cross-validation.",)
        return dataclasses.replace(settings, weight_decay=snapshot.weight_decay)

    def _fit(self, train: Examples, validation: Examples, settings: Any) -> Stream:
        checkpoint = self.checkpoints / "head" if self.folder else None
        stream = train_head(train, validation, self.dataset.class_names, settings, checkpoint=checkpoint)
        with contextlib.closing(stream):
            for self.training in stream:
                yield self._seen("training", self.training.step, self.training.total_steps, self.training)
        if self.training.note:
            self.notes += (self.training.note,)
        return self.training.head

    def _refit(self, examples: Examples, settings: Any) -> Stream:
        """Once more with all pictures; the curves stay those of before."""
        with contextlib.closing(train_head(examples, None, self.dataset.class_names, settings)) as stream:
            for snapshot in stream:
                yield self._seen("training", snapshot.step, snapshot.total_steps, snapshot)
        return snapshot.head

    def _tune(self) -> Stream:
        head = None
        if self.plan.method == "finetune":
            # stages that begin under a random head unlearn what they knew (Kumar et al. 2022, arXiv:2202.10054)
            train = yield from self._embed("train")
            validation = yield from self._embed("validation")
            head = yield from self._fit(train, validation, self.plan.head)
        stream = fine_tune(
            self.backbone, head, self.train, self.validation, self.plan.tune, checkpoint=self.checkpoints / "tuning"
        )
        with contextlib.closing(stream):
            for self.training in stream:
                yield self._seen("tuning", self.training.step, self.training.total_steps, self.training)
        if self.training.note:
            self.notes += (self.training.note,)
        return self.training.classifier

    def _test(self, classifier: Classifier) -> Stream:
        split = self.dataset.final_split
        testing = judge(classifier, self.dataset.split(split), cache=self.plan.method == "head")
        evaluation, tested = yield from self._tested(testing)
        self.record = dataclasses.replace(
            self.record, metrics={**evaluation.headline(), "split": split, "seconds": self._seconds()}
        )
        self._store("finished", classifier, evaluation)
        yield dataclasses.replace(
            self._seen("finished", evaluation.n, evaluation.n), evaluation=evaluation, tested=tested
        )

    def _tested(self, testing: Generator) -> Stream:
        with contextlib.closing(testing):
            while True:
                try:
                    snapshot = next(testing)
                except StopIteration as end:
                    return end.value
                yield self._seen("testing", snapshot.done, snapshot.total, snapshot)

    def _seen(self, phase: Phase, done: int, total: int, pace: Any = None) -> RunSnapshot:
        return RunSnapshot(
            phase=phase,
            done=done,
            total=total,
            folder=self.folder,
            record=self.record,
            training=self.training,
            images_per_second=pace.images_per_second if pace else 0.0,
            seconds_left=pace.seconds_left if pace else None,
            notes=self.notes,
        )

    def _so_far(self) -> Classifier | None:
        """What a stopped run can already do: a head is of use at every step, stages only when they are done."""
        if self.plan.method != "head" or self.training is None or self.training.head is None:
            return None
        return Classifier(self.backbone, self.training.head, mirrored=self.plan.view.mirrored)

    def _store(self, state: Any, classifier: Classifier | None, evaluation: Evaluation | None = None) -> None:
        if self.folder is None:
            return
        metrics = {**self.record.metrics, "seconds": self._seconds()}
        self.record = dataclasses.replace(self.record, state=state, metrics=metrics)
        history = self.training.history if self.training else History()
        said = json.loads(to_json(evaluation)) if evaluation else None
        save_run(self.folder, self.record, classifier, history=history, evaluation=said)
        if state == "finished":
            shutil.rmtree(self.folder / CHECKPOINT_FOLDER, ignore_errors=True)

    def _seconds(self) -> float:
        return round(self.seconds_before + time.monotonic() - self.began, 2)


def _joined(train: Examples, validation: Examples) -> Examples:
    return Examples(
        np.concatenate([train.vectors, validation.vectors]), np.concatenate([train.labels, validation.labels])
    )


def _title(plan: Plan, network: str, dataset: Dataset) -> str:
    what = {"head": "", "finetune": ", fine-tuned", "scratch": ", from scratch"}[plan.method]
    differs = plan.differences()
    return f"{network} on {dataset.title}{what}" + (f" ({differs})" if differs else "")
