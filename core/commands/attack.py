"""attack: change a photo so little that nobody sees it, until a network reads something else."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import io
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import core
from core.commands.progress import Progress, print_json
from core.commands.settings import add_setting_option
from core.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.Image import Image

    from core.attack.goals import Goal
    from core.attack.settings import AttackSettings
    from core.attack.snapshot import Attacked, AttackSnapshot
    from core.attack.victims import Victim

FIELDS = ("file", "out", "success", "from", "to", "l2", "linf", "psnr", "ssim", "gradients", "seconds")
_TABLE = "results.csv"
# Photos of a folder that are attacked side by side: more take more memory and gain no time.
_TOGETHER = 8
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".jp2", ".tga"}
# Options that are read here and not made from the settings.
_OWN = {"method", "epsilon"}


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Put the command on the parser."""
    command = commands.add_parser("attack", help="change a photo unseen until a network reads something else")
    command.add_argument("photo", metavar="PHOTO", help="a picture file, or a folder of them")
    command.add_argument("--target", metavar="CLASS", help="what it is to read; default: anything else")
    how_far = command.add_mutually_exclusive_group()
    how_far.add_argument("--minimal", action="store_true", help="the smallest change that works (default)")
    how_far.add_argument(
        "--epsilon", metavar="E", help="the strongest change of this size: 8/255 or 0.03 for linf, a distance for l2"
    )
    command.add_argument("--method", metavar="NAME", help="minimal, fgsm, pgd, descent, cw or patch; see the settings")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--backbone", default=core.DEFAULT_BACKBONE, metavar="NAME", help="default: %(default)s")
    which.add_argument("--run", dest="trained", metavar="RUN", help="attack a network that was trained here")
    command.add_argument(
        "--with",
        dest="beside",
        action="append",
        default=[],
        metavar="NAME",
        help="a further network that is to be fooled as well; again for several",
    )
    command.add_argument("--max-seconds", type=float, metavar="S", help="the whole call takes about this long at most")
    command.add_argument("--out", required=True, metavar="FILE", help="a PNG; a folder where PHOTO is one")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=attack, complete=_complete)


def attack(options: argparse.Namespace) -> int:
    """Attack one photo, or all of a folder."""
    began = time.monotonic()
    settings = _settings(options)
    if options.max_seconds is not None and not 0 < options.max_seconds < math.inf:
        raise core.SettingsError(
            "--max-seconds must be a number above 0, not {max_seconds:g}.",
            max_seconds=options.max_seconds,
        )
    victim = _victim(options)
    target = None if options.target is None else victim.first.label_of(options.target)
    deadline = None if options.max_seconds is None else began + options.max_seconds
    if Path(options.photo).expanduser().is_dir():
        return _attack_folder(options, victim, target, settings, deadline)
    out = Path(options.out).expanduser()
    if out.suffix.lower() != ".png":
        raise core.SettingsError(
            "--out must end in .png, not {name!r:.80}: other formats change the picture.",
            name=out.name,
        )
    if not out.parent.is_dir():
        raise core.SettingsError("There is no folder {parent!r:.200} for --out.", parent=str(out.parent))
    photo = core.read_image(options.photo)
    (goal,) = _goals(victim, [photo], target)
    with contextlib.closing(Progress(as_json=options.json)) as progress:
        for final in _snapshots(victim, [photo], [goal], settings, deadline):
            _tell(progress, final, 0, 1)
    said = _written(options.photo, out, final.attacked[0], final, victim, settings, time.monotonic() - began)
    _show(options, said)
    return 0


