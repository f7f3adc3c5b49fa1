"""attack: change a photo so little that nobody sees it, until a network reads something else."""

from __future__ import annotations

import argparse
import collections
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
    from collections.abc import Callable, Iterator, Sequence

    from PIL.Image import Image

    from core.attack.goals import Goal
    from core.attack.settings import AttackSettings
    from core.attack.snapshot import Attacked, AttackSnapshot
    from core.attack.victims import Victim

FIELDS = ("file", "out", "success", "from", "to", "l2", "linf", "psnr", "ssim", "gradients", "seconds")
_TABLE = "results.csv"
# Photos of a folder that are attacked side by side: more take more memory and gain no time.
_TOGETHER = 8
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
    began = time.monotonic()  # as in a folder: without loading the network
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
    from core.datasets.folders import is_picture_name

    folder, out = Path(options.photo).expanduser(), Path(options.out).expanduser()
    files = sorted(path for path in folder.iterdir() if is_picture_name(path.name))
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
    names = _names_of_outputs(files)
    worked, made, failed = 0, 0, False
    with contextlib.closing(Progress(as_json=options.json)) as progress, _table(out / _TABLE) as write_row:
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
                try:
                    row = _written(str(path), out / names[path], one, final, victim, settings, seconds)
                except core.PetLensError as error:  # the others can still be written
                    failed = True
                    print(f"{path}: {error}", file=sys.stderr)
                    continue
                write_row(row)
                made, worked = made + 1, worked + row["success"]
                _show(options, row)
    if not options.json:
        print(f"{worked} of {made} fooled; {out / _TABLE}")
    return 2 if failed else 0


def _names_of_outputs(files: Sequence[Path]) -> dict[Path, str]:
    """A file for each photo: NAME.png, and NAME.jpg.png where photos differ in their ending only."""
    stems = collections.Counter(path.stem for path in files)
    names: dict[Path, str] = {}
    taken: set[str] = set()
    # those that are called as they are first: nobody else may take their names
    for path in sorted(files, key=lambda path: stems[path.stem] > 1):
        name = f"{path.stem if stems[path.stem] == 1 else path.name}.png"
        while name in taken:
            name = f"{name.removesuffix('.png')}_.png"
        taken.add(name)
        names[path] = name
    return names


@contextlib.contextmanager
def _table(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """The table, which gets each row at once: what is there stays if the call is cut short."""

    def fails(error: OSError) -> core.SettingsError:
        return core.SettingsError(
            "{table!r:.200} cannot be written: {value}.", table=str(path), value=error.strerror or error
        )

    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "w", newline="", encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            raise fails(error) from error
        table = csv.DictWriter(file, FIELDS)

        def write(row: dict[str, Any] | None) -> None:
            try:
                table.writeheader() if row is None else table.writerow(row)
                file.flush()
            except OSError as error:
                raise fails(error) from error

        write(None)
        yield write


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
    from core.attack.settings import USED_BY, AttackSettings, epsilon_of, usual

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
    settings = usual(method, given.pop("norm") if "norm" in given and "norm" in USED_BY.get(method, ()) else None)
    named = ["epsilon"] if options.epsilon is not None else []
    for name in (*given, *named):
        if name not in USED_BY[method] and name != "seed":  # a seed never hurts
            raise core.SettingsError(
                "--{name} does nothing with the method {method}. Leave it out, or choose one of {methods}.",
                name=name.replace("_", "-"),
                method=method,
                methods=", ".join(other for other in USED_BY if name in USED_BY[other]),
            )
    if options.epsilon is not None:
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
    from core.attack.goals import fooled
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
    (readings,) = victim.readings([picture])
    read, measures = readings[0].top(1)[0], measure(attacked.original, picture)
    return {
        "file": str(file),
        "out": str(out),
        "success": fooled(readings, attacked.goal),
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
