"""Two pictures under one handle: before and after. The browser's part is `assets/fool.js`."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from demo.cards import picture_url
from demo.fool_example import Example
from demo.fool_run import Attempt
from demo.languages import mark, tr
from demo.scripts import script_of

# Constant in each language: Gradio touches the page only where the outcome differs, so that the handle keeps its place.
_TEMPLATE = """
<div class="pl-compare">
  <div class="pl-compare-pictures" hidden>
    <img class="pl-before"><img class="pl-after">
    <input type="range" min="0" max="100" value="50" step="1" aria-label="{handle}">
    <span class="pl-compare-handle" aria-hidden="true"></span>
    <span class="pl-compare-name pl-compare-left" aria-hidden="true">{original}</span>
    <span class="pl-compare-name pl-compare-right" aria-hidden="true">{changed}</span>
  </div>
  <p class="pl-empty">{empty}</p>
  <p class="pl-compare-hint" hidden>{hint}</p>
</div>
"""
_TEMPLATE_WORDS = {
    "handle": mark("How much of the original is uncovered"),
    "original": mark("original"),
    "changed": mark("changed"),
    "empty": mark("Here the photo will lie before and after, one over the other, with a handle to uncover them."),
    "hint": mark("Drag the handle, or use the arrow keys. Can you see the difference?"),
}
# Its places are filled in by the browser, where the numbers are.
_SCRIPT_WORDS = {"uncovered": mark("{original} % original, {changed} % changed")}
# What a template of Gradio would read as its own.
_NO_TEMPLATE = str.maketrans({sign: f"&#{ord(sign)};" for sign in "`${}\\"})


def compare_pictures(elem_id: str) -> gr.HTML:
    """Original and changed picture under one handle. Its values are made by `compare_value`."""
    return gr.HTML(
        {},
        html_template=_TEMPLATE.format_map(
            {name: escape(tr(text)).translate(_NO_TEMPLATE) for name, text in _TEMPLATE_WORDS.items()}
        ),
        js_on_load=script_of("fool.js", words={name: tr(text) for name, text in _SCRIPT_WORDS.items()}),
        apply_default_css=False,
        elem_id=elem_id,
    )


def compare_value(attempt: Attempt | Example, *, exact: bool) -> dict[str, Any]:
    """What `compare_pictures` shows.

    Args:
        exact: pictures without loss, several times as large to send: for what stays on the screen.
    """
    one = attempt.attacked
    return {
        "before": picture_url(one.original, exact=exact),
        "after": picture_url(one.picture, exact=exact),
        "before_alt": tr("the original, in which the network reads {name}", name=attempt.own),
        "after_alt": tr("the changed picture, in which the network reads {name}", name=one.prediction.top(1)[0].title),
    }
