"""The pictures of the README, from the running app: `make screenshots`.

Only pictures that the project may show: the examples that come with packages.
"""

from __future__ import annotations

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from playwright.sync_api import expect, sync_playwright

from demo.page import build_page, launch_options
from tests.browser.conftest import DESKTOP, FLAGS, PHONE, find_browser
from tests.conftest import PROJECT

FOLDER = PROJECT / "docs" / "images"
SHOTS = (
    ("classify-light", DESKTOP, "light", "Chelsea, a cat", "tiger cat"),
    ("classify-dark", DESKTOP, "dark", "a cheetah", "cheetah"),
    ("classify-phone", PHONE, "light", "a lion", "lion"),
    ("unsure-light", DESKTOP, "light", "cells under a microscope", "wool"),
)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    app = build_page()
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for name, size, scheme, example, headline in SHOTS:
            page = browser.new_page(viewport=size, color_scheme=scheme, locale="en")
            page.goto(address)
            expect(page.locator("#result .pl-name")).to_be_visible(timeout=60_000)
            page.get_by_role("button", name=example).click()
            expect(page.locator("#result .pl-name")).to_have_text(headline, timeout=60_000)
            # once more, so that the times shown are those of a network that is awake
            page.get_by_role("button", name="Classify", exact=True).click()
            page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")
            page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
            page.close()
        browser.close()
    app.close()


if __name__ == "__main__":
    main()
