"""The Classify tab in a real browser: upload, click, wait, read."""

from __future__ import annotations

import csv

import pytest
from huggingface_hub import constants
from PIL import Image
from playwright.sync_api import expect

from core.backbones import hub
from tests.hub_server import HubServer, Manners

pytestmark = pytest.mark.browser

DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)


def _result(page):
    return page.locator("#result .pl-card")


def _upload(page, *paths, where="#photo"):
    page.locator(f"{where} input[type=file]").first.set_input_files([str(path) for path in paths])


def _clear_photo(page):
    page.locator("#photo").get_by_label("Remove Image").click()
    expect(_result(page)).to_contain_text("Drop a photo")


def test_the_page_opens_with_a_result(page):
    expect(_result(page).locator(".pl-name")).to_have_text("tiger cat")
    expect(_result(page).locator(".pl-bars li")).to_have_count(5)
    expect(_result(page).locator(".pl-foot")).to_contain_text("EfficientNet-Lite0")


def test_an_uploaded_photo_is_read(page, shared):
    _clear_photo(page)
    _upload(page, shared / "data/oxford-iiit-pet/images/beagle_102.jpg")
    expect(_result(page).locator(".pl-name")).to_have_text("beagle")
    expect(_result(page).locator(".pl-legend")).to_contain_text("dog")
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(_result(page).locator(".pl-name")).to_have_text("beagle")


def test_nothing_is_wider_than_the_screen(page):
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen


def test_texts_stand_out_from_their_ground(page):
    """The scheme reaches our own style sheet: light text on dark and dark on light."""
    ink, ground = page.evaluate(
        """() => [getComputedStyle(document.querySelector('.pl-name')).color,
                  getComputedStyle(document.querySelector('.pl-card')).backgroundColor]
                 .map(c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number); return 0.2126*r + 0.7152*g + 0.0722*b })"""
    )
    assert abs(ink - ground) > 120


@DESKTOP_ONLY
def test_an_example_is_read_with_one_click(page):
    page.get_by_role("button", name="a cup of coffee").click()
    expect(_result(page).locator(".pl-name")).to_have_text("espresso")


@DESKTOP_ONLY
def test_what_no_network_knows_gets_a_note(page):
    page.get_by_role("button", name="cells under a microscope").click()
    expect(_result(page).locator(".pl-note")).to_contain_text("Not sure at all")


@DESKTOP_ONLY
def test_a_file_that_is_no_picture_gets_a_message(page, tmp_path):
    (tmp_path / "photo.jpg").write_text("this is not a picture")
    _clear_photo(page)
    _upload(page, tmp_path / "photo.jpg")
    expect(_result(page).get_by_role("alert")).to_contain_text("not a picture that can be opened here")
    expect(_result(page)).not_to_contain_text("tmp")


@DESKTOP_ONLY
def test_a_photo_taken_by_the_camera_is_read(page):
    _clear_photo(page)
    page.locator("#photo").get_by_label("Capture from camera").click()
    page.locator("#photo").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#photo video')?.readyState >= 2")
    page.locator("#photo").get_by_label("capture photo").click()
    expect(_result(page).locator(".pl-bars li")).to_have_count(5)


