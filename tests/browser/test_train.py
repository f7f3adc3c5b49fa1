"""The Train tab in a real browser: choose, train, watch, stop, go on; several visitors; what goes wrong is said."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import threading
import time
import zipfile
from urllib.parse import urlparse

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from demo.context import Context
from demo.page import build_page, launch_options
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

PLOTTED = "() => document.querySelector('#plot').innerText"
SECONDS = 60_000  # a busy machine embeds slowly


def _picture(rng, colour):
    pixels = np.clip(np.array(colour) + rng.normal(0, 40, (48, 48, 3)), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _zip_of(path, per_class=10, classes=(("red", (200, 40, 40)), ("green", (40, 180, 60)), ("<b>blue", (40, 60, 200)))):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for name, colour in classes:
            for number in range(per_class):
                content = io.BytesIO()
                _picture(rng, colour).save(content, "PNG")
                archive.writestr(f"{name}/{number}.png", content.getvalue())
    return path


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return _zip_of(tmp_path_factory.mktemp("zips") / "colours.zip")


@pytest.fixture(scope="module")
def many_colours(tmp_path_factory):
    """As many pictures as make `_many_steps` last: about 350,000 steps, half a minute even at 10,000 a second."""
    return _zip_of(tmp_path_factory.mktemp("zips") / "colours.zip", per_class=80)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The app with a home of its own: its context and its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETLENS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PETLENS_FETCH", "0")
        # what this app deletes when it ends, another one may still show
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        context = Context.create()
        page = build_page(context)
        _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        yield context, address
        page.close()
        # torch must not be at work in a thread when the interpreter ends
        waiting = threading.Thread(target=lambda: asyncio.run(_end(context.openings.job("drawn-pets"))))
        waiting.start()
        waiting.join(60)


async def _end(job):
    async for _ in job.watch():
        pass


@pytest.fixture
def visit(browser, app):
    """Opens the Train tab for one more visitor; at the end nothing may have left the machine or failed."""
    outside, faults = [], []

    def note_request(made):
        address = urlparse(made.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in ("127.0.0.1", "localhost"):
            outside.append(made.url)

    def note_fault(said):
        # Gradio's stream says so when a page is left by a reload
        if not re.search("AbortError|errored out|ERR_ABORTED", said):
            faults.append(said)

    with contextlib.ExitStack() as stack:

        def open_page(size=DESKTOP, scheme="light", link=""):
            context = browser.new_context(viewport=size, color_scheme=scheme, locale="en")
            stack.callback(context.close)
            context.set_default_timeout(SECONDS)
            page = context.new_page()
            page.on("request", note_request)
            page.on("console", lambda said: note_fault(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: note_fault(str(error)))
            page.goto(app[1] + link)
            if not link:
                _open_tab(page)
            return page

        yield open_page
    assert outside == [], "requests left the machine"
    assert faults == [], "errors in the browser's console"


_TRIES, _TRY_MS = 5, 2_000


def _open_tab(page):
    page.get_by_role("tab", name="Train", exact=True).click()
    expect(page.locator("#data")).to_contain_text("Drawn pets: 8 classes", timeout=SECONDS)


def _choose(page, title):
    page.locator("#dataset input").click()
    page.get_by_role("option", name=title).click()


def _choose_zip(page, path):
    _choose(page, "A zip of mine")
    page.locator("#zip input[type=file]").set_input_files(path)


def _set(page, name, value):
    """Fill a field in; once more where the page comes after us: it writes the default into a field that has just appeared."""
    field = page.locator(f"#set-{name} input").first
    expect(field).not_to_have_value("")
    for _ in range(_TRIES):
        field.fill(str(value))
        field.blur()
        with contextlib.suppress(AssertionError):
            expect(field).to_have_value(str(value), timeout=_TRY_MS)
            return
    expect(field).to_have_value(str(value))


def _many_steps(page):
    """With `many_colours` a training that nobody waits for: it is there to be stopped."""
    page.get_by_role("button", name="All settings").click()
    expect(page.locator("#set-head-seed input").first).not_to_have_value("")  # the last of them
    _set(page, "head-batch_size", 1)
    _set(page, "head-epochs", 1000)


def _train(page):
    page.locator("#train").click()


def _train_long(page, many_colours, name):
    """What nobody waits for; it learns already."""
    _choose_zip(page, many_colours)
    expect(page.locator("#data")).to_contain_text("colours: 3 classes", timeout=SECONDS)
    page.locator("#run-name input, #run-name textarea").first.fill(name)
    _many_steps(page)
    _train(page)
    expect(page.locator("#training")).to_contain_text("Learning: epoch", timeout=SECONDS)


def _stop(page):
    button = page.locator("#stop-training")
    expect(button, page.locator("#training").inner_text()).to_be_enabled()
    button.click()
    expect(page.locator("#training")).to_contain_text("Stopped, at", timeout=SECONDS)


def _expect_done(page):
    expect(page.locator("#training")).to_contain_text("pictures right", timeout=SECONDS)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_drawn_pets_are_on_the_screen_at_once_and_can_be_trained_on(visit, size, scheme):
    page = visit(size, scheme)
    expect(page.locator("#sheet img")).to_have_attribute("alt", re.compile("Some pictures of Drawn pets: cat"))
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    _set(page, "head-images_per_class", 2)
    _train(page)
    _expect_done(page)
    expect(page.locator("#plot")).to_contain_text("on Drawn pets")
    expect(page.locator("#results-summary")).to_contain_text("Drawn pets")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]

    page.reload()
    _open_tab(page)
    expect(page.locator("#results-summary")).to_contain_text("Drawn pets", timeout=SECONDS)
    expect(page.locator("#worst img").first).to_be_visible(timeout=SECONDS)


def test_a_link_opens_the_tab_with_its_settings_and_trains_as_it_says(visit):
    page = visit(link="?tab=train&dataset=drawn-pets&epochs=3&head.images_per_class=2")
    expect(page.locator("#data")).to_contain_text("Drawn pets: 8 classes", timeout=SECONDS)
    expect(page.locator("#set-head-epochs input").first).to_have_value("3")
    expect(page.locator("#set-head-images_per_class input").first).to_have_value("2")
    expect(page.locator("#training")).to_contain_text("Press Train")
    _train(page)
    _expect_done(page)
    expect(page.locator("#plot")).to_contain_text("on Drawn pets")


def test_a_zip_is_shown_with_its_names_as_text_and_trained_on_while_the_plot_grows(visit, many_colours):
    page = visit()
    _choose_zip(page, many_colours)
    expect(page.locator("#data")).to_contain_text("colours: 3 classes", timeout=SECONDS)
    expect(page.locator("#data .pl-count-name", has_text="<b>blue")).to_be_visible()
    _many_steps(page)
    before = page.evaluate(PLOTTED)
    _train(page)
    expect(page.locator("#training")).to_contain_text("Learning: epoch", timeout=SECONDS)
    page.wait_for_function(f"before => ({PLOTTED})() !== before", arg=before, timeout=SECONDS)
    first = page.evaluate(PLOTTED)
    page.wait_for_function(f"before => ({PLOTTED})() !== before", arg=first, timeout=SECONDS)
    _stop(page)


def test_a_stopped_run_goes_on_also_after_the_page_was_reloaded(visit, many_colours):
    page = visit()
    _train_long(page, many_colours, "my colours")
    _stop(page)
    expect(page.locator("#train")).to_be_enabled()

    page.reload()
    _open_tab(page)
    expect(page.locator("#training")).to_contain_text("my colours is not finished", timeout=SECONDS)
    expect(page.locator("#plot")).to_contain_text("my colours")
    page.locator("#go-on").click()
    expect(page.locator("#training")).to_contain_text("learned from colours. Choose these pictures", timeout=SECONDS)
    _choose_zip(page, many_colours)
    expect(page.locator("#data")).to_contain_text("colours: 3 classes", timeout=SECONDS)
    stopped = page.evaluate(PLOTTED)
    page.locator("#go-on").click()
    expect(page.locator("#training")).to_contain_text("Learning: epoch", timeout=SECONDS)
    page.wait_for_function(f"before => ({PLOTTED})() !== before", arg=stopped, timeout=SECONDS)
    expect(page.locator("#plot")).to_contain_text("my colours")
    _stop(page)
    expect(page.locator("#go-on")).to_be_visible()


def test_a_page_that_is_loaded_again_watches_on_what_is_being_trained(visit, many_colours):
    page = visit()
    _train_long(page, many_colours, "left alone")

    page.reload()
    _open_tab(page)
    expect(page.locator("#training")).to_contain_text("Learning: epoch", timeout=SECONDS)
    expect(page.locator("#train")).to_be_disabled()
    expect(page.locator("#go-on")).to_be_hidden()
    expect(page.locator("#plot")).to_contain_text("left alone")
    before = page.evaluate(PLOTTED)
    page.wait_for_function(f"before => ({PLOTTED})() !== before", arg=before, timeout=SECONDS)
    _stop(page)
    expect(page.locator("#runs-table")).to_contain_text("left alone")
    expect(page.locator("#train")).to_be_enabled()


def test_a_page_from_a_link_that_is_loaded_again_finds_what_it_began(visit):
    """Where nothing has to be waited for, the browser has hardly seen one update when the next is there."""
    page = visit(link="?tab=train&dataset=drawn-pets&method=finetune&tune.epochs=50")
    expect(page.locator("#data")).to_contain_text("Drawn pets: 8 classes", timeout=SECONDS)
    expect(page.locator("#set-tune-epochs input").first).to_have_value("50")
    _train(page)
    expect(page.locator("#training")).to_contain_text("The network learns: epoch", timeout=SECONDS)

    page.reload()
    expect(page.locator("#training")).to_contain_text("The network learns: epoch", timeout=SECONDS)
    expect(page.locator("#set-tune-epochs input").first).to_have_value("50")
    _stop(page)


def test_a_training_that_nobody_comes_back_to_ends_and_can_be_gone_on_with(visit, app, many_colours, monkeypatch):
    monkeypatch.setattr(app[0].sessions, "_grace_seconds", 0.5)
    page = visit()
    _train_long(page, many_colours, "nobody came")
    job = [*app[0].under_way._jobs.values()][-1]
    page.goto("about:blank")
    for _ in range(200):
        if not job.unfinished:
            break
        time.sleep(0.05)
    assert job.state == "stopped"
    page.goto(app[1])
    _open_tab(page)
    expect(page.locator("#training")).to_contain_text("nobody came is not finished", timeout=SECONDS)


def test_two_visitors_train_at_once_and_each_sees_only_ones_own(visit, colours):
    pages = [visit(), visit(PHONE)]
    for number, page in enumerate(pages):
        _choose_zip(page, colours)
        expect(page.locator("#data")).to_contain_text("colours: 3 classes", timeout=SECONDS)
        page.locator("#run-name input, #run-name textarea").first.fill(f"run of visitor {number}")
    for page in pages:
        _train(page)
    for number, page in enumerate(pages):
        _expect_done(page)
        expect(page.locator("#plot")).to_contain_text(f"run of visitor {number}")
        expect(page.locator("#plot")).not_to_contain_text(f"run of visitor {1 - number}")
        expect(page.locator("#runs-table")).not_to_contain_text(f"run of visitor {1 - number}")


def test_a_second_run_is_drawn_over_the_first(visit, colours):
    page = visit()
    _choose_zip(page, colours)
    expect(page.locator("#data")).to_contain_text("colours: 3 classes", timeout=SECONDS)
    for name in ("first try", "second try"):
        page.locator("#run-name input, #run-name textarea").first.fill(name)
        _train(page)
        expect(page.locator("#training")).to_contain_text(name, timeout=SECONDS)
    expect(page.locator("#plot")).to_contain_text("first try")
    expect(page.locator("#plot")).to_contain_text("second try")


def test_what_is_wrong_is_said_and_nothing_is_lost(visit, tmp_path):
    page = visit()
    _set(page, "head-learning_rate", "fast")
    _set(page, "head-epochs", 5)
    _train(page)
    expect(page.locator("#training")).to_contain_text("Learning rate must be a number")
    _set(page, "head-learning_rate", "1000")
    _train(page)
    expect(page.locator("#training")).to_contain_text("learning_rate must be a number from")
    expect(page.locator("#set-head-epochs input").first).to_have_value("5")

    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 this is no zip")
    _choose_zip(page, broken)
    expect(page.locator("#data [role=alert]")).to_contain_text("broken.zip is not a zip that can be opened")
    _set(page, "head-learning_rate", "0.001")
    _train(page)
    expect(page.locator("#training")).to_contain_text("There are no pictures to learn from yet")


def test_pictures_that_are_not_here_are_said_to_be_before_anything_is_pressed(visit):
    page = visit()
    _choose(page, "Cats vs Dogs (not on this machine)")
    expect(page.locator("#data")).to_contain_text("its host lets nothing be fetched")
    expect(page.locator("#fetch")).to_be_hidden()
    _choose(page, "Drawn pets")
    expect(page.locator("#data")).to_contain_text("Drawn pets: 8 classes")
    expect(page.locator("#sheet img")).to_be_visible()


def test_a_rate_is_found_and_taken_over(visit, colours):
    page = visit()
    _choose_zip(page, colours)
    expect(page.locator("#data")).to_contain_text("colours: 3 classes", timeout=SECONDS)
    page.get_by_role("button", name="Find a learning rate").click()
    page.locator("#find-rate").click()
    expect(page.locator("#rate-said")).to_contain_text("falls fastest at a rate of", timeout=SECONDS)
    rate = re.search(r"rate of ([\d.]*\d)", page.locator("#rate-said").inner_text()).group(1)
    page.locator("#use-rate").click()
    expect(page.locator("#set-head-learning_rate input").first).to_have_value(rate)


def test_the_method_decides_which_settings_are_there(visit):
    page = visit()
    expect(page.locator("#set-head-epochs")).to_be_visible()
    page.get_by_text("Fine-tune", exact=True).click()
    expect(page.locator("#set-tune-epochs")).to_be_visible()
    expect(page.locator("#set-head-epochs")).to_be_hidden()
    expect(page.locator("#rate-finder")).to_be_hidden()
    expect(page.locator("#about-method")).to_contain_text("minutes")


def test_own_pictures_become_classes_by_file_and_by_camera(visit, tmp_path):
    rng = np.random.default_rng(1)
    files = {}
    for name, colour in (("warm", (220, 120, 30)), ("cold", (30, 120, 220))):
        files[name] = [tmp_path / f"{name} {number}.png" for number in range(6)]
        for path in files[name]:
            _picture(rng, colour).save(path)
    page = visit()
    _choose(page, "My own pictures")
    for number, (name, paths) in enumerate(files.items(), start=1):
        page.locator(f"#own-name-{number} input, #own-name-{number} textarea").first.fill(name)
        chosen = paths if number == 1 else paths[:4]
        page.locator(f"#own-files-{number} input[type=file]").set_input_files(chosen)
        expect(page.locator(f"#own-count-{number}")).to_contain_text(f"{len(chosen)} pictures")
    expect(page.locator("#own-count-2")).to_contain_text("1 more needed")
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]
    page.locator("#use-own").click()
    expect(page.locator("#data [role=alert]")).to_contain_text("cold needs 1 more", timeout=SECONDS)

    page.get_by_role("button", name="Take pictures with the camera").click()
    page.locator("#own-camera").get_by_text("cold", exact=True).click()
    page.get_by_text("Click to Access Webcam").click()
    for taken in (1, 2):  # after a shot the camera comes back by itself
        page.wait_for_function("document.querySelector('#camera video')?.readyState >= 2", timeout=SECONDS)
        page.locator("#camera").get_by_role("button", name="capture photo").click()
        expect(page.locator("#own-count-2")).to_contain_text(f"{4 + taken} pictures, {taken} of them taken here")
    page.locator("#use-own").click()
    expect(page.locator("#data")).to_contain_text("2 classes", timeout=SECONDS)
    _train(page)
    _expect_done(page)
