"""train: from a data set to a network of one's own; evaluate: how good it is on other pictures."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import core
from core.commands.datasets import add_dataset_options, opened
from core.commands.progress import Progress, print_json
from core.commands.settings import add_setting_option
from core.settings import settings_of

if TYPE_CHECKING:
    from core.runs.plan import Plan
    from core.runs.snapshot import RunSnapshot

# Settings of the head that say which pictures are learned from: they hold for every method.
_OF_EVERY_METHOD = ("images_per_class", "validation_share", "seed")
_FIGURES = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "top3", "n")


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Put the commands on the parser."""
    # the settings are read from their classes when a parser of these commands is made: importing them takes seconds
    command = commands.add_parser("train", help="train a head, fine-tune, or train from scratch")
    command.set_defaults(run=train, complete=_add_settings)
    add_dataset_options(command, required=True)
    command.add_argument("--backbone", default=core.DEFAULT_BACKBONE, metavar="NAME", help="default: %(default)s")
    command.add_argument(
        "--method",
        default="head",
        choices=("head", "finetune", "scratch"),
        help="a new last layer (default); the network's stages too; everything from random weights",
    )
    command.add_argument(
        "--out",
        metavar="RUN",
        help="the run's folder, or a name for one; a run there that was stopped or killed goes on",
    )
    command.add_argument("--name", default="", help="what to call the run")
    command.add_argument("--json", action="store_true", help="one JSON object a line")

    command = commands.add_parser("evaluate", help="how good a run is on pictures of its classes")
    command.set_defaults(run=evaluate)
    command.add_argument("trained", metavar="RUN", help="a folder, or a name that runs lists")
    add_dataset_options(command, required=True)
    command.add_argument("--split", choices=("train", "validation", "test"), help="default: test, else validation")
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def train(options: argparse.Namespace) -> int:
    """Train and test once."""
    from core import distributed
    from core.runs.files import RECORD_FILE
    from core.runs.pipeline import resume_run, train_run

    began = time.perf_counter()
    plan = _plan(options)
    snapshot = None
    with contextlib.ExitStack() as held:
        held.enter_context(_terminated_as_interrupted())
        world = held.enter_context(distributed.started())
        progress = held.enter_context(contextlib.closing(Progress(as_json=options.json, silent=not world.is_first)))
        dataset = opened(options.dataset, options.data, progress)
        folder = _folder_of(options.out) if options.out else None
        begun = folder is not None and (folder / RECORD_FILE).is_file()
        if world.from_first(b"begun" if begun else b"new") == b"begun":
            if world.is_first:
                _check_same_plan(plan, folder)
            stream = resume_run(folder, dataset)
        else:
            stream = train_run(plan, dataset, folder=folder)
        try:
            with contextlib.closing(stream):
                for snapshot in stream:
                    progress.tell(snapshot.phase, snapshot.done, snapshot.total, **_pace(snapshot, options.json))
        except KeyboardInterrupt:
            progress.close()
            if world.is_first and snapshot is not None:
                print(f"Stopped. To go on: {_again(options, snapshot.folder)}", file=sys.stderr)
            raise
    if snapshot.evaluation is None:
        raise core.CheckpointError(" ".join(snapshot.notes))
    if world.is_first:
        _tell_result(snapshot, options, time.perf_counter() - began)
    return 0 if snapshot.record.state == "finished" else 2


def evaluate(options: argparse.Namespace) -> int:
    """Let a run name pictures whose classes are known."""
    from core.runs.judging import judge
    from core.runs.loading import load_run
    from core.runs.storage import find_run
    from core.streams import relayed, result_of

    began = time.perf_counter()
    folder = find_run(options.trained)
    with contextlib.closing(Progress(as_json=options.json)) as progress:
        classifier = load_run(folder).classifier
        images = _images_to_judge(options, progress)
        judging = relayed(
            judge(classifier, images),
            lambda seen: progress.tell("testing", seen.done, seen.total, images_per_second=seen.images_per_second),
        )
        evaluation, judged = result_of(judging)
    seconds = round(time.perf_counter() - began, 2)
    if options.json:
        print_json({"run": str(folder.resolve()), "split": images.split, **evaluation.headline(), "seconds": seconds})
    else:
        if len(judged) < len(images):
            print(f"{len(images) - len(judged)} of the pictures cannot be read and are left out.")
        print(_figures(evaluation.headline(), f"{images.split} pictures of {images.name}"))
    return 0


def _images_to_judge(options: argparse.Namespace, progress: Progress) -> Any:
    """The split that was asked for; else test, else validation. Only that one need be on the disk."""
    if options.split:
        return opened(options.dataset, options.data, progress, (options.split,)).split(options.split)
    try:
        return opened(options.dataset, options.data, progress, ("test",)).split("test")
    except core.DatasetError:
        dataset = opened(options.dataset, options.data, progress)
        return dataset.split(dataset.final_split)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, which hosts and job queues send before they kill, ends a training in order, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # only there may be a handler
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _again(options: argparse.Namespace, folder: Path) -> str:
    """The command that goes on: the same one, and where it did not say so, the run that it began."""
    out = [] if options.out else ["--out", folder.name]
    return shlex.join(["python", "-m", "core", *options.arguments, *out])