@DESKTOP_ONLY
def test_a_pasted_photo_is_read(page, chelsea):
    _clear_photo(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(300, 300); const c = canvas.getContext('2d');
            c.fillStyle = 'teal'; c.fillRect(0, 0, 300, 300);
            await navigator.clipboard.write([new ClipboardItem({'image/png': await canvas.convertToBlob()})]);
        }"""
    )
    page.locator("#photo").get_by_label("Paste from clipboard").click()
    expect(_result(page).locator(".pl-bars li")).to_have_count(5)


@DESKTOP_ONLY
def test_a_network_that_is_not_here_says_so_and_the_page_goes_on(page, monkeypatch):
    monkeypatch.setenv("PETLENS_FETCH", "0")
    box = page.get_by_label("Network").first
    box.fill("resnet50")
    box.press("Enter")
    expect(_result(page).get_by_role("alert")).to_contain_text("switched fetching off")
    box.fill("EfficientNet-Lite0")
    box.press("Enter")
    expect(_result(page).locator(".pl-name")).to_have_text("tiger cat")


@DESKTOP_ONLY
def test_who_chooses_again_is_not_overwritten_by_the_network_before(page, monkeypatch):
    """A hub that hangs: the card of the network chosen afterwards stays."""
    with HubServer({}, Manners(silent_to=("HEAD",))) as silent:
        template = f"{silent.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(hub, "PATIENCE_SECONDS", 2.0)
        box = page.get_by_label("Network").first
        box.fill("resnet50")
        box.press("Enter")
        expect(_result(page)).to_contain_text("Waking resnet50")
        box.fill("EfficientNet-Lite0")
        box.press("Enter")
        expect(_result(page).locator(".pl-name")).to_have_text("tiger cat")
        box = page.get_by_label("Compare with")
        box.fill("resnet50")  # the same download: when this card says so, the first one's watcher would have spoken too
        box.press("Enter")
        expect(page.locator("#second-result").get_by_role("alert")).to_contain_text("sent nothing for 2 seconds")
        expect(_result(page).locator(".pl-name")).to_have_text("tiger cat")


@DESKTOP_ONLY
def test_a_typed_name_is_never_run_as_a_script(page):
    box = page.get_by_label("Network").first
    box.fill("${window.hacked=1}<img src=x onerror='window.hacked=1'>")
    box.press("Enter")
    expect(_result(page).get_by_role("alert")).to_contain_text("is not the name of a network")
    assert page.evaluate("window.hacked") is None


@DESKTOP_ONLY
def test_two_networks_stand_side_by_side(page, made_weights):
    box = page.get_by_label("Compare with")
    box.fill("test_resnet")
    box.press("Enter")
    expect(page.locator("#second-result .pl-network")).to_have_text("test_resnet says")
    expect(_result(page).locator(".pl-network")).to_have_text("EfficientNet-Lite0 says")
    first, second = (page.locator(place).bounding_box() for place in ("#result", "#second-result"))
    assert first["x"] + first["width"] <= second["x"]
    assert abs(first["y"] - second["y"]) < 5


@pytest.fixture
def many(tmp_path):
    paths = []
    for number in range(60):
        paths.append(tmp_path / f"photo-{number}.png")
        Image.new("RGB", (500, 400), (number * 4, 99, 255 - number * 4)).save(paths[-1])
    return paths


def test_several_photos_become_a_table_and_a_csv(page, many, chelsea, tmp_path):
    (tmp_path / "broken.png").touch()
    page.get_by_role("tab", name="Several photos").click()
    _upload(page, chelsea, *many[:4], tmp_path / "broken.png", where="#photos")
    expect(page.locator("#photos")).to_contain_text("broken")
    page.get_by_role("button", name="Classify all").click()
    expect(page.locator("#status")).to_contain_text("6 of 6 photos")
    expect(page.locator("#table")).to_contain_text("tiger cat")
    expect(page.locator("#table")).to_contain_text("This file is empty")
    with page.expect_download() as download:
        page.locator("#csv").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["chelsea.png", *(path.name for path in many[:4]), "broken.png"]
    assert rows[0]["label_1"] == "tiger cat"


@DESKTOP_ONLY
def test_stop_keeps_what_is_done(page, many):
    page.get_by_role("tab", name="Several photos").click()
    _upload(page, *many * 5, where="#photos")
    expect(page.locator("#photos")).to_contain_text("photo-59")
    page.get_by_role("button", name="Classify all").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped after")
    expect(page.get_by_role("button", name="Classify all")).to_be_enabled()
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()


@DESKTOP_ONLY
def test_nothing_chosen_gets_a_hint(page):
    page.get_by_role("tab", name="Several photos").click()
    page.get_by_role("button", name="Classify all").click()
    expect(page.locator("#status").get_by_role("alert")).to_contain_text("Choose some photos first")
