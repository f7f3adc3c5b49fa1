"""The page in another language: handlers keep theirs apart, catalogues are read, and every text goes through one."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import gettext
import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from babel.messages.pofile import read_po
from PIL import Image

import core
from core import Prediction
from core.ascent.settings import AscentSettings
from core.attack.defence import Defended
from core.attack.dial import Dialled, DialPoint
from core.attack.files import FullSize
from core.attack.measures import measure
from core.attack.settings import AttackSettings
from core.attack.survival import CHANGES
from core.datasets.drawn import drawn_pets
from core.datasets.opening import list_datasets
from core.errors import ImageError, PetLensError
from core.imagenet import classes
from core.settings import Checked, settings_of
from core.streams import last
from core.texts import say, say_n, without_stop
from core.transfer.distance import Distance
from core.transfer.lab import LabSnapshot
from core.transfer.result import LabResult, shipped_results
from demo import (
    cards,
    fool_cards,
    fool_more_cards,
    fool_run,
    inside_cards,
    inside_map_cards,
    inside_map_run,
    inside_run,
    inside_why_cards,
    inside_why_run,
    lab_cards,
)
from demo.data_cards import alt_text, data_card, title_in_words
from demo.fool_compare import compare_pictures, compare_value
from demo.fool_example import ready_made
from demo.fool_form import ANYTHING, first_example
from demo.fool_form import FAVOURITES as GOALS
from demo.ideal_cards import example_panel, frame_panel, opinions_card, picture_panel, status_card, sweep_panel
from demo.ideal_form import FAVOURITES
from demo.ideal_run import Wish, draw
from demo.jobs import Pool
from demo.lab_cards import marks_of
from demo.languages import ENGLISH, FOLDER, Language, bound, mark, read_language, speaking, spoken, tr, tr_n
from demo.messages import message_for
from demo.opening import open_source
from demo.page import build_page
from demo.session import Tried
from demo.translation import catalogue

# The page, "" being what is above the tabs.
TABS = {"", "learn", "classify", "train", "ideal", "fool", "inside"}
# Tabs whose texts do not go through `tr` yet.
UNFINISHED_TABS = ()
# The button that programs press; nobody sees it.
FOR_PROGRAMS = ("Run",)


class Bracketed(gettext.NullTranslations):
    """Says everything in brackets, so that what is said without asking stands out."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return f"⟦{one if count == 1 else many}⟧"


PSEUDO = Language("xx", "Pseudo", Bracketed())
OTHER = Language("yy", "Other", Bracketed())


# A handler of each kind speaks its language, whoever else is served meanwhile.


def plain(value: str = "") -> str:
    return tr("Stop") + value


async def coroutine(value: str = "") -> str:
    await asyncio.sleep(0)
    return tr("Stop") + value


async def stream(value: str = ""):
    for _ in range(2):
        await asyncio.sleep(0)
        yield tr("Stop") + value


def heard(handler, *arguments) -> list[str]:
    """All that a handler says."""

    async def listen() -> list[str]:
        answer = handler(*arguments)
        if hasattr(answer, "__aiter__"):
            return [said async for said in answer]
        return [await answer if asyncio.iscoroutine(answer) else answer]

    return asyncio.run(listen())


@pytest.mark.parametrize("handler", [plain, coroutine, stream])
def test_a_handler_speaks_the_language_that_it_is_bound_to(handler):
    assert set(heard(bound(handler, PSEUDO), "!")) == {"⟦Stop⟧!"}
    assert set(heard(bound(handler, ENGLISH), "!")) == {"Stop!"}
    assert bound(handler, PSEUDO).__name__ == handler.__name__
    assert spoken() is ENGLISH


def test_a_generator_that_would_hold_a_thread_is_refused():
    def streaming() -> Iterator[str]:
        yield tr("Stop")

    with pytest.raises(TypeError, match="async"):
        bound(streaming, PSEUDO)


