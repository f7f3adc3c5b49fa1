"""The pictures of the README, from the running app: `make screenshots`.

Only pictures that the project may show: the examples that come with packages, and the drawn pets.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from demo.page import build_page, launch_options
from tests.browser.conftest import CLASSIFY, DESKTOP, FLAGS, PHONE, find_browser
from tests.conftest import PROJECT

FOLDER = PROJECT / "docs" / "images"
SHOTS = (
    ("classify-light", DESKTOP, "light", "Chelsea, a cat", "tiger cat"),
    ("classify-dark", DESKTOP, "dark", "a cheetah", "cheetah"),
    ("classify-phone", PHONE, "light", "a lion", "lion"),
    ("unsure-light", DESKTOP, "light", "cells under a microscope", "wool"),
)


TRAINED = ("train-light", DESKTOP, "light")
IDEAL = ("ideal-light", DESKTOP, "light")
FOOL = ("fool-light", DESKTOP, "light")
LEARN = ("learn-light", DESKTOP, "light")
INSIDE = ("inside-light", DESKTOP, "light")
SECONDS = 120_000
COLOURS = 256
STILL = "document.getAnimations().every(one => one.playState !== 'running')"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        # no data sets, networks or runs of the person who takes the pictures are seen on them
        os.environ.update(PETLENS_HOME=home, PETLENS_DATA=str(Path(home) / "data"))
        app = build_page()
        _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
            for shot in SHOTS:
                take_classify(browser, address, *shot)
            take_train(browser, address, *TRAINED)
            take_ideal(browser, address, *IDEAL)
            take_fool(browser, address, *FOOL)
            take_learn(browser, address, *LEARN)
            take_inside(browser, address, *INSIDE)
            browser.close()
        app.close()


def take_classify(browser: Browser, address: str, name: str, size: dict, scheme: str, example: str, said: str) -> None:
    """An example photo with its answer."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
    page.goto(address + CLASSIFY)
    expect(page.locator("#result .pl-name")).to_be_visible(timeout=SECONDS)
    page.get_by_role("button", name=example).click()
    expect(page.locator("#result .pl-name")).to_have_text(said, timeout=SECONDS)
    # once more, so that the times shown are those of a network that is awake
    page.get_by_role("button", name="Classify", exact=True).click()
    page.wait_for_function(STILL)
    _keep(page, name)


def take_train(browser: Browser, address: str, name: str, size: dict, scheme: str) -> None:
    """The drawn pets, two runs on them, and how good the second is."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
    page.goto(address)
    page.get_by_role("tab", name="Train", exact=True).click(timeout=SECONDS)
    expect(page.locator("#sheet img")).to_be_visible(timeout=SECONDS)
    for rate, title in (("0.0003", "slow and careful"), ("0.01", "quick")):
        page.locator("#run-name input, #run-name textarea").first.fill(title)
        field = page.locator("#set-head-learning_rate input").first
        field.fill(rate)
        field.press("Enter")
        page.locator("#train").click()
        expect(page.locator("#training")).to_contain_text(title, timeout=SECONDS)
        expect(page.locator("#results-summary")).to_contain_text(title, timeout=SECONDS)
    expect(page.locator("#worst img").first).to_be_visible(timeout=SECONDS)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function(STILL)
    page.evaluate("scrollTo(0, 0)")
    end = page.locator(".pl-matrix").bounding_box()
    _keep(page, name, clip={"x": 0, "y": 0, "width": size["width"], "height": end["y"] + end["height"] + 24})


def take_ideal(browser: Browser, address: str, name: str, size: dict, scheme: str) -> None:
    """A zebra that grew out of noise, and what other networks say of it."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
    page.goto(f"{address}?tab=ideal&class=zebra&preset=best-10s")
    expect(page.locator("#draw")).to_be_visible(timeout=SECONDS)
    page.locator("#draw").click()
    expect(page.locator("#ideal-status")).to_contain_text("Done: step", timeout=SECONDS)
    expect(page.locator("#ideal-others")).not_to_be_empty(timeout=SECONDS)
    page.wait_for_function(STILL)
    _keep(page, name)


def take_fool(browser: Browser, address: str, name: str, size: dict, scheme: str) -> None:
    """The cheetah that comes with the app, read as a Siamese cat, and what survives."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
    page.goto(f"{address}?tab=fool")
    expect(page.locator("#fool-go")).to_be_visible(timeout=SECONDS)
    expect(page.locator("#fool-photo img")).to_be_visible(timeout=SECONDS)
    page.locator("#fool-go").click()
    expect(page.locator("#fool-status")).to_contain_text("Done: step", timeout=SECONDS)
    expect(page.locator("#fool-survival")).to_contain_text("a fifth darker", timeout=SECONDS)
    page.wait_for_function(STILL)
    _keep(page, name)


def take_learn(browser: Browser, address: str, name: str, size: dict, scheme: str) -> None:
    """The first station, predicted, run in its tab and answered."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
    page.goto(address)
    page.locator("#station-predict label").nth(1).click(timeout=SECONDS)
    page.locator("#station-run-inside:not([disabled])").click()
    expect(page.locator("#inside-maps button").first).to_be_visible(timeout=SECONDS)
    page.locator("#lesson-back").click()
    page.locator("#station-again label").nth(1).click()
    expect(page.locator("#station-verdict")).to_contain_text("Right.", timeout=SECONDS)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function(STILL)
    _keep(page, name)


def take_inside(browser: Browser, address: str, name: str, size: dict, scheme: str) -> None:
    """A middle layer of the photo of a cat, one of its channels, and the drawings that excite that most."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
    page.goto(f"{address}?tab=inside&layer=blocks.1.1")
    expect(page.locator("#inside-maps")).to_contain_text("Stage 2", timeout=SECONDS)
    page.locator("#inside-excite").click()
    expect(page.locator("#inside-stop")).to_be_disabled(timeout=SECONDS)
    expect(page.locator("#inside-excited")).to_contain_text("What do they have in common", timeout=SECONDS)
    page.wait_for_function(STILL)
    _keep(page, name)


def _keep(page: Page, name: str, **part: dict) -> None:
    """The page, or that part of it, as a PNG of few colours, which is a quarter of the size."""
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=True, **part)
    with Image.open(path) as shot:
        few = shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    page.close()


if __name__ == "__main__":
    main()
