"""Tabs that a button elsewhere opens and runs, as the lesson does: what they run with has arrived, and they run once."""

from __future__ import annotations

import functools
import re
import time

import pytest
from playwright.sync_api import expect

from demo.context import Context
from demo.page import launch_options
from tests.browser.conftest import DESKTOP
from tests.demo.made_page import make_page

pytestmark = pytest.mark.browser

LONG = 180_000
ASKED = {
    "classify": {"photo": "cheetah"},
    "train": {"dataset": "drawn-pets", "images_per_class": "2", "epochs": "7"},
    "ideal": {"class": "daisy", "preset": "lesson", "steps": "3"},
    "fool": {"goal": "Anything else", "preset": "one-step", "photo": "Chelsea"},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The context and the address of the page, and how often each main handler began."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETLENS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PETLENS_FETCH", "0")
        # what this app deletes when it ends, another one may still show
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        context = Context.create()
        made = make_page(context, ASKED)
        begun = []
        for event in made.page.fns.values():
            if event.name in ("start_training", "start_drawing", "start_attack"):
                event.fn = _counted(event.fn, begun)
        _, address, _ = made.page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        yield address, begun
        made.page.close()


def _counted(handler, begun):
    @functools.wraps(handler)
    async def counted(values, request):
        begun.append(handler.__name__)
        async for update in handler(values, request):
            yield update

    return counted


@pytest.fixture
def visit(browser, app):
    contexts, faults = [], []

    def open_page(query=""):
        context = browser.new_context(viewport=DESKTOP, locale="en")
        contexts.append(context)
        context.set_default_timeout(LONG)
        page = context.new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(app[0] + query)
        return page

    app[1].clear()
    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def test_a_picture_is_drawn_with_what_was_asked(visit, app):
    page = visit()
    page.locator("#open-ideal").click()
    status = page.locator("#ideal-status")
    expect(status).to_contain_text("Done: step 3 of 3", timeout=LONG)
    expect(status).to_contain_text("its picture of daisy")
    expect(page.locator("#ideal-about")).to_contain_text("People see noise")
    expect(page.locator("#draw")).to_be_enabled()
    assert app[1] == ["start_drawing"]
    # again from elsewhere, now that the tab was seen
    page.get_by_role("tab", name="Elsewhere").click()
    page.locator("#open-ideal").click()
    deadline = time.monotonic() + LONG / 1000
    while len(app[1]) < 2 and time.monotonic() < deadline:  # three steps go by before a browser is asked
        page.wait_for_timeout(50)
    expect(page.locator("#draw")).to_be_enabled(timeout=LONG)
    expect(status).to_contain_text("Done: step 3 of 3", timeout=LONG)
    assert app[1] == ["start_drawing"] * 2


def test_a_photo_is_attacked_as_was_asked(visit, app):
    page = visit()
    page.locator("#open-fool").click()
    expect(page.locator("#fool-status")).to_contain_text("Done: step 1 of 1", timeout=LONG)
    expect(page.locator("#fool-pictures .pl-before")).to_have_attribute("alt", re.compile("reads .*(cat|tabby)"))
    expect(page.locator("#fool-epsilon").locator("input, textarea").first).to_have_value("4/255")
    expect(page.locator("#fool-goal input").first).to_have_value("Anything else")
    expect(page.locator("#fool-survival")).not_to_be_empty(timeout=LONG)
    assert app[1] == ["start_attack"]


def test_a_training_waits_for_its_pictures_and_begins(visit, app):
    page = visit()
    page.locator("#open-train").click()
    expect(page.locator("#training")).to_contain_text("pictures right", timeout=LONG)
    expect(page.locator("#data")).to_contain_text("Drawn pets: 8 classes")
    expect(page.locator("#set-head-epochs input").first).to_have_value("7")
    expect(page.locator("#plot")).to_contain_text("on Drawn pets")
    assert app[1] == ["start_training"]


def test_a_photo_is_classified(visit):
    page = visit()
    expect(page.locator("#open-classify")).to_be_visible()
    page.locator("#open-classify").click()
    expect(page.locator("#result .pl-name")).to_have_text("cheetah", timeout=LONG)


@pytest.mark.parametrize(
    ("query", "where", "said"),
    [
        ("?tab=classify&photo=unicorn", "#classify-said", "no example photo called"),
        ("?tab=train&dataset=unicorns", "#training", "no data set"),
        ("?tab=ideal&preset=magic", "#ideal-status", "no preset"),
        ("?tab=fool&preset=magic", "#fool-status", "no preset"),
    ],
)
def test_a_link_to_what_there_is_not_opens_the_tab_and_says_so(visit, query, where, said):
    page = visit(query)
    expect(page.locator(where)).to_contain_text(said, timeout=LONG)
    # when all the rest of the tab has come, the message is still there
    expect(page.locator("#fool-pictures .pl-after" if "fool" in query else where)).to_be_visible(timeout=LONG)
    if "train" in query:
        expect(page.locator("#data")).to_contain_text("classes", timeout=LONG)
    if "classify" in query:
        expect(page.locator("#result .pl-name")).to_be_visible(timeout=LONG)
    expect(page.locator(where)).to_contain_text(said)
    if "classify" in query:
        page.locator("#classify").click()
        expect(page.locator(where)).not_to_contain_text(said)


def test_a_method_shows_its_own_settings_as_the_link_has_them(visit):
    page = visit("?tab=train&dataset=drawn-pets&method=scratch&epochs=6&learning_rate=0.0003")
    expect(page.locator("#data")).to_contain_text("Drawn pets: 8 classes", timeout=LONG)
    expect(page.locator("#set-tune-epochs input").first).to_have_value("6")
    expect(page.locator("#set-tune-learning_rate input").first).to_have_value("0.0003")
    expect(page.locator("#set-head-epochs")).to_be_hidden()
    expect(page.locator("#about-method")).to_contain_text("Everything learns")
