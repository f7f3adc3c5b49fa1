"""What a data set is, as HTML: sentence, pictures per class, warnings, what was left out. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from core.texts import Said
from demo.languages import mark, tr, tr_n
from demo.opening import Opened

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset, LeftOut

# Files that are named one by one.
LEFT_OUT_SHOWN = 50
# Those of the data sets that come by name; what people call their own stays as it is, be it "train" or "cat".
_TITLES = (mark("Drawn pets"), mark("Oxford-IIIT Pet, cats and dogs"))
_SPLIT_WORDS = {
    "train": mark("{count} to learn from"),
    "validation": mark("{count} to watch by"),
    "test": mark("{count} for the final test"),
}


def data_card(opened: Opened) -> str:
    """All that is known of a data set so far; what is still going on comes last, with its bar."""
    return f'<div class="pl-card pl-data">{_about(opened.dataset)}{_notes(opened)}{_counts(opened.dataset)}{_doing(opened)}</div>'


def alt_text(dataset: Dataset) -> str:
    """What the sheet of pictures shows, for those who cannot see it."""
    names, title = ", ".join(dataset.class_names[:8]), title_in_words(dataset.title)
    if len(dataset.class_names) > 8:
        return tr("Some pictures of {title}: {names} and others", title=title, names=names)
    return tr("Some pictures of {title}: {names}", title=title, names=names)


def title_in_words(title: str) -> str:
    """What a data set is called, where that is not a name of its own."""
    return tr(title) if title in _TITLES else title


def _about(dataset: Dataset) -> str:
    parts = [
        tr(_SPLIT_WORDS[split], count=f"<b>{len(images):,}</b>")
        for split, images in dataset.splits.items()
        if len(images)
    ]
    title = escape(title_in_words(dataset.title))
    return (
        f'<p class="pl-data-title">'
        f"{tr_n('{title}: {count} class', '{title}: {count} classes', len(dataset.class_names), title=title)}</p>"
        f'<p class="pl-foot">{escape(tr(dataset.about))}</p>'
        f'<p class="pl-data-splits">{tr("Pictures: {splits}", splits=", ".join(parts))}</p>'
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
    said = tr("Pictures of each class, {split}", split=tr(shown.split))
    return f'<ol class="pl-counts" tabindex="0" aria-label="{escape(said)}">{rows}</ol>'


def _notes(opened: Opened) -> str:
    if opened.inspection is None:
        return ""
    warnings = "".join(f'<p class="pl-note">{escape(tr(warning))}</p>' for warning in opened.inspection.warnings)
    return warnings + _left_out([*opened.dataset.left_out, *opened.inspection.unreadable])


def _left_out(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return ""
    lines = "".join(
        f"<li><b>{escape(_name(one))}</b>: {escape(tr(one.reason))}</li>" for one in left_out[:LEFT_OUT_SHOWN]
    )
    more = len(left_out) - LEFT_OUT_SHOWN
    rest = f"<li>{tr_n('and {count:,} more', 'and {count:,} more', more)}</li>" if more > 0 else ""
    summary = tr("What is left out ({count:,})", count=len(left_out))
    return f"<details><summary>{summary}</summary><ul>{lines}{rest}</ul></details>"


def _name(one: LeftOut) -> str:
    """Of a file; or words, where it stands for several."""
    return tr(one.name) if isinstance(one.name, Said) else one.name


def _doing(opened: Opened) -> str:
    if not opened.text:
        return ""
    bar = (
        "" if opened.share is None else f'<div class="pl-progress"><span style="width:{opened.share:.1%}"></span></div>'
    )
    return f'<p class="pl-waiting" role="status">{escape(tr(opened.text))}</p>{bar}'
