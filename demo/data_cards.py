"""What a data set is, as HTML: sentence, pictures per class, warnings, what was left out. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from demo.opening import Opened

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset, LeftOut

# Files that are named one by one.
LEFT_OUT_SHOWN = 50
_SPLIT_WORDS = {"train": "to learn from", "validation": "to watch by", "test": "for the final test"}


def data_card(opened: Opened) -> str:
    """All that is known of a data set so far; what is still going on comes last, with its bar."""
    return f'<div class="pl-card pl-data">{_about(opened.dataset)}{_notes(opened)}{_counts(opened.dataset)}{_doing(opened)}</div>'


def alt_text(dataset: Dataset) -> str:
    """What the sheet of pictures shows, for those who cannot see it."""
    names = ", ".join(dataset.class_names[:8]) + (" and others" if len(dataset.class_names) > 8 else "")
    return f"Some pictures of {dataset.title}: {names}"


def _about(dataset: Dataset) -> str:
    parts = [f"<b>{len(images):,}</b> {_SPLIT_WORDS[split]}" for split, images in dataset.splits.items() if len(images)]
    return (
        f'<p class="pl-data-title">{escape(dataset.title)}: {len(dataset.class_names)} classes</p>'
        f'<p class="pl-foot">{escape(dataset.about)}</p>'
        f'<p class="pl-data-splits">Pictures: {", ".join(parts)}</p>'
    )


def _counts(dataset: Dataset) -> str:
    """One bar a class: how many of its pictures there are to learn from."""
    shown = dataset.splits.get("train") or dataset.split(dataset.final_split)
    counts = shown.counts().tolist()
    most = max(1, *counts)
    rows = "".join(
        f'<li><span class="pl-count-name" title="{escape(name)}">{escape(name)}</span>'
        f'<span class="pl-bar"><span style="width:{count / most:.1%}"></span></span>'
        f'<span class="pl-count">{count:,}</span></li>'
        for name, count in zip(dataset.class_names, counts, strict=True)
    )
    return f'<ol class="pl-counts" tabindex="0" aria-label="Pictures of each class, {shown.split}">{rows}</ol>'


def _notes(opened: Opened) -> str:
    if opened.inspection is None:
        return ""
    warnings = "".join(f'<p class="pl-note">{escape(warning)}</p>' for warning in opened.inspection.warnings)
    return warnings + _left_out([*opened.dataset.left_out, *opened.inspection.unreadable])


def _left_out(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return ""
    lines = "".join(f"<li><b>{escape(one.name)}</b>: {escape(one.reason)}</li>" for one in left_out[:LEFT_OUT_SHOWN])
    more = len(left_out) - LEFT_OUT_SHOWN
    rest = f"<li>and {more:,} more</li>" if more > 0 else ""
    return f"<details><summary>What is left out ({len(left_out):,})</summary><ul>{lines}{rest}</ul></details>"


def _doing(opened: Opened) -> str:
    if not opened.text:
        return ""
    bar = (
        "" if opened.share is None else f'<div class="pl-progress"><span style="width:{opened.share:.1%}"></span></div>'
    )
    return f'<p class="pl-waiting" role="status">{escape(opened.text)}</p>{bar}'
