"""The training plot in a real browser, in an app of its own: made curves, no network."""

from __future__ import annotations

import asyncio
import math
import re
from types import SimpleNamespace
from urllib.parse import urlparse

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import expect

from demo.live_plot import STYLE_SHEET, PlottedRun, live_plot, plot_value, rate_plot, rate_value
from demo.page import theme
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

TAG, TEMPLATE = '<img src="x" onerror="window.harmed=1">', "${window.harmed=1} {{name}}"
UPDATES = 24  # in about 3 seconds
BLUE, ORANGE = (10, 132, 220), (224, 96, 26)  # the first two colours in light

# Rows and columns of pixels in this colour: the first, the last, and how many of each there are.
EXTENT = """(canvas, [red, green, blue]) => {
    const { width, height } = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const rows = new Set(), columns = new Set();
    for (let i = 0; i < data.length; i += 4) {
        const off = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
        if (data[i + 3] > 200 && off < 24) { rows.add(Math.floor(i / 4 / width)); columns.add((i / 4) % width); }
    }
    return { top: Math.min(...rows) / height, bottom: Math.max(...rows) / height, columns: columns.size / width };
}"""
INK = "canvas => canvas.width > 0 && canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(v => v)"


def _history(count, *, speed=0.04, diverges_at=None):
    """A made training that learns, or one that flies off at that step."""
    base = [math.exp(-speed * k) for k in range(count)]
    history = SimpleNamespace(
        step=[k * 10 for k in range(count)],
        train_loss=[0.2 + 3.4 * share for share in base],
        train_accuracy=[0.97 - 0.95 * share for share in base],
        validation_loss=[0.4 + 3.2 * share if k % 5 == 0 else None for k, share in enumerate(base)],
        validation_accuracy=[0.91 - 0.89 * share if k % 5 == 0 else None for k, share in enumerate(base)],
        rate=[0.01] * count,
    )
    history.train_loss[1:2] = [None]  # not measured there
    if diverges_at is not None:
        wild = [1e3, 1e9, float("inf"), float("nan")]
        history.train_loss[diverges_at:] = [wild[min(k, 3)] for k in range(count - diverges_at)]
    return history


def _run(name, count, colour=0, **more):
    return PlottedRun(name, _history(count, **more), 1_000, colour, steps_per_epoch=50)


def _two():
    return plot_value([_run(TAG, 101), _run(TEMPLATE, 60, 1, speed=0.02)])


def _diverged():
    return plot_value([_run("calm", 101), _run("wild", 101, 1, speed=0.01, diverges_at=30)])


def _found():
    rates = [float(rate) for rate in np.geomspace(1e-5, 10, 60)]
    losses = [3.6 - 2 / (1 + 0.01 / rate) + (100 * rate if rate > 1 else 0) for rate in rates]
    return rate_value(rates, [*losses[:-1], float("nan")], 0.0123)


async def _train():
    for count in range(1, UPDATES + 1):
        yield plot_value([_run("finished", 101), _run("growing", 4 * count, 1, speed=0.02)])
        await asyncio.sleep(0.125)


@pytest.fixture(scope="module")
def plot_address():
    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Row():
            buttons = {name: gr.Button(name) for name in ("Train", "Two", "Diverged", "Find")}
        with gr.Tabs():
            with gr.Tab("Plot"):
                plot = live_plot()
            with gr.Tab("Finder"):
                finder = rate_plot()
        buttons["Train"].click(_train, None, plot, show_progress="hidden")
        buttons["Two"].click(_two, None, plot, show_progress="hidden")
        buttons["Diverged"].click(_diverged, None, plot, show_progress="hidden")
        buttons["Find"].click(_found, None, finder, show_progress="hidden")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css_paths=STYLE_SHEET)
    yield address
    app.close()