def test_handlers_of_two_languages_take_turns_without_mixing_them_up():
    async def talk(name: str):
        for _ in range(5):
            await asyncio.sleep(0)
            yield spoken(), name

    async def listen(language: Language) -> list:
        return [said async for said in bound(talk, language)(language.code)]

    async def both() -> list:
        return await asyncio.gather(listen(PSEUDO), listen(OTHER), listen(ENGLISH))

    for language, said in zip((PSEUDO, OTHER, ENGLISH), asyncio.run(both()), strict=True):
        assert said == [(language, language.code)] * 5


def test_streams_of_two_languages_in_one_task_leave_nothing_behind():
    async def alternate() -> list:
        one, two = bound(stream, PSEUDO)(), bound(stream, ENGLISH)()
        said = []
        for _ in range(2):
            said += [await anext(one), spoken(), await anext(two), spoken()]
        await one.aclose()
        await two.aclose()
        return said

    assert asyncio.run(alternate()) == ["⟦Stop⟧", ENGLISH, "Stop", ENGLISH] * 2


def test_a_stream_that_nobody_hears_out_is_closed():
    closed = []

    async def endless():
        try:
            while True:
                yield tr("Stop")
        finally:
            closed.append(True)

    async def hear_one() -> str:
        talking = bound(endless, PSEUDO)()
        said = await anext(talking)
        await talking.aclose()
        return said

    assert asyncio.run(hear_one()) == "⟦Stop⟧"
    assert closed == [True]


def test_a_handler_that_fails_leaves_no_language_behind():
    def fails() -> None:
        raise ImageError("This file is empty. Save or download the picture again.")

    async def fails_streaming():
        yield tr("Stop")
        fails()

    with pytest.raises(ImageError):
        bound(fails, PSEUDO)()
    with pytest.raises(ImageError):
        heard(bound(fails_streaming, PSEUDO))
    assert spoken() is ENGLISH


def test_work_in_a_pool_speaks_the_language_of_who_asked_for_it():
    pool = Pool("speaking", threads=1, max_waiting=10)

    def work() -> Iterator[str]:
        yield tr("Stop")

    async def handler() -> tuple[str, str]:
        job = pool.submit(work)
        async for _ in job.watch(0.01):
            pass
        return job.snapshot, await pool.run(tr, "Stop")

    assert asyncio.run(bound(handler, PSEUDO)()) == ("⟦Stop⟧", "⟦Stop⟧")
    assert asyncio.run(handler()) == ("Stop", "Stop")


# A language is one file.

ROMANIAN = r"""
msgid ""
msgstr ""
"Language: ro\n"
"Content-Type: text/plain; charset=utf-8\n"
"Plural-Forms: nplurals=3; plural=(n == 1 ? 0 : n == 0 || n != 1 && n % 100 >= 1 && n % 100 <= 19 ? 1 : 2);\n"

msgid "Stop"
msgstr "Oprește"

msgid "Not yet"
msgstr ""

#, python-brace-format
msgid "{count} step"
msgid_plural "{count} steps"
msgstr[0] "{count} pas"
msgstr[1] "{count} pași"
msgstr[2] "{count} de pași"

#, python-brace-format
msgid "{name} is not on this machine. {error}"
msgstr "{error} ({name} nu e aici.)"

msgid "The disk is full."
msgstr "Discul e plin."
"""


@pytest.fixture
def romanian(tmp_path):
    path = tmp_path / "ro.po"
    path.write_text(ROMANIAN, encoding="utf-8")
    return read_language(path)


