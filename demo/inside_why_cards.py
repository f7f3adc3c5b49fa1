"""Why a network says a class, as HTML: where it looks, the test, before and after an attack. Every text is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from demo.cards import percent, picture_url
from demo.inside_why_run import Fooled, Tested, WhyLook
from demo.languages import tr

if TYPE_CHECKING:
    from core.inside.occlusion import QuarterTest


def why_card(look: WhyLook) -> str:
    """What the network saw, and over it what speaks for the class."""
    found = look.explanation
    # as it stands everywhere else: single precision may differ by a hundredth from the fast path
    share = percent(float(look.answer.probabilities[found.label]))
    title = tr("Why {name}? {share}", name=escape(look.name), share=share)
    speaks = bool(found.map.max() > 0)
    said = (
        tr(
            "Yellow: what speaks for “{name}”. Where the photo shows through unchanged, nothing does.",
            name=escape(look.name),
        )
        if speaks
        else tr("Nothing in this photo speaks for “{name}”.", name=escape(look.name))
    )
    return (
        f'<div class="pl-card pl-why"><p class="pl-network">{escape(look.network)}</p><h3>{title}</h3>'
        f'<div class="pl-pair">{_figure(look, tr("what the network sees"), plain=True)}'
        f"{_figure(look, tr('what speaks for it'))}</div>"
        f'<p>{said}</p><p class="pl-foot">{_how(look)}</p></div>'
    )


def test_card(tested: Tested, *, running: bool) -> str:
    """The same photo with parts covered: what the network minds, and whether the explanation had said so."""
    snapshot, look = tested.snapshot, tested.look
    name = escape(look.name)
    share = snapshot.done / snapshot.total
    bar = f'<div class="pl-progress"><span style="width:{share:.1%}"></span></div>' if running else ""
    doing = tr("Covering parts of the photo: {done} of {total}", done=snapshot.done, total=snapshot.total)
    alt = tr("where covering the photo costs “{name}” most", name=look.name)
    figures = (
        f"<figure>{_image(picture_url(look.over, exact=False), tr('what speaks for it'))}"
        f"<figcaption>{tr('what the explanation says')}</figcaption></figure>"
        f"<figure>{_image(picture_url(tested.over, exact=False), alt)}"
        f"<figcaption>{tr('what the network minds when it is covered')}</figcaption></figure>"
    )
    outcome = _outcome(snapshot.test, name, snapshot.correlation) if snapshot.test else ""
    return (
        f'<div class="pl-card pl-why"><h3>{tr("Is that true? A test")}</h3><p class="pl-doing" role="status">{doing}</p>{bar}'
        f'<div class="pl-pair">{figures}</div>{outcome}</div>'
    )


def _outcome(test: QuarterTest, name: str, correlation: float | None) -> str:
    rows = (
        (tr("nothing covered"), test.before),
        (tr("its coldest quarter covered"), test.coldest),
        (tr("a quarter by chance"), test.random),
        (tr("its hottest quarter covered"), test.hottest),
    )
    lines = "".join(
        f'<li><span>{escape(words)}</span><span class="pl-bar-percent">{percent(share)}</span>'
        f'<div class="pl-bar" aria-hidden="true"><span style="width:{share:.2%}"></span></div></li>'
        for words, share in rows
    )
    if test.is_faithful:
        verdict = tr(
            "✓ The explanation holds: covering what it calls hot costs “{name}” more than covering a quarter by chance.",
            name=name,
        )
    else:
        verdict = tr(
            "✗ Here the explanation tells little: covering what it calls hot costs “{name}” no more than covering other parts.",
            name=name,
        )
    rank = (
        ""
        if correlation is None
        else f'<p class="pl-foot">{tr("Rank correlation of both maps: {value:.2f} (1: the same order of places, 0: none)", value=correlation)}</p>'
    )
    said = tr("Probability of “{name}” with a blurred quarter of the photo", name=name)
    return f'<h4>{said}</h4><ol class="pl-bars">{lines}</ol><p class="pl-verdict" role="status">{verdict}</p>{rank}'


def fooled_card(fooled: Fooled) -> str:
    """A photo and its attacked twin, and in both what speaks for either class."""
    names = escape(fooled.own), escape(fooled.target)
    rows = "".join(
        f'<tr><th scope="row">{words}</th>{"".join(f"<td>{_judged(look)}</td>" for look in looks)}</tr>'
        for words, looks in ((tr("the photo"), fooled.before), (tr("changed"), fooled.after))
    )
    columns = "".join(f'<th scope="col">{tr("what speaks for “{name}”", name=name)}</th>' for name in names)
    made = (
        f'<p class="pl-note">{tr("This one comes with the app. Attack your own photo in the tab “Fool it”, then come back.")}</p>'
        if fooled.made_before
        else ""
    )
    said = tr(
        "Each map is stretched by its own largest value, so look at the percentages, too: before, “{own}” wins, after, "
        "“{target}”.",
        own=names[0],
        target=names[1],
    )
    return (
        f'<div class="pl-card pl-why"><h3>{tr("Before and after an attack")}</h3>{made}<div class="pl-fooled">'
        f"<table><thead><tr><td></td>{columns}</tr></thead><tbody>{rows}</tbody></table></div><p>{said}</p></div>"
    )


def overlay_figure(look: WhyLook) -> str:
    """For the card of the Classify tab: where the network looked."""
    caption = tr("Yellow: what speaks for “{name}”", name=escape(look.name))
    return f'<figure class="pl-overlay">{_image(picture_url(look.over, exact=False), tr("what speaks for it"))}<figcaption>{caption}</figcaption></figure>'


def _judged(look: WhyLook) -> str:
    alt = tr("what speaks for “{name}”", name=look.name)
    share = float(look.answer.probabilities[look.explanation.label])
    return (
        f"<figure>{_image(picture_url(look.over, exact=False), alt)}<figcaption>{percent(share)}</figcaption></figure>"
    )


def _how(look: WhyLook) -> str:
    found = look.explanation
    if found.method == "CAM":
        return tr(
            "Exact for this network (class activation map): it sums these places up, and with a constant of {bias:.2f} they "
            "come to the score {logit:.2f}.",
            bias=round(found.bias, 2) + 0.0,
            logit=found.logit,
        )
    return tr(
        "A good guess (Grad-CAM): each map of the layer “{layer}” counts as much as the score moves with it. Test it below.",
        layer=escape(tr(look.layer)),
    )


def _figure(look: WhyLook, words: str, *, plain: bool = False) -> str:
    picture = look.explanation.view if plain else look.over
    return (
        f"<figure>{_image(picture_url(picture, exact=False), words)}<figcaption>{escape(words)}</figcaption></figure>"
    )


def _image(source: str, alt: str) -> str:
    return f'<img src="{source}" alt="{escape(alt, quote=True)}">'
