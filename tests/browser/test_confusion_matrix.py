"""Pressing a cell of the confusion matrix, in a real browser, reaches Python."""

from __future__ import annotations

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import expect

from core.evaluation import evaluate
from demo.confusion_matrix import build_confusion_matrix, clicked_cell, confused_pairs, confusion_table

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=alert(1)>${alert(2)}{{value}}`"


def _matrix(names: tuple[str, ...]) -> str:
    """Three classes: all right, but the second is called the third in one of four pictures."""
    labels, said = np.repeat([0, 1, 2], 4), np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
    evaluation = evaluate(labels, np.eye(3)[said], names)
    return confusion_table(evaluation) + confused_pairs(evaluation)


@pytest.fixture
def matrix_page(browser):
    with gr.Blocks() as app:
        matrix = build_confusion_matrix()
        heard = gr.Textbox(elem_id="heard")
        again = gr.Button("another run", elem_id="another")

        def hear(before: str, event: gr.EventData) -> str:
            return f"{before} {clicked_cell(event)}".strip()

        matrix.click(
            hear,
            [heard],
            [heard],
            queue=False,
            trigger_mode="multiple",
            show_progress="hidden",
            api_visibility="private",
        )
        again.click(lambda: _matrix(("cat", "dog", "fox")), None, [matrix], api_visibility="private")
        app.load(lambda: _matrix((EVIL, "dog", "fox")), None, [matrix], api_visibility="private")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True)
    page = browser.new_page()
    page.set_default_timeout(20_000)
    page.dialogs, page.faults = [], []
    page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    app.close()
    assert page.dialogs == page.faults == []


def _expect_heard(page, said: str) -> None:
    expect(page.locator("#heard textarea, #heard input")).to_have_value(said)


def test_cells_and_pairs_reach_python_by_mouse_and_keyboard_also_after_a_new_run(matrix_page):
    page = matrix_page
    cell = page.get_by_role("cell").get_by_role("button", name="1 dog called fox", exact=True)
    cell.click()
    _expect_heard(page, "(1, 2)")
    # the sentence below names the same cell, so both are marked
    expect(page.locator("[aria-pressed=true]")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    _expect_heard(page, "(1, 2) (2, 2)")
    page.get_by_role("button", name="4 <img src=x").press("Space")
    _expect_heard(page, "(1, 2) (2, 2) (0, 0)")

    page.locator("#another").click()
    expect(page.get_by_role("button", name="4 cat recognised")).to_be_visible()
    page.get_by_role("listitem").get_by_role("button", name="1 of 4 dog called fox").click()
    _expect_heard(page, "(1, 2) (2, 2) (0, 0) (1, 2)")
