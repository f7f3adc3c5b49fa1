"""ascend: what a network thinks that a class looks like, as a picture."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import core
from core.commands.progress import Progress, print_json
from core.commands.settings import add_setting_option
from core.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from core.ascent.files import Recipe
    from core.ascent.picture import Drawn
    from core.ascent.presets import Preset
    from core.ascent.settings import AscentSettings
    from core.ascent.side_by_side import Batch
    from core.ascent.snapshot import AscentSnapshot

_SHEETS = (".png", ".jpg", ".jpeg", ".webp")


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Put the command on the parser."""
    command = commands.add_parser("ascend", help="draw what a network thinks that a class looks like")
    command.add_argument(
        "--class",
        dest="classes",
        action="append",
        required=True,
        metavar="CLASS",
        help="a name, an index or a synset; again for several pictures",
    )
    command.add_argument("--preset", default="best", metavar="NAME", help="default: %(default)s; see --help's end")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--backbone", metavar="NAME", help="default: the preset's")
    which.add_argument("--run", dest="trained", metavar="RUN", help="draw a class of a network that was trained here")
    command.add_argument(
        "--with",
        dest="beside",
        action="append",
        default=[],
        metavar="NAME",
        help="a further network that the pictures are to convince as well; again for several",
    )
    command.add_argument("--photo", metavar="FILE", help="start from this photo")
    command.add_argument("--max-seconds", type=float, metavar="S", help="the whole call takes about this long at most")
    command.add_argument("--out", required=True, metavar="FILE", help="a PNG; {class} where there are several classes")
    command.add_argument("--sheet", metavar="FILE", help="all pictures on one sheet as well: a PNG, JPEG or WebP")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=ascend, complete=_complete)


def ascend(options: argparse.Namespace) -> int:
    """Draw one picture a class."""
    from core.ascent.files import Recipe

    began = time.monotonic()
    preset, settings = _settings(options)
    classifier, note = _classifier(options, preset)
    beside = _beside(options, classifier)
    labels = [classifier.label_of(text) for text in options.classes]
    outs = _outs(options, labels)
    _check_sheet(options)
    photo = core.read_image(options.photo) if options.photo else None
    if options.max_seconds is not None and not 0 < options.max_seconds < float("inf"):
        raise core.SettingsError(
            "--max-seconds must be a number above 0, not {max_seconds:g}.",
            max_seconds=options.max_seconds,
        )
    if note:
        print(note, file=sys.stderr)
    left = None if options.max_seconds is None else max(0.0, options.max_seconds - (time.monotonic() - began))
    stream = core.ascend_side_by_side(classifier, labels, settings, beside=beside, photo=photo, max_seconds=left)
    with contextlib.closing(Progress(as_json=options.json)) as progress:
        for batches in stream:
            _tell(progress, batches, settings.steps)
    results = {
        label: (_likeliest(batch.snapshot, label), batch.snapshot) for batch in batches for label in batch.labels
    }
    seconds = (time.monotonic() - began) / len(labels)
    for text, label, out in zip(options.classes, labels, outs, strict=True):
        drawn, snapshot = results[label]
        recipe = Recipe(
            classifier.class_names[label],
            classifier.backbone.name,
            snapshot.looked_at,
            settings,
            beside=tuple(one.backbone.name for one in beside),
        )
        said = _written(out, text, drawn, snapshot, classifier, recipe, seconds)
        if options.json:
            print_json(said)
        else:
            print(
                f"{out}: {said['probability']:.1%} {classifier.class_names[label]}; the network reads {said['label']}; "
                f"TV {said['total_variation']:.3f}; {said['steps']} steps, {seconds:.1f} s"
            )
            if snapshot.note:
                print(f"  {snapshot.note}")
    if options.sheet:
        pictures = [results[label][0].picture for label in labels]
        _write_sheet(Path(options.sheet).expanduser(), pictures, [classifier.class_names[label] for label in labels])
    return 0


def _likeliest(snapshot: AscentSnapshot, label: int) -> Drawn:
    """Of several candidates the one that the network is surest of."""
    return max((one for one in snapshot.drawn if one.label == label), key=lambda one: one.probability)


def _tell(progress: Progress, batches: Sequence[Batch], steps: int) -> None:
    """The mean of the pictures."""
    count = sum(len(batch.labels) for batch in batches)
    done = sum(batch.share_done * len(batch.labels) for batch in batches) / count
    begun = [batch for batch in batches if batch.snapshot]
    if not begun:
        return
    probability = sum(batch.snapshot.history[-1].probability * len(batch.labels) for batch in begun) / sum(
        len(batch.labels) for batch in begun
    )
    progress.tell("drawing", round(done * steps), steps, probability=round(probability, 4))