def _attack_folder(
    options: argparse.Namespace, victim: Victim, target: int | None, settings: AttackSettings, deadline: float | None
) -> int:
    """A PNG for each picture of the folder, and a table; pictures that cannot be attacked are named and left out."""
    folder, out = Path(options.photo).expanduser(), Path(options.out).expanduser()
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not files:
        raise core.ImageError("There are no pictures in {folder!r:.200}.", folder=str(folder))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise core.SettingsError(
            "{out!r:.200} cannot be made: {value}.", out=str(out), value=error.strerror or error
        ) from error
    if out.resolve() == folder.resolve():
        raise core.SettingsError("--out is the folder of the photos. Choose another, or they would be overwritten.")
    rows, failed = [], False
    with contextlib.closing(Progress(as_json=options.json)) as progress:
        for start in range(0, len(files), _TOGETHER):
            some, began = files[start : start + _TOGETHER], time.monotonic()
            ready: dict[Path, tuple[Image, Goal]] = {}
            for path in some:
                try:
                    photo = core.read_image(path)
                    ready[path] = photo, *_goals(victim, [photo], target)
                except core.PetLensError as error:
                    failed = True
                    print(f"{path}: {error}", file=sys.stderr)
            if not ready:
                continue
            photos, goals = zip(*ready.values(), strict=True)
            for final in _snapshots(victim, photos, goals, settings, deadline):
                _tell(progress, final, start, len(files))
            seconds = (time.monotonic() - began) / len(ready)
            for path, one in zip(ready, final.attacked, strict=True):
                # two photos that differ in their ending only must not share a file
                alone = sum(other.stem == path.stem for other in files) == 1
                target_file = out / f"{path.stem if alone else path.name}.png"
                rows.append(_written(str(path), target_file, one, final, victim, settings, seconds))
                _show(options, rows[-1])
    try:
        with open(out / _TABLE, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            table = csv.DictWriter(file, FIELDS)
            table.writeheader()
            table.writerows(rows)
    except OSError as error:
        raise core.SettingsError(
            "{table!r:.200} cannot be written: {value}.",
            table=str(out / _TABLE),
            value=error.strerror or error,
        ) from error
    if not options.json:
        worked = sum(row["success"] for row in rows)
        print(f"{worked} of {len(rows)} fooled; {out / _TABLE}")
    return 2 if failed else 0


def _snapshots(
    victim: Victim,
    photos: Sequence[Image],
    goals: Sequence[Goal],
    settings: AttackSettings,
    deadline: float | None,
) -> Iterator[AttackSnapshot]:
    from core.attack.attack import attack as attack_photos

    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    return attack_photos(victim, photos, goals, settings, max_seconds=left, look_every_seconds=1.0, all_processors=True)


def _goals(victim: Victim, photos: Sequence[Image], target: int | None) -> list[Goal]:
    from core.attack.attack import check_photo
    from core.attack.goals import goal_of

    for photo in photos:
        check_photo(photo)
    names = victim.first.class_names
    return [goal_of(one.top(1)[0].index, target, names) for one in victim.predict(photos)]


def _tell(progress: Progress, snapshot: AttackSnapshot, before: int, count: int) -> None:
    """How far the whole call is."""
    row, steps = snapshot.history[-1], snapshot.total_steps
    share = (before * steps + snapshot.step * len(snapshot.attacked)) / (count * steps)
    progress.tell("attacking", round(share * steps), steps, l2=round(row.l2, 4), success=round(row.success, 3))


def _settings(options: argparse.Namespace) -> AttackSettings:
    """Those of the method, with what was given."""
    from core.attack.settings import AttackSettings, epsilon_of, usual

    method = options.method or ("pgd" if options.epsilon is not None else "minimal")
    if options.minimal and method != "minimal":
        raise core.SettingsError(
            "--minimal and --method {method:.40} do not go together. Leave one of them out.",
            method=method,
        )
    given = {
        setting.name: getattr(options, setting.name)
        for setting in settings_of(AttackSettings)
        if setting.name not in _OWN and hasattr(options, setting.name)
    }
    settings = usual(method, given.pop("norm", None))
    if options.epsilon is not None:
        if not settings.bounded:
            raise core.SettingsError(
                "--epsilon does nothing with the method {method}, which has no bound. Leave it out, or choose pgd.",
                method=method,
            )
        given["epsilon"] = epsilon_of(options.epsilon)
    return dataclasses.replace(settings, **given)


def _victim(options: argparse.Namespace) -> Victim:
    """Who is to be fooled."""
    from core.attack.victims import Victim

    if options.trained:
        if options.beside:
            raise core.SettingsError("--with and --run do not go together: no other network knows these classes.")
        return Victim((core.load_run(core.find_run(options.trained)).classifier,))
    names = []
    for name in (options.backbone, *options.beside):
        core.check_can_classify(name)
        names.append(core.load_backbone(name).name)
        if len(set(names)) < len(names):
            raise core.SettingsError(
                "--with names {names} again, which is attacked already. Name another network.",
                names=names[-1],
            )
    return Victim(tuple(core.Classifier(core.load_backbone(name)) for name in names))


def _written(
    file: str,
    out: Path,
    attacked: Attacked,
    final: AttackSnapshot,
    victim: Victim,
    settings: AttackSettings,
    seconds: float,
) -> dict[str, Any]:
    """Write one picture, read it again, and say what is in the file."""
    from core.attack.files import to_png
    from core.attack.goals import reached
    from core.attack.measures import measure

    try:
        out.write_bytes(to_png(attacked, victim, settings))
    except OSError as error:
        raise core.SettingsError(
            "{out!r:.200} cannot be written: {value}.",
            out=str(out),
            value=error.strerror or error,
        ) from error
    picture = core.read_image(io.BytesIO(out.read_bytes()))
    (prediction,) = victim.predict([picture])
    read, measures = prediction.top(1)[0], measure(attacked.original, picture)
    return {
        "file": str(file),
        "out": str(out),
        "success": all(reached([read.index], [attacked.goal])),
        "from": attacked.before.top(1)[0].label,
        "to": read.label,
        "l2": measures.l2,
        "linf": measures.linf,
        "psnr": measures.psnr if math.isfinite(measures.psnr) else None,  # JSON has no infinity
        "ssim": measures.ssim,
        "gradients": final.gradients,
        "seconds": round(seconds, 2),
    }


def _show(options: argparse.Namespace, said: dict[str, Any]) -> None:
    if options.json:
        print_json(said)
        return
    how = "fooled" if said["success"] else "not fooled"
    print(
        f"{said['out']}: {how}: {said['from']} -> {said['to']}; L2 {said['l2']:.3f}, Linf {said['linf'] * 255:.0f}/255, "
        f"SSIM {said['ssim']:.4f}; {said['gradients']} gradients, {said['seconds']:.1f} s",
        flush=True,
    )


def _complete(command: argparse.ArgumentParser) -> None:
    """An option for each setting."""
    from core.attack.settings import METHODS, AttackSettings, usual

    group = command.add_argument_group("settings (in brackets: the defaults of the methods)")
    for setting in settings_of(AttackSettings):
        if setting.name not in _OWN:
            add_setting_option(group, setting, [getattr(usual(method), setting.name) for method in METHODS])
