"""A real browser on the running app."""

from __future__ import annotations

import collections
import shutil
import subprocess
from urllib.parse import urlparse

import gradio as gr
import pytest
from playwright.sync_api import Page, expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Newcomers see the Learn tab first; this address opens with a photo and its answer.
CLASSIFY = "?tab=classify"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

expect.set_options(timeout=20_000)


def find_browser() -> str | None:
    """The path of an installed Chromium; None means Playwright's own."""
    return next((path for path in map(shutil.which, BROWSERS) if path and _starts(path)), None)


def _starts(path: str) -> bool:
    """Ubuntu's `chromium-browser` may be only a hint to install something else."""
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="package")
def browser():
    """One browser for this folder. It ends with the folder: Playwright keeps an event loop running in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def nothing_is_said_only_once(monkeypatch):
    """What a stream says in one update only and then leaves out, a browser that lags behind never sees: see `demo.streams`."""
    send, times, lost = gr.Blocks.handle_streaming_diffs, collections.Counter(), set()

    def watched(page, block_fn, data, session_hash, run, final, simple_format=False):
        if run is not None and not final:
            first = run not in page.pending_diff_streams[session_hash]
            for output, said in zip(block_fn.outputs, data, strict=True):
                place = session_hash, run, output._id
                if first:  # of a stream that has the number of one that is over
                    times[place] = 0
                if said != gr.skip():
                    times[place] += 1
                elif times[place] == 1:
                    lost.add(f"{block_fn.name}: {output.elem_id or output._id}")
        return send(page, block_fn, data, session_hash, run, final, simple_format)

    monkeypatch.setattr(gr.Blocks, "handle_streaming_diffs", watched)
    yield
    assert not lost, "said in one update of a stream only"


@pytest.fixture(params=["desktop light", "desktop dark", "phone light", "phone dark"])
def page(request, browser, app_address) -> Page:
    """The page, open and ready, at one of four sizes and schemes; what leaves the machine or fails is collected.

    A test marked `link` opens it with that query. To go there from a page that is open would break off what that one still
    asks for, which the browser reports as an error.
    """
    size, scheme = request.param.split()
    context = browser.new_context(
        viewport=DESKTOP if size == "desktop" else PHONE, color_scheme=scheme, accept_downloads=True, locale="en"
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.outside, page.faults = [], []

    def note_request(made):
        address = urlparse(made.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in ("127.0.0.1", "localhost"):
            page.outside.append(made.url)

    page.on("request", note_request)
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    link = request.node.get_closest_marker("link")
    page.goto(app_address + (link.args[0] if link else CLASSIFY))
    if not link:
        expect(page.locator("#result .pl-name")).to_be_visible()
    yield page
    context.close()
    assert page.outside == [], "requests left the machine"
    assert page.faults == [], "errors in the browser's console"