@pytest.fixture(scope="module", params=["desktop light", "desktop dark", "phone light"])
def page(request, browser, plot_address):
    """The page of the plot, one for all tests of a size and scheme; what leaves the machine or fails is collected.

    A test that changes more than the value puts it back.
    """
    size, scheme = request.param.split()
    context = browser.new_context(
        viewport=DESKTOP if size == "desktop" else PHONE,
        color_scheme=scheme,
        has_touch=True,
        device_scale_factor=1 if size == "desktop" else 3,
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    outside, faults = [], []

    def note_request(made):
        address = urlparse(made.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in ("127.0.0.1", "localhost"):
            outside.append(made.url)

    page.on("request", note_request)
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(plot_address)
    expect(page.locator("#plot canvas")).to_have_count(2)
    yield page
    context.close()
    assert outside == [], "requests left the machine"
    assert faults == [], "errors in the browser's console"


DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)


def _show(page, name, names):
    page.get_by_role("tab", name="Plot").click()
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#plot .pl-plot-legend .pl-plot-name")).to_have_text(names)
    page.mouse.move(0, 0)


def _root(page):
    return page.locator("#plot .pl-plot")


def _canvas(page, index=0):
    return page.locator("#plot canvas").nth(index)


def _wait_for(page, index, what, *, where="#plot"):
    """Until the expression holds of the canvas `c`; limits may still slide and colours change a frame later."""
    page.wait_for_function(
        f"([where, i]) => {{ const c = document.querySelectorAll(where + ' canvas')[i]; return {what}; }}",
        arg=[where, index],
    )


@DESKTOP_ONLY
def test_a_growing_run_is_drawn_many_times_on_the_same_canvas_and_never_blank(page):
    _show(page, "Two", [TAG, TEMPLATE])
    before = int(_root(page).get_attribute("data-drawn"))
    page.evaluate(
        """([ink]) => {
            const canvas = document.querySelector('#plot canvas'), inked = eval(ink);
            window.first = canvas; window.looks = 0; window.blank = 0;
            const look = () => { window.looks += 1; window.blank += !inked(canvas); requestAnimationFrame(look); };
            look();
        }""",
        [INK],
    )
    page.get_by_role("button", name="Train", exact=True).click()
    expect(_root(page)).to_have_attribute("data-step", str(10 * (4 * UPDATES - 1)))
    drawn = int(_root(page).get_attribute("data-drawn")) - before
    assert drawn >= UPDATES / 2
    assert page.evaluate("window.first === document.querySelector('#plot canvas')")
    assert page.evaluate("[window.looks > 0, window.blank]") == [True, 0]
    expect(page.locator("#plot [aria-live]")).to_contain_text("growing: step 950 of 1,000, training loss 0.709")


@DESKTOP_ONLY
def test_nothing_is_drawn_while_nothing_changes(page):
    _show(page, "Two", [TAG, TEMPLATE])
    page.evaluate(
        """() => {
            const clear = CanvasRenderingContext2D.prototype.clearRect;
            window.cleared = 0; window.calm = 0; let before = 0;
            CanvasRenderingContext2D.prototype.clearRect = function (...at) { window.cleared += 1; clear.apply(this, at); };
            const frame = () => {
                window.calm = window.cleared === before ? window.calm + 1 : 0;
                before = window.cleared;
                requestAnimationFrame(frame);
            };
            frame();
        }"""
    )
    page.wait_for_function("window.calm > 60")
    _canvas(page).hover()
    page.wait_for_function("window.cleared > 0 && window.calm > 60")


def test_names_are_shown_as_text(page):
    _show(page, "Two", [TAG, TEMPLATE])
    legend = page.locator("#plot .pl-plot-legend .pl-plot-name")
    expect(legend).to_have_text([TAG, TEMPLATE])
    _canvas(page).focus()
    page.keyboard.press("End")
    expect(page.locator("#plot .pl-plot-tip").first.locator(".pl-plot-name")).to_have_text([TAG, TEMPLATE])
    page.get_by_text("Values as a table").first.click()
    expect(page.locator("#plot .pl-plot-values td").first).to_have_text(TAG)
    expect(page.locator("#plot img")).to_have_count(0)
    assert page.evaluate("window.harmed") is None
    page.get_by_text("Values as a table").first.click()


def test_the_panels_lie_side_by_side_or_one_above_the_other(page):
    _show(page, "Two", [TAG, TEMPLATE])
    loss, accuracy = _canvas(page, 0).bounding_box(), _canvas(page, 1).bounding_box()
    if page.viewport_size["width"] == DESKTOP["width"]:
        assert loss["y"] == accuracy["y"]
        assert loss["x"] + loss["width"] < accuracy["x"]
    else:
        assert loss["x"] == accuracy["x"]
        assert loss["y"] + loss["height"] < accuracy["y"]
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen


def test_the_drawing_is_as_sharp_as_the_screen_and_follows_the_width(page):
    sharp = f"c.width === Math.round(c.clientWidth * devicePixelRatio) && ({INK})(c)"
    _show(page, "Two", [TAG, TEMPLATE])
    _wait_for(page, 0, sharp)
    before, size = _canvas(page).bounding_box()["width"], page.viewport_size
    page.set_viewport_size({**size, "width": size["width"] - 50})
    _wait_for(page, 0, f"c.clientWidth < {before} && {sharp}")
    page.set_viewport_size(size)
    _wait_for(page, 0, f"c.clientWidth === {before} && {sharp}")


@DESKTOP_ONLY
def test_a_run_is_hidden_and_shown_by_its_button_and_by_the_keyboard(page):
    _show(page, "Two", [TAG, TEMPLATE])
    button = page.get_by_role("button", name=TEMPLATE)
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.mouse.move(0, 0)
    _wait_for(page, 0, f"({EXTENT})(c, {list(ORANGE)}).columns === 0")
    button.press("Space")
    expect(button).to_have_attribute("aria-pressed", "true")
    _wait_for(page, 0, f"({EXTENT})(c, {list(ORANGE)}).columns > 0.3")
    button.press("Enter")
    _show(page, "Diverged", ["calm", "wild"])
    _show(page, "Two", [TAG, TEMPLATE])
    expect(button).to_have_attribute("aria-pressed", "false")  # remembered by its name
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


@DESKTOP_ONLY
def test_arrow_keys_read_the_values_of_all_runs(page):
    _show(page, "Two", [TAG, TEMPLATE])
    slider = page.get_by_role("slider", name="Loss")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute(
        "aria-valuetext",
        f"step 0 · epoch 0.0. {TAG}: training 3.60, validation 3.60. {TEMPLATE}: training 3.60, validation 3.60",
    )
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "10")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r": training 3\.60, .*: training 3\.60, "))
    page.keyboard.press("End")  # the shorter run has nothing to say there
    expect(slider).to_have_attribute(
        "aria-valuetext",
        f"step 1,000 · epoch 20.0. {TAG}: training 0.262, validation 0.459. {TEMPLATE}: training –, validation –",
    )
    page.keyboard.press("Escape")
    expect(page.locator("#plot .pl-plot-tip").first).to_be_hidden()


