"""The lab in a real browser: guess, run, see it in the chart; by keyboard; on a phone; pictures of one's own."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.link("")]

BOTH_SIZES = pytest.mark.parametrize("page", ["desktop light", "phone dark"], indirect=True)
DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)
LONG = 180_000
_FITS = """() => document.documentElement.scrollWidth <= innerWidth
  && [...document.querySelectorAll('#lab-said > *, #lab-chart .pl-card, .pl-lab-plot, #lab-words')]
    .every(one => one.getBoundingClientRect().right <= innerWidth)"""


@pytest.fixture
def lab(page):
    page.get_by_role("tab", name="Lab", exact=True).click()
    expect(page.locator("#lab-chart .pl-lab-plot")).to_be_visible()
    return page


def _guess(page, percent):
    field = page.locator("#lab-guess input[type=number]")
    field.fill(str(percent))
    field.press("Tab")
    expect(page.locator("#lab-run")).to_be_enabled()


def _own(page):
    """The visitor's marks in the chart, whiskers aside."""
    return page.locator("#lab-chart .pl-lab-plot g > path.pl-lab-own")


@BOTH_SIZES
def test_what_was_guessed_is_measured_and_drawn(lab):
    chart, said, run = (lab.locator(where) for where in ("#lab-chart", "#lab-said", "#lab-run"))
    expect(chart.locator(".pl-lab-plot circle.pl-lab-shipped")).to_have_count(6)
    expect(chart.locator(".pl-lab-plot circle.pl-lab-faint")).to_have_count(12)
    expect(_own(lab)).to_have_count(0)
    expect(run).to_be_disabled()
    assert lab.evaluate(_FITS)
    _guess(lab, 80)
    run.click()
    expect(said.locator(".pl-found")).to_contain_text("You said 80 %, it is 9", timeout=LONG)
    expect(said).to_contain_text("Guessing alone gives 12.5 %.")
    expect(_own(lab)).to_have_count(1)
    expect(chart.locator(".pl-lab-plot path.pl-lab-guess")).to_have_count(1)
    expect(chart.locator(".pl-lab-key-own")).to_contain_text("you said 80 %")
    # where it was measured when the results that ship were made: same pictures, same network, same place
    box = _own(lab).bounding_box()
    shipped = chart.locator(".pl-lab-plot circle.pl-lab-shipped").nth(4).bounding_box()
    assert abs(box["x"] + box["width"] / 2 - shipped["x"] - shipped["width"] / 2) < 3
    assert abs(box["y"] + box["height"] / 2 - shipped["y"] - shipped["height"] / 2) < 6
    # another run wants another guess
    expect(run).to_be_disabled()
    chart.locator("summary").click()
    expect(chart.locator("tbody tr").first).to_contain_text("1: Drawn pets")
    assert lab.evaluate(_FITS)

    _guess(lab, 20)
    run.click()
    expect(said.locator(".pl-found")).to_contain_text("You said 20 %", timeout=LONG)
    expect(_own(lab)).to_have_count(2)


@DESKTOP_ONLY
def test_it_is_run_by_keyboard(lab):
    slider = lab.locator("#lab-guess input[type=range]")
    run = lab.locator("#lab-run")
    lab.get_by_role("tab", name="Lab", exact=True).focus()
    reached = []
    for _ in range(12):
        lab.keyboard.press("Tab")
        reached.append(lab.evaluate("document.activeElement.closest('[id^=lab-]')?.id"))
        if lab.evaluate("document.activeElement.type") == "range":
            break
    assert reached[:2] == ["lab-network", "lab-pictures"]
    expect(slider).to_be_focused()
    lab.keyboard.press("ArrowRight")
    expect(run).to_be_enabled()
    lab.keyboard.press("Tab")
    expect(run).to_be_focused()
    lab.keyboard.press("Enter")
    expect(lab.locator("#lab-said .pl-found")).to_contain_text("You said 51 %", timeout=LONG)
    summary = lab.locator("#lab-chart summary")
    summary.focus()
    lab.keyboard.press("Enter")
    expect(lab.locator("#lab-chart table")).to_be_visible()


@DESKTOP_ONLY
def test_another_network_and_other_pictures_are_another_question(lab):
    _guess(lab, 70)
    network = lab.locator("#lab-network input")
    network.fill("mobilenetv2_100.tf_in1k")
    network.press("Enter")
    expect(lab.locator("#lab-chart")).to_contain_text("Measured before, with MobileNetV2")
    expect(lab.locator("#lab-run")).to_be_disabled()


def _zip_of_two_colours(path):
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(300):
            pixels = generator.integers(0, 120, (48, 48, 3), dtype=np.uint8)
            pixels[..., number % 2] += 130
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "PNG")
            archive.writestr(f"{('Red', 'Green')[number % 2]}/{number}.png", content.getvalue())
    return path


@DESKTOP_ONLY
def test_pictures_of_the_train_tab_are_measured_and_stopped(lab, tmp_path):
    lab.get_by_role("tab", name="Train", exact=True).click()
    lab.locator("#dataset input").click()
    lab.get_by_role("option", name="A zip of mine").click()
    lab.locator("#zip input[type=file]").set_input_files(_zip_of_two_colours(tmp_path / "colours.zip"))
    expect(lab.locator("#data")).to_contain_text("colours: 2 classes", timeout=LONG)
    lab.get_by_role("tab", name="Learn", exact=True).click()
    pictures = lab.locator("#lab-pictures input")
    pictures.click()
    lab.get_by_role("option", name="The pictures of the Train tab: colours").click()
    _guess(lab, 100)
    run, stop = lab.locator("#lab-run"), lab.locator("#lab-stop")
    run.click()
    expect(lab.locator("#lab-said")).to_contain_text("Measuring the distance", timeout=LONG)
    stop.click()
    expect(lab.locator("#lab-said")).to_contain_text("Stopped before the accuracy was measured", timeout=LONG)
    expect(_own(lab)).to_have_count(0)
    expect(stop).to_be_disabled()
    run.click()
    expect(lab.locator("#lab-said .pl-found")).to_contain_text("You said 100 %", timeout=LONG)
    expect(lab.locator("#lab-chart .pl-lab-key-own")).to_contain_text("colours")


@DESKTOP_ONLY
def test_a_refusal_loses_nothing(lab):
    run = lab.locator("#lab-run")
    network = lab.locator("#lab-network input")
    network.fill("no_such_network")
    network.press("Enter")
    _guess(lab, 70)
    run.click()
    expect(lab.locator("#lab-said [role=alert]")).to_contain_text("no_such_network")
    # what was guessed stands, and may be measured with another one
    expect(lab.locator("#lab-guess input[type=number]")).to_have_value("70")
    expect(run).to_be_enabled()
    expect(lab.locator("#lab-stop")).to_be_disabled()