def test_a_file_is_a_language(romanian):
    assert (romanian.code, romanian.name) == ("ro", "Română")
    with speaking(romanian):
        assert spoken() is romanian
        assert tr("Stop") == "Oprește"
        assert [tr("Not yet"), tr("nobody translated this {name}", name="x"), tr("")] == [
            "Not yet",
            "nobody translated this x",
            "",
        ]
    assert tr("Stop") == "Stop"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 pași"), (1, "1 pas"), (2, "2 pași"), (19, "19 pași"), (20, "20 de pași"), (101, "101 pași")],
)
def test_a_number_has_the_forms_of_its_language(romanian, count, said):
    with speaking(romanian):
        assert tr_n("{count} step", "{count} steps", count) == said
        assert tr(say_n("{count} step", "{count} steps", count)) == said
    assert tr_n("{count} step", "{count} steps", count) == ("1 step" if count == 1 else f"{count} steps")


def test_words_and_values_of_core_are_put_together_in_the_language(romanian):
    inner = PetLensError("The disk is full.")
    outer = PetLensError("{name} is not on this machine. {error}", name="<i>", error=inner)
    as_text = say("{name} is not on this machine. {error}", name="<i>", error=say("The disk is full."))
    assert message_for(outer) == str(outer) == as_text == "<i> is not on this machine. The disk is full."
    with speaking(romanian):
        assert message_for(outer) == tr(as_text) == "Discul e plin. (<i> nu e aici.)"
        assert tr(without_stop("The disk is full.")) == "Discul e plin"


def test_values_are_never_translated_and_never_read_as_places(romanian):
    with speaking(romanian):
        assert tr("{name} says", name="Stop") == "Stop says"
        assert tr("{name} says", name="{error}") == "{error} says"
        assert tr("no places, but { braces }") == "no places, but { braces }"
        assert mark("Stop") == "Stop"


# The catalogues that come with the app.

CATALOGUES = sorted(FOLDER.glob("*.po"))


@functools.cache
def _read(path):
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_exactly_the_texts_of_the_code(path):
    """`python -m demo.translation` puts it right."""
    kept, wanted = ({message.id for message in one if message.id} for one in (_read(path), catalogue(path.stem)))
    assert (sorted(map(str, wanted - kept)), sorted(map(str, kept - wanted))) == ([], [])


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_translation_has_the_places_of_its_text(path):
    for message in _read(path):
        several = isinstance(message.id, tuple)
        forms = [form for form in (message.string if several else (message.string,)) if form]
        known = set().union(*map(_places, message.id)) if several else _places(message.id)
        # a form for one may leave out the number, and what the English one leaves out
        least = known & _places(message.id[0]) - {"count"} if several else known
        for form in forms if message.id else ():
            assert (least if form is forms[0] else known - {"count"}) <= _places(form) <= known, form


def _places(text: str) -> set[str]:
    """Names of the places of a text, with the way in which they are written."""
    return {re.split("[!:.]", place)[0] for place in re.findall(r"{([^{}]*)}", text)}


# Every text that can be seen or heard goes through a catalogue.


class _Outside(HTMLParser):
    """Gathers the texts of some HTML that stand outside of brackets; those for the ear are texts, too."""

    SAID = ("alt", "title", "aria-label", "placeholder")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in self.SAID:
                self.found += outside(value or "", html=False)

    def handle_data(self, data: str) -> None:
        for sign in re.split("([⟦⟧])", data):
            if sign in "⟦⟧" and sign:
                self._depth += 1 if sign == "⟦" else -1
            elif not self._depth and any(letter.isalpha() for letter in sign):
                self.found.append(sign.strip())


def outside(text: str, *, html: bool = True) -> list[str]:
    """What is said in a text without having been translated."""
    parser = _Outside()
    if html:
        parser.feed(text)
        parser.close()
    else:
        parser.handle_data(text)
    return parser.found


def test_what_was_not_translated_is_found():
    assert outside("<p title='a'>⟦one <b>x</b> two⟧</p> ⟦b ⟦c⟧ d⟧ 12 % · <i alt='⟦e⟧'>f</i>") == ["a", "f"]


