"""The Look inside tab in a real browser: walked by keyboard, pressed, stopped, tested, mapped, shared; who gets a camera."""

from __future__ import annotations

import dataclasses
import re

import pytest
from playwright.sync_api import expect

from core.ascent import presets
from demo import inside_run
from tests.browser.conftest import CLASSIFY, DESKTOP

pytestmark = [pytest.mark.browser, pytest.mark.link("?tab=inside")]

BOTH_SIZES = pytest.mark.parametrize("page", ["desktop light", "phone dark"], indirect=True)
DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)
LONG = 180_000
FITS = """() => document.documentElement.scrollWidth <= innerWidth
  && [...document.querySelectorAll('#inside-parts .pl-card')].every(one => one.getBoundingClientRect().right <= innerWidth)"""


@pytest.fixture
def tab(page, monkeypatch):
    """The tab with its maps and its explanation."""
    monkeypatch.setattr(inside_run, "MOST_PICTURES", 24)
    expect(page.locator("#inside-strip button")).to_have_count(7, timeout=LONG)
    expect(page.locator("#inside-maps button").first).to_be_visible(timeout=LONG)
    return page


def _part(page, name):
    page.locator("#inside-parts").get_by_role("tab", name=name, exact=True).click()


def _choose(page, where, text):
    """In a list; as typed text narrows it, whatever else it begins with."""
    field = page.locator(f"{where} input").first
    field.click()
    field.fill("")
    field.press_sequentially(text)
    page.get_by_role("option", name=re.compile(text)).first.click()


def _channel(page):
    return page.locator("#inside-channel input")


def _stages(page):
    return page.locator("#inside-strip button")


@BOTH_SIZES
def test_a_link_opens_the_tab_with_maps_and_the_strip_is_walked_by_keyboard(tab):
    expect(tab.locator("#inside-said")).to_be_hidden()
    expect(tab.locator("#inside-strip")).to_contain_text("EfficientNet-Lite0 says")
    expect(tab.locator("#inside-maps")).to_contain_text("Stem")
    expect(tab.locator("#inside-looked img")).to_be_visible()
    current = tab.locator("#inside-strip button[aria-current=true]")
    expect(current).to_contain_text("Stem")
    _stages(tab).nth(2).focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#inside-maps [role=status]")).to_contain_text("Stage 2", timeout=LONG)
    expect(current).to_have_count(1)
    expect(current).to_contain_text("Stage 2")
    expect(_stages(tab).nth(2)).to_be_focused()
    expect(tab.locator("#inside-layer input").first).to_have_value(re.compile("^Stage 2"))
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    expect(tab.locator("#inside-maps [role=status]")).to_contain_text("Stage 3", timeout=LONG)
    expect(current).to_contain_text("Stage 3")
    expect(_stages(tab).nth(3)).to_be_focused()
    assert tab.evaluate(FITS)


@BOTH_SIZES
def test_a_map_is_pressed_and_a_channel_typed(tab):
    third = tab.locator("#inside-maps button").nth(2)
    number = third.get_attribute("data-channel")
    third.click()
    looked = tab.locator("#inside-looked")
    expect(looked).to_contain_text(f"Channel {number} of Stem", timeout=LONG)
    expect(_channel(tab)).to_have_value(number)
    pressed = tab.locator("#inside-maps button[aria-pressed=true]")
    expect(pressed).to_have_count(1)
    expect(pressed).to_have_attribute("data-channel", number)
    other = tab.locator("#inside-maps button").nth(0).get_attribute("data-channel")
    _channel(tab).fill(other)
    expect(looked).to_contain_text(f"Channel {other} of Stem", timeout=LONG)
    expect(pressed).to_have_attribute("data-channel", other)
    for wrong, words in (
        ("9999", "The channel 9999 is not one of the 32 of Stem"),
        ("-1", "whole number from 0, not -1"),
    ):
        _channel(tab).fill(wrong)
        expect(looked.get_by_role("alert")).to_contain_text(words, timeout=LONG)
        expect(tab.locator("#inside-maps button").first).to_be_visible()
    _channel(tab).fill("7")
    expect(looked).to_contain_text("Channel 7 of Stem", timeout=LONG)
    # what is seen goes into a link that others can open
    link = tab.locator("#inside-link textarea, #inside-link input").first
    expect(link).to_have_value(re.compile(r"\?tab=inside&layer=bn1&channel=7$"))
    assert tab.evaluate(FITS)


