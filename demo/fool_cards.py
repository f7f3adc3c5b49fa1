"""An attack as HTML: two pictures under one handle, the change, what is read, what survives. Every text is escaped."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from demo.cards import bars, data_url, percent
from demo.curves import curve, curves
from demo.fool_example import Example
from demo.fool_run import Attempt, Corner, DialledPhoto

if TYPE_CHECKING:
    from core.attack.files import FullSize
    from core.attack.measures import Measures
    from core.attack.survival import Trial

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "fool.js"
# Constant: Gradio touches the page only where the outcome differs, so that the handle keeps its place.
_TEMPLATE = """
<div class="pl-compare">
  <div class="pl-compare-pictures" hidden>
    <img class="pl-before"><img class="pl-after">
    <input type="range" min="0" max="100" value="50" step="1" aria-label="How much of the original is uncovered">
    <span class="pl-compare-handle" aria-hidden="true"></span>
    <span class="pl-compare-name pl-compare-left" aria-hidden="true">original</span>
    <span class="pl-compare-name pl-compare-right" aria-hidden="true">changed</span>
  </div>
  <p class="pl-empty">Here the photo will lie before and after, one over the other, with a handle to uncover them.</p>
  <p class="pl-compare-hint" hidden>Drag the handle, or use the arrow keys. Can you see the difference?</p>
</div>
"""
_VERDICTS = {"fooled": ("✓", "fooled"), "mended": ("↩", "mended"), "other": ("~", "other")}
# They stop as soon as the goal's class is the most probable one, however little that is.
_SMALLEST = ("minimal", "cw")


def compare_pictures(elem_id: str) -> gr.HTML:
    """Original and changed picture under one handle. Its values are made by `compare_value`."""
    return gr.HTML(
        {},
        html_template=_TEMPLATE,
        js_on_load=_SCRIPT.read_text(encoding="utf-8"),
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
        "before": _picture_url(one.original, exact=exact),
        "after": _picture_url(one.picture, exact=exact),
        "before_alt": f"the original, in which the network reads {attempt.own}",
        "after_alt": f"the changed picture, in which the network reads {one.prediction.top(1)[0].title}",
    }


def change_panel(attempt: Attempt | Example, *, exact: bool) -> str:
    """The perturbation, magnified until it can be seen."""
    from core.attack.measures import magnified

    one = attempt.attacked
    picture, factor = magnified(one.original, one.picture)
    if one.measures.touched:
        said = f"the change alone, {factor:.{0 if factor >= 2 else 1}f} times as strong"
    else:
        said = "the change alone: nothing yet"
    return (
        f'<figure class="pl-change"><img src="{_picture_url(picture, exact=exact)}" alt="{said}; grey where nothing changed">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def no_change_panel() -> str:
    """Before the first attack."""
    return '<p class="pl-empty">And here the change alone, magnified until one can see it.</p>'


def verdict(attempt: Attempt) -> str:
    """Success in words, as text."""
    from core.attack.goals import fooled

    read = attempt.attacked.prediction.top(1)[0].title
    several = len(attempt.networks)
    if attempt.attacked.success and several > 1:
        return f"✓ All {several} networks are fooled"
    if several > 1:
        right = sum(fooled([said], attempt.attacked.goal) for said in attempt.attacked.readings)
        return f"Not yet: {right} of {several} networks are fooled"
    if attempt.attacked.success:
        instead = "" if attempt.target else f" instead of {attempt.own}"
        return f"✓ The network reads {read}{instead}"
    still = "still reads" if read == attempt.own else "reads"
    return f"Not yet: the network {still} {read}"


def status_card(attempt: Attempt, *, running: bool, stopping: bool = False) -> str:
    """How far it is, what is read before and after, the numbers and the curve."""
    snapshot, one = attempt.snapshot, attempt.attacked
    doing = "Stopping …" if stopping else "Changing" if running else ended(attempt)
    step = snapshot.step if running else snapshot.looked_at
    bar = ""
    if running:
        bar = f'<div class="pl-progress"><span style="width:{snapshot.step / snapshot.total_steps:.1%}"></span></div>'
    elif not one.success:
        bar = '<p class="pl-foot">Press Continue for more steps, or try another preset.</p>'
    points = [(row.step, row.probability) for row in snapshot.history]
    success = " pl-success" if one.success else ""
    barely = ""
    if one.success and attempt.wish.settings.method in _SMALLEST and one.prediction.top(1)[0].probability < 0.5:
        barely = (
            '<p class="pl-foot">It is not sure, but this is its first guess: the smallest change goes no farther.</p>'
        )
    return (
        '<div class="pl-card pl-fooling">'
        f'<p class="pl-network">{escape(attempt.network)}</p>'
        f'<p class="pl-verdict{success}">{escape(verdict(attempt))}</p>{barely}{_each(attempt)}'
        f'<p class="pl-doing" role="status">{doing}: step {step} of {snapshot.total_steps}</p>{bar}'
        f'<div class="pl-two"><div><h4>Before</h4>{bars(one.before.top(5))}</div>'
        f"<div><h4>After</h4>{bars(one.prediction.top(5))}</div></div>"
        f"{_tiles(one.measures, gradients=snapshot.gradients)}"
        f"{curve(f'Probability of {attempt.watched}', points, steps=snapshot.total_steps, share=True)}"
        f'<p class="pl-foot">{snapshot.steps_per_second:.1f} steps a second</p></div>'
    )


def _each(attempt: Attempt) -> str:
    """What every network reads, where several are to be fooled: the bars are the first one's."""
    from core.attack.goals import fooled

    readings = attempt.attacked.readings
    if len(readings) < 2:
        return ""
    rows = ""
    for network, reading in zip(attempt.networks, readings, strict=True):
        best, fits = reading.top(1)[0], fooled([reading], attempt.attacked.goal)
        rows += (
            f"<li>{'✓' if fits else '·'} {escape(network)}: {escape(best.title)}, {percent(best.probability)}"
            f"{'' if fits else ' (not fooled)'}</li>"
        )
    return f'<ul class="pl-each">{rows}</ul>'