def _names() -> set[str]:
    """Names, which are the same in every language."""
    networks = {name for listing in core.list_backbones() for name in (listing.name, listing.title)}
    settings = [one for kind in _kinds(Checked) for one in settings_of(kind)]
    # letters stand beside the results of the lab that ship
    letters = {one.name for one in marks_of(shipped_results(), (), core.DEFAULT_BACKBONE) if one.name}
    networks |= {result.network_title for result in shipped_results()} | letters
    return networks | {*FAVOURITES, *GOALS} | {choice for one in settings for choice in one.choices}


def _kinds(base: type) -> Iterator[type]:
    for kind in base.__subclasses__():
        if dataclasses.is_dataclass(kind):
            yield kind
        yield from _kinds(kind)


@functools.cache
def _page_in_brackets() -> tuple[dict, dict]:
    """The page in the made-up language: what it tells the browser, and its components by number."""
    told = build_page(spoken=[PSEUDO]).get_config_file()
    return told, {component["id"]: component for component in told["components"]}


def _components(place: dict, tab: str = "") -> Iterator[tuple[str, dict]]:
    """Each component below a place of the layout, and the tab that it is in."""
    _, components = _page_in_brackets()
    component = components.get(place["id"], {"type": "", "props": {}})
    if component["type"] == "tabitem" and not tab:
        tab = component["props"]["id"]
    yield tab, component
    for child in place.get("children", ()):
        yield from _components(child, tab)


def _said(component: dict) -> Iterator[str]:
    """What a component shows."""
    props = component["props"]
    for name in ("label", "info", "placeholder"):
        yield from outside(props.get(name) or "", html=False)
    for choice in props.get("choices") or ():
        yield from outside(choice[0], html=False)
    # what a component's own script shows
    given = dict(re.findall("^const (words|hint) = (.*);$", props.get("js_on_load") or "", re.MULTILINE))
    for text in (json.loads(given.get("hint", '""')), *json.loads(given.get("words", "{}")).values()):
        yield from outside(text, html=False)
    yield from outside(re.sub(r"\${value}", "", props.get("html_template") or ""))
    value = props.get("value")
    if isinstance(value, str) and component["type"] in ("markdown", "html", "button", "downloadbutton", "textbox"):
        yield from outside(value, html=component["type"] in ("markdown", "html"))


def test_the_page_has_the_tabs_that_are_looked_through():
    told, _ = _page_in_brackets()
    assert {tab for tab, _ in _components(told["layout"])} == TABS


@pytest.mark.parametrize("tab", sorted(TABS - set(UNFINISHED_TABS)))
def test_every_text_of_a_tab_can_be_translated(tab):
    told, _ = _page_in_brackets()
    allowed = _names() | {*FOR_PROGRAMS, "Pet Lens"}
    said = [
        (component["type"], text)
        for where, component in _components(told["layout"])
        if where == tab
        for text in _said(component)
        if text not in allowed
    ]
    assert said == []


def test_the_handlers_of_each_page_speak_its_language():
    page = build_page(spoken=[ENGLISH, PSEUDO])
    steer = [event.fn for event in page.fns.values() if getattr(event.fn, "__name__", "") == "steer"]
    visitor = SimpleNamespace(session_hash="somebody")
    said = [handler(0, "best", visitor)["info"] for handler in steer]
    assert said == ["0: noise is free", "⟦0: noise is free⟧"]


# What handlers answer with.


def _prediction(*shares: float) -> Prediction:
    """ImageNet's for no shares, else that of a head."""
    if shares:
        return Prediction(np.array(shares), ("Ant", "Bee", "Wasp")[: len(shares)])
    return Prediction(np.full(1000, 1e-3))


