"""What goes wrong around the app while it runs, what the visitor then reads, and whether the app lives on.

Each fault has an app of its own, in which a visitor trains a head or asks for a network. The answer is a result or words, never
a traceback; the next photo is classified as ever; and the same app, started again without the fault, trains that head.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from safetensors.numpy import save

from benchmarks import report
from benchmarks.pupils import trains_head
from benchmarks.running_app import App
from benchmarks.visitor import Visitor
from demo.full_disk import FULL_DISK
from tests.hub_server import HubServer, Manners

RUN_APP = (
    "import runpy, sys; sys.argv = ['app.py']; sys.path.insert(0, '.'); runpy.run_path('app.py', run_name='__main__')"
)
DISK = "disk"
PATIENCE_SECONDS = 150  # of a visitor who waits for an answer
LIMIT_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))"
JUMPING_CLOCK = """
import random, time
real, chance = time.time, random.Random(1)
time.time = lambda: real() + chance.choice((-1, 0, 1)) * 86_400
"""


@dataclass(frozen=True)
class Fault:
    """One of them.

    Attributes:
        asks: what a visitor does in that folder's app, and reads.
        preamble: Python that runs before the app.
        environment: of the app; `{home}` is its folder.
        before: prepares that folder.
        hurts: whether words of what is wrong are expected, and not a result.
    """

    asks: Callable[[Visitor, Path], Awaitable[str]]
    preamble: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    before: Callable[[Path], Awaitable[None]] | None = None
    hurts: bool = False


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        HubServer({}, Manners(silent_to=("HEAD", "GET"))) as hub,
    ):
        found = {
            name: asyncio.run(_tried(fault, Path(folder, str(number))))
            for number, (name, fault) in enumerate(_faults(hub.url).items())
        }
    report.write("faults", {"faults": found, "problems": [p for one in found.values() for p in one["problems"]]})


def _faults(hub: str) -> dict[str, Fault]:
    return {
        "the disk is full": Fault(
            _meets_full_disk,
            environment={"PETLENS_HOME": f"{{home}}/{DISK}/kept", "GRADIO_TEMP_DIR": f"{{home}}/{DISK}/gradio"},
            before=_mount_disk,
            hurts=True,
        ),
        "no file may be larger than 0.6 MB": Fault(_trains, preamble=LIMIT_FILES),
        "the folder for what is kept cannot be written": Fault(_trains, environment={"PETLENS_HOME": "/proc/pet-lens"}),
        "one bit flipped in every kept embedding": Fault(_trains, before=_flip_bits),
        "a file of weights cut short": Fault(
            _asks_resnet, environment={"PETLENS_WEIGHTS": "{home}"}, before=_cut_weights, hurts=True
        ),
        "the hub does not answer": Fault(
            _asks_resnet,
            environment={"HF_ENDPOINT": hub, "PETLENS_FETCH": "1", "HF_HOME": "{home}/hub", "PETLENS_WEIGHTS": ""},
            hurts=True,
        ),
        "the clock jumps by a day, back and forth": Fault(_trains, preamble=JUMPING_CLOCK),
    }


async def _tried(fault: Fault, home: Path) -> dict:
    home.mkdir()
    if fault.before is not None:
        await fault.before(home)
    problems = []
    environment = {name: value.format(home=home) for name, value in fault.environment.items()}
    app = App(["-c", f"{fault.preamble}\n{RUN_APP}"], home, **environment)
    try:
        async with Visitor(app.address) as visitor:
            try:
                read = await asyncio.wait_for(fault.asks(visitor, home), PATIENCE_SECONDS)
            except TimeoutError:
                read = f"! nothing for {PATIENCE_SECONDS} seconds"
                problems.append(read)
            if fault.hurts and not read.startswith("!"):
                problems.append(f"it should have been told: {read}")
            if not await _is_awake(visitor):
                problems.append("no photo is classified any more")
        if "Traceback" in app.said:
            problems.append(f"a traceback: {app.said[-2000:]}")
    finally:
        app.stop()
        if fault.before is _mount_disk:
            subprocess.run(["umount", str(home / DISK)], check=True)
    again = App(["app.py"], home)
    try:
        async with Visitor(again.address) as visitor:
            if (afterwards := await _trains(visitor, home)).startswith("!"):
                problems.append(f"after the restart: {afterwards}")
    finally:
        again.stop()
    return {"the visitor reads": read, "after the restart": afterwards, "problems": problems}


async def _trains(visitor: Visitor, home: Path) -> str:
    try:
        shown = await trains_head(visitor, "under way")
    except RuntimeError as error:  # as a message in the corner of the page
        return f"! {error}"
    return _in_words(shown["training"])


async def _asks_resnet(visitor: Visitor, home: Path) -> str:
    (event,) = (event for event in visitor.events if event["api_name"] == "classify")
    try:
        async for shown in visitor.run(event, [visitor["photo"], "resnet18", 5]):
            return str(shown)[:300]
    except RuntimeError as error:
        return f"! {error}"
    return ""


def _in_words(html: str) -> str:
    words = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    return f"! {words}" if 'role="alert"' in html else words


async def _is_awake(visitor: Visitor) -> bool:
    for _ in range(60):
        if 'class="pl-name"' in (await visitor.use("classify"))["result"]:
            return True
        await asyncio.sleep(0.5)
    return False


async def _meets_full_disk(visitor: Visitor, home: Path) -> str:
    """Trains, uploads, chooses other pictures; and trains once there is room again."""
    visitor["dataset"] = "drawn-pets"
    await visitor.use("dataset", "input")
    filling = home / DISK / "filling"
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:  # to the last byte
            file.write(bytes(4096))
    said = [_in_words((await visitor.use("train"))["training"])]
    try:
        await visitor.upload(Path("photo.png"), content=bytes(1_000_000))
    except httpx.HTTPStatusError as error:
        said.append(f"An upload: {error.response.status_code} {error.response.text}")
    said.append(await _trains(visitor, home))
    filling.unlink()
    trained = await _trains(visitor, home)
    if trained.startswith("!") or any(FULL_DISK not in one for one in said):
        return f"{said}, then: {trained}"  # no words of a full disk, or none of what was trained when there was room
    return f"! {FULL_DISK}"


async def _mount_disk(home: Path) -> None:
    disk = home / DISK
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"A small disk cannot be mounted here, which needs an administrator: {done.stderr}")


async def _flip_bits(home: Path) -> None:
    """Train once, then flip one bit in the middle of each file of embeddings."""
    app = App(["app.py"], home)
    try:
        async with Visitor(app.address) as visitor:
            await trains_head(visitor, "before")
    finally:
        app.stop()
    files = [path for path in (home / "pet-lens" / "embeddings").rglob("*") if path.is_file()]
    if not files:
        raise SystemExit("No embeddings were kept: nothing to flip.")
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


async def _cut_weights(home: Path) -> None:
    whole = save({"conv1.weight": np.zeros((64, 3, 7, 7), np.float32)})
    (home / "resnet18.a1_in1k.safetensors").write_bytes(whole[: len(whole) // 2])


if __name__ == "__main__":
    main()
