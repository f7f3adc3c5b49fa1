"""Kill -9 at random moments of the work that writes to the disk, and what is there after the restart.

Each round starts one command in a fresh home, kills it at a moment drawn over its whole length, and then asks: are the runs
listed without an error? does the same command end well now, with the result that an undisturbed one has? is a file that it
makes either whole or not there?
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks import report

CLASSES, PICTURES = ("coarse", "fine", "plain"), 30


@dataclass(frozen=True)
class Work:
    """One command that is killed.

    Attributes:
        arguments: of `python -m core`.
        result: of its home, tells what an undisturbed one leaves; the same must be there after the kill and a second try.
        whole: of its home right after the kill, whether nothing is half written.
    """

    arguments: tuple[str, ...]
    result: Callable[[Path], str]
    whole: Callable[[Path], bool] = lambda home: True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many (default: 50)")
    parser.add_argument("--seed", type=int, default=2026, help="of the moments (default: 2026)")
    options = parser.parse_args()
    report.write("kills", kill(options.kills, options.seed))


def kill(kills: int, seed: int) -> dict:
    """So many kills, each work in its turn. A command that ended before its kill was quicker than it was thought to be: the
    next moment is drawn over that, and it does not count."""
    chance = random.Random(seed)
    done: collections.Counter[str] = collections.Counter()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        base = Path(folder, "base")
        _make_base(base)
        works = {**_works()}
        seconds, undisturbed, rounds = {}, {}, 0
        while sum(done.values()) < kills and rounds < 3 * kills:
            name = min(works, key=lambda name: done[name])
            work, rounds = works[name], rounds + 1
            if name not in seconds:  # once undisturbed
                home = Path(shutil.copytree(base, Path(folder, f"undisturbed {len(seconds)}")))
                began = time.perf_counter()
                said = _core(home, *work.arguments)
                seconds[name] = time.perf_counter() - began
                if said.returncode:
                    raise SystemExit(f"{name} does not work undisturbed: {said.stderr[-2000:]}")
                undisturbed[name] = work.result(home)
            home = Path(shutil.copytree(base, Path(folder, "home")))
            after = chance.uniform(0.1, 1.0) * seconds[name]
            if _killed(home, work, after):
                done[name] += 1
            else:
                seconds[name] = after
            problems += [f"{name}, after {after:.2f} s: {what}" for what in _look(home, work, undisturbed[name])]
            shutil.rmtree(home)
    return {
        "kills": sum(done.values()),
        "ended before the kill": rounds - sum(done.values()),
        "of each": dict(done),
        "seconds, moments drawn over": {name: round(value, 1) for name, value in seconds.items()},
        "problems": problems,
    }


def _works() -> dict[str, Work]:
    def accuracy(home: Path) -> str:
        (run,) = [
            json.loads(line)
            for line in _core(home, "runs", "--json").stdout.splitlines()
            if json.loads(line)["name"] == "made"
        ]
        return json.dumps([run.get("state"), run.get("accuracy"), run.get("name")])

    def zip_whole(home: Path) -> bool:
        file = home / "out.zip"
        return not file.exists() or zipfile.ZipFile(file).testzip() is None

    def names(home: Path) -> str:
        with zipfile.ZipFile(home / "out.zip") as archive:
            # the folder inside has a random name
            return json.dumps(sorted(name.partition("/")[2] for name in archive.namelist()))

    def taken_in(home: Path) -> str:
        runs = [json.loads(line) for line in _core(home, "runs", "--json").stdout.splitlines()]
        # killed after it was done, it is taken in twice
        return json.dumps([len(runs) > 1, sorted({(run["state"], run["accuracy"]) for run in runs})])

    pictures = ("--dataset", "pictures.zip", "--out", "made", "--name", "made")
    return {
        "unpacking, embedding, head": Work(("train", *pictures), accuracy),
        "training a head": Work(("train", *pictures, "--epochs", "1000"), accuracy),
        "fine-tuning": Work(("train", *pictures, "--method", "finetune", "--epochs", "2"), accuracy),
        "exporting a zip": Work(("export", "ready", "--out", "out.zip"), names, zip_whole),
        "taking in a zip": Work(("load", "ready.zip"), taken_in),
    }


def _make_base(home: Path) -> None:
    """A home with a zip of class folders, and a run with its export."""
    home.mkdir()
    chance = random.Random(1)
    with zipfile.ZipFile(home / "pictures.zip", "w") as archive:
        for name, tiles in zip(CLASSES, (26, 22, 18), strict=True):
            for number in range(PICTURES):
                small = Image.frombytes("RGB", (tiles, tiles), chance.randbytes(3 * tiles * tiles))
                with archive.open(f"{name}/{number}.png", "w") as file:
                    small.resize((160, 160), Image.Resampling.NEAREST).save(file, "PNG")
    for arguments in (
        ("train", "--dataset", "pictures.zip", "--out", "ready", "--name", "ready", "--epochs", "3"),
        ("export", "ready", "--out", "ready.zip"),
    ):
        said = _core(home, *arguments)
        if said.returncode:
            raise SystemExit(f"{arguments} failed: {said.stderr[-2000:]}")
    for folder in ("embeddings", "unpacked", "examined"):  # so that each round makes them anew
        shutil.rmtree(home / "kept" / folder, ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PETLENS_HOME": str(home / "kept"), "PETLENS_FETCH": "0", "PYTHONPATH": str(report.PROJECT)}


def _core(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments], cwd=home, env=_environment(home), capture_output=True, text=True
    )


def _killed(home: Path, work: Work, after: float) -> bool:
    """Start it, and kill it with all that it started; whether it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *work.arguments],
        cwd=home,
        env=_environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def _look(home: Path, work: Work, undisturbed: str) -> list[str]:
    """What is wrong after the restart."""
    problems = []
    listed = _core(home, "runs", "--json")
    if listed.returncode:
        problems.append(f"runs cannot be listed: {listed.stderr[-300:]}")
    if not work.whole(home):
        problems.append("a file is half written")
    again = _core(home, *work.arguments)
    if again.returncode and "There is a finished run" not in again.stderr:
        problems.append(f"it does not go on: {again.stderr[-300:]}")
    elif work.result(home) != undisturbed:
        problems.append(f"{work.result(home)} instead of {undisturbed}")
    return problems


if __name__ == "__main__":
    main()