def _cards_of_a_photo() -> Iterator[str]:
    own, sure = _prediction(0.5, 0.3, 0.2), np.zeros(1000)
    sure[[162, 166, 281]] = 0.4, 0.4, 0.2
    for prediction in (_prediction(), Prediction(sure), own):
        for together in (1, 2, 3):
            trained_on = "Insects" if prediction is own else ""
            yield cards.result_card(cards.Look("Net", "mit", prediction, 0.1, 0.1, trained_on, together))
        yield cards.photo_table([cards.photo_row("1.jpg", prediction)], species=prediction is not own)
    yield cards.hint_card()
    yield example_panel()


def test_cards_of_a_photo_can_be_translated():
    names = {known.title for known in classes()} | {"Ant", "Bee", "Wasp", "Net", "1.jpg", "ms"}
    with speaking(PSEUDO):
        found = [text for card in _cards_of_a_photo() for text in outside(card)]
    assert [text for text in found if text.strip(" ·") not in names] == []


@pytest.fixture
def drawing(made_weights):
    from core.ascent.snapshot import Steering

    wish = Wish("zebra", "test_resnet", AscentSettings(steps=2, size_px=48), "best")
    return last(draw(wish, Steering(wish.settings), go_on=None, max_seconds=60))


def test_cards_of_a_drawing_can_be_translated(drawing):
    from core.ascent.agreement import Opinion

    opinion = Opinion("Net", "net", 3, 0.5, _prediction())
    snapshot = dataclasses.replace(drawing.snapshot, note=say("Broken."), stopped_by="diverged")
    names = {known.title for known in classes()} | {"test_resnet", "Net", "zebra", "TV 0"}
    with speaking(PSEUDO):
        shown = [
            picture_panel(drawing),
            frame_panel(drawing, drawing.film.frames[0]),
            status_card(drawing, running=True),
            status_card(drawing, running=True, stopping=True),
            status_card(dataclasses.replace(drawing, snapshot=snapshot), running=False),
            opinions_card(drawing, (opinion,), done=True),
            opinions_card(drawing, (), done=True),
            opinions_card(dataclasses.replace(drawing, own_classes=True), (), done=True),
            sweep_panel(drawing.snapshot, (0.0,), "zebra"),
        ]
    found = [text for card in shown for text in outside(card)]
    assert [text for text in found if not any(name in text for name in names)] == []


# What they are called everywhere: measures, their units, and distances.
MEASURES = re.compile(r"L2( [\d.]+)?|Linf|PSNR|SSIM|[\d.∞]+ dB|\w")


@pytest.fixture
def attempt(made_weights):
    settings = AttackSettings(method="pgd", norm="linf", epsilon=32 / 255, steps=2)
    wish = fool_run.Wish(str(first_example().path), ANYTHING, "test_resnet", settings, "smooth", ("test_vit",))
    return last(fool_run.fool(wish, go_on=None, max_seconds=60))


def _attacks(attempt) -> Iterator[fool_run.Attempt]:
    """The same attack as it may have gone."""
    one, fields = attempt.attacked, {"networks": attempt.networks[:1], "target": "zebra"}
    for success in (True, False):
        readings = one.readings if len(one.readings) > 1 else one.readings * 2
        attacked = dataclasses.replace(one, success=success, readings=readings)
        for stopped_by in ("steps", "time", "visitor"):
            snapshot = dataclasses.replace(attempt.snapshot, attacked=(attacked,), stopped_by=stopped_by)
            both = dataclasses.replace(attempt, snapshot=snapshot)
            alone = dataclasses.replace(snapshot, attacked=(dataclasses.replace(attacked, readings=readings[:1]),))
            yield both
            yield dataclasses.replace(both, snapshot=alone, networks=fields["networks"])
            yield dataclasses.replace(both, snapshot=alone, own=readings[0].top(1)[0].title, **fields)


