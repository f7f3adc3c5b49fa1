"""The whole lesson in a real browser, without internet: each station is predicted, run in its tab, and answered."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

import core
from demo.languages import languages, speaking, tr
from demo.page import build_page, launch_options
from demo.stations import eight_stations
from tests.browser.conftest import DESKTOP

pytestmark = pytest.mark.browser

LONG = 240_000
# Trainings and drawings take minutes: their beginning is enough for the suite. WHOLE_LESSON=1: each goes on to its end.
TO_THE_END = os.environ.get("WHOLE_LESSON") == "1"
STOP = {"train": "#stop-training", "ideal": "#stop-drawing", "fool": "#fool-stop"}
# Where a tab tells what goes on, and what one came to see when that has ended.
STATUS = {"inside": "#inside-maps", "train": "#training", "ideal": "#ideal-status", "fool": "#fool-status"}
ENDED = {
    "inside": "#inside-maps button >> nth=20",
    "train": "#results-summary",
    "ideal": "#ideal-webp:not([disabled])",
    "fool": "#fool-survival table tr >> nth=8",
}
# Something is told that was not there before, and it is more than that one has to wait. A quick training is over by then.
_BEGUN_JS = """([status, before]) => {
  const place = document.querySelector(status);
  return place && place.textContent.trim() && place.innerHTML !== before && !place.querySelector(".pl-waiting");
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The app as somebody has it who installed it and nothing else: no data sets, no more networks, no internet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETLENS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PETLENS_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("PETLENS_FETCH", "0")
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        core.load_backbone()  # as `warm_up` does
        app = build_page()
        _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        yield address
        app.close()


@pytest.mark.parametrize("language", languages(), ids=lambda one: one.code)
def test_a_newcomer_goes_through_all_stations(browser, address, language):
    context = browser.new_context(viewport=DESKTOP, locale=language.code)
    context.set_default_timeout(LONG)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)  # the browser's language is followed
    stations = eight_stations()
    with speaking(language):
        for number, station in enumerate(stations):
            expect(page.locator("#station-text h2")).to_have_text(tr(station.title))
            page.locator("#station-predict label").nth(station.right).click()
            run = page.locator(f"#station-run-{station.tab}")
            expect(run).to_have_text(tr(station.button))
            expect(run).to_be_enabled()
            status = STATUS[station.tab]
            told = page.locator(status)
            before = told.inner_html() if told.count() else ""
            run.click()
            expect(page.locator("#lesson-under-way")).to_contain_text(tr(station.title), timeout=LONG)
            page.wait_for_function(_BEGUN_JS, arg=[status, before], timeout=LONG)
            if TO_THE_END:
                if station.tab in STOP:
                    expect(page.locator(STOP[station.tab])).to_be_disabled(timeout=5 * LONG)
                expect(page.locator(ENDED[station.tab]).first).to_be_visible(timeout=LONG)
            elif station.tab in STOP:
                stop = page.locator(STOP[station.tab])
                stop.evaluate("button => button.click()")  # which does nothing where all is over already
                expect(stop).to_be_disabled(timeout=LONG)
            page.locator("#lesson-back").click()
            page.locator("#station-again label").nth(station.right).click()
            expect(page.locator("#station-verdict")).to_contain_text(tr("Right."))
            expect(page.locator("#station-verdict")).to_contain_text(tr(station.explanation)[:60])
            if number + 1 < len(stations):
                page.locator("#station-next").click()
        last = tr("That was the last one. Now answer the second quiz and compare.")
        expect(page.locator("#station-verdict")).to_contain_text(last)
    assert page.url.rstrip("/").endswith(language.code if language.code != "en" else address.rstrip("/"))
    context.close()
    assert faults == []
