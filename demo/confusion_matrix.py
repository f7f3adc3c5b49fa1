"""The confusion matrix, as HTML whose cells can be pressed; what is pressed reaches Python.

A cell is a `<button data-truth="3" data-said="7">`. One listener on the component catches them all, so it outlives
every new value. Wire it with `trigger_mode="multiple"`: "once" loses presses while a handler runs, and "always_last"
answers the last press with the data of the first (Gradio 6.31).
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from core.errors import SettingsError
from demo.languages import tr, tr_n

if TYPE_CHECKING:
    from core.evaluation import ConfusedPair, Evaluation

# A browser lays out 100 x 100 cells in a moment, but not a million.
MOST_CLASSES = 100
# Up to so many classes a style of its own: names level above large columns; then smaller and smaller cells.
SIZES = {4: "pl-few", 12: "pl-some", 24: "pl-many", MOST_CLASSES: "pl-crowd"}

PRESSED_JS = """
element.addEventListener('click', event => {
  const cell = event.target.closest('button[data-truth]');
  if (!cell) return;
  element.querySelectorAll('[aria-pressed=true]').forEach(old => old.setAttribute('aria-pressed', 'false'));
  element.querySelectorAll(`[data-truth="${cell.dataset.truth}"][data-said="${cell.dataset.said}"]`)
    .forEach(same => same.setAttribute('aria-pressed', 'true'));
  trigger('click', {truth: Number(cell.dataset.truth), said: Number(cell.dataset.said)});
});
const steps = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
element.addEventListener('keydown', event => {
  const cell = event.target.closest('td'), step = steps[event.key];
  if (!cell || !step || !cell.querySelector('button')) return;
  event.preventDefault();
  const rows = cell.closest('tbody').rows;
  let row = cell.parentElement.sectionRowIndex, column = cell.cellIndex;
  for (;;) {
    row += step[0]; column += step[1];
    if (!rows[row] || column < 1 || !rows[row].cells[column]) return;
    const next = rows[row].cells[column].querySelector('button');
    if (next) return next.focus();
  }
});
"""


def build_confusion_matrix(*, elem_id: str = "confusion-matrix") -> gr.HTML:
    """The component whose value is `confusion_table(...)`, or that with `confused_pairs(...)` after it.

    Its `.click(handler, trigger_mode="multiple", ...)` calls a handler that takes `event: gr.EventData`;
    `clicked_cell(event)` is what was pressed.
    """
    return gr.HTML(js_on_load=PRESSED_JS, elem_id=elem_id)


def clicked_cell(event: gr.EventData) -> tuple[int, int]:
    """The numbers of the classes (truth, said) that were pressed. They come from a browser: `Evaluation.cell` checks.

    Raises:
        SettingsError: the event holds no two whole numbers.
    """
    data = event._data if isinstance(event._data, dict) else {}
    truth, said = data.get("truth"), data.get("said")
    if type(truth) is not int or type(said) is not int:
        raise SettingsError("That is no cell of the matrix. Press one of its numbers.")
    return truth, said


def confusion_table(evaluation: Evaluation) -> str:
    """A row for each true class, a column for each name said; up to 100 classes."""
    names = evaluation.class_names
    if len(names) > MOST_CLASSES:
        said = tr_n(
            "{count} class is too many for a matrix on this page (up to {most}). "
            "The pairs that it confuses most are listed instead.",
            "{count} classes are too many for a matrix on this page (up to {most}). "
            "The pairs that it confuses most are listed instead.",
            len(names),
            most=MOST_CLASSES,
        )
        return _card(f'<p class="pl-plain">{said}</p>')
    size = next(size for most, size in SIZES.items() if len(names) <= most)
    columns = "".join(f'<th scope="col" title="{escape(name)}"><span>{escape(name)}</span></th>' for name in names)
    counts, shares = evaluation.confusion.tolist(), evaluation.shares.tolist()
    rows = "".join(_row(names, truth, counts[truth], shares[truth]) for truth in range(len(names)))
    reading = tr(
        "A row for what the pictures show, a column for what the network says. Press a number to see its pictures."
    )
    return _card(
        f'<h3 class="pl-title">{tr("What it takes for what")}</h3>'
        f'<p class="pl-key"><span><i class="pl-hit"></i>{tr("right")}</span>'
        f'<span><i class="pl-miss"></i>{tr("mistake")}</span><span>{reading}</span></p>'
        f'<div class="pl-matrix {size}" role="region" aria-label="{escape(tr("Confusion matrix"))}" tabindex="0"><table>'
        f'<thead><tr><td class="pl-corner"><span>{tr("says →")}</span><span>{tr("shows ↓")}</span></td>'
        f"{columns}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def confused_pairs(evaluation: Evaluation, count: int = 8) -> str:
    """The mistakes made most often as sentences, each a button that opens its cell."""
    pairs = evaluation.most_confused(count)
    if not pairs:
        return _card(f'<p class="pl-plain">{tr("It made no mistake on these pictures.")}</p>')
    items = "".join(_pair(evaluation, pair) for pair in pairs)
    return _card(f'<h3 class="pl-title">{tr("Most often confused")}</h3><ol class="pl-pairs">{items}</ol>')


def _card(inner: str) -> str:
    return f'<div class="pl-card pl-evaluation">{inner}</div>'


def _row(names: tuple[str, ...], truth: int, counts: list[int], shares: list[float]) -> str:
    cells = "".join(
        _cell(names, truth, said, count, share) for said, (count, share) in enumerate(zip(counts, shares, strict=True))
    )
    name = escape(names[truth])
    return f'<tr><th scope="row" title="{name}"><span>{name}</span></th>{cells}</tr>'


def _cell(names: tuple[str, ...], truth: int, said: int, count: int, share: float) -> str:
    kind = "pl-hit" if truth == said else "pl-miss"
    if not count:
        return f'<td class="{kind} pl-none"></td>' if truth == said else "<td></td>"
    if truth == said:
        words = tr_n("{count} {truth} recognised", "{count} {truth} recognised", count, truth=names[truth])
    else:
        words = tr_n(
            "{count} {truth} called {said}",
            "{count} {truth} called {said}",
            count,
            truth=names[truth],
            said=names[said],
        )
    return (
        f'<td class="{kind}" style="--share:{share:.3f}"><button type="button" data-truth="{truth}" '
        f'data-said="{said}" aria-pressed="false" aria-label="{escape(words)}" title="{escape(words)}">{count}'
        "</button></td>"
    )


def _pair(evaluation: Evaluation, pair: ConfusedPair) -> str:
    truth, said = evaluation.class_names[pair.truth], evaluation.class_names[pair.said]
    words = tr_n(
        "<b>{count} of {total}</b> {truth} called <b>{said}</b>",
        "<b>{count} of {total}</b> {truth} called <b>{said}</b>",
        pair.count,
        total=evaluation.per_class[pair.truth].n,
        truth=escape(truth),
        said=escape(said),
    )
    return (
        f'<li><button type="button" data-truth="{pair.truth}" data-said="{pair.said}" aria-pressed="false">'
        f"{words}</button>"
        f'<span class="pl-strip"><span style="width:{pair.share:.2%}"></span></span></li>'
    )