def _cards_of_attacks(attempt) -> Iterator[str]:
    trials = last(fool_run.survivals(attempt))
    picture, measures = attempt.attacked.picture, attempt.attacked.measures
    for one in _attacks(attempt):
        yield from (fool_cards.status_card(one, running=running, stopping=running) for running in (True, False))
        yield fool_cards.status_card(one, running=True)
        yield fool_cards.change_panel(one, exact=False)
        for own in (True, False):
            yield fool_cards.survival_card(dataclasses.replace(one, own_classes=own), trials, done=True)
        for known in (trials, trials[:1], [trial for trial in trials if not trial.network]):
            yield from (fool_cards.survival_card(one, known, done=done) for done in (True, False))
        for scale, success in itertools.product((0.5, 1, 2.0), (True, False)):
            full = FullSize(picture, scale, 1.0, attempt.attacked.before, measures, success)
            yield fool_cards.full_size_card(one, full)
    same = dataclasses.replace(attempt.attacked, measures=measure(picture, picture))
    yield fool_cards.change_panel(SimpleNamespace(attacked=same), exact=False)
    yield fool_cards.no_change_panel()
    yield fool_cards.example_card(ready_made())


def _cards_of_a_dial(attempt) -> Iterator[str]:
    picture = attempt.attacked.picture
    for success, norm, smallest in itertools.product((True, False), ("l2", "linf"), (0.5, None)):
        point = DialPoint(0.5, attempt.attacked.measures, 0.2, 0.3, success)
        dialled = Dialled(1, 2, smallest, (point, point), (picture, picture))
        photo = fool_run.DialledPhoto("tabby", "zebra", "test_resnet", norm, dialled)
        yield from (fool_more_cards.dial_card(photo, done=done) for done in (True, False))
        yield fool_more_cards.dial_picture(photo, 0)


def test_cards_of_an_attack_can_be_translated(attempt):
    corner = last(fool_run.defend_photos(dataclasses.replace(attempt.wish, beside=()), None, max_seconds=0.1))
    row = Defended("test_resnet", 3, 0.5, 0.4, 1.0)
    corner = dataclasses.replace(corner, rows=(row,) * len(corner.networks))
    with speaking(PSEUDO):
        shown = [*_cards_of_attacks(attempt), *_cards_of_a_dial(attempt)]
        shown += [fool_more_cards.defence_card(corner, done=True)]
        for known in range(len(corner.networks)):
            begun = dataclasses.replace(corner, rows=corner.rows[:known])
            shown += [fool_more_cards.defence_card(begun, done=done) for done in (True, False)]
        told = compare_value(attempt, exact=False)
        found = [text for name in ("before_alt", "after_alt") for text in outside(told[name], html=False)]
    names = _names() | {known.title for known in classes()} | {"test_resnet", "test_vit", "test_resnet + test_vit"}
    found += [text for card in shown for text in outside(card)]
    parts = [part for text in found for part in re.split(r" \d+ %(?:, )?", text.strip(" ·,")) if part]
    assert [part for part in parts if part not in names and not MEASURES.fullmatch(part)] == []
    assert any("⟦another network: " in card for card in shown)
    assert all(any(f"⟦{name}⟧" in card for card in shown) for name in CHANGES)
    assert any("⟦everything blurred by a pixel⟧" in card for card in shown)
    assert any("⟦average with " in card for card in shown)


def test_cards_of_the_lab_can_be_translated():
    result = LabResult("zz1", "Zz1", "net", "Net", 1.0, 0.8, 0.7, 0.9, 0.8, 0.5, 2, 40, 10)
    far, note = Distance(1.0, 1.1, 0.5, 0.2, 40), say("Few.")
    run = SimpleNamespace(phase="testing", done=3, total=10, notes=(note,), training=None)
    measuring, training = LabSnapshot("measuring", 1, 2), LabSnapshot("training", 3, 10, far, run, note=note)
    with speaking(PSEUDO):
        shown = [lab_cards.progress_card(measuring, 0.5), lab_cards.progress_card(training, 0.5)]
        shown += [lab_cards.unfinished_card(one) for one in (None, measuring, training)]
        for guess, distance in itertools.product((0.0, 0.6, 0.8, 1.0), (1.0, None)):
            one = dataclasses.replace(result, distance=distance)
            shown.append(lab_cards.verdict_card(dataclasses.replace(training, result=one), guess))
            shown.append(lab_cards.chart_card(shipped_results(), [Tried(one, guess, 1)], "net"))
    found = [text.strip(" ·") for card in shown for text in outside(card)]
    assert [text for text in found if text not in _names() | {"Zz1", "Net"}] == []
    assert all("⟦Defects of magnetic tiles⟧" in card for card in shown if "<svg" in card)


