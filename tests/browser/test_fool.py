"""The Fool it tab in a real browser: a photo is changed, compared, stopped, gone on with, saved, tested and shared."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

import core

pytestmark = pytest.mark.browser

DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)
PHONE_ONLY = pytest.mark.parametrize("page", ["phone dark"], indirect=True)
LONG = 120_000


@pytest.fixture
def tab(page):
    page.get_by_role("tab", name="Fool it", exact=True).click()
    expect(page.locator("#fool-go")).to_be_visible()
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


def _type_goal(page, text):
    field = page.locator("#fool-goal input").first
    field.click()
    field.fill(text)
    field.press("Enter")


def _status(page):
    return page.locator("#fool-status")


def _handle(page):
    return page.locator("#fool-pictures input[type=range]")


def _fits(page):
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return wide <= screen


def _read_by_core(path):
    classifier = core.Classifier(core.load_backbone())
    (prediction,) = classifier.predict([core.read_image(path)])
    return prediction.top(1)[0].title


def test_the_tab_fits_the_screen_and_starts_from_a_cheetah(tab):
    expect(tab.locator("#fool-start")).to_contain_text("a cheetah that comes with the app")
    expect(tab.locator("#fool-photo img")).to_be_visible()
    expect(tab.locator("#fool-goal input").first).to_have_value("Siamese cat")
    # something is there before anything was pressed
    expect(_status(tab)).to_contain_text("This change was made before", timeout=LONG)
    expect(tab.locator("#fool-pictures .pl-after")).to_have_attribute("alt", re.compile("reads Siamese cat"))
    assert _fits(tab)


@DESKTOP_ONLY
def test_a_cheetah_is_read_as_a_siamese_cat_and_the_file_says_so_too(tab, tmp_path):
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text("Changing", timeout=LONG)
    after = tab.locator("#fool-pictures .pl-after")
    expect(after).to_be_visible(timeout=LONG)
    # the handle is moved by keyboard and keeps its place while the pictures are replaced
    _handle(tab).focus()
    for _ in range(7):
        tab.keyboard.press("ArrowRight")
    expect(_handle(tab)).to_have_value("57")
    first = after.get_attribute("src")
    expect(after).not_to_have_attribute("src", first, timeout=LONG)
    expect(_handle(tab)).to_have_value("57")
    expect(tab.locator("#fool-pictures .pl-compare")).to_have_attribute("style", re.compile("57%"))

    expect(_status(tab)).to_contain_text("Done: step", timeout=LONG)
    expect(_handle(tab)).to_have_value("57")
    expect(_status(tab)).to_contain_text("The network reads Siamese cat")
    expect(after).to_have_attribute("alt", re.compile("the network reads Siamese cat"))
    expect(after).to_have_attribute("src", re.compile("^data:image/png"))
    expect(tab.locator("#fool-change img")).to_be_visible()
    expect(tab.locator("#fool-survival")).to_contain_text("Still fooled in", timeout=LONG)
    expect(tab.locator("#fool-survival tbody tr").first).to_contain_text("✓ fooled")

    with tab.expect_download() as download:
        tab.locator("#fool-png").click()
    png = tmp_path / "fooled.png"
    download.value.save_as(png)
    assert _read_by_core(png) == "Siamese cat"

    tab.locator("#fool-full").click()
    expect(tab.locator("#fool-full-said")).to_contain_text("On the whole photo", timeout=LONG)
    with tab.expect_download() as download:
        tab.locator("#fool-full-png").click()
    full = tmp_path / "full.png"
    download.value.save_as(full)
    said = tab.locator("#fool-full-said").inner_text()
    assert f"the network reads {_read_by_core(full)}" in said
    assert ("✓" in said) == (_read_by_core(full) == "Siamese cat")


@DESKTOP_ONLY
def test_ones_own_dog_becomes_a_siamese_cat_that_classify_reads_as_one(tab, shared, tmp_path):
    tab.locator("#fool-photo").get_by_label("Remove Image").click()
    dog = shared / "data/oxford-iiit-pet/images/pug_182.jpg"
    tab.locator("#fool-photo input[type=file]").first.set_input_files(dog)
    expect(tab.locator("#fool-photo").get_by_label("Remove Image")).to_be_visible()
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text("Done: step", timeout=LONG)
    expect(_status(tab)).to_contain_text("The network reads Siamese cat")
    expect(_status(tab)).to_contain_text("pug")
    with tab.expect_download() as download:
        tab.locator("#fool-png").click()
    download.value.save_as(tmp_path / "cat.png")
    tab.get_by_role("tab", name="Classify", exact=True).click()
    tab.locator("#photo").get_by_label("Remove Image").click()
    tab.locator("#photo input[type=file]").first.set_input_files(tmp_path / "cat.png")
    expect(tab.locator("#result .pl-name")).to_have_text("Siamese cat", timeout=LONG)


@DESKTOP_ONLY
def test_an_own_photo_is_stopped_and_gone_on_with(tab, chelsea):
    tab.locator("#fool-photo").get_by_label("Remove Image").click()
    tab.locator("#fool-photo input[type=file]").first.set_input_files(chelsea)
    expect(tab.locator("#fool-photo").get_by_label("Remove Image")).to_be_visible()
    _choose(tab, "fool-goal", "Anything else")
    _set(tab, "fool-steps", 900)
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text(re.compile(r"Changing: step [1-9]"), timeout=LONG)
    tab.locator("#fool-stop").click()
    expect(_status(tab)).to_contain_text(re.compile(r"Stopped: step \d+ of 900"), timeout=LONG)
    expect(tab.locator("#fool-continue")).to_be_enabled(timeout=LONG)
    stopped_at = int(re.search(r"step (\d+) of 900", _status(tab).inner_text())[1])
    assert stopped_at < 900
    tab.locator("#fool-continue").click()
    expect(_status(tab)).to_contain_text("Changing: step", timeout=LONG)
    tab.locator("#fool-stop").click()
    expect(_status(tab)).to_contain_text("Stopped: step", timeout=LONG)
    expect(tab.locator("#fool-continue")).to_be_enabled(timeout=LONG)
    gone_on_to = int(re.search(r"step (\d+) of", _status(tab).inner_text())[1])
    assert gone_on_to > stopped_at


@DESKTOP_ONLY
def test_what_is_wrong_is_said_and_the_result_stays(tab):
    _set(tab, "fool-steps", 2)
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text("Done: step 2", timeout=LONG)
    _type_goal(tab, "unicorn horn")
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text("No ImageNet class is called", timeout=LONG)
    expect(tab.locator("#fool-pictures .pl-after")).to_be_visible()
    for name in ("fool-go", "fool-continue", "fool-png", "fool-full"):
        expect(tab.locator(f"#{name}")).to_be_enabled()
    expect(tab.locator("#fool-stop")).to_be_disabled()


@DESKTOP_ONLY
def test_a_method_shows_its_settings_and_epsilon_is_written_as_people_do(tab):
    expect(tab.locator("#fool-epsilon")).to_have_count(0)
    _choose(tab, "fool-method", "pgd")
    epsilon = tab.locator("#fool-epsilon").locator("input, textarea").first
    expect(epsilon).to_have_value("8/255")
    _choose(tab, "fool-norm", "l2")
    expect(epsilon).to_have_value("1")
    epsilon.fill("far")
    epsilon.press("Tab")
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text("epsilon must be a number such as 8/255", timeout=LONG)


@pytest.mark.link("?tab=fool&goal=zebra&preset=smooth&steps=2&epsilon=6%2F255")
@DESKTOP_ONLY
def test_a_link_opens_the_tab_with_its_settings_and_does_what_it_says(page):
    expect(page.locator("#fool-go")).to_be_visible()
    expect(page.locator("#fool-goal input").first).to_have_value("zebra")
    expect(page.locator("#fool-epsilon").locator("input, textarea").first).to_have_value("6/255")
    expect(page.locator("#fool-steps input[type=number]")).to_have_value("2")
    expect(page.locator("#fool-about")).to_contain_text("Clouds instead of grain")
    page.locator("#fool-go").click()
    expect(_status(page)).to_contain_text("Done: step 2 of 2", timeout=LONG)
    link = page.locator("#fool-link").locator("input, textarea").first
    expect(link).to_have_value(re.compile("goal=zebra"))
    assert sorted(link.input_value().split("?")[1].split("&")) == sorted(page.url.split("?")[1].split("&"))


@DESKTOP_ONLY
def test_a_distance_is_dialled_and_each_picture_can_be_seen(tab):
    tab.get_by_text("Dial a distance", exact=True).click()
    tab.locator("#dial-norm").get_by_label("Linf").check()
    tab.locator("#dial-go").click()
    expect(tab.locator("#dial-picture img")).to_be_visible(timeout=LONG)
    expect(tab.locator("#dial-said svg polyline")).to_have_count(2)
    _set(tab, "dial-place", 0)
    expect(tab.locator("#dial-picture")).to_contain_text("1/255")
    _set(tab, "dial-place", 7)
    expect(tab.locator("#dial-picture")).to_contain_text("16/255")


@PHONE_ONLY
def test_a_phone_shows_everything_without_scrolling_sideways(tab):
    _set(tab, "fool-steps", 3)
    _choose(tab, "fool-goal", "Anything else")
    tab.locator("#fool-go").click()
    expect(_status(tab)).to_contain_text("Done: step 3 of 3", timeout=LONG)
    box = tab.locator("#fool-pictures .pl-compare-pictures").bounding_box()
    assert box["width"] > 280
    # pressed anywhere on the picture, the handle comes there
    tab.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)
    expect(_handle(tab)).to_have_value(re.compile(r"^(1[89]|2[012])$"))
    assert _fits(tab)