@DESKTOP_ONLY
def test_more_maps_by_one_scale_and_the_figures_below(tab):
    maps = tab.locator("#inside-maps button")
    _stages(tab).nth(4).click()
    expect(maps).to_have_count(36, timeout=LONG)
    tab.locator("#inside-most").get_by_label("all", exact=True).check()
    expect(maps).to_have_count(112, timeout=LONG)
    before = maps.first.locator("img").get_attribute("src")
    tab.locator("#inside-scale").get_by_label("all by one scale").check()
    expect(maps.first.locator("img")).not_to_have_attribute("src", before, timeout=LONG)
    tab.get_by_text("What the first layer looks for").click()
    expect(tab.locator("#inside-filters img")).to_have_count(32)
    tab.get_by_text("All last maps as one strip").click()
    expect(tab.locator("#inside-figure img")).to_be_visible()


@BOTH_SIZES
def test_photos_that_excite_a_channel_and_its_ideal_image(tab, monkeypatch):
    monkeypatch.setattr(presets, "CHANNEL", dataclasses.replace(presets.CHANNEL, steps=5000))
    _choose(tab, "#inside-data", "Drawn pets")
    excited = tab.locator("#inside-excited")
    tab.locator("#inside-excite").click()
    expect(excited).to_contain_text("24 of 24 pictures looked at", timeout=LONG)
    expect(excited.locator("figure")).to_have_count(9)
    expect(tab.locator("#inside-excite")).to_be_enabled()
    other = tab.locator("#inside-maps button").nth(1)
    other.click()
    words = f"Channel {other.get_attribute('data-channel')} of Stem: what excites it most among pictures of Drawn pets"
    expect(excited).to_contain_text(words, timeout=LONG)  # known at once

    drawn, stop = tab.locator("#inside-drawn"), tab.locator("#inside-stop")
    tab.locator("#inside-draw").click()
    expect(drawn.locator("img")).to_be_visible(timeout=LONG)
    expect(drawn).to_contain_text(re.compile(r"step [1-9]\d* of"), timeout=LONG)
    stop.click()
    expect(tab.locator("#inside-draw")).to_be_enabled(timeout=LONG)
    expect(stop).to_be_disabled()
    expect(drawn.locator("img")).to_be_visible()
    step, steps = re.search(r"step (\d+) of (\d+)", drawn.inner_text()).groups()
    assert int(step) < int(steps)
    expect(excited.locator("figure")).to_have_count(9)
    assert tab.evaluate(FITS)


@BOTH_SIZES
def test_an_answer_is_explained_tested_and_compared(tab):
    _part(tab, "Why this class?")
    said = tab.locator("#why-said")
    expect(said.locator("h3")).to_contain_text("Why ", timeout=LONG)
    first = said.locator("h3").inner_text()
    expect(said).to_contain_text("Exact for this network")
    tab.locator("#why-test").click()
    tested = tab.locator("#why-tested")
    expect(tested.locator(".pl-verdict")).to_contain_text(
        re.compile("The explanation holds|tells little"), timeout=LONG
    )
    expect(tested.locator(".pl-bars li")).to_have_count(4)
    expect(tab.locator("#why-test")).to_be_enabled()
    assert tab.evaluate(FITS)
    # another class: what was tested was another explanation
    tab.locator("#why-class input").first.click()
    tab.get_by_role("option").nth(1).click()
    expect(said.locator("h3")).not_to_have_text(first, timeout=LONG)
    expect(tested.locator(".pl-card")).to_have_count(0)
    tab.locator("#why-compare").click()
    compared = tab.locator("#why-compared")
    expect(compared.locator("td img")).to_have_count(4, timeout=LONG)
    expect(compared).to_contain_text("“cheetah” wins, after, “Siamese cat”")
    assert tab.evaluate(FITS)


@BOTH_SIZES
def test_pictures_are_laid_out_a_class_seen_alone_and_a_point_pressed(tab):
    _choose(tab, "#inside-data", "Drawn pets")
    _part(tab, "Map of the pictures")
    tab.locator("#map-start").click()
    card = tab.locator("#map-said")
    expect(card.locator("circle")).to_have_count(24, timeout=LONG)
    expect(card.locator(".pl-you-text")).to_have_text("your photo")
    expect(tab.locator("#map-near figure")).to_have_count(8)
    alone = card.locator("button[data-class]").first
    label = alone.get_attribute("data-class")
    same = card.locator(f'circle[data-class="{label}"]')
    alone.focus()
    tab.keyboard.press("Enter")
    expect(alone).to_have_attribute("aria-pressed", "true")
    expect(card.locator("circle.pl-faint")).to_have_count(24 - same.count())
    expect(card.locator(f'circle.pl-faint[data-class="{label}"]')).to_have_count(0)

    pressed = tab.locator("#map-pressed")
    name = re.sub(r"\s*\d+$", "", alone.inner_text())
    expect(pressed).to_contain_text(f"Some pictures of “{name}”", timeout=LONG)
    tab.wait_for_timeout(800)  # they come into sight, smoothly
    # that which nothing of its class lies on
    same.last.click(force=True)
    expect(pressed).to_contain_text(f"A picture of “{name}”, and those most like it", timeout=LONG)
    expect(pressed.locator("figure img")).to_have_count(9)
    expect(card.locator("circle.pl-chosen")).to_have_count(1)
    expect(card.locator("circle.pl-chosen")).to_have_attribute("data-class", label)
    alone.click()
    expect(card.locator("circle.pl-faint")).to_have_count(0)
    assert tab.evaluate(FITS)

    tab.locator("#map-axes").get_by_label("where classes differ most").check()
    before = card.locator("circle").first.get_attribute("cx")
    tab.locator("#map-start").click()
    expect(card.locator("circle").first).not_to_have_attribute("cx", before, timeout=LONG)
    expect(pressed.locator("figure")).to_have_count(0)