def ended(attempt: Attempt) -> str:
    """How it came to its end, in a word."""
    return {"steps": "Done", "time": "Time is over"}.get(attempt.snapshot.stopped_by, "Stopped")


def example_card(example: Example) -> str:
    """Before the first attack: one that was made before, so that a newcomer sees what to expect."""
    one = example.attacked
    return (
        '<div class="pl-card pl-fooling">'
        f'<p class="pl-network">{escape(example.network)}</p>'
        f'<p class="pl-verdict pl-success">✓ The network reads {escape(one.prediction.top(1)[0].title)}</p>'
        '<p class="pl-doing">This change was made before; what the network reads was asked just now. <b>Press Go to see one '
        "grow.</b></p>"
        f'<div class="pl-two"><div><h4>Before</h4>{bars(one.before.top(5))}</div>'
        f"<div><h4>After</h4>{bars(one.prediction.top(5))}</div></div>{_tiles(one.measures)}</div>"
    )


def survival_card(attempt: Attempt, trials: Sequence[Trial], *, done: bool) -> str:
    """What becomes of the file on its way, and what other networks read in it."""
    if not attempt.attacked.success:
        return ""
    changes = [trial for trial in trials if not trial.network]
    others = [trial for trial in trials if trial.network]
    fooled = sum(trial.verdict == "fooled" for trial in changes)
    said = f"Still fooled in {fooled} of {len(changes)} tests." if changes else ""
    if others:
        convinced = sum(trial.verdict == "fooled" for trial in others)
        said += f" {convinced} of {len(others)} other networks fall for it too."
    elif done and attempt.own_classes:
        said += " Only your own network knows these classes: nobody else is asked."
    elif done:
        said += " There is no other network on this machine to ask."
    if not done:
        said = "Trying …"
    rows = "".join(map(_trial_row, trials))
    return _card(
        f'<h3>Does it survive?</h3><p class="pl-doing" role="status">{said}</p><div class="pl-table pl-trials" tabindex="0">'
        "<table><thead><tr><th>what is done to it</th><th>the network reads</th><th></th><th>verdict</th></tr></thead>"
        f'<tbody>{rows}</tbody></table></div><p class="pl-foot">Tested is the very file that is downloaded. '
        "Fooled: it is still read as wanted. Mended: the photo’s own class is read again. Other: neither.</p>"
    )


