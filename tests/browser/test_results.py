"""A run's results and the list of runs in a real browser: pictures, presses, a zip loaded, used, removed."""

from __future__ import annotations

import shutil

import gradio as gr
import pytest
from playwright.sync_api import expect

from demo import run_files
from demo.context import Context, Limits
from demo.page import launch_options
from demo.train_results import build_results
from tests.browser.conftest import PHONE
from tests.demo.made_runs import COLOURS, make_run, shown_colours

pytestmark = pytest.mark.browser

DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)
EVIL = "<img src=x onerror=alert(1)>${alert(2)}{{value}}`"


@pytest.fixture
def results_page(browser, classifier, tmp_path):
    """Only the results; a button gives the visitor a finished run with its pictures."""
    context = Context.create(Limits())
    run = make_run(classifier, tmp_path / "pictures", names=(EVIL, "dog"), name=EVIL)
    with gr.Blocks() as app:
        results = build_results(context)
        finish = gr.Button("finish", elem_id="finish")

        def finish_training(request: gr.Request) -> list:
            context.sessions.keep_run(request.session_hash, run)
            return results.refresh(request)

        finish.click(finish_training, outputs=results.outputs, api_visibility="private")
    options = {name: value for name, value in launch_options().items() if name in ("theme", "css_paths")}
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **options)
    page = browser.new_page(viewport=PHONE)
    page.set_default_timeout(20_000)
    page.faults = []
    page.on("dialog", lambda dialog: (page.faults.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    app.close()
    shutil.rmtree(run.folder)
    assert page.faults == []


def _colours_in(page, where: str) -> list[tuple[int, int, int]]:
    return shown_colours(page.locator(where).inner_html())


def test_a_finished_run_shows_its_mistakes_and_a_pressed_cell_comes_into_sight(results_page):
    page = results_page
    expect(page.locator("#results-hint")).to_contain_text("you see here how good it is")
    page.locator("#finish").click()
    expect(page.locator("#worst img")).to_have_count(2)
    assert _colours_in(page, "#worst") == [COLOURS[1], COLOURS[4]]
    expect(page.locator("#results-hint")).to_be_hidden()
    expect(page.locator(".pl-run-heading h2")).to_have_text(EVIL)

    page.get_by_role("cell").get_by_role("button", name="1 <img").click()
    expect(page.locator("#pressed img")).to_have_count(1)
    assert _colours_in(page, "#pressed") == [COLOURS[1]]
    expect(page.locator("#pressed img")).to_be_in_viewport()
    page.get_by_role("button", name="1 of 3 dog called").click()
    expect(page.locator("#pressed")).to_contain_text("dog, called")
    assert _colours_in(page, "#pressed") == [COLOURS[4]]

    page.get_by_role("button", name="The pictures that it was least sure about").click()
    expect(page.locator("#unsure img")).to_have_count(6)
    page.get_by_role("button", name="Class by class").click()
    expect(page.locator("#classes tbody tr")).to_have_count(2)
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen


@pytest.fixture
def zipped(classifier, tmp_path):
    run = make_run(classifier, None, name="From home")
    made = run_files.write_zip(run, tmp_path)
    shutil.rmtree(run.folder)
    return made


@DESKTOP_ONLY
def test_a_run_out_of_a_zip_is_shown_used_taken_home_and_removed(page, zipped, tmp_path):
    page.get_by_role("tab", name="Train", exact=True).click()
    (tmp_path / "bad.zip").write_bytes(b"PK\5\6" + b"\0" * 18)
    upload = page.get_by_test_id("Load a run (zip)-upload-button")
    upload.set_input_files(tmp_path / "bad.zip")
    expect(page.locator("#runs-status").get_by_role("alert")).to_contain_text("not a zip of a run")
    upload.set_input_files(zipped)
    expect(page.locator("#runs-table tbody tr")).to_have_count(1)
    expect(page.locator("#results-summary")).to_contain_text("4 of 6")
    expect(page.locator("#pressed")).to_contain_text("choose at the top the data set")

    with page.expect_download() as download:
        page.locator("#zip-run").click()
    assert download.value.suggested_filename.startswith("from-home")
    with page.expect_download() as download:
        page.locator("#csv-runs").click()
    assert download.value.suggested_filename.endswith(".csv")

    page.locator("#use-run").click()
    expect(page.locator("#result .pl-network")).to_have_text("EfficientNet-Lite0, trained on Plain colours, says")
    expect(page.locator("#result .pl-bars li")).to_have_count(2)
    page.get_by_role("tab", name="Train", exact=True).click()
    page.locator("#remove-run").click()
    expect(page.locator("#runs-table")).to_contain_text("Your runs come here")
    page.get_by_role("tab", name="Classify", exact=True).click()
    expect(page.locator("#result .pl-network")).to_have_text("EfficientNet-Lite0 says")