@pytest.mark.link("?tab=inside&layer=blocks.4.2&channel=5&photo=cheetah")
@BOTH_SIZES
def test_a_link_with_a_layer_and_a_channel_restores_them(tab):
    expect(tab.locator("#inside-looked")).to_contain_text("Channel 5 of Stage 4", timeout=LONG)
    expect(tab.locator("#inside-maps [role=status]")).to_contain_text("of 112 maps", timeout=LONG)
    expect(tab.locator("#inside-strip button[aria-current=true]")).to_have_attribute("data-layer", "blocks.4.2")
    expect(tab.locator("#inside-strip")).to_contain_text("cheetah")
    # it looks more than once while the page comes: at the same each time
    tab.wait_for_timeout(3000)
    expect(_channel(tab)).to_have_value("5")
    expect(tab.locator("#inside-looked")).to_contain_text("Channel 5 of Stage 4")
    expect(tab.locator("#inside-maps [role=status]")).to_contain_text("of 112 maps")


@pytest.mark.link("?tab=inside&part=map")
@DESKTOP_ONLY
def test_a_link_opens_a_part(page):
    expect(page.locator("#map-start")).to_be_visible(timeout=LONG)
    expect(page.locator("#inside-maps")).to_be_hidden()


@pytest.mark.link("?tab=inside&part=cellar")
@DESKTOP_ONLY
def test_a_link_to_a_part_that_there_is_not_says_so(page):
    expect(page.locator("#inside-said")).to_contain_text("There is no part 'cellar'", timeout=LONG)


@DESKTOP_ONLY
def test_another_photo_keeps_the_layer_and_no_photo_says_what_to_do(tab):
    _stages(tab).nth(3).click()
    expect(tab.locator("#inside-maps [role=status]")).to_contain_text("Stage 3", timeout=LONG)
    before = tab.locator("#inside-maps img").first.get_attribute("src")
    tab.get_by_role("button", name="a cheetah").locator("visible=true").click()
    expect(tab.locator("#inside-strip")).to_contain_text("cheetah", timeout=LONG)
    expect(tab.locator("#inside-maps [role=status]")).to_contain_text("Stage 3")
    expect(tab.locator("#inside-maps img").first).not_to_have_attribute("src", before)
    tab.locator("#inside-photo").get_by_label("Remove Image").click()
    expect(tab.locator("#inside-said")).to_contain_text("Drop a photo", timeout=LONG)


@pytest.mark.link(CLASSIFY)
@BOTH_SIZES
def test_classify_shows_where_it_looks_while_that_is_wanted(page):
    result = page.locator("#result")
    expect(result.locator(".pl-name")).to_be_visible(timeout=LONG)
    expect(result.locator(".pl-overlay")).to_have_count(0)
    page.get_by_label("Show where it looks").check()
    expect(result.locator(".pl-overlay img")).to_be_visible(timeout=LONG)
    name = result.locator(".pl-name").inner_text()
    expect(result.locator(".pl-overlay")).to_contain_text(f"what speaks for “{name}”")
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen
    page.get_by_label("Show where it looks").uncheck()
    expect(result.locator(".pl-overlay")).to_have_count(0, timeout=LONG)


@pytest.mark.parametrize("secure", [True, False])
def test_who_gets_no_camera_is_told_why_and_sees_no_button_for_it(browser, app_address, secure):
    context = browser.new_context(viewport=DESKTOP, locale="en")
    try:
        if not secure:
            # as the browser says it of plain http from another computer
            context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
        page = context.new_page()
        page.goto(app_address + CLASSIFY)
        photo = page.locator("#photo")
        expect(page.locator("#result .pl-name")).to_be_visible(timeout=LONG)
        photo.get_by_label("Remove Image").click()
        expect(photo.get_by_label("Upload file")).to_be_visible()
        camera, paste = (photo.get_by_label(words) for words in ("Capture from camera", "Paste from clipboard"))
        note = page.locator(".block.pl-why-no-camera").locator("visible=true")
        for button in (camera, paste):
            (expect(button).to_be_visible if secure else expect(button).to_be_hidden)()
        expect(note).to_have_count(0 if secure else 1)
        if not secure:
            expect(note).to_contain_text("No camera here")
    finally:
        context.close()
