"""From the click on Classify to the bars, in a real browser; beside it the bare forward pass plus decoding.

An endpoint of the same page that only receives the photo and answers shows what the way there and back costs.
"""

from __future__ import annotations

import argparse
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import torch
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks import report
from core import Classifier, load_backbone, read_image, to_pixels
from demo.examples import examples
from demo.page import build_page, launch_options
from demo.photo import photo_input
from tests.browser.conftest import FLAGS, find_browser

# Resolves with the milliseconds until the card is another one; with -1 if nothing changes (the same text again).
CLICK = """([button, card]) => new Promise(resolve => {
    const place = document.querySelector(card);
    for (const old of place.querySelectorAll('.answer, .pl-card')) old.dataset.old = 'yes';
    const start = performance.now();
    const observer = new MutationObserver(() => {
        const shown = place.querySelector('.answer, .pl-card');
        if (shown && !shown.dataset.old) { observer.disconnect(); resolve(performance.now() - start); }
    });
    observer.observe(place, {childList: true, subtree: true});
    setTimeout(() => { observer.disconnect(); resolve(-1); }, 3000);
    document.querySelector(button).click();
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    classifier = Classifier(load_backbone())
    figures = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        pages = {"ours": _open(browser, build_page()), "echo": _open(browser, _echo_page())}
        for title, photo in (("small photo", _photo(451, 300)), ("12-megapixel photo", _photo(4000, 3000))):
            figures[title] = _measure(classifier, pages, photo, options.rounds)
        browser.close()
    report.write("latency", {"rounds": options.rounds, **figures})


def _measure(classifier: Classifier, pages: dict[str, Page], photo: bytes, rounds: int) -> dict:
    for page in pages.values():
        page.locator("#photo").get_by_label("Remove Image").click()
        page.locator("#photo input[type=file]").set_input_files(
            {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": photo}
        )
        expect(page.locator("#photo img")).to_have_attribute("src", re.compile(r"p\.jpg$"), timeout=20_000)
    pixels = to_pixels([classifier.backbone.view(read_image(photo))])
    times: dict[str, list[float]] = {name: [] for name in ("bare", "decoding", "core", "click", "echo")}
    for round_number in range(rounds + 3):
        with torch.inference_mode():
            bare = _ms(lambda: classifier.backbone.inference_model(classifier.backbone.normalise(pixels)))
        decoding = _ms(lambda: classifier.backbone.view(read_image(photo)))
        core = _ms(lambda: classifier.predict([classifier.read(photo)]))
        click = pages["ours"].evaluate(CLICK, ["#classify", "#result"])
        echo = pages["echo"].evaluate(CLICK, ["#classify", "#result"])
        if round_number >= 3 and min(click, echo) > 0:
            for name, value in zip(times, (bare, decoding, core, click, echo), strict=True):
                times[name].append(value)
    wanted = [a + b for a, b in zip(times["bare"], times["decoding"], strict=True)]
    with_way = [a + b for a, b in zip(wanted, times["echo"], strict=True)]
    return {
        "rounds used": len(wanted),
        "bare forward pass, ms": report.median(times["bare"], 1),
        "decoding and resizing, ms": report.median(times["decoding"], 1),
        "core: file to prediction, ms": report.median(times["core"], 1),
        "page: click to bars, ms": report.median(times["click"], 1),
        "page that only receives and answers, ms": report.median(times["echo"], 1),
        "core / (forward + decoding)": report.median_ratio(times["core"], wanted),
        "click to bars / (forward + decoding)": report.median_ratio(times["click"], wanted),
        "click to bars / (forward + decoding + way there and back)": report.median_ratio(times["click"], with_way),
    }


def _open(browser, app: gr.Blocks) -> Page:
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    page = browser.new_page()
    # the tab with the answer; the page that only answers has no tabs
    page.goto(f"{address}?tab=classify")
    expect(page.locator("#result .pl-name, #result .answer").first).to_be_visible(timeout=60_000)
    return page


def _echo_page() -> gr.Blocks:
    """The same input and the same way to the server and back, with nothing done there."""
    counter = iter(range(10**9))

    async def answer(photo: str) -> str:
        return f'<div class="answer">{next(counter)}</div>'

    with gr.Blocks() as app:
        photo = photo_input(value=str(examples()[0].path), elem_id="photo")
        result = gr.HTML('<div class="answer">ready</div>', elem_id="result")
        button = gr.Button("Classify", elem_id="classify")
        button.click(answer, photo, result, queue=False, show_progress="hidden")
    return app.queue(api_open=False)


def _photo(width: int, height: int) -> bytes:
    """Chelsea, as a JPEG of that size."""
    file = io.BytesIO()
    Image.open(Path(examples()[0].path)).convert("RGB").resize((width, height)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _ms(work: Callable[[], object]) -> float:
    """Milliseconds of the third of three calls: the browser's drawing no longer takes part of the processor."""
    for _ in range(3):
        start = time.perf_counter()
        work()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