def _folder_of(out: str) -> Path:
    """A folder where `out` looks like one; else a run of that name among the others."""
    from core.places import runs_folder

    looks_like_a_path = any(sign in out for sign in "/\\") or out.startswith(".") or Path(out).is_dir()
    return Path(out).expanduser().absolute() if looks_like_a_path else runs_folder() / out


def _check_same_plan(plan: Plan, folder: Path) -> None:
    from core.runs.plan import Plan as PlanType
    from core.runs.storage import read_record

    record = read_record(folder)
    if record.state == "finished":
        raise core.SettingsError("There is a finished run in {name} already. Choose another --out.", name=folder.name)
    stored = PlanType.of_run(record)
    backbone = core.load_backbone(plan.backbone).name
    if dataclasses.replace(stored, name="") != dataclasses.replace(plan, name="", backbone=backbone):
        raise core.SettingsError(
            "The run in {name} was begun with other settings. Give the same ones to go on, or choose another --out.",
            name=folder.name,
        )


def _pace(snapshot: RunSnapshot, as_json: bool) -> dict[str, Any]:
    """What else there is to say of a snapshot, by name."""
    said: dict[str, Any] = {"images_per_second": round(snapshot.images_per_second, 1)}
    if snapshot.seconds_left is not None:
        said["seconds_left"] = round(snapshot.seconds_left, 1)
    training = snapshot.training
    if training is not None and snapshot.phase in ("training", "tuning") and len(training.history):
        history = training.history
        said |= {"epoch": round(training.epoch, 2), "step": training.step, "steps": training.total_steps}
        for column in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
            value = getattr(history, column)[-1]
            # of a training that diverges; JSON has no word for it
            said[column] = value if value is None or math.isfinite(value) else None
    if as_json and snapshot.phase == "finished" and snapshot.notes:
        said["notes"] = list(snapshot.notes)
    return said


def _tell_result(snapshot: RunSnapshot, options: argparse.Namespace, seconds: float) -> None:
    metrics = snapshot.record.metrics
    if options.json:
        figures = {name: metrics[name] for name in _FIGURES}
        said = {
            "run": str(snapshot.folder.resolve()),
            "split": metrics["split"],
            **figures,
            "seconds": round(seconds, 2),
        }
        print_json(said)
        return
    for note in snapshot.notes:
        print(note)
    print(_figures(metrics, f"{metrics['split']} pictures, never seen before"))
    print(f"{seconds:.1f} s; run: {snapshot.folder}")


def _figures(figures: Any, what: str) -> str:
    low, high = figures["accuracy_low"], figures["accuracy_high"]
    return (
        f"accuracy {figures['accuracy']:.1%} ({low:.1%} to {high:.1%}), balanced {figures['balanced_accuracy']:.1%}, "
        f"right among the best three {figures['top3']:.1%}: {figures['n']:,} {what}"
    )


def _settings_classes() -> tuple[type, type, type]:
    from core.backbones.views import ViewSettings
    from core.training.head_settings import HeadSettings
    from core.training.tuning_settings import TuneSettings

    return HeadSettings, TuneSettings, ViewSettings


def _add_settings(command: argparse.ArgumentParser) -> None:
    """An option for each setting. One that both methods have means the method that is chosen."""
    from core.training.tuning_settings import FROM_SCRATCH

    head, tune, view = (list(settings_of(settings)) for settings in _settings_classes())
    of_tune = {setting.name: setting for setting in tune}
    of_head = {setting.name for setting in head}
    group = command.add_argument_group("settings (in brackets: the default of a head / of fine-tuning / from scratch)")
    # start is what --method says
    only_tune = (setting for setting in tune if setting.name not in of_head and setting.name != "start")
    for setting in [*view, *head, *only_tune]:
        kinds = [setting, of_tune[setting.name]] if setting.name in of_tune and setting.name in of_head else [setting]
        defaults = [kind.default for kind in kinds]
        if setting.name in FROM_SCRATCH:
            defaults.append(FROM_SCRATCH[setting.name])
        other = of_tune.get(setting.name)
        add_setting_option(group, setting, defaults, more_choices=other.choices if other else ())


def _plan(options: argparse.Namespace) -> Plan:
    from core.runs.plan import Plan as PlanType
    from core.training.tuning_settings import tune_settings

    head, tune, view = _settings_classes()
    fields = {kind: {setting.name for setting in settings_of(kind)} for kind in (head, tune, view)}
    said: dict[type, dict[str, Any]] = {head: {}, tune: {}, view: {}}
    main = head if options.method == "head" else tune
    for name, value in vars(options).items():
        targets = [kind for kind in (main, view) if name in fields[kind]]
        if name in _OF_EVERY_METHOD and main is not head:
            targets.append(head)
        if not targets and any(name in known for known in fields.values()):
            what = "a head" if name in fields[head] else "fine-tuning and training from scratch"
            raise core.SettingsError(
                "--{replace} is a setting of {what}, not of --method {method}.",
                replace=name.replace("_", "-"),
                what=what,
                method=options.method,
            )
        for kind in targets:
            said[kind][name] = value
    of_tune = tune_settings("scratch" if options.method == "scratch" else "pretrained", **said[tune])
    return PlanType(options.backbone, options.method, head(**said[head]), of_tune, view(**said[view]), options.name)
