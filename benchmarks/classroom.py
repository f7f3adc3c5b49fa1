"""A class of thirty on one machine: the app started as anybody starts it, and its visitors over HTTP as browsers are.

Runs where `/proc` tells what a process uses, that is on Linux. The visitors need the same processors as the app, which makes
all of it slower than it is for a class with machines of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import core
from benchmarks import report
from benchmarks.pupils import (
    Diary,
    Photo,
    asks,
    browser_pupil,
    class_of,
    everything_once,
    p95,
    pupil,
    sure_photos,
    tells,
    trains_head,
)
from benchmarks.running_app import App
from benchmarks.visitor import Visitor
from demo import classify
from demo.jobs import MOST_TOGETHER

PARTS = ("rest", "left", "classify", "busy", "stop", "mixed")
PAGES_LEFT = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30, help="open pages (default: 30)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of all tabs (default: 10)")
    parser.add_argument("--rounds", type=int, default=9, help="of photos at once (default: 9)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="of the benchmark (default: all)")
    options = parser.parse_args()
    photos = sure_photos(2 * options.visitors)
    with tempfile.TemporaryDirectory(prefix="classroom-") as home:
        for part in options.parts:
            app = App(["app.py"], Path(home, part), PETLENS_DATA=str(report.PHOTOS))
            try:
                figures = asyncio.run(_PART_OF[part](app, photos, options))
            finally:
                app.stop()
            report.write(f"classroom.{part}", {"visitors": options.visitors, **figures})


async def _all_at_once(visitors: list[Visitor], photos: list[Photo]) -> tuple[float, list[float], list[str]]:
    """Seconds for all, seconds of each, what each was told."""
    began = time.perf_counter()
    answers = await asyncio.gather(*(asks(one, photo) for one, photo in zip(visitors, photos, strict=False)))
    return time.perf_counter() - began, [one[0] for one in answers], [one[1] for one in answers]


# --- classify, all at once ---------------------------------------------------------------------------------------------


async def classify_at_once(app: App, photos: list[Photo], options: argparse.Namespace) -> dict:
    """Thirty photos at once, nothing else running, in turns with an app that only receives and answers."""
    folder = tempfile.TemporaryDirectory(prefix="receiver-")
    receiver = App(["-m", "benchmarks.receiver"], Path(folder.name))
    took: dict[str, list[float]] = {"app": [], "receiver": []}
    each: dict[str, list[float]] = {"app": [], "receiver": []}
    wrong = 0
    try:
        async with (
            class_of(app, options.visitors, photos[0]) as class_,
            class_of(receiver, options.visitors) as others,
        ):
            await _all_at_once(class_, photos)
            await _all_at_once(others, photos)
            for number in range(options.rounds):
                shown = photos[number:] + photos[:number]
                for name, visitors in (("app", class_), ("receiver", others)):
                    seconds, of_each, cards = await _all_at_once(visitors, shown)
                    took[name].append(seconds)
                    each[name] += of_each
                    if name == "app":
                        wrong += sum(not tells(card, photo) for card, photo in zip(cards, shown, strict=False))
    finally:
        receiver.stop()
        folder.cleanup()
    computed = _seconds_together([photo.path for photo in photos[: options.visitors]])
    allowed = 1.3 * p95(each["receiver"]) + computed
    return {
        "answered": len(each["app"]),
        "wrong": wrong,
        "photos a second": round(options.visitors / statistics.median(took["app"]), 1),
        "photos a second, receiver": round(options.visitors / statistics.median(took["receiver"]), 1),
        "throughput, app / receiver": report.median_ratio(took["receiver"], took["app"]),
        "p95, seconds": round(p95(each["app"]), 3),
        "p95, seconds, receiver": round(p95(each["receiver"]), 3),
        "seconds to look at all": round(computed, 3),
        "p95 allowed, seconds": round(allowed, 3),
    }


def _seconds_together(paths: list[Path]) -> float:
    """What the looking alone costs, in batches as the app makes them."""
    most, seconds = MOST_TOGETHER, []
    for _ in range(5):
        began = time.perf_counter()
        for first in range(0, len(paths), most):
            classify._looks(core.DEFAULT_BACKBONE, True, [str(path) for path in paths[first : first + most]])
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


# --- classify, while others work ---------------------------------------------------------------------------------------


async def classify_while_busy(app: App, photos: list[Photo], options: argparse.Namespace) -> dict:
    """Thirty photos at once, again and again, while one fine-tunes a network and one draws an ideal image."""
    seconds, wrong, started = [], 0, asyncio.Event()
    async with (
        class_of(app, options.visitors, photos[0]) as class_,
        Visitor(app.address) as trains,
        Visitor(app.address) as draws,
    ):
        await _all_at_once(class_, photos)
        working = [
            asyncio.create_task(_fine_tunes(trains, started)),
            asyncio.create_task(draws.use("draw")),
        ]
        await asyncio.wait_for(started.wait(), 300)
        for number in range(options.rounds):
            shown = photos[number:] + photos[:number]
            _, of_each, cards = await _all_at_once(class_, shown)
            seconds += of_each
            wrong += sum(not tells(card, photo) for card, photo in zip(cards, shown, strict=False))
            if any(task.done() for task in working):
                raise SystemExit("The work in the background ended early: it measured nothing.")
            await asyncio.sleep(1.0)
        await trains.use("stop-training")
        await draws.use("stop-drawing")
        await asyncio.gather(*working)
    return {
        "answered": len(seconds),
        "wrong": wrong,
        "median, seconds": report.median(seconds),
        "p95, seconds": round(p95(seconds), 3),
    }


async def _fine_tunes(visitor: Visitor, started: asyncio.Event, epochs: int = 20) -> dict:
    visitor["dataset"] = "drawn-pets"
    await visitor.use("dataset", "input")
    visitor["method"], visitor["set-tune-epochs"] = "finetune", epochs
    shown: dict[str, Any] = {}
    async for shown in visitor.watch("train"):
        plot = shown.get("plot")
        if isinstance(plot, dict) and any(run.get("epoch") for run in plot["runs"]):
            started.set()
    return shown


# --- Stop ----------------------------------------------------------------------------------------------------------------


async def stop_to_idle(app: App, photos: list[Photo], options: argparse.Namespace) -> dict:
    """From Stop, or from leaving the page, until the processor has nothing to do."""
    found: dict[str, list[float]] = collections.defaultdict(list)
    async with class_of(app, 1, photos[0]) as (teacher,):  # what is stopped is shown to other networks: they are loaded
        await everything_once(teacher, photos, Diary())
    for _ in range(3):
        for name, start, stop in (
            ("fine-tuning", _fine_tunes, "stop-training"),
            ("an ideal image", _draws_long, "stop-drawing"),
            ("an attack", _attacks_long, "fool-stop"),
            ("several photos", partial(_many_photos, photos), "stop"),
            ("an ideal image, page left", _draws_long, None),
            ("an attack, page left", _attacks_long, None),
        ):
            found[name].append(await _idle_after(app, start, stop))
    return {name: {"median": report.median(seconds), "most": round(max(seconds), 3)} for name, seconds in found.items()}


async def _idle_after(app: App, start: Callable[[Visitor, asyncio.Event], Awaitable[Any]], stop: str | None) -> float:
    """Seconds until the last tenth of a second in which the process used more than a fifth of one processor."""
    visitor = Visitor(app.address)
    await visitor.__aenter__()
    started = asyncio.Event()
    working = asyncio.create_task(start(visitor, started))
    await asyncio.wait_for(started.wait(), 120)
    await _until_busy(app)
    await asyncio.sleep(1.0)
    if working.done():
        raise SystemExit("The work ended before it could be stopped.")
    began = time.perf_counter()
    if stop is not None:
        await visitor.use(stop)
    else:
        working.cancel()
        await visitor.__aexit__()
    last = time.perf_counter()
    while time.perf_counter() - last < 2.0 and time.perf_counter() - began < 60:
        if await _load(app, 0.1) > 0.2:
            last = time.perf_counter()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    if stop is not None:
        await visitor.__aexit__()
    return last - began


async def _load(app: App, seconds: float) -> float:
    """Processors that the process used in that time from now."""
    before, began = app.processor_seconds, time.perf_counter()
    await asyncio.sleep(seconds)
    return (app.processor_seconds - before) / (time.perf_counter() - began)


async def _until_busy(app: App) -> None:
    for _ in range(240):
        if await _load(app, 0.5) > 0.8:
            return
    raise SystemExit("The app did not begin with what it was asked for.")


async def _draws_long(visitor: Visitor, started: asyncio.Event) -> dict:
    started.set()
    return await visitor.use("draw")


async def _attacks_long(visitor: Visitor, started: asyncio.Event) -> dict:
    started.set()
    visitor["fool-preset"] = "lesson"
    await visitor.use("fool-preset", "input")
    visitor["fool-steps"] = 1000
    return await visitor.use("fool-go")


async def _many_photos(photos: list[Photo], visitor: Visitor, started: asyncio.Event) -> dict:
    uploaded = [await visitor.upload(photo.path) for photo in photos]
    visitor["photos"] = (uploaded * 300)[:300]
    started.set()
    return await visitor.use("classify-all")


# --- memory at rest ------------------------------------------------------------------------------------------------------


async def memory_at_rest(app: App, photos: list[Photo], options: argparse.Namespace) -> dict:
    """With one network, and with thirty open pages that have trained a head each."""
    async with class_of(app, options.visitors, photos[0]) as class_:
        await asyncio.sleep(20)
        alone = app.memory_gb
        for number, visitor in enumerate(class_):
            await trains_head(visitor, f"head {number}")
        await asyncio.sleep(30)
        return {"one network, GB": round(alone, 2), "a head in each page, GB": round(app.memory_gb, 2)}


async def pages_left(app: App, photos: list[Photo], options: argparse.Namespace) -> dict:
    """What is left of pages that were opened, used for a moment and closed."""

    async def come_and_go(pages: int) -> None:
        for number in range(pages):
            async with Visitor(app.address) as visitor:
                await asks(visitor, photos[number % len(photos)])
        await asyncio.sleep(10)

    async with class_of(app, 1, photos[0]):
        await come_and_go(20)  # what the first ones wake is no growth
        before = app.memory_gb
        await come_and_go(PAGES_LEFT)
        return {"pages": PAGES_LEFT, "memory before, GB": round(before, 3), "after, GB": round(app.memory_gb, 3)}


# --- all tabs ------------------------------------------------------------------------------------------------------------


async def all_tabs(app: App, photos: list[Photo], options: argparse.Namespace) -> dict:
    """Everybody does what one does in a lesson, each after a while of reading; one of them with a browser.

    Before that a teacher has tried everything once: what is loaded when it is needed first, such as the networks that are
    asked besides, is no growth.
    """
    diary, samples = Diary(), []
    async with class_of(app, 1, photos[0]) as (teacher,):
        await everything_once(teacher, photos, diary)
    async with class_of(app, options.visitors - 1, photos[0]) as class_:
        began = time.perf_counter()
        ends = began + 60 * options.minutes
        pupils = [
            asyncio.create_task(pupil(visitor, number, photos, ends, diary)) for number, visitor in enumerate(class_)
        ]
        pupils.append(asyncio.create_task(browser_pupil(app.address, photos, ends, diary)))
        while not all(one.done() for one in pupils):
            samples.append((time.perf_counter() - began, app.memory_gb, app.threads, app.open_files))
            await asyncio.wait(pupils, timeout=2.0)
        await asyncio.gather(*pupils)
    second = [sample for sample in samples if 60 <= sample[0] < 120] or samples[:1]
    last = [sample for sample in samples if 60 * (options.minutes - 1) <= sample[0] < 60 * options.minutes]
    grown = {
        name: {
            "second minute": report.median([sample[place] for sample in second], 2),
            "last minute": report.median([sample[place] for sample in last], 2),
        }
        for place, name in ((1, "memory, GB"), (2, "threads"), (3, "open files"))
    }
    for row in grown.values():
        row["last / second"] = round(row["last minute"] / row["second minute"], 3)
    return {
        "minutes": options.minutes,
        "done": dict(diary.done),
        "median, seconds": {name: report.median(seconds, 2) for name, seconds in diary.seconds.items()},
        "p95, seconds": {name: round(p95(seconds), 2) for name, seconds in diary.seconds.items() if len(seconds) > 1},
        "told that the queue is full": diary.busy,
        "errors": len(diary.errors),
        "mixed up": len(diary.mixed_up),
        "what went wrong": (diary.errors + diary.mixed_up)[:20],
        **grown,
        "memory, GB, each half minute": [round(sample[1], 2) for sample in samples[::15]],
    }


_PART_OF = {
    "rest": memory_at_rest,
    "left": pages_left,
    "classify": classify_at_once,
    "busy": classify_while_busy,
    "stop": stop_to_idle,
    "mixed": all_tabs,
}

if __name__ == "__main__":
    main()
