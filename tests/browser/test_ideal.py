"""The Ideal image tab in a real browser: a picture grows, is stopped, gone on with, steered, saved and shared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.ascent.files import read_recipe

pytestmark = pytest.mark.browser

DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)
LONG = 60_000


@pytest.fixture
def ideal(page):
    page.get_by_role("tab", name="Ideal image", exact=True).click()
    expect(page.locator("#draw")).to_be_visible()
    return page


def _set(page, name, value):
    field = page.locator(f"#{name} input[type=number]").first
    field.fill(str(value))
    field.press("Tab")


def _choose(page, name, text):
    field = page.locator(f"#{name} input").first
    field.click()
    field.fill("")
    field.press_sequentially(text)  # each key narrows the list
    page.get_by_role("option", name=text, exact=True).first.click()


def _status(page):
    return page.locator("#ideal-status")


def _roughness(page):
    return float(re.search(r"differ by ([\d.]+)%", _status(page).inner_text())[1])


def test_the_tab_fits_the_screen(ideal):
    expect(ideal.locator("#ideal-tv")).to_be_visible()
    wide, screen = ideal.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen


@DESKTOP_ONLY
def test_a_zebra_grows_is_stopped_gone_on_with_saved_and_judged_by_others(ideal, tmp_path):
    _choose(ideal, "ideal-class", "ladybug")
    _choose(ideal, "ideal-class", "zebra")
    _set(ideal, "ideal-steps", 400)
    expect(ideal.locator("#ideal-picture")).to_contain_text("drawn before")
    ideal.locator("#draw").click()
    expect(ideal.locator("#ideal-picture")).not_to_contain_text("drawn before", timeout=LONG)
    first = ideal.locator("#ideal-picture img").get_attribute("src")
    expect(ideal.locator("#ideal-picture img")).not_to_have_attribute("src", first, timeout=LONG)
    ideal.locator("#stop-drawing").click()
    expect(_status(ideal)).to_contain_text("Stopped: step", timeout=LONG)
    expect(ideal.locator("#ideal-others")).not_to_be_empty(timeout=LONG)
    stopped_at = int(re.search(r"step (\d+) of 400", _status(ideal).inner_text())[1])
    assert stopped_at < 400

    # the film goes back to the beginning
    _set(ideal, "ideal-film", 0)
    expect(ideal.locator("#ideal-picture")).to_contain_text("after 0 steps")

    ideal.locator("#continue-drawing").click()
    expect(_status(ideal)).to_contain_text("Drawing: step", timeout=LONG)
    ideal.locator("#stop-drawing").click()
    expect(_status(ideal)).to_contain_text("Stopped: step", timeout=LONG)
    expect(ideal.locator("#ideal-png")).to_be_enabled(timeout=LONG)
    gone_on_to = int(re.search(r"step (\d+) of", _status(ideal).inner_text())[1])
    assert gone_on_to >= stopped_at

    with ideal.expect_download() as download:
        ideal.locator("#ideal-png").click()
    png = tmp_path / "zebra.png"
    download.value.save_as(png)
    assert read_recipe(Path(png).read_bytes()).class_name == "zebra"


@DESKTOP_ONLY
def test_smoothness_is_turned_while_the_picture_grows(ideal):
    _choose(ideal, "ideal-preset", "The lesson, no TV")
    expect(ideal.locator("#ideal-about")).to_contain_text("People see noise")
    ideal.locator("#draw").click()
    expect(_status(ideal)).to_contain_text("Drawing: step", timeout=LONG)
    rough = _roughness(ideal)
    _set(ideal, "ideal-tv", 9)
    expect(ideal.locator("#ideal-tv")).to_contain_text("weight 10000")
    ideal.wait_for_function(
        "limit => Number(/differ by ([0-9.]+)%/.exec(document.querySelector('#ideal-status').innerText)?.[1]) < limit",
        arg=rough / 2,
        timeout=LONG,
    )
    ideal.locator("#stop-drawing").click()
    expect(_status(ideal)).to_contain_text("Stopped: step", timeout=LONG)


@pytest.mark.link("?tab=ideal&class=daisy&preset=lesson&steps=3&seed=5")
@DESKTOP_ONLY
def test_a_link_opens_the_tab_with_its_settings_and_draws_what_it_says(page):
    expect(page.locator("#draw")).to_be_visible()
    expect(page.locator("#ideal-class input").first).to_have_value("daisy")
    expect(page.locator("#ideal-seed input").first).to_have_value("5")
    page.locator("#draw").click()
    expect(_status(page)).to_contain_text("Done: step 3 of 3", timeout=LONG)
    link = page.locator("#ideal-link").locator("input, textarea").first
    assert link.input_value() == page.url
    expect(page.locator("#ideal-about")).to_contain_text("People see noise")


@DESKTOP_ONLY
def test_what_is_wrong_is_said_and_the_picture_stays(ideal):
    _set(ideal, "ideal-steps", 2)
    ideal.locator("#draw").click()
    expect(_status(ideal)).to_contain_text("Done: step 2", timeout=LONG)
    field = ideal.locator("#ideal-class input").first
    field.click()
    field.fill("unicorn horn")
    field.press("Enter")
    ideal.locator("#draw").click()
    expect(_status(ideal)).to_contain_text("No ImageNet class is called", timeout=LONG)
    expect(ideal.locator("#ideal-picture img")).to_be_visible()
    for name in ("draw", "continue-drawing", "ideal-png", "ideal-webp"):
        expect(ideal.locator(f"#{name}")).to_be_enabled()
    expect(ideal.locator("#stop-drawing")).to_be_disabled()


@DESKTOP_ONLY
def test_six_weights_stand_side_by_side(ideal):
    ideal.get_by_text("Why smoothness?").click()
    _set(ideal, "sweep-steps", 20)
    ideal.locator("#draw-six").click()
    expect(ideal.locator("#sweep-pictures img")).to_have_count(6, timeout=LONG)
    ideal.locator("#stop-sweep").click()
    expect(ideal.locator("#draw-six")).to_be_enabled(timeout=LONG)
    expect(ideal.locator("#sweep-pictures")).to_contain_text("TV 30000")
