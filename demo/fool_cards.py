"""An attack as HTML: the change, what is read, what survives. Every text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from demo.cards import bars, percent, picture_url
from demo.curves import curve
from demo.fool_example import Example
from demo.fool_run import Attempt
from demo.languages import mark, tr, tr_n

if TYPE_CHECKING:
    from core.attack.files import FullSize
    from core.attack.measures import Measures
    from core.attack.snapshot import Attacked
    from core.attack.survival import Trial

_VERDICTS = {"fooled": ("✓", mark("fooled")), "mended": ("↩", mark("mended")), "other": ("~", mark("other"))}
# They stop as soon as the goal's class is the most probable one, however little that is.
_SMALLEST = ("minimal", "cw")
_ENDED = {"steps": mark("Done: step {step} of {total}"), "time": mark("Time is over: step {step} of {total}")}
_TRIAL_COLUMNS = (mark("what is done to it"), mark("the network reads"), "", mark("verdict"))


def change_panel(attempt: Attempt | Example, *, exact: bool) -> str:
    """The perturbation, magnified until it can be seen."""
    from core.attack.measures import magnified

    one = attempt.attacked
    picture, factor = magnified(one.original, one.picture)
    if one.measures.touched:
        said = tr(
            "the change alone, {factor} times as strong",
            factor=f"{factor:.{0 if factor >= 2 else 1}f}",
        )
    else:
        said = tr("the change alone: nothing yet")
    alt = tr("{what}; grey where nothing changed", what=said)
    return (
        f'<figure class="pl-change"><img src="{picture_url(picture, exact=exact)}" alt="{escape(alt, quote=True)}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def no_change_panel() -> str:
    """Before the first attack."""
    return f'<p class="pl-empty">{tr("And here the change alone, magnified until one can see it.")}</p>'


def verdict(attempt: Attempt) -> str:
    """Success in words, as text."""
    from core.attack.goals import fooled

    read = attempt.attacked.prediction.top(1)[0].title
    several = len(attempt.networks)
    if attempt.attacked.success and several > 1:
        return tr_n("✓ {count} network is fooled", "✓ All {count} networks are fooled", several)
    if several > 1:
        right = sum(fooled([said], attempt.attacked.goal) for said in attempt.attacked.readings)
        return tr_n(
            "Not yet: {right} of {count} network is fooled",
            "Not yet: {right} of {count} networks are fooled",
            several,
            right=right,
        )
    if attempt.attacked.success and attempt.target:
        return tr("✓ The network reads {name}", name=read)
    if attempt.attacked.success:
        return tr("✓ The network reads {name} instead of {before}", name=read, before=attempt.own)
    if read == attempt.own:
        return tr("Not yet: the network still reads {name}", name=read)
    return tr("Not yet: the network reads {name}", name=read)


def status_card(attempt: Attempt, *, running: bool, stopping: bool = False) -> str:
    """How far it is, what is read before and after, the numbers and the curve."""
    snapshot, one = attempt.snapshot, attempt.attacked
    bar = ""
    if running:
        bar = f'<div class="pl-progress"><span style="width:{snapshot.step / snapshot.total_steps:.1%}"></span></div>'
    elif not one.success:
        bar = f'<p class="pl-foot">{tr("Press Continue for more steps, or try another preset.")}</p>'
    points = [(row.step, row.probability) for row in snapshot.history]
    success = " pl-success" if one.success else ""
    barely = ""
    if one.success and attempt.wish.settings.method in _SMALLEST and one.prediction.top(1)[0].probability < 0.5:
        said = tr("It is not sure, but this is its first guess: the smallest change goes no farther.")
        barely = f'<p class="pl-foot">{said}</p>'
    watched = tr("Probability of {name}", name=attempt.watched)
    speed = tr("{speed:.1f} steps a second", speed=snapshot.steps_per_second)
    return (
        '<div class="pl-card pl-fooling">'
        f'<p class="pl-network">{escape(attempt.network)}</p>'
        f'<p class="pl-verdict{success}">{escape(verdict(attempt))}</p>{barely}{_each(attempt)}'
        f'<p class="pl-doing" role="status">{_how_far(attempt, running=running, stopping=stopping)}</p>{bar}'
        f"{_before_and_after(one)}{_tiles(one.measures, gradients=snapshot.gradients)}"
        f"{curve(watched, points, steps=snapshot.total_steps, share=True)}"
        f'<p class="pl-foot">{speed}</p></div>'
    )


def _how_far(attempt: Attempt, *, running: bool, stopping: bool) -> str:
    """What it is doing, or how it came to its end, and at which step."""
    snapshot = attempt.snapshot
    counted = {"step": snapshot.step if running else snapshot.looked_at, "total": snapshot.total_steps}
    if stopping:
        return tr("Stopping …: step {step} of {total}", **counted)
    if running:
        return tr("Changing: step {step} of {total}", **counted)
    return tr(_ENDED.get(snapshot.stopped_by, mark("Stopped: step {step} of {total}")), **counted)


def _before_and_after(one: Attacked) -> str:
    """The names that are read in both pictures."""
    return (
        f'<div class="pl-two"><div><h4>{tr("Before")}</h4>{bars(one.before.top(5))}</div>'
        f"<div><h4>{tr('After')}</h4>{bars(one.prediction.top(5))}</div></div>"
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
        said = {"network": escape(network), "name": escape(best.title), "probability": percent(best.probability)}
        if fits:
            rows += f"<li>✓ {tr('{network}: {name}, {probability}', **said)}</li>"
        else:
            rows += f"<li>· {tr('{network}: {name}, {probability} (not fooled)', **said)}</li>"
    return f'<ul class="pl-each">{rows}</ul>'


def example_card(example: Example) -> str:
    """Before the first attack: one that was made before, so that a newcomer sees what to expect."""
    one = example.attacked
    reads = tr("✓ The network reads {name}", name=one.prediction.top(1)[0].title)
    said = tr("This change was made before; what the network reads was asked just now.")
    return (
        '<div class="pl-card pl-fooling">'
        f'<p class="pl-network">{escape(example.network)}</p>'
        f'<p class="pl-verdict pl-success">{escape(reads)}</p>'
        f'<p class="pl-doing">{said} <b>{tr("Press Go to see one grow.")}</b></p>'
        f"{_before_and_after(one)}{_tiles(one.measures)}</div>"
    )


def survival_card(attempt: Attempt, trials: Sequence[Trial], *, done: bool) -> str:
    """What becomes of the file on its way, and what other networks read in it."""
    if not attempt.attacked.success:
        return ""
    changes = [trial for trial in trials if not trial.network]
    others = [trial for trial in trials if trial.network]
    fooled = sum(trial.verdict == "fooled" for trial in changes)
    said = []
    if changes:
        said.append(
            tr_n(
                "Still fooled in {fooled} of {count} test.",
                "Still fooled in {fooled} of {count} tests.",
                len(changes),
                fooled=fooled,
            )
        )
    if others:
        said.append(
            tr_n(
                "{convinced} of {count} other network falls for it too.",
                "{convinced} of {count} other networks fall for it too.",
                len(others),
                convinced=sum(trial.verdict == "fooled" for trial in others),
            )
        )
    elif attempt.own_classes:
        said.append(tr("Only your own network knows these classes: nobody else is asked."))
    else:
        said.append(tr("There is no other network on this machine to ask."))
    told = " ".join(said) if done else tr("Trying …")
    foot = tr(
        "Tested is the very file that is downloaded. Fooled: it is still read as wanted. Mended: the photo’s own class is "
        "read again. Other: neither."
    )
    rows = "".join(map(_trial_row, trials))
    return card(
        f'<h3>{tr("Does it survive?")}</h3><p class="pl-doing" role="status">{told}</p>'
        f'<div class="pl-table pl-trials" tabindex="0"><table>{table_head(_TRIAL_COLUMNS)}<tbody>{rows}</tbody></table></div>'
        f'<p class="pl-foot">{foot}</p>'
    )


def full_size_card(attempt: Attempt, full: FullSize) -> str:
    """What it costs to have the change on the whole photo."""
    best = full.prediction.top(1)[0]
    wide, high = full.picture.size
    reads = {"name": escape(best.title), "probability": percent(best.probability)}
    small, large = attempt.attacked.measures, full.measures
    if full.success:
        said = tr("✓ Still fooled: the network reads {name}, {probability}.", **reads)
    else:
        said = tr("Not fooled any more: the network reads {name}, {probability}.", **reads)
    title = tr("On the whole photo, {wide} × {high} pixels", wide=wide, high=high)
    foot = tr(
        "What that costs: the largest change of a pixel is {linf} instead of {small_linf} in the small picture, L2 {l2:.2f} "
        "instead of {small_l2:.2f}; a large photo also has more pixels to add up.",
        linf=_of_a_file(large.linf),
        small_linf=_of_a_file(small.linf),
        l2=large.l2,
        small_l2=small.l2,
    )
    return card(
        f'<h3>{title}</h3><p class="pl-doing" role="status">{said} {_how_it_looks(full)}</p>'
        f'{_tiles(large)}<p class="pl-foot">{foot}</p>'
    )


def _how_it_looks(full: FullSize) -> str:
    """What the network does with the whole photo before it reads it."""
    if full.scale == 1 and full.success:
        return tr("It sees the photo as it is.")
    if full.scale == 1:
        return tr("It sees the photo as it is, and no strength that was tried is enough.")
    if full.scale > 1 and full.success:
        return tr("It enlarges the photo first.")
    if full.scale > 1:
        return tr("It enlarges the photo first, and no strength that was tried is enough.")
    if full.success:
        return tr("It shrinks the photo first, which blurs the change.")
    return tr("It shrinks the photo first, which blurs the change, and no strength that was tried is enough.")


def _trial_row(trial: Trial) -> str:
    best = trial.prediction.top(1)[0]
    sign, word = _VERDICTS[trial.verdict]
    name = tr("another network: {name}", name=trial.name) if trial.network else tr(trial.name)
    return (
        f'<tr><td>{escape(name)}</td><td>{escape(best.title)}</td><td class="pl-number">{percent(best.probability)}</td>'
        f'<td class="pl-verdict-{trial.verdict}">{sign} {tr(word)}</td></tr>'
    )


def _tiles(measures: Measures, *, gradients: int | None = None) -> str:
    """The numbers, each with its name and what it means."""
    psnr = "∞" if math.isinf(measures.psnr) else f"{measures.psnr:.1f} dB"
    tiles = [
        ("L2", f"{measures.l2:.2f}", tr("all changes together")),
        ("Linf", _of_a_file(measures.linf), tr("largest change of a pixel")),
        ("PSNR", psnr, tr("signal against noise")),
        ("SSIM", f"{measures.ssim:.4f}", tr("1: looks the same")),
        (tr("Pixels"), percent(measures.touched), tr("that were touched")),
    ]
    if gradients is not None:
        tiles.append((tr("Gradients"), f"{gradients}", tr("backward passes")))
    cells = "".join(
        f'<div><dt>{name}</dt><dd>{value}</dd><dd class="pl-foot">{about}</dd></div>' for name, value, about in tiles
    )
    return f'<dl class="pl-fool-numbers">{cells}</dl>'


def _of_a_file(distance: float) -> str:
    """The largest change of a pixel, in steps that a file can hold."""
    return f"{distance * 255:.0f}/255"


def card(inner: str) -> str:
    """Its frame."""
    return f'<div class="pl-card">{inner}</div>'


def table_head(columns: Sequence[str]) -> str:
    """The headings of a table, translated."""
    return f"<thead><tr>{''.join(f'<th>{tr(title)}</th>' for title in columns)}</tr></thead>"