def full_size_card(attempt: Attempt, full: FullSize) -> str:
    """What it costs to have the change on the whole photo."""
    best = full.prediction.top(1)[0]
    wide, high = full.picture.size
    reads = f"{escape(best.title)}, {percent(best.probability)}"
    small, large = attempt.attacked.measures, full.measures
    if full.scale == 1:
        how = "sees the photo as it is"
    else:
        how = "enlarges the photo first" if full.scale > 1 else "shrinks the photo first, which blurs the change"
    if full.success:
        said = f"✓ Still fooled: the network reads {reads}. It {how}."
    else:
        said = f"Not fooled any more: the network reads {reads}. It {how}, and no strength that was tried is enough."
    steps = f"{large.linf * 255:.0f}/255 instead of {small.linf * 255:.0f}/255"
    return _card(
        f'<h3>On the whole photo, {wide} × {high} pixels</h3><p class="pl-doing" role="status">{said}</p>'
        f'{_tiles(large)}<p class="pl-foot">What that costs: the largest change of a pixel is {steps} in the small picture, L2 '
        f"{large.l2:.2f} instead of {small.l2:.2f}; a large photo also has more pixels to add up.</p>"
    )


def dial_card(photo: DialledPhoto, *, done: bool) -> str:
    """The curve of both classes against distance."""
    dialled, unit = photo.dialled, "255" if photo.norm == "linf" else ""
    points = dialled.points
    lines = {f"{photo.own} (the photo's own)": [(place, point.own) for place, point in enumerate(points)]}
    if photo.target:
        goal = [(place, point.probability) for place, point in enumerate(points)]
        lines = {f"{photo.target} (the goal)": goal, **lines}
    works = next((point for point in points if point.success), None)
    if not done:
        said = f"The smallest change, then all {len(points)} distances: step {dialled.step} of {dialled.total_steps}"
    elif dialled.smallest is not None:
        said = f"{escape(photo.network)} was fooled from {_exactly(dialled.smallest, photo.norm)} on: nothing smaller was found."
    elif works is not None:
        said = f"{escape(photo.network)} was fooled within {_distance(works.distance, photo.norm)}."
    else:
        said = f"Nothing up to {_distance(points[-1].distance, photo.norm)} was found to work."
    axis = "largest change of a pixel, in steps of 1/255" if unit else "distance L2"
    ticks = [f"{point.distance * 255:.0f}" if unit else f"{point.distance:g}" for point in points]
    return _card(
        f'<p class="pl-doing" role="status">{said}</p>{curves("What the network reads", lines, ticks=ticks, axis=axis)}'
        '<p class="pl-foot">The strongest change that was found of each size; a stronger one may exist.</p>'
    )


