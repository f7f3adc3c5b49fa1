"""Results as HTML. Every text passes through `html.escape`; nothing else may enter the markup.

The markup is built here and handed to `gr.HTML` as its value. Gradio's own templates are not used for texts: what a
value holds is pasted into a JavaScript template there, and `${...}` in a file name would run.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from demo.languages import mark, tr, tr_n

if TYPE_CHECKING:
    from core import Prediction, Ranked, Species
    from demo.jobs import Progress

# Below this, the best name of a cat or dog is called a guess.
GUESS_BELOW = 0.5
SPECIES = ("cat", "dog", "neither")
_SPECIES_WORDS = {"cat": mark("cat"), "dog": mark("dog"), "neither": mark("neither")}


@dataclass(frozen=True)
class Look:
    """One network's look at one photo: what it says and what it took.

    Attributes:
        trained_on: title of the pictures that a visitor's own run learned from; empty for a network as published.
        together: photos that were computed at once, other visitors' among them; then there is only a share of the time.
    """

    network: str
    licence: str
    prediction: Prediction
    reading_seconds: float
    network_seconds: float
    trained_on: str = ""
    together: int = 1


def result_card(look: Look, *, top: int = 5, explained: str = "") -> str:
    """Headline, cat / dog / neither, the best names as bars, a note where one is due, time and network below.

    A run of the visitor's own has other classes: no cat / dog / neither, and how many names it can choose from.

    Args:
        explained: markup that says why, where the visitor wants to know.
    """
    prediction = look.prediction
    ranked = prediction.top(top)
    headline = prediction.headline
    names = prediction.class_names
    says = tr("{network} says", network=escape(look.network))
    if look.trained_on:
        says = tr(
            "{network}, trained on {pictures}, says", network=escape(look.network), pictures=escape(look.trained_on)
        )
    knows = f"{tr_n('{count} name known', '{count} names known', len(names))} · " if names else ""
    licence = tr("licence: {licence}", licence=escape(tr(look.licence)))
    return _card(
        f'<p class="pl-network">{says}</p>'
        f'<p class="pl-headline"><span class="pl-name">{escape(headline.title)}</span>'
        f'<span class="pl-percent">{percent(headline.probability)}</span></p>'
        f"{_species_bar(prediction.species)}"
        f"{_note(prediction, headline)}"
        f"{bars(ranked)}{explained}"
        f'<p class="pl-foot">{knows}{_time(look)} · {escape(look.network)} · {licence}</p>'
    )


def bars(ranked: Sequence[Ranked]) -> str:
    """The best names, each with its share as a bar."""
    said = tr_n("The most probable name", "The {count} most probable names", len(ranked))
    return f'<ol class="pl-bars" aria-label="{escape(said)}">{"".join(map(_bar, ranked))}</ol>'


def message_card(text: str) -> str:
    """Something that went wrong, in words."""
    return _card(f'<p class="pl-note pl-warning" role="alert">{escape(text)}</p>')


def note(text: str) -> str:
    """Something that is worth knowing, inside of a card."""
    return f'<p class="pl-note">{escape(text)}</p>'


def waiting_card(text: str, share: float | None = None) -> str:
    """What is going on; with a bar where the share done, 0 to 1, is known."""
    bar = "" if share is None else f'<div class="pl-progress"><span style="width:{share:.1%}"></span></div>'
    return _card(f'<p class="pl-waiting" role="status">{escape(text)}</p>{bar}')


def waiting_for(progress: Progress) -> str:
    """Nothing is known yet of a job that was begun."""
    if progress.place:
        return waiting_card(place_in_words(progress))
    return waiting_card(tr("Beginning …"))


def place_in_words(progress: Progress) -> str:
    """Where in the queue a job is and, if that is known, how long it is going to wait."""
    seconds = progress.wait_seconds
    if seconds is None:
        return tr("Waiting: place {place} in the queue", place=progress.place)
    if seconds < 90:
        rounded = max(5, 5 * round(seconds / 5))
        return tr("Waiting: place {place} in the queue, about {seconds} s", place=progress.place, seconds=rounded)
    minutes = round(seconds / 60)
    return tr("Waiting: place {place} in the queue, about {minutes} min", place=progress.place, minutes=minutes)


def hint_card() -> str:
    """Nothing to show yet."""
    return _card(f'<p class="pl-waiting">{tr("Drop a photo, paste one, take one, or choose an example.")}</p>')


def photo_row(name: str, prediction: Prediction | None, problem: str = "") -> str:
    """One photo's row of the table: best name, a strip, and whether the network is unsure.

    The strip is cat / dog / neither; for a head with classes of its own, the best name's share.
    """
    if prediction is None:
        return f'<tr><td>{escape(name)}</td><td colspan="3" class="pl-problem">{escape(problem)}</td></tr>'
    best = prediction.headline
    unsure = f'<span class="pl-unsure">{tr("unsure")}</span>' if prediction.unsure else ""
    strip = _strip(prediction.species) if prediction.species else _share_bar(best)
    return (
        f"<tr><td>{escape(name)}</td><td>{escape(best.title)} {unsure}</td>"
        f'<td class="pl-number">{percent(best.probability)}</td><td>{strip}</td></tr>'
    )


def photo_table(rows: list[str], *, species: bool = True) -> str:
    """Rows made by `photo_row`, under their headings; `species`: whether the strips are cat / dog / neither."""
    if not rows:
        return ""
    names = SPECIES if species else ()
    legend = "".join(f'<span><i class="pl-{name}"></i>{tr(_SPECIES_WORDS[name])}</span>' for name in names)
    return (
        f'<div class="pl-table" tabindex="0"><table><thead><tr><th>{tr("photo")}</th><th>{tr("best name")}</th><th></th>'
        f'<th><span class="pl-legend">{legend}</span></th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _card(inner: str) -> str:
    return f'<div class="pl-card">{inner}</div>'


def _bar(ranked: Ranked) -> str:
    share = percent(ranked.probability)
    return (
        f'<li><span class="pl-bar-name">{escape(ranked.title)}</span><span class="pl-bar-percent">{share}</span>'
        f'<span class="pl-bar"><span style="width:{ranked.probability:.2%}"></span></span></li>'
    )


def _share_bar(ranked: Ranked) -> str:
    return f'<div class="pl-bar" aria-hidden="true"><span style="width:{ranked.probability:.2%}"></span></div>'


def _strip(species: Species) -> str:
    parts = _parts(species)
    said = ", ".join(f"{escape(tr(_SPECIES_WORDS[name]))} {percent(share)}" for name, share in parts)
    segments = "".join(f'<span class="pl-{name}" style="width:{share:.2%}"></span>' for name, share in parts)
    return f'<div class="pl-stack" role="img" aria-label="{said}" title="{said}">{segments}</div>'


def _parts(species: Species) -> tuple[tuple[str, float], ...]:
    return tuple((name, getattr(species, name)) for name in SPECIES)


def _species_bar(species: Species | None) -> str:
    if species is None:
        return ""
    legend = "".join(
        f'<span><i class="pl-{name}"></i>{tr(_SPECIES_WORDS[name])} <b>{percent(share)}</b></span>'
        for name, share in _parts(species)
    )
    return f'<div class="pl-species">{_strip(species)}<div class="pl-legend">{legend}</div></div>'


def _note(prediction: Prediction, headline: Ranked) -> str:
    if prediction.unsure:
        text = _unsure_note(prediction)
    elif prediction.breed == headline and headline.probability < GUESS_BELOW:
        if prediction.species.cat > prediction.species.dog:
            text = tr("Quite surely a cat, but the breed is a guess: no name gets half of the votes.")
        else:
            text = tr("Quite surely a dog, but the breed is a guess: no name gets half of the votes.")
    else:
        return ""
    return note(text)


def _unsure_note(prediction: Prediction) -> str:
    from core.prediction import UNSURE_BELOW

    strongest = percent(prediction.certainty)
    if prediction.class_names is None:
        return tr(
            "Not sure at all: even its strongest answer gets only {strongest}. Perhaps this is nothing that the network "
            "has learned. (Judged so below {limit:.0%}, all cats counting as one answer and all dogs as another.)",
            strongest=strongest,
            limit=UNSURE_BELOW,
        )
    count = len(prediction.class_names)
    return tr_n(
        "Not sure: its strongest answer gets only {strongest}. Perhaps this is not the one thing that it has learned, and "
        "it has no other names to choose from. (Judged so below {limit:.0%}, halfway between a guess and certainty.)",
        "Not sure: its strongest answer gets only {strongest}. Perhaps this is none of the {count} things that it has "
        "learned, and it has no other names to choose from. (Judged so below {limit:.0%}, halfway between a guess and "
        "certainty.)",
        count,
        strongest=strongest,
        limit=(1 + 1 / count) / 2,
    )


def _time(look: Look) -> str:
    reading, network = look.reading_seconds * 1000, look.network_seconds * 1000
    if look.together > 1:
        return tr_n(
            "{total:.0f} ms, together with {count} other photo",
            "{total:.0f} ms each, together with {count} other photos",
            look.together - 1,
            total=reading + network,
        )
    return tr(
        "{total:.0f} ms: reading {reading:.0f}, network {network:.0f}",
        total=reading + network,
        reading=reading,
        network=network,
    )


def percent(share: float) -> str:
    """A share as people write it: a little is not nothing."""
    if 0 < share < 0.005:
        return "<1 %".replace("<", "&lt;")
    return f"{share:.0%}".replace("%", " %")


def picture_url(picture: Any, *, exact: bool) -> str:
    """A PIL picture inside the page; `exact`: without loss, several times as large."""
    if not exact:
        from core.ascent.film import as_jpeg

        return data_url(as_jpeg(picture))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return data_url(buffer.getvalue(), "png")


def data_url(picture: bytes, kind: str = "jpeg") -> str:
    """A picture inside a page."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"