def test_a_pointer_or_a_finger_shows_the_values_in_both_panels(page):
    _show(page, "Two", [TAG, TEMPLATE])
    canvas = _canvas(page)
    place = {"x": canvas.bounding_box()["width"] / 2, "y": 40}
    # hover and tap wait until the canvas lies still
    if page.viewport_size["width"] == DESKTOP["width"]:
        canvas.hover(position=place)
    else:
        canvas.tap(position=place)
    tips = page.locator("#plot .pl-plot-tip")
    expect(tips.nth(0)).to_contain_text("step")
    expect(tips.nth(1)).to_contain_text("%")
    for k in range(2):
        tip, canvas = tips.nth(k).bounding_box(), _canvas(page, k).bounding_box()
        assert canvas["x"] <= tip["x"]
        assert tip["x"] + tip["width"] <= canvas["x"] + canvas["width"] + 1


@DESKTOP_ONLY
def test_a_run_that_flies_off_does_not_flatten_the_others(page):
    _show(page, "Diverged", ["calm", "wild"])
    # the calm run still comes down from the top to the bottom
    _wait_for(page, 0, f"(e => e.top < 0.15 && e.bottom > 0.75)(({EXTENT})(c, {list(BLUE)}))")
    # and the other has its mark above the panel
    _wait_for(page, 0, f"({EXTENT})(c, {list(ORANGE)}).top < 0.04")
    scale = page.get_by_role("button", name="log scale")
    scale.click()
    expect(scale).to_have_attribute("aria-pressed", "true")
    _wait_for(page, 0, f"(e => e.top < 0.4 && e.bottom > 0.7)(({EXTENT})(c, {list(BLUE)}))")
    scale.click()


@DESKTOP_ONLY
def test_what_came_while_the_tab_was_hidden_is_drawn_when_it_is_shown(page):
    page.get_by_role("tab", name="Finder").click()
    expect(_canvas(page)).to_be_hidden()
    page.get_by_role("button", name="Two", exact=True).click()
    expect(page.locator("#plot .pl-plot-legend li")).to_have_count(2)
    page.get_by_role("tab", name="Plot").click()
    for panel in range(2):
        _wait_for(page, panel, f"({EXTENT})(c, {list(BLUE)}).columns > 0.3")
    expect(_root(page)).to_have_attribute("data-runs", "2")


@DESKTOP_ONLY
def test_the_dark_switch_is_followed(page):
    _show(page, "Two", [TAG, TEMPLATE])
    _wait_for(page, 0, f"({EXTENT})(c, {list(BLUE)}).columns > 0.3")
    page.evaluate("document.body.classList.toggle('dark')")
    _wait_for(page, 0, f"({EXTENT})(c, [79, 148, 247]).columns > 0.3")
    page.evaluate("document.body.classList.toggle('dark')")


def test_the_finders_curve_marks_the_suggested_rate(page):
    page.get_by_role("tab", name="Finder").click()
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("#rate-plot [aria-live]")).to_have_text("suggested learning rate 0.0123")
    if "dark" not in page.evaluate("document.body.className"):
        _wait_for(page, 0, f"(e => e.top < 0.15 && e.bottom > 0.7)(({EXTENT})(c, {list(ORANGE)}))", where="#rate-plot")
    slider = page.get_by_role("slider", name="Loss against the learning rate")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "learning rate 1e-5. loss 3.60")