def dial_picture(photo: DialledPhoto, place: int) -> str:
    """The picture at one distance, and what is read there."""
    point, picture = photo.dialled.points[place], photo.dialled.pictures[place]
    goal = f"{escape(photo.target)} {percent(point.probability)}, " if photo.target else ""
    sign = "✓ fooled" if point.success else "not fooled"
    said = f"<b>{_distance(point.distance, photo.norm)}: {sign}</b><br>{goal}{escape(photo.own)} {percent(point.own)}"
    alt = f"the photo changed by {_distance(point.distance, photo.norm)}"
    return (
        f'<figure class="pl-change pl-dialled"><img src="{_picture_url(picture, exact=True)}" alt="{alt}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def defence_card(corner: Corner, *, done: bool) -> str:
    """Every network, fooled by pictures made for the plain one and by pictures made for itself."""
    rows = ""
    for name, row in zip(corner.networks, corner.rows, strict=False):
        l2 = "–" if row.l2 is None else f"{row.l2:.2f}"
        rows += (
            f'<tr><td>{escape(name)}</td><td class="pl-number">{percent(row.blind)}</td>'
            f'<td class="pl-number">{percent(row.aware)}</td><td class="pl-number">{l2}</td></tr>'
        )
    if done:
        said = "Done." if len(corner.rows) == len(corner.networks) else "Stopped."
    else:
        number = min(len(corner.rows) + 1, len(corner.networks))
        said = f"Attacking network {number} of {len(corner.networks)}: {escape(corner.networks[number - 1])}"
    bar = "" if done else f'<div class="pl-progress"><span style="width:{corner.share:.1%}"></span></div>'
    photos = corner.rows[0].photos if corner.rows else 0
    foot = f"{photos} photos. " if photos else ""
    return _card(
        f'<p class="pl-doing" role="status">{said}</p>{bar}<div class="pl-table pl-defences" tabindex="0"><table><thead><tr>'
        "<th>network</th><th>fooled by pictures made for the plain network</th><th>fooled by pictures made for itself</th>"
        f'<th>median L2</th></tr></thead><tbody>{rows}</tbody></table></div><p class="pl-foot">{foot}Only the second column '
        "tells whether something defends: who attacks it makes pictures for it, not for another network.</p>"
    )


def _trial_row(trial: Trial) -> str:
    best = trial.prediction.top(1)[0]
    sign, word = _VERDICTS[trial.verdict]
    name = f"another network: {trial.name}" if trial.network else trial.name
    return (
        f'<tr><td>{escape(name)}</td><td>{escape(best.title)}</td><td class="pl-number">{percent(best.probability)}</td>'
        f'<td class="pl-verdict-{trial.verdict}">{sign} {word}</td></tr>'
    )


def _tiles(measures: Measures, *, gradients: int | None = None) -> str:
    """The numbers, each with its name and what it means."""
    psnr = "∞" if math.isinf(measures.psnr) else f"{measures.psnr:.1f} dB"
    tiles = [
        ("L2", f"{measures.l2:.2f}", "all changes together"),
        ("Linf", f"{measures.linf * 255:.0f}/255", "largest change of a pixel"),
        ("PSNR", psnr, "signal against noise"),
        ("SSIM", f"{measures.ssim:.4f}", "1: looks the same"),
        ("Pixels", percent(measures.touched), "that were touched"),
    ]
    if gradients is not None:
        tiles.append(("Gradients", f"{gradients}", "backward passes"))
    cells = "".join(
        f'<div><dt>{name}</dt><dd>{value}</dd><dd class="pl-foot">{about}</dd></div>' for name, value, about in tiles
    )
    return f'<dl class="pl-fool-numbers">{cells}</dl>'


def _distance(distance: float, norm: str) -> str:
    return f"{distance * 255:.0f}/255" if norm == "linf" else f"L2 {distance:g}"


def _exactly(distance: float, norm: str) -> str:
    """One that was measured."""
    return _distance(distance, norm) if norm == "linf" else f"L2 {distance:.2f}"


def _picture_url(picture: Any, *, exact: bool) -> str:
    if not exact:
        from core.ascent.film import as_jpeg

        return data_url(as_jpeg(picture))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return data_url(buffer.getvalue(), "png")


def _card(inner: str) -> str:
    return f'<div class="pl-card">{inner}</div>'
