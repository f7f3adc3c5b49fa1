"""What the visitors of `classroom` do, and whether each was shown what is its own."""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import random
import re
import statistics
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import core
from benchmarks import report
from benchmarks.running_app import App
from benchmarks.visitor import Visitor

SURE = 0.2  # how far the first name of a photo must be before the second, so that no rounding changes it
BUSY = "Many people are using this machine"
GOAL = "Siamese cat"  # what a photo becomes unless one chooses otherwise
DRAWN = ("zebra", "goldfish", "daisy", "ladybug", "balloon", "volcano")


@dataclass(frozen=True)
class Photo:
    """One photo and what the shipped network alone says of it."""

    path: Path
    first: str
    label: int


@dataclass
class Diary:
    """What happened to all visitors."""

    done: collections.Counter = field(default_factory=collections.Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    busy: int = 0
    mixed_up: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def sure_photos(number: int) -> list[Photo]:
    """Photos of pets of which the network is so sure that its answer does not depend on what is looked at beside them."""
    found = []
    for path in report.photos("oxford-iiit-pet/images", every=7):
        first, second = _top(core.read_image(path), 2)
        if first.probability - second.probability > SURE:
            found.append(Photo(path, first.title, first.index))
        if len(found) == number:
            return found
    raise SystemExit(f"There are only {len(found)} photos of which the network is sure.")


def _top(picture: Any, number: int) -> list[core.Ranked]:
    return core.Classifier(core.load_backbone()).predict([picture])[0].top(number)


@contextlib.asynccontextmanager
async def class_of(app: App, number: int, photo: Photo | None = None) -> AsyncIterator[list[Visitor]]:
    """That many open pages; with a photo, once the app's network is awake."""
    async with contextlib.AsyncExitStack() as stack:
        if photo is not None:
            async with Visitor(app.address) as first:
                while not tells((await asks(first, photo))[1], photo):
                    await asyncio.sleep(0.5)
        yield [await stack.enter_async_context(Visitor(app.address)) for _ in range(number)]


async def asks(visitor: Visitor, photo: Photo) -> tuple[float, str]:
    """One visitor's photo, from the upload to the answer: seconds, and what the card says."""
    began = time.perf_counter()
    visitor["photo"] = await visitor.upload(photo.path)
    shown = await visitor.use("classify")
    return time.perf_counter() - began, shown["result"]


def tells(card: str, photo: Photo) -> bool:
    """Whether a card of the Classify tab is about that photo."""
    return f'<span class="pl-name">{photo.first}</span>' in card


async def trains_head(
    visitor: Visitor, name: str, *, epochs: int = 5, told: Callable[[], Any] = lambda: None
) -> dict[str, Any]:
    """A head on the drawn pets: what is shown at the end.

    Args:
        told: called whenever the page is told something new.
    """
    visitor["dataset"] = "drawn-pets"
    await visitor.use("dataset", "input")
    visitor["method"], visitor["run-name"], visitor["set-head-epochs"] = "head", name, epochs
    shown: dict[str, Any] = {}
    async for update in visitor.watch("train"):
        told()
        shown |= update
    return shown


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


async def pupil(visitor: Visitor, number: int, photos: list[Photo], ends: float, diary: Diary) -> None:
    """One visitor, who does now this and now that, each after a while of reading, until `time.perf_counter()` is `ends`."""
    chance = random.Random(number)
    names, weights = zip(*((name, weight) for name, (weight, _) in _DOES.items()), strict=True)
    while time.perf_counter() < ends:
        await asyncio.sleep(chance.uniform(1.0, 10.0))
        await _does(chance.choices(names, weights)[0], visitor, number, photos, chance, diary)


async def everything_once(visitor: Visitor, photos: list[Photo], diary: Diary) -> None:
    """All that a pupil does, one after the other. Its seconds and counts are not kept, what goes wrong is."""
    own = Diary(errors=diary.errors, mixed_up=diary.mixed_up)
    for name in _DOES:
        await _does(name, visitor, -1, photos, random.Random(0), own)


async def _does(
    name: str, visitor: Visitor, number: int, photos: list[Photo], chance: random.Random, diary: Diary
) -> None:
    async with written(diary, name):
        async for problem in _DOES[name][1](visitor, number, photos, chance):
            diary.mixed_up.append(f"{name}: {problem}")


@contextlib.asynccontextmanager
async def written(diary: Diary, name: str) -> AsyncIterator[None]:
    """Write down what is done here: how long it took, or why it did not work."""
    began = time.perf_counter()
    try:
        yield
    except _Busy:
        diary.busy += 1
    except Exception as error:
        diary.errors.append(f"{name}: {type(error).__name__}: {error!s:.300}")
    else:
        diary.done[name] += 1
        diary.seconds[name].append(time.perf_counter() - began)


class _Busy(Exception):
    """The queue was full, and the page said so."""


def _checked(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown, if it is not an error."""
    for html in shown.values():
        if isinstance(html, str) and 'role="alert"' in html:
            if BUSY in html:
                raise _Busy
            raise RuntimeError(re.sub(r"<[^>]+>", " ", html))
    return shown


# --- each tells what it was shown and should not have been ---------------------------------------------------------------


async def _does_classify(
    visitor: Visitor, number: int, photos: list[Photo], chance: random.Random
) -> AsyncIterator[str]:
    photo = chance.choice(photos)
    _, card = await asks(visitor, photo)
    _checked({"card": card})
    if not tells(card, photo):
        yield f"{photo.path.name} is not {photo.first}"


async def _does_several(
    visitor: Visitor, number: int, photos: list[Photo], chance: random.Random
) -> AsyncIterator[str]:
    chosen = chance.sample(photos, 4)
    visitor["photos"] = [await visitor.upload(photo.path) for photo in chosen]
    table = _checked(await visitor.use("classify-all"))["table"]
    rows = dict(re.findall(r"<tr><td>([^<]+)</td><td>([^<]+?)\s*</td>", table))
    if rows != {photo.path.name: photo.first for photo in chosen}:
        yield f"{[(photo.path.name, photo.first) for photo in chosen]} became {rows}"


async def _does_train(visitor: Visitor, number: int, photos: list[Photo], chance: random.Random) -> AsyncIterator[str]:
    name = f"pupil {number} run {chance.randrange(10**6)}"
    shown = _checked(await trains_head(visitor, name))
    if name not in shown["training"]:
        yield f"{name} is not what was trained"
    strange = {run["name"] for run in shown["plot"]["runs"] if not run["name"].startswith(f"pupil {number} ")}
    if strange:
        yield f"the plot of pupil {number} shows {strange}"


async def _does_draw(visitor: Visitor, number: int, photos: list[Photo], chance: random.Random) -> AsyncIterator[str]:
    wanted = chance.choice(DRAWN)
    visitor["ideal-class"], visitor["ideal-preset"] = wanted, "lesson-tv"
    await visitor.use("ideal-preset", "input")
    visitor["ideal-steps"] = 64
    shown = _checked(await visitor.use("draw"))
    if wanted not in shown["ideal-status"]:
        yield f"{wanted} was not drawn"
    picture = await visitor.download(shown["ideal-png"])
    names = [one.title for one in _top(core.read_image(picture), 5)]
    if wanted not in names:
        yield f"the picture of {wanted} is read as {names}"


async def _does_attack(visitor: Visitor, number: int, photos: list[Photo], chance: random.Random) -> AsyncIterator[str]:
    photo = chance.choice([photo for photo in photos if photo.first != GOAL])  # which the network does not read yet
    visitor["fool-photo"], visitor["fool-preset"] = await visitor.upload(photo.path), "invisible"
    await visitor.use("fool-preset", "input")
    shown = _checked(await visitor.use("fool-go"))
    before = shown["fool-pictures"]["before"].partition(";base64,")[2]
    read = _top(core.read_image(base64.b64decode(before)), 1)[0].title
    if read != photo.first or photo.first not in shown["fool-status"]:
        yield f"{photo.path.name}, a {photo.first}, was not what was attacked, but a {read}"


async def _does_look(visitor: Visitor, number: int, photos: list[Photo], chance: random.Random) -> AsyncIterator[str]:
    photo = chance.choice(photos)
    visitor["inside-photo"], visitor["inside-layer"] = await visitor.upload(photo.path), None
    _checked(await visitor.use("inside-photo", "change"))
    shown = _checked(await visitor.use("inside-seen", "change"))
    if str(shown.get("why-class")) != str(photo.label):
        yield f"{photo.path.name} was explained as {shown.get('why-class')}"


async def _does_learn(visitor: Visitor, number: int, photos: list[Photo], chance: random.Random) -> AsyncIterator[str]:
    shown = _checked(await visitor.use("station-next"))
    if "<h2" not in shown["station-text"]:
        yield "the station has no text"


# How often, and what.
_DOES: dict[str, tuple[int, Callable[..., AsyncIterator[str]]]] = {
    "classify": (8, _does_classify),
    "several photos": (2, _does_several),
    "train a head": (2, _does_train),
    "ideal image": (2, _does_draw),
    "attack": (2, _does_attack),
    "look inside": (3, _does_look),
    "learn": (2, _does_learn),
}


# --- one of them with a real browser -------------------------------------------------------------------------------------


async def browser_pupil(address: str, photos: list[Photo], ends: float, diary: Diary) -> None:
    """Goes through all tabs in Chromium, again and again: a photo of its own, a head, an ideal image, an attack, the maps.

    What fails in the browser's console counts as an error.
    """
    from playwright.async_api import async_playwright

    from tests.browser.conftest import CLASSIFY, DESKTOP, FLAGS, find_browser

    chance = random.Random(-1)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = await browser.new_page(viewport=DESKTOP, locale="en")
        page.set_default_timeout(480_000)
        page.on("pageerror", lambda error: diary.errors.append(f"browser: {error!s:.300}"))
        page.on(
            "console", lambda said: diary.errors.append(f"browser: {said.text:.300}") if said.type == "error" else None
        )
        await page.goto(address + CLASSIFY)

        async def tab(name: str) -> None:
            await page.get_by_role("tab", name=name, exact=True).click()

        async def ended(stop: str) -> None:
            await asyncio.sleep(1.0)  # what it shows of the last time is gone
            await page.locator(f"{stop}:disabled").wait_for()
            if await page.locator("[role=alert]:visible").count():
                raise RuntimeError(await page.locator("[role=alert]:visible").first.inner_text())

        async def classifies() -> None:
            photo = chance.choice(photos)
            await tab("Classify")
            await page.locator("#photo input[type=file]").first.set_input_files(photo.path)
            await page.locator("#result .pl-name", has_text=photo.first).first.wait_for()

        async def trains() -> None:
            await tab("Train")
            await page.locator("#dataset input").click()
            await page.get_by_role("option").filter(has_text="rawn pets").first.click()
            await page.locator("#train:enabled").click()
            await ended("#stop-training")

        async def draws() -> None:
            await page.goto(address + "?tab=ideal&class=zebra&preset=lesson-tv&steps=64")
            await page.locator("#ideal-class input").wait_for()
            await asyncio.sleep(3.0)  # the settings of the link come after the page
            await page.locator("#draw").click()
            await ended("#stop-drawing")
            await page.locator("#ideal-status", has_text="Done").wait_for()

        async def attacks() -> None:
            await tab("Fool it")
            await page.locator("#fool-go").click()
            await ended("#fool-stop")
            await page.locator("#fool-status .pl-verdict").wait_for()

        async def looks() -> None:
            photo = chance.choice(photos)
            await tab("Look inside")
            await page.locator("#inside-photo input[type=file]").first.set_input_files(photo.path)
            await page.locator("#inside-maps button").first.wait_for()

        async def learns() -> None:
            await tab("Learn")
            stations = page.locator("#stations button")
            await stations.nth(chance.randrange(await stations.count())).click()
            await page.locator("#station-text h2").first.wait_for()

        while time.perf_counter() < ends:
            for does in (classifies, learns, trains, classifies, draws, looks, classifies, attacks):
                async with written(diary, f"browser {does.__name__}"):
                    await does()
                await asyncio.sleep(chance.uniform(1.0, 5.0))
                if time.perf_counter() > ends:
                    break
        await browser.close()
