"""Tabs that are opened from elsewhere, by a link or by the lesson: with their settings, and without losing anything."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import gradio as gr
import pytest

import core
from core import SettingsError
from core.attack.presets import ATTACK_PRESETS
from core.training.tuning_settings import FROM_SCRATCH
from demo.context import Context, Limits
from demo.examples import examples, find_example
from demo.fool_form import ANYTHING
from demo.languages import ENGLISH, speaking
from demo.page import build_page
from demo.stations import every_station
from demo.train_data import build_data
from demo.train_settings import every_setting, groups, read_link
from tests.demo.made_page import make_page
from tests.demo.test_languages import PSEUDO

TABS = ("classify", "train", "ideal", "fool", "inside")
MAIN_BUTTONS = {
    "classify": "show",
    "train": "start_training",
    "ideal": "start_drawing",
    "fool": "start_attack",
    "inside": "look",
}


@pytest.fixture(scope="module")
def made():
    context = Context.create(Limits())
    return SimpleNamespace(context=context, **vars(make_page(context)))


def _opened(made, tab, *, run=False, who="me", **params):
    """The tab that is selected, updates of the settings by component, the message, and the text that makes it run."""
    opener = made.openers[tab]
    selected, *updates, said, go = asyncio.run(opener.open_with(who, params, run=run))
    assert selected["selected"] == tab
    return dict(zip(opener.outputs, updates, strict=True)), said, go


def _by_label(updates, label):
    (update,) = [update for output, update in updates.items() if getattr(output, "label", "") == label]
    return update["value"] if isinstance(update, dict) and "value" in update else update


@pytest.mark.parametrize("tab", TABS)
def test_a_link_without_anything_is_the_tab_as_it_opens(made, tab):
    updates, said, go = _opened(made, tab)
    assert (said, go) == (gr.skip(), gr.skip())
    for output, update in updates.items():
        stays = isinstance(output, (gr.Image, gr.Tabs)) or output.visible == "hidden" or update == gr.skip()
        if not stays:
            shown = update["value"] if isinstance(update, dict) else update
            assert shown == (output.value or shown), output.label


@pytest.mark.parametrize(
    ("tab", "params", "shown"),
    [
        ("classify", {"network": "resnet18", "compare": "resnet50", "photo": "lion"}, {"Network": "resnet18"}),
        ("classify", {"compare": "resnet50"}, {"Network": core.DEFAULT_BACKBONE, "Compare with": "resnet50"}),
        ("train", {"dataset": "drawn-pets", "epochs": "3"}, {"Pictures": "drawn-pets", "Method": "head"}),
        ("train", {"method": "scratch", "network": "resnet18"}, {"Method": "scratch", "Network": "resnet18"}),
        ("ideal", {"class": "daisy", "preset": "lesson", "steps": "7"}, {"Class": "daisy", "Steps": 7}),
        ("fool", {"goal": "zebra", "preset": "smooth", "epsilon": "6/255"}, {"It should read": "zebra", "Epsilon": "6/255"}),
        ("fool", {"goal": "anything ELSE"}, {"It should read": ANYTHING}),
        ("inside", {"layer": "blocks.2.1", "channel": "7"}, {"Network": core.DEFAULT_BACKBONE, "Layer": "blocks.2.1", "Channel": 7}),
        ("inside", {"network": "resnet18", "part": "map"}, {"Network": "resnet18"}),
        ("classify", {"why": "1"}, {"Show where it looks": True}),
        ("classify", {"why": "yes"}, {"Show where it looks": False}),
    ],
)  # fmt: skip
def test_a_link_brings_settings_back(made, tab, params, shown):
    updates, said, _ = _opened(made, tab, **params)
    assert said == gr.skip()
    assert {label: _by_label(updates, label) for label in shown} == shown


@pytest.mark.parametrize("station", every_station(), ids=lambda one: f"{one.token}-{one.params.get('dataset', '')}")
def test_each_station_of_the_lesson_opens_its_tab(made, station):
    if station.tab in made.openers:
        _, said, go = _opened(made, station.tab, run=True, **station.params)
        assert said == gr.skip()
        assert go


@pytest.mark.parametrize(
    ("tab", "params", "said"),
    [
        ("classify", {"photo": "unicorn"}, "no example photo called"),
        ("classify", {"photo": "a"}, "no example photo called"),
        ("train", {"dataset": "unicorns"}, "no data set"),
        ("train", {"method": "magic"}, "no method"),
        ("train", {"epochs": "many"}, "must be a number"),
        ("train", {"head.epochs": "1e9"}, "epochs must be"),
        ("train", {"method": "finetune", "epochs": "0"}, "epochs must be"),
        ("train", {"tune.optimiser": "magic"}, "optimiser"),
        ("ideal", {"preset": "magic"}, "no preset"),
        ("ideal", {"photo": "<b>"}, "no example photo called"),
        ("ideal", {"steps": "inf"}, "steps"),
        ("fool", {"preset": "magic"}, "no preset"),
        ("fool", {"method": "magic"}, "method"),
        ("fool", {"photo": "unicorn", "goal": "zebra"}, "no example photo called"),
        ("inside", {"photo": "unicorn", "layer": "x"}, "no example photo called"),
        ("inside", {"part": "<b>"}, "There is no part"),
        ("inside", {"channel": "-1"}, "whole number from 0"),
    ],
)
def test_what_there_is_not_is_said_and_nothing_is_lost(made, tab, params, said):
    made.context.sessions.change("me", dataset="kept", inspection=None, opening=None)
    updates, card, go = _opened(made, tab, run=True, **params)
    assert said in card
    assert "<b>" not in card
    assert all(update == gr.skip() for update in updates.values())
    assert go == gr.skip()
    assert made.context.sessions.get("me").dataset == "kept"


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_that_is_to_run_is_told_so_each_time(made, tab):
    texts = {_opened(made, tab, run=True)[2] for _ in range(3)}
    assert len(texts) == 3
    assert all(isinstance(text, str) and text for text in texts)


@pytest.mark.parametrize("tab", TABS)
def test_to_run_is_to_press_the_main_button(made, tab):
    opener = made.openers[tab]
    (event,) = [
        known for known in made.page.fns.values() if known.name == MAIN_BUTTONS[tab] and _hears(known, opener.go)
    ]
    # those that look by themselves need no button
    assert tab in ("classify", "inside") or any(action == "click" for _, action in event.targets)


def _hears(event, component):
    return (component._id, "change") in event.targets


def test_the_photo_is_one_of_the_apps_own_and_stays_where_none_is_named(made):
    for tab in ("classify", "ideal", "fool"):
        photo = next(output for output in made.openers[tab].outputs if isinstance(output, gr.Image))
        for word, shows in (("cheetah", "a cheetah"), ("Chelsea", "Chelsea, a cat"), ("a lion", "a lion")):
            updates, _, _ = _opened(made, tab, photo=word)
            (path,) = [str(example.path) for example in examples() if example.shows == shows]
            assert updates[photo] == path
        assert _opened(made, tab)[0][photo] == gr.skip()
    for wrong in ("", "a", "/etc/passwd", "unicorn"):
        with pytest.raises(SettingsError, match="no example photo"):
            find_example(wrong)


def test_a_setting_of_a_training_is_named_in_full_or_as_the_method_has_it():
    assert read_link({"epochs": "3"})[2]["head.epochs"] == 3
    _, _, tuned = read_link({"method": "finetune", "epochs": "3", "images_per_class": "5", "head.epochs": "9"})
    assert (tuned["tune.epochs"], tuned["head.epochs"], tuned["head.images_per_class"]) == (3, 9, 5)
    network, method, usual = read_link({})
    assert (network, method) == (core.DEFAULT_BACKBONE, "head")
    assert set(usual) == {key for group in groups() for key in group.keys} <= set(every_setting())
    scratch = read_link({"method": "scratch", "tune.epochs": "6"})[2]
    assert scratch["tune.epochs"] == 6
    assert float(scratch["tune.learning_rate"]) == FROM_SCRATCH["learning_rate"]
    assert read_link({"mirrored": "True"})[2]["view.mirrored"] is True


def test_a_training_waits_for_the_pictures_that_were_chosen():
    context = Context.create(Limits())
    with gr.Blocks() as page, gr.Tabs(), gr.Tab("Train") as tab:
        data = build_data(context, page, tab)

    async def waited():
        return [card async for card in data.wait("me")]

    assert asyncio.run(waited()) == []
    name, again = data.choose("me", "drawn-pets")
    assert (name, bool(again)) == ("drawn-pets", True)
    assert context.sessions.get("me").dataset is None
    asyncio.run(waited())
    assert context.sessions.get("me").dataset.name == "drawn-pets"
    assert asyncio.run(waited()) == []
    # another visitor's choice is not theirs
    assert context.sessions.get("you").opening is None


def test_each_tab_reads_the_links_that_name_it_and_no_others():
    page = build_page(Context.create(Limits()), [ENGLISH])
    links = [known.fn for known in page.fns.values() if known.name == "open_link"]

    def selected(**params):
        asked = SimpleNamespace(query_params=params, session_hash="me")
        first = [asyncio.run(link(asked))[0] for link in links]
        return [update["selected"] for update in first if update != gr.skip()]

    assert len(links) == len(TABS)
    assert [selected(tab=tab) for tab in TABS] == [[tab] for tab in TABS]
    assert selected() == selected(tab="<b>") == selected(tab="learn") == []


def test_anything_else_may_be_typed_as_the_page_says_it():
    with speaking(PSEUDO):
        made = SimpleNamespace(context=Context.create(Limits()), **vars(make_page(Context.create(Limits()))))
        goal = made.openers["fool"].outputs[1]
        assert goal.choices[0] == (f"⟦{ANYTHING}⟧", ANYTHING)
        updates, _, _ = _opened(made, "fool", goal=f"⟦{ANYTHING}⟧".upper())
        assert updates[goal] == ANYTHING
        about = next(output for output in updates if getattr(output, "elem_id", "") == "fool-about")
        assert updates[about] == f"⟦{ATTACK_PRESETS[0].about}⟧"


def test_a_photo_stays_unopened_also_after_a_link_left_it_as_it_is(made):
    from gradio.components.image import ImageData

    for tab in ("classify", "ideal", "fool"):
        photo = next(output for output in made.openers[tab].outputs if isinstance(output, gr.Image))
        # as Gradio makes it anew for a visitor
        anew = photo.__class__(**{**photo.constructor_args, "value": None, "render": False})
        assert anew.preprocess(ImageData(path="broken.jpg")) == "broken.jpg"
        assert anew.get_block_name() == "image"
