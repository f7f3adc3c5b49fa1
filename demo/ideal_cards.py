"""An ideal image as HTML: the picture while it grows, its curves, what others say, the sweep. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from demo.cards import bars, data_url, percent
from demo.curves import curve
from demo.ideal_run import Drawing
from demo.languages import mark, tr, tr_n

if TYPE_CHECKING:
    from core.ascent.agreement import Opinion
    from core.ascent.film import Frame
    from core.ascent.snapshot import AscentSnapshot

_OPINION_COLUMNS = (mark("network"), mark("reads"), mark("the class is"), mark("probability"))
_ENDED = {
    "steps": mark("Done: step {step} of {total}"),
    "time": mark("Time is over: step {step} of {total}"),
    "diverged": mark("Ended: step {step} of {total}"),
}
# One of the twelve of docs/methods.md, which has the command that made it.
_EXAMPLE = Path(__file__).resolve().parent.parent / "assets" / "ideal-volcano.jpg"


def picture_panel(drawing: Drawing) -> str:
    """The candidates, each with the probability of its class."""
    from core.ascent.film import as_jpeg

    figures = [
        _figure(
            as_jpeg(one.picture),
            f"{escape(drawing.title)}, {percent(one.probability)}",
            tr("ideal {name}", name=drawing.title),
        )
        for one in drawing.snapshot.drawn
    ]
    kind = "pl-ideal" if len(figures) == 1 else "pl-ideal pl-several"
    return f'<div class="{kind}">{"".join(figures)}</div>'


def example_panel() -> str:
    """Before the first drawing: one that was made before, so that a newcomer sees what to expect."""
    caption = tr("A volcano that was drawn before, with the preset “Best”. Press Draw to see yours grow.")
    figure = _figure(_EXAMPLE.read_bytes(), caption, tr("ideal volcano, drawn before"))
    return f'<div class="pl-ideal">{figure}</div>'


def frame_panel(drawing: Drawing, frame: Frame) -> str:
    """One frame of the film."""
    said = tr_n(
        "after {count} step: {probability}",
        "after {count} steps: {probability}",
        frame.step,
        probability=percent(frame.probability),
    )
    alt = tr_n("ideal {name} after {count} step", "ideal {name} after {count} steps", frame.step, name=drawing.title)
    return f'<div class="pl-ideal">{_figure(frame.jpeg, said, alt)}</div>'


def status_card(drawing: Drawing, *, running: bool, stopping: bool = False) -> str:
    """How far it is, the names that its network reads, and the curves."""
    snapshot = drawing.snapshot
    best = drawing.best
    seen = [row for row in snapshot.history if row.loss is not None]
    doing = how_far(snapshot, snapshot.step if running else snapshot.looked_at, running=running, stopping=stopping)
    share = snapshot.step / snapshot.total_steps
    bar = f'<div class="pl-progress"><span style="width:{share:.1%}"></span></div>' if running else ""
    note = f'<p class="pl-note pl-warning" role="alert">{escape(tr(snapshot.note))}</p>' if snapshot.note else ""
    left = ""
    if running and snapshot.step and snapshot.steps_per_second:
        seconds = (snapshot.total_steps - snapshot.step) / snapshot.steps_per_second
        left = f" · {tr('{seconds:.0f} s left', seconds=seconds)}"
    believes = tr(
        "{network} believes in its picture of {name}", network=escape(drawing.network), name=escape(drawing.title)
    )
    foot = tr(
        "neighbouring pixels differ by {variation:.1%} · {speed:.1f} steps a second · {gradients} gradients",
        variation=best.variation,
        speed=snapshot.steps_per_second,
        gradients=snapshot.gradients,
    )
    return (
        '<div class="pl-card pl-drawing">'
        f'<p class="pl-network">{believes}</p>'
        f'<p class="pl-headline"><span class="pl-name">{percent(best.probability)}</span></p>'
        f'<p class="pl-doing" role="status">{doing}{left}</p>{bar}{note}'
        f"{bars(best.prediction.top(5))}"
        f"{curve(tr('Probability of the class'), [(row.step, row.probability) for row in snapshot.history], steps=snapshot.total_steps, share=True)}"
        f"{curve(tr('Loss'), [(row.step, row.loss) for row in seen], steps=snapshot.total_steps)}"
        f'<p class="pl-foot">{foot}</p></div>'
    )


def opinions_card(drawing: Drawing, opinions: Sequence[Opinion], *, done: bool) -> str:
    """What networks that took no part say of the picture."""
    if drawing.own_classes:
        return _card(f"<p>{tr('Only your own network knows this class: there is nobody else to ask.')}</p>")
    if done and not opinions:
        return _card(f"<p>{tr('There is no other network on this machine to ask. More are had from the hub.')}</p>")
    rows = "".join(_opinion_row(opinion) for opinion in opinions)
    right = sum(opinion.place == 1 for opinion in opinions)
    said = tr("Asking others …")
    if done:
        said = tr_n(
            "{right} of {count} other network reads {name} too.",
            "{right} of {count} other networks read {name} too.",
            len(opinions),
            right=right,
            name=escape(drawing.title),
        )
    columns = "".join(f"<th>{tr(title)}</th>" for title in _OPINION_COLUMNS)
    return _card(
        f'<p class="pl-doing" role="status">{said}</p><div class="pl-table"><table><thead><tr>{columns}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        f'<p class="pl-foot">{tr("They judge the very file that is downloaded.")}</p>'
    )


def sweep_panel(snapshot: AscentSnapshot, weights: Sequence[float], title: str) -> str:
    """The pictures in a row, and under each its weight, probability and roughness."""
    from core.ascent.film import as_jpeg

    figures = []
    for weight, one in zip(weights, snapshot.drawn, strict=True):
        said = (
            f"<b>TV {weight:g}</b><span>{percent(one.probability)} {escape(title)}</span>"
            f"{_share_bar(one.probability)}<span>{tr('roughness {share:.1%}', share=one.variation)}</span>"
            f"{_share_bar(one.variation / 0.5)}"
        )
        alt = tr("ideal {name} with a TV weight of {weight:g}", name=title, weight=weight)
        figures.append(
            f'<figure><img src="{data_url(as_jpeg(one.picture))}" alt="{escape(alt, quote=True)}">'
            f"<figcaption>{said}</figcaption></figure>"
        )
    return f'<div class="pl-sweep">{"".join(figures)}</div>'


def how_far(snapshot: AscentSnapshot, step: int, *, running: bool, stopping: bool = False) -> str:
    """What it is doing, or how it came to its end, and at which step."""
    counted = {"step": step, "total": snapshot.total_steps}
    if stopping:
        return tr("Stopping …: step {step} of {total}", **counted)
    if running:
        return tr("Drawing: step {step} of {total}", **counted)
    return tr(_ENDED.get(snapshot.stopped_by, mark("Stopped: step {step} of {total}")), **counted)


def _figure(jpeg: bytes, caption: str, alt: str) -> str:
    """A picture; the caption is markup, the alternative text is text."""
    return (
        f'<figure><img src="{data_url(jpeg)}" alt="{escape(alt, quote=True)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _opinion_row(opinion: Opinion) -> str:
    sign = "✓" if opinion.place == 1 else "·"
    return (
        f"<tr><td>{escape(opinion.network)}</td><td>{sign} {escape(opinion.prediction.top(1)[0].title)}</td>"
        f"<td>{tr('number {place}', place=opinion.place)}</td>"
        f'<td class="pl-number">{percent(opinion.probability)}</td></tr>'
    )


def _share_bar(share: float) -> str:
    return f'<span class="pl-bar" aria-hidden="true"><span style="width:{min(1.0, share):.1%}"></span></span>'


def _card(inner: str) -> str:
    return f'<div class="pl-card">{inner}</div>'