def _cards_of_layers(photo: str, dataset) -> Iterator[str]:
    for network in ("test_resnet", "test_vit"):
        walk = inside_run.walk_photo(photo, network)
        yield inside_cards.strip_panel(walk, walk.layers[0].name)
        yield inside_cards.filters_panel(walk)
        yield inside_cards.filters_panel(dataclasses.replace(walk, filters=()))
        yield inside_cards.figure_panel(walk)
        for layer in {layer.kind: layer for layer in walk.layers}.values():
            look = inside_run.look_at_layer(photo, network, layer.name, 3)
            yield inside_cards.maps_panel(look, scale="own", most=4)
            yield inside_cards.channel_panel(look)
            yield inside_cards.channel_panel(dataclasses.replace(look, field_px=1))
        last_layer = walk.layers[-1].name
        for excited in inside_run.find_exciting(network, last_layer, 3, dataset):
            photos = inside_run.exciting_photos(excited, 3, network)
            yield from (inside_cards.exciting_card(excited, 3, photos, running=running) for running in (True, False))
        drawing = next(inside_run.draw_channel(network, last_layer, 3, max_seconds=60))
        yield inside_cards.drawing_card(drawing, running=True)
        noted = dataclasses.replace(drawing, snapshot=dataclasses.replace(drawing.snapshot, note=say("Broken.")))
        yield inside_cards.drawing_card(noted, running=False)


def _cards_of_why(photo: str) -> Iterator[str]:
    for network in ("test_resnet", "test_vit"):  # exact, and a good guess
        snapshots = list(inside_why_run.put_to_test(photo, network, None))
        look, final = snapshots[-1].look, snapshots[-1]
        dark = dataclasses.replace(look.explanation, map=look.explanation.map * 0)
        yield inside_why_cards.why_card(look)
        yield inside_why_cards.why_card(dataclasses.replace(look, explanation=dark))
        yield inside_why_cards.overlay_figure(look)
        yield inside_why_cards.test_card(snapshots[0], running=True)
        for hottest, correlation in itertools.product((0.0, 1.0), (0.5, None)):
            test = dataclasses.replace(final.snapshot.test, hottest=hottest, random=0.5, coldest=0.6)
            snapshot = dataclasses.replace(final.snapshot, test=test, correlation=correlation)
            yield inside_why_cards.test_card(dataclasses.replace(final, snapshot=snapshot), running=False)
        for made_before in (True, False):
            pair = (look, look)
            yield inside_why_cards.fooled_card(inside_why_run.Fooled(look.name, "zebra", pair, pair, made_before))


def _cards_of_a_map(photo: str, dataset) -> Iterator[str]:
    for own, axes in ((photo, "classes"), (None, "spread")):
        mapped = last(inside_map_run.lay_out(own, "test_resnet", dataset, axes))
        yield inside_map_cards.map_card(mapped)
        near = inside_map_run.near_one(mapped, 0)
        for picture in (0, None):
            yield inside_map_cards.neighbours_card(mapped, near, ["", "x"] * 4 + [""], picture=picture)


