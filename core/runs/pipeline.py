"""From a plan and a data set to a run: embed, train, test once, store. One stream of snapshots for page and terminal."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
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
from core.errors import CheckpointError, DatasetError
from core.evaluation import Evaluation, to_json
from core.runs.files import CHECKPOINT_FOLDER, alone
from core.runs.judging import judge
from core.runs.networks import describe_backbone, is_finite
from core.runs.plan import Plan, split_for_training, title_of
from core.runs.readable import find_readable, lost_in_words
from core.runs.record import RunRecord, State, describe_dataset
from core.runs.snapshot import Phase, RunSnapshot
from core.runs.storage import create_run, read_record, save_run
from core.streams import relayed
from core.texts import mark, say
from core.training.examples import Examples
from core.training.head import refit_settings, train_head
from core.training.history import History, TrainSnapshot
from core.training.selection import choose_weight_decay
from core.training.tuning import fine_tune

logger = logging.getLogger(__name__)

Stream = Generator[RunSnapshot, None, Any]

_NOT_NUMBERS = mark(
    "The training diverged: its weights are not numbers any more and are not stored. Try a lower learning rate."
)


def train_run(plan: Plan, dataset: Dataset, *, folder: Path | None = None) -> Iterator[RunSnapshot]:
    """Train, test once, and store everything in a run; the last snapshot holds the evaluation.

    Closing the generator stops the run: what was learned so far is stored, and `resume_run` goes on from there. So it
    does after an error, and after the process was killed, which loses a second of a head's training or half a minute
    of fine-tuning. Where the disk refuses what is to be stored at the end, a note says so. A training whose weights
    are no numbers any more ends without a test, and says that.

    Nothing is on the disk before the first snapshot is asked for.

    Args:
        folder: what is to become the run; by default one of a fresh name in `runs_folder()`.

    Raises:
        BackboneError: the network is not to be had.
        DatasetError: there are too few pictures.
        CheckpointError: the run cannot be made there.
    """
    return _Running(plan, dataset).snapshots(folder)


def resume_run(folder: Path, dataset: Dataset) -> Iterator[RunSnapshot]:
    """Go on with a run that was stopped or killed, with the same pictures.

    Raises:
        CheckpointError: there is no run, it was made with settings that are not known here, or somebody trains it at
            this moment.
        DatasetError: it is finished already, or learned other classes.
    """
    world = distributed.world()
    record = RunRecord.from_json(world.from_first(read_record(folder).to_json().encode() if world.is_first else None))
    running = _Running(Plan.of_run(record), dataset)
    running.go_on_from(record)
    return running.snapshots(folder, begun=True)


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
            name=plan.name or title_of(plan, published.title, dataset.title),
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
        self.classifier: Classifier | None = None
        self.notes: tuple[str, ...] = ()

    def go_on_from(self, record: RunRecord) -> None:
        """Take over what an earlier process stored."""
        if record.state == "finished":
            raise DatasetError("{name} is finished: there is nothing to go on with.", name=record.name)
        if record.class_names != self.dataset.class_names:
            raise DatasetError(
                "{name} learned other classes than those of {title}.",
                name=record.name,
                title=self.dataset.title,
            )
        self.seconds_before = float(record.metrics.get("seconds", 0.0))
        self.record = dataclasses.replace(record, state="running")

    def snapshots(self, folder: Path | None, *, begun: bool = False) -> Iterator[RunSnapshot]:
        """The whole run, in that folder."""
        with contextlib.ExitStack() as held:
            self._keep_in(folder, begun, held)
            made = self._made()
            try:
                for snapshot in made:
                    if snapshot.phase == "finished":
                        held.close()
                    yield snapshot
            except BaseException:  # closed by its reader, Ctrl-C, no memory left, a picture that is gone: all the same
                if self.record.state != "finished":
                    self._stop(made)
                raise

    def _keep_in(self, folder: Path | None, begun: bool, held: contextlib.ExitStack) -> None:
        """Store the run in that folder of the first process; all of several know where its checkpoints are."""
        world = distributed.world()
        if world.is_first:
            self.folder = folder if begun else create_run(self.record, folder=folder)
            held.enter_context(alone(self.folder))
            if begun:
                self.go_on_from(read_record(self.folder))  # somebody may have gone on with it meanwhile
        known = world.from_first(os.fsencode(self.folder) if self.folder else None)
        self.checkpoints = Path(os.fsdecode(known)) / CHECKPOINT_FOLDER

    def _made(self) -> Stream:
        if self.plan.method == "head":
            self.classifier = yield from self._train_head()
        else:
            self.classifier = yield from self._tune()
        if is_finite(self.classifier.backbone):
            yield from self._test(self.classifier)
        else:
            self._store("stopped", self.classifier)
            phase = "training" if self.plan.method == "head" else "tuning"
            yield self._seen(phase, self.training.step, self.training.total_steps)

    def _stop(self, made: Stream) -> None:
        """Store what was learned. What goes wrong now is told in the log: somebody wants to end, or an error goes on."""
        try:
            made.close()
        except CheckpointError as error:
            logger.warning("%s", error)
        self._store("stopped", self.classifier or self._so_far())

    def _train_head(self) -> Stream:
        settings = self.plan.head
        train = yield from self._embed("train")
        validation = yield from self._embed("validation")
        if settings.choose_weight_decay:
            settings = yield from self._choose(train, settings)
        head = yield from self._fit(train, validation, settings)
        if settings.refit and self.training.best_epoch is not None:
            again = refit_settings(settings, self.training.best_epoch)
            vectors = np.concatenate([train.vectors, validation.vectors])
            labels = np.concatenate([train.labels, validation.labels])
            head = yield from self._refit(Examples(vectors, labels), again)
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
        self._take(part, embeddings.images)
        return Examples(embeddings.vectors, embeddings.images.labels)

    def _read(self, part: Literal["train", "validation"]) -> Stream:
        """As `_embed`, for a training that needs no embeddings."""
        checking = find_readable(getattr(self, part))
        images = yield from relayed(checking, lambda done: self._seen("embedding", *done))
        self._take(part, images)

    def _take(self, part: Literal["train", "validation"], readable: LabelledImages) -> None:
        images: LabelledImages = getattr(self, part)
        self._note(lost_in_words(images, readable))
        setattr(self, part, readable)

    def _choose(self, train: Examples, settings: Any) -> Stream:
        with contextlib.closing(choose_weight_decay(train, self.dataset.class_names, settings)) as stream:
            for snapshot in stream:
                yield self._seen("choosing", snapshot.done, snapshot.total)
        self._note(say("Weight decay {value:g} was best in cross-validation.", value=snapshot.weight_decay))
        return dataclasses.replace(settings, weight_decay=snapshot.weight_decay)

    def _fit(self, train: Examples, validation: Examples, settings: Any) -> Stream:
        checkpoint = self.checkpoints / "head" if self.folder else None
        stream = train_head(train, validation, self.dataset.class_names, settings, checkpoint=checkpoint)
        with contextlib.closing(stream):
            for self.training in stream:
                yield self._seen("training", self.training.step, self.training.total_steps, self.training)
        self._note(self.training.note)
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
        else:
            yield from self._read("train")
            yield from self._read("validation")
        stream = fine_tune(
            self.backbone, head, self.train, self.validation, self.plan.tune, checkpoint=self.checkpoints / "tuning"
        )
        with contextlib.closing(stream):
            for self.training in stream:
                yield self._seen("tuning", self.training.step, self.training.total_steps, self.training)
        self._note(self.training.note)
        return self.training.classifier

    def _test(self, classifier: Classifier) -> Stream:
        split = self.dataset.final_split
        testing = judge(classifier, self.dataset.split(split), cache=self.plan.method == "head")
        evaluation, tested = yield from relayed(
            testing, lambda snapshot: self._seen("testing", snapshot.done, snapshot.total, snapshot)
        )
        self.record = dataclasses.replace(self.record, metrics={**evaluation.headline(), "split": split})
        self._store("finished", classifier, evaluation)
        final = self._seen("finished", evaluation.n, evaluation.n)
        yield dataclasses.replace(final, evaluation=evaluation, tested=tested)

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

    def _store(self, state: State, classifier: Classifier | None, evaluation: Evaluation | None = None) -> None:
        """Keep the run as it is now. Where the disk refuses, a note says so: what was measured is not lost with it."""
        if classifier is not None and not is_finite(classifier.backbone):
            self._note(_NOT_NUMBERS)
            classifier = None
        metrics = {**self.record.metrics, "seconds": self._seconds()}
        done = dataclasses.replace(self.record, state=state, metrics=metrics)
        self.record = dataclasses.replace(done, state="stopped")
        if self.folder is not None:
            history = self.training.history if self.training else History()
            said = json.loads(to_json(evaluation)) if evaluation else None
            try:
                save_run(self.folder, done, classifier, history=history, evaluation=said)
            except CheckpointError as error:
                logger.warning("%s is not stored: %s", self.record.name, error)
                # without the error itself, which would keep all that its traceback holds
                why = say(error.words, **error.values)
                self._note(say("The run is not stored as it is now. {error}", error=why))
                return
            if state == "finished":
                shutil.rmtree(self.folder / CHECKPOINT_FOLDER, ignore_errors=True)
        self.record = done

    def _note(self, note: str) -> None:
        if note and note not in self.notes:
            self.notes += (note,)

    def _seconds(self) -> float:
        return round(self.seconds_before + time.monotonic() - self.began, 2)