def _settings(options: argparse.Namespace) -> tuple[Preset, AscentSettings]:
    """The preset, and its settings with those that are given."""
    from core.ascent.presets import find_preset
    from core.ascent.settings import AscentSettings

    preset = find_preset(options.preset)
    names = [setting.name for setting in settings_of(AscentSettings)]
    given = {name: getattr(options, name) for name in names if hasattr(options, name)}
    if options.photo:
        given.setdefault("start", "photo")
    return preset, dataclasses.replace(preset.settings, **given)


def _classifier(options: argparse.Namespace, preset: Preset) -> tuple[core.Classifier, str]:
    """Who draws, and a note where that is not the network that the preset was meant for."""
    from core.ascent.presets import backbone_for

    if options.trained:
        return core.load_run(core.find_run(options.trained)).classifier, ""
    name, note = (options.backbone, "") if options.backbone else backbone_for(preset)
    core.check_can_classify(name)
    return core.Classifier(core.load_backbone(name)), note


def _beside(options: argparse.Namespace, classifier: core.Classifier) -> list[core.Classifier]:
    """Who draws with it."""
    names = [classifier.backbone.name]
    for name in options.beside:
        core.check_can_classify(name)
        names.append(core.load_backbone(name).name)
    if len(set(names)) < len(names):
        raise core.SettingsError(
            "--with names {names} again, which draws already. Name another network.",
            names=names[-1],
        )
    return [core.Classifier(core.load_backbone(name)) for name in names[1:]]


def _outs(options: argparse.Namespace, labels: list[int]) -> list[Path]:
    """Where each picture goes."""
    names = ["".join(c if c.isalnum() else "-" for c in text.casefold()) for text in options.classes]
    outs = [Path(options.out.replace("{class}", name)).expanduser() for name in names]
    if len(set(outs)) < len(outs):
        raise core.SettingsError("Several classes would be written to one file. Put {class} into --out.")
    for out in outs:
        if out.suffix.lower() != ".png":
            raise core.SettingsError(
                "--out must end in .png, not {name!r:.80}: other formats change the picture.",
                name=out.name,
            )
        if not out.parent.is_dir():
            raise core.SettingsError("There is no folder {parent!r:.200} for --out.", parent=str(out.parent))
    return outs


def _check_sheet(options: argparse.Namespace) -> None:
    """Before hours of drawing, not after."""
    if not options.sheet:
        return
    sheet = Path(options.sheet).expanduser()
    if sheet.suffix.lower() not in _SHEETS:
        raise core.SettingsError(
            "--sheet must end in one of {names}, not {name!r:.80}.",
            names=", ".join(_SHEETS),
            name=sheet.name,
        )
    if not sheet.parent.is_dir():
        raise core.SettingsError("There is no folder {parent!r:.200} for --sheet.", parent=str(sheet.parent))


def _write_sheet(sheet: Path, pictures: Sequence[Image], names: Sequence[str]) -> None:
    from core.ascent.sheet import sheet_of

    try:
        sheet_of(pictures, names).save(sheet, quality=88)
    except OSError as error:
        raise core.SettingsError(
            "{sheet!r:.200} cannot be written: {value}.",
            sheet=str(sheet),
            value=error.strerror or error,
        ) from error


def _written(
    out: Path,
    text: str,
    drawn: Drawn,
    snapshot: AscentSnapshot,
    classifier: core.Classifier,
    recipe: Recipe,
    seconds: float,
) -> dict[str, Any]:
    """Write one picture, read it again, and say what the network makes of the file."""
    from core.ascent.files import to_png
    from core.ascent.picture import variation_of

    try:
        out.write_bytes(to_png(drawn.picture, recipe))
    except OSError as error:
        raise core.SettingsError(
            "{out!r:.200} cannot be written: {value}.",
            out=str(out),
            value=error.strerror or error,
        ) from error
    picture = core.read_image(io.BytesIO(out.read_bytes()))
    (prediction,) = classifier.predict([picture])
    best = prediction.top(1)[0]
    return {
        "class": text,
        "label": best.label,
        "index": best.index,
        "probability": float(prediction.probabilities[drawn.label]),
        "steps": snapshot.looked_at,
        "gradients": snapshot.gradients,
        "stopped_by": snapshot.stopped_by,
        "seconds": round(seconds, 2),
        "total_variation": variation_of(picture),
        "out": str(out),
    }


def _complete(command: argparse.ArgumentParser) -> None:
    """An option for each setting; the presets in the help."""
    from core.ascent.presets import PRESETS
    from core.ascent.settings import AscentSettings

    group = command.add_argument_group("settings (in brackets: the default of the preset best)")
    best = PRESETS[0].settings
    for setting in settings_of(AscentSettings):
        add_setting_option(group, setting, [getattr(best, setting.name)])
    command.epilog = "presets: " + "; ".join(f"{preset.token}: {preset.about}" for preset in PRESETS)