def test_cards_of_looking_inside_can_be_translated(made_weights, chelsea, monkeypatch, tmp_path):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(inside_run, "MOST_PICTURES", 9)
    dataset = drawn_pets(per_class=5)
    with speaking(PSEUDO):
        shown = [
            *_cards_of_layers(str(chelsea), dataset),
            *_cards_of_why(str(chelsea)),
            *_cards_of_a_map(str(chelsea), dataset),
        ]
    names = {known.title for known in classes()} | {*dataset.class_names, "test_resnet", "test_vit"}
    # a size, of a photo or of maps: 20 x 20
    found = [text.strip(" ·") for card in shown for text in outside(card)]
    assert [text for text in found if text not in names and not re.fullmatch(r"\d+ x \d+", text)] == []
    for words in ("⟦Stem⟧", "⟦Last maps⟧", "⟦Block 1⟧", "⟦your photo⟧", "⟦Classes⟧", "⟦Maps⟧", "⟦Broken.⟧"):
        assert any(words in card for card in shown), words
    assert all("⟦Drawn pets⟧" in card for card in shown if "<svg" in card)


def test_the_handle_between_two_pictures_speaks_the_language_and_no_template(monkeypatch):
    assert "Drag the handle" in compare_pictures("x").html_template
    monkeypatch.setattr(Bracketed, "gettext", lambda self, message: "<b>`${x}` {{y}}\\")
    with speaking(PSEUDO):
        template = compare_pictures("x").html_template
    assert not any(sign in template for sign in ("<b>", "`", "${", "{{", "\\"))


def test_a_data_set_that_one_visitor_opened_is_told_to_each_in_their_language():
    seen = list(open_source("drawn-pets"))
    names = {*seen[-1].dataset.class_names}
    with speaking(PSEUDO):
        found = [text for opened in seen if opened.dataset for text in outside(data_card(opened))]
        assert [text for text in found if text not in names] == []
        assert alt_text(seen[-1].dataset).startswith("⟦Some pictures of ⟦Drawn pets⟧")
        assert "⟦Eight animals in eight drawing styles" in data_card(seen[-1])
    assert "⟦" not in data_card(seen[-1])


def _png(seed: int) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_what_is_odd_about_a_zip_can_be_translated_also_when_it_is_opened_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    with zipfile.ZipFile(tmp_path / "Zz1.zip", "w") as archive:
        for number in range(30):
            archive.writestr(f"Zz{1 if number < 24 else 2}/{number}.png", _png(number))
        archive.writestr("Zz1/again.png", _png(1))
        archive.writestr("Zz1/elsewhere.png", _png(25))
        archive.writestr("Zz1/cat.png", b"no picture")
        archive.writestr("Zz1/dog.png", b"<svg></svg>")
        archive.writestr("Zz1/train.bmp", b"\0" * 2_000_000, zipfile.ZIP_DEFLATED)
        archive.writestr("Zz1/inside.zip", b"")
    for _ in range(2):
        opened = last(open_source(tmp_path / "Zz1.zip"))
        with speaking(PSEUDO):
            card = data_card(opened)
        names = re.compile(r"(Zz\d(/\w+\.(png|bmp|zip))?)")
        assert [text for text in outside(card) if not names.fullmatch(text)] == []
        for part in (
            "unpacks to more than 200 times its size",
            "⟦the same picture as Zz1/1.png⟧",
            "⟦the same picture as Zz2/25.png, which is in another class⟧",
            "⟦⟦⟦⟦2: ⟦there twice, in two classes⟧⟧; ",
            "⟦This is an SVG drawing, which has no pixels to look at.⟧",
            "⟦Fewer than 20 training pictures of ⟦Zz2 (4) and Zz1 (19)⟧: ",
        ):
            assert part in card, part


def test_titles_are_translated_where_they_are_not_peoples_own():
    published = {listing.title for listing in list_datasets()}
    with speaking(PSEUDO):
        assert {title for title in published if title_in_words(title) == title} == {"Cats vs Dogs", "Oxford-IIIT Pet"}
        assert [title_in_words(title) for title in ("train", "cat", "Stop")] == ["train", "cat", "Stop"]
