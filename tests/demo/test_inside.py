"""The Look inside tab without a browser: what is chosen is looked at, what cannot be is refused in words, Stop leaves nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import re
import time
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
import torch

import core
from core.ascent import presets
from core.ascent.settings import AscentSettings
from core.attack.settings import AttackSettings
from core.datasets.drawn import drawn_pets
from core.datasets.labelled import Dataset
from core.errors import DatasetError, SettingsError
from core.inside.layers import layers_of, stages_of
from core.prediction import Prediction
from core.streams import last
from demo import (
    classify,
    data_choice,
    fool_run,
    inside_layers,
    inside_map,
    inside_map_run,
    inside_run,
    inside_why,
    inside_why_run,
)
from demo.context import Context, Limits
from demo.data_choice import OPENED
from demo.examples import find_example
from demo.fool_form import ANYTHING
from demo.inside import build_inside_tab
from demo.inside_cards import (
    channel_panel,
    drawing_card,
    exciting_card,
    figure_panel,
    filters_panel,
    maps_panel,
    strip_panel,
)
from demo.inside_map_cards import map_card, neighbours_card
from demo.inside_why_cards import fooled_card, overlay_figure, why_card
from demo.inside_why_cards import test_card as card_of_test
from demo.jobs import Job
from demo.networks import content_of, value_of
from demo.session import Session
from tests.demo.made_runs import handler, make_run, visitor

TAG = "<img src=x onerror=alert(1)>"
JOBS = ("exciting", "channel", "testing", "mapping")
NAN, HUGE = float("nan"), 10**9
STOPPED = "Stopped."


class Tab:
    """The tab, with a photo and a small network chosen. Its handlers are called with what its components hold."""

    def __init__(self, photo: str) -> None:
        self.context = Context.create(Limits())
        with gr.Blocks() as self.page, gr.Tabs(), gr.Tab("Look inside", id="inside") as own:
            lists, self.opener = build_inside_tab(self.context, self.page, own)
        self.network = lists[0]
        self.chosen = {
            "inside-photo": photo,
            "Network": "test_resnet",
            "inside-layer": "layer2.0",
            "inside-channel": 3,
            "inside-data": OPENED,
        }
        self.seen = _name(next(one for one in self.event("look_first").inputs if isinstance(one, gr.Textbox)))
        self.chosen[self.seen] = ""

    def event(self, name: str):
        return next(known for known in self.page.fns.values() if known.name == name)

    def stream(self, name: str, changed=None, *, who="me", pressed=None):
        """Each update of a button's handler, as a mapping from the element's name."""
        event = self.event(name)
        known = {**self.chosen, **(changed or {})}
        given = [known.get(_name(one), one.value) for one in event.inputs]
        wanted = inspect.signature(event.fn).parameters
        given += [SimpleNamespace(_data=pressed)] * ("event" in wanted) + [visitor(who)] * ("request" in wanted)
        names = [_name(one) for one in event.outputs]

        async def updates():
            answer = event.fn(*given)
            if hasattr(answer, "__aiter__"):
                async for update in answer:
                    yield dict(zip(names, update if isinstance(update, tuple) else (update,), strict=True))
            else:
                update = await answer if asyncio.iscoroutine(answer) else answer
                several = isinstance(update, (tuple, list))
                yield dict(zip(names, update if several else (update,), strict=True))

        return updates()

    def press(self, name: str, changed=None, **how) -> list[dict]:
        """All of them."""

        async def collect():
            return [update async for update in self.stream(name, changed, **how)]

        return asyncio.run(asyncio.wait_for(collect(), 120))

    def last(self, name: str, changed=None, **how) -> dict:
        return self.press(name, changed, **how)[-1]

    def stopped(self, name: str, stop: str, element: str, words: str, changed=None) -> dict:
        """What comes last where Stop is pressed as soon as an element says these words."""

        async def collect():
            async for update in self.stream(name, changed):
                if isinstance(update[element], str) and words in update[element]:
                    assert handler(self.page, stop)(visitor("me"))["interactive"] is False
            return update

        return asyncio.run(asyncio.wait_for(collect(), 120))

    def jobs(self, who="me") -> list:
        session = self.context.sessions.get(who)
        return [job for job in (getattr(session, kind) for kind in JOBS) if job is not None]


def _name(component) -> str:
    return component.elem_id or getattr(component, "label", None) or f"hidden {component._id}"


def _skipped(update) -> bool:
    return update == gr.skip()


IDLE, BUSY = [True, True, False], [False, False, True]


def _interactive(update: dict) -> list[bool]:
    """The buttons of a channel."""
    return [update[name]["interactive"] for name in ("inside-excite", "inside-draw", "inside-stop")]


def _numbers(html: str, what: str) -> list[int]:
    return [int(number) for number in re.findall(rf'data-{what}="(\d+)"', html)]


def _pressed_channel(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-channel="(\d+)" aria-pressed="true"', html)]


@pytest.fixture(scope="module")
def pets() -> Dataset:
    """Forty drawn pets, 32 of them to learn from."""
    return dataclasses.replace(drawn_pets(per_class=5), title="Mine & yours")


@pytest.fixture(scope="module")
def built(chelsea) -> Tab:
    return Tab(str(chelsea))


@pytest.fixture
def tab(built, made_weights, monkeypatch, tmp_path, pets):
    """The visitor "me" has forty drawn pets open on the Train tab, of which few are looked at."""
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PETLENS_FETCH", "0")
    monkeypatch.setattr(inside_run, "MOST_PICTURES", 12)
    built.context.sessions.change("me", dataset=pets)
    yield built
    left = built.jobs("me") + built.jobs("you")
    for visitor_name in ("me", "you"):
        built.context.sessions.forget(visitor_name)
    assert left == [], "a job is left"


@pytest.fixture
def endless(monkeypatch):
    """Let some work stay at its first snapshot until somebody stops it; tells which were closed."""
    closed = []

    def make(module, name):
        work = getattr(module, name)

        def go_on(*given, **named):
            snapshots = work(*given, **named)
            first = next(snapshots)
            try:
                while True:
                    yield first
                    time.sleep(0.005)
            finally:
                snapshots.close()
                closed.append(name)

        monkeypatch.setattr(module, name, go_on)
        return closed

    return make


def _state(backbone) -> dict:
    state = {}
    for which in ("model", "inference_model"):
        network = getattr(backbone, which)
        state |= {(which, name): tensor.clone() for name, tensor in network.state_dict().items()}
        for name, module in network.named_modules():
            hooks = len(module._forward_hooks), len(module._forward_pre_hooks), len(module._backward_hooks)
            state[which, name, "kind"] = (type(module), module.training, hooks)
        for name, parameter in network.named_parameters():
            state[which, name, "gradient"] = (parameter.requires_grad, parameter.grad)
    return state


def _same(before: dict, after: dict) -> bool:
    pairs = [(before[key], after.get(key)) for key in before]
    return len(before) == len(after) and all(
        torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other for one, other in pairs
    )


# Walking through the layers.


def test_a_photo_is_seen_on_its_way_through_the_network(tab):
    waiting, *_, walked = tab.press("look")
    assert "Waking" in waiting["inside-said"]
    backbone = core.load_backbone("test_resnet")
    assert walked["inside-said"] == ""
    stages = re.findall(r'<button type="button" data-layer="([^"]+)" data-stage="(\d)"', walked["inside-strip"])
    assert stages == [(layer.name, str(layer.stage)) for layer in stages_of(backbone)]
    assert re.findall(r'data-stage="(\d)" aria-current="true"', walked["inside-strip"]) == ["2"]
    layer = walked["inside-layer"]
    assert layer["value"] == "layer2.0"
    assert [name for _, name in layer["choices"]] == [one.name for one in layers_of(backbone)]
    assert walked["inside-channel"] == 3
    shown = _numbers(walked["inside-maps"], "channel")
    assert len(shown) == 36
    assert len(set(shown)) == 36
    assert "Stage 2</b>: the 36 strongest of 48 maps, each of 20 x 20 places" in walked["inside-maps"]
    assert "Channel 3 of Stage 2" in walked["inside-looked"]
    assert walked["inside-filters"].count("<img") == 16
    assert "<img" in walked["inside-figure"]
    (answer,) = core.Classifier(backbone).predict([core.read_image(tab.chosen["inside-photo"])])
    assert answer.top(1)[0].title in walked["inside-strip"]
    explained = tab.last("say_why", {tab.seen: walked[tab.seen]})
    assert explained["why-class"]["value"] == answer.top(1)[0].index
    assert len(explained["why-class"]["choices"]) == 5
    assert f"Why {answer.top(1)[0].title}?" in explained["why-said"]


def test_the_shipped_network_is_looked_into_as_well(tab, classifier):
    shipped = {"Network": core.DEFAULT_BACKBONE, "inside-layer": "", "inside-channel": None}
    walked = tab.last("look", shipped)
    explained = tab.last("say_why", {**shipped, tab.seen: walked[tab.seen]})
    assert "tiger cat" in walked["inside-strip"]
    assert "Exact for this network" in explained["why-said"]
    assert walked["inside-layer"]["value"] == stages_of(classifier.backbone)[0].name
    assert _pressed_channel(walked["inside-maps"]) == [walked["inside-channel"]]
    assert _numbers(walked["inside-maps"], "channel")[0] == walked["inside-channel"], "the strongest"


def test_it_looks_once_until_something_was_wrong(tab):
    first, second = (tab.last("look_first")[tab.seen] for _ in range(2))
    assert first
    assert second != first, "each look is explained anew"
    assert tab.press("look_first", {tab.seen: first}) == []
    assert tab.last("look_first", {"Network": "no_such_net"})[tab.seen] == ""
    assert all(map(_skipped, tab.last("say_why", {tab.seen: ""}).values()))
    assert all(map(_skipped, tab.last("say_why", {tab.seen: first, "inside-photo": None}).values()))


def test_layers_are_shown_where_there_is_no_explanation(tab):
    explained = tab.last("say_why", {tab.seen: "1", "Network": "no_such_net"})
    assert "no network called" in explained["why-said"]
    assert _skipped(explained["why-class"])


def test_who_changes_the_network_need_not_choose_a_layer_anew(tab):
    walked = tab.last("look", {"Network": "test_vit", "inside-channel": 500})
    assert walked["inside-layer"]["value"] == "patch_embed"
    assert _pressed_channel(walked["inside-maps"]) == [walked["inside-channel"]]
    assert re.findall(r'data-stage="(\d)" aria-current="true"', walked["inside-strip"]) == ["0"]
    # a channel that the layer has not stands for its strongest, also where the layer is there
    walked = tab.last("look", {"inside-channel": 48})
    assert walked["inside-layer"]["value"] == "layer2.0"
    assert walked["inside-channel"] == _numbers(walked["inside-maps"], "channel")[0]


def test_another_stage_and_another_layer_show_their_strongest_channel(tab):
    walked = tab.last("walk_to", pressed={"layer": "layer3.0"})
    assert walked["inside-layer"] == "layer3.0"
    assert "the 36 strongest of 192 maps, each of 10 x 10 places" in walked["inside-maps"]
    assert walked["inside-channel"] == _numbers(walked["inside-maps"], "channel")[0]
    assert f"Channel {walked['inside-channel']} of Stage 3" in walked["inside-looked"]
    assert (walked["inside-drawn"], walked["inside-excited"]) == ("", "")
    chosen = tab.last("choose_layer", {"inside-layer": "layer4.0.act1"})
    assert chosen["inside-layer"] == "layer4.0.act1"
    assert "Stage 4, convolution</b>: the 36 strongest of 96 maps" in chosen["inside-maps"]


def test_a_layer_that_does_not_exist_stands_for_the_first(tab):
    for name in ("nowhere", TAG, None, 7, ["layer2.0"], "x" * 10_000):
        chosen = tab.last("choose_layer", {"inside-layer": name})
        assert chosen["inside-layer"] == "maxpool"
        assert TAG not in str(chosen)


def test_what_a_press_says_is_read_as_text(tab):
    for pressed in ({"layer": "nowhere"}, {"layer": ["layer2.0"]}, {}, [1], "layer2.0", None):
        assert tab.last("walk_to", pressed=pressed)["inside-layer"] == "maxpool"


def test_more_maps_and_one_scale_for_all(tab):
    few = tab.last("draw_maps_anew")["inside-maps"]
    strongest = _numbers(few, "channel")[0]
    every = tab.last("draw_maps_anew", {"inside-most": 4096})["inside-maps"]
    assert len(_numbers(few, "channel")) == 36
    assert sorted(_numbers(every, "channel")) == list(range(48))
    assert _numbers(every, "channel")[:36] == _numbers(few, "channel")
    common = tab.last("draw_maps_anew", {"inside-scale": "common", "inside-channel": strongest})["inside-maps"]
    assert _numbers(common, "channel") == _numbers(few, "channel")
    assert common != few
    assert (_pressed_channel(every), _pressed_channel(common)) == ([3], [strongest])


NOT_OFFERED = (
    ({"inside-most": 5}, "There are no 5 maps to choose. There are 36, 144, 4096."),
    ({"inside-most": True}, "There are no True maps to choose"),
    ({"inside-most": [36]}, "There are no [36] maps to choose"),
    ({"inside-most": None}, "There are no None maps to choose"),
    ({"inside-scale": "loud"}, "There is no brightness &#x27;loud&#x27;. There are own, common."),
    ({"inside-scale": ["own"]}, "There is no brightness [&#x27;own&#x27;]"),
    ({"inside-scale": None}, "There is no brightness None"),
)


def test_what_is_not_offered_is_refused_where_the_maps_would_be(tab):
    for changed, words in NOT_OFFERED:
        assert words in tab.last("draw_maps_anew", changed)["inside-maps"]
        assert words in tab.last("look", changed)["inside-said"]


def test_another_channel_of_the_layer(tab):
    pressed = tab.last("press_map", pressed={"channel": "41"})
    assert pressed["inside-channel"] == 41
    assert "Channel 41 of Stage 2" in pressed["inside-looked"]
    assert (pressed["inside-drawn"], pressed["inside-excited"]) == ("", "")
    typed = tab.last("choose_channel", {"inside-channel": 41})
    assert _skipped(typed["inside-channel"]), "it is being typed"
    assert typed["inside-looked"] == pressed["inside-looked"]
    assert all(map(_skipped, tab.last("choose_channel", {"inside-channel": None}).values()))
    look = inside_run.look_at_layer(tab.chosen["inside-photo"], "test_resnet", "layer2.0", 41)
    row, column = divmod(int(look.maps.maps[41].argmax()), 20)
    left, top, right, bottom = look.box
    assert left <= (column + 0.5) * 8 <= right
    assert top <= (row + 0.5) * 8 <= bottom


WRONG_CHANNELS = (
    (NAN, "whole number from 0, not nan"),
    (float("inf"), "whole number from 0, not inf"),
    (-1, "whole number from 0, not -1"),
    (2.5, "whole number from 0, not 2.5"),
    (True, "whole number from 0, not True"),
    ("3", "whole number from 0, not &#x27;3&#x27;"),
    ([3], "whole number from 0, not [3]"),
    (HUGE, "whole number from 0"),
    (48, "The channel 48 is not one of the 48 of Stage 2, which count from 0."),
)


def test_a_channel_that_there_is_not_is_refused_in_words(tab):
    for number, words in WRONG_CHANNELS:
        typed = tab.last("choose_channel", {"inside-channel": number})
        assert words in typed.pop("inside-looked")
        assert list(typed.values()) == [gr.skip(), "", ""]
        for name, said in (("find_photos", "inside-excited"), ("draw_ideal", "inside-drawn")):
            final = tab.last(name, {"inside-channel": number})
            assert words in final[said]
            assert _interactive(final) == IDLE
    assert tab.context.sessions.get("me").excited is None


def test_a_press_of_no_channel_is_refused_in_words(tab):
    for pressed in ({"channel": "-1"}, {"channel": "²"}, {"channel": "x"}, {}, {"channel": None}, None, TAG):
        shown = tab.last("press_map", pressed=pressed)
        assert "A channel is a whole number from 0" in shown["inside-looked"]
        assert _skipped(shown["inside-channel"])
        assert TAG not in str(shown)


def test_without_a_photo_there_is_a_hint_and_the_rest_stays(tab):
    nothing = {"inside-photo": None}
    (only,) = tab.press("look", nothing)
    assert "Drop a photo" in only["inside-said"]
    assert _skipped(only["inside-maps"])
    for name in ("choose_layer", "draw_maps_anew", "choose_channel"):
        assert all(map(_skipped, tab.last(name, nothing).values()))
    assert all(map(_skipped, tab.last("press_map", nothing, pressed={"channel": "1"}).values()))
    assert all(map(_skipped, tab.last("show_class", nothing).values()))
    assert "Drop a photo" in tab.last("test_it", nothing)["why-tested"]


@pytest.mark.parametrize("kind", ["broken", "gone"])
def test_a_photo_that_cannot_be_read_is_told_in_words_and_without_a_path(tab, tmp_path, kind):
    path = tmp_path / "photo.jpg"
    if kind == "broken":
        path.write_bytes(b"no picture")
    words = "not a picture that can be opened" if kind == "broken" else "no longer on the server"
    photo = {"inside-photo": str(path)}
    final = tab.last("look", photo)
    assert words in final["inside-said"]
    assert _skipped(final["inside-maps"])
    told = [final["inside-said"]]
    told.append(tab.last("choose_layer", photo)["inside-looked"])
    told.append(tab.last("draw_maps_anew", photo)["inside-maps"])
    told.append(tab.last("choose_channel", photo)["inside-looked"])
    told.append(tab.last("show_class", photo)["why-said"])
    told.append(tab.last("test_it", photo)["why-tested"])
    told.append(tab.last("map_pictures", photo)["map-said"])
    assert all(words in said for said in told)
    assert not any(str(tmp_path) in said for said in told)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("resnet50", "switched fetching off"),
        ("no_such_net", "no network called"),
        ("../../etc/passwd", "not the name of a network"),
        ("run:" + "0" * 32, "not on your page any more"),
    ],
)
def test_a_network_that_cannot_be_had_is_told_in_words(tab, value, words):
    network = {"Network": value}
    assert words in tab.last("look", network)["inside-said"]
    assert words in tab.last("choose_layer", network)["inside-looked"]
    assert words in tab.last("find_photos", network)["inside-excited"]
    assert words in tab.last("draw_ideal", network)["inside-drawn"]
    assert words in tab.last("test_it", network)["why-tested"]
    assert words in tab.last("map_pictures", network)["map-said"]


# Photos that excite a channel.


def test_photos_that_excite_it_are_kept_for_the_next_channel(tab, monkeypatch):
    before, *_, final = tab.press("find_photos")
    assert "Opening the pictures" in before["inside-excited"]
    assert _interactive(before) == BUSY
    card = final["inside-excited"]
    assert "Channel 3 of Stage 2: what excites it most among pictures of Mine &amp; yours" in card
    assert "12 of 12 pictures looked at." in card
    assert card.count("<figure>") == 9
    assert "pl-progress" not in card
    assert _interactive(final) == IDLE
    excited = tab.context.sessions.get("me").excited
    assert excited.about == ("test_resnet", "layer2.0")
    photos = inside_run.exciting_photos(excited, 3, "test_resnet")
    assert [one.value for one in photos] == sorted((one.value for one in photos), reverse=True)
    assert photos[0].value == pytest.approx(float(excited.excitement.maxima[:, 3].max()))
    names = [one.class_name for one in photos]
    assert re.findall(r"<figcaption>([^<]+)</figcaption>", card) == names

    # known at once for another channel, and nobody looks at the pictures again
    monkeypatch.setattr(inside_layers, "find_exciting", None)
    for shown in (
        tab.last("press_map", pressed={"channel": "7"}),
        tab.last("choose_channel", {"inside-channel": 7}),
    ):
        assert "Channel 7 of Stage 2: what excites it most" in shown["inside-excited"]
    assert "what excites it most" in tab.last("choose_layer", {"inside-layer": "layer2.0"})["inside-excited"]
    # but not for another layer, network, data set or visitor
    assert tab.last("choose_layer", {"inside-layer": "layer3.0"})["inside-excited"] == ""
    for changed in ({"Network": "test_vit", "inside-layer": "blocks.2"}, {"inside-data": "oxford-pets"}):
        assert tab.last("choose_channel", changed)["inside-excited"] == ""
    assert tab.last("choose_channel", who="you")["inside-excited"] == ""


def test_the_drawn_pets_are_opened_by_their_name(tab):
    final = tab.last("find_photos", {"inside-data": "drawn-pets"}, who="you")
    assert "what excites it most among pictures of Drawn pets" in final["inside-excited"]
    assert len(tab.context.sessions.get("you").excited.images) == 12
    assert tab.jobs("you") == []


def test_photos_that_are_gone_are_left_out_of_what_is_shown(tab, monkeypatch):
    excited = last(inside_run.find_exciting("test_resnet", "layer2.0", 3, tab.context.sessions.get("me").dataset))

    def gone(item, **named):
        raise core.ImageError("gone")

    monkeypatch.setattr("core.datasets.labelled.read_item", gone)
    assert inside_run.exciting_photos(excited, 3, "test_resnet") == ()
    assert "<figure>" not in exciting_card(excited, 3, (), running=False)


def test_the_search_is_stopped_and_what_was_found_is_kept(tab, endless):
    closed = endless(inside_layers, "find_exciting")
    final = tab.stopped("find_photos", "stop_both", "inside-excited", "looked at.")
    assert closed == ["find_exciting"]
    assert "of 12 pictures looked at." in final["inside-excited"]
    assert "12 of 12" not in final["inside-excited"]
    assert final["inside-excite"]["interactive"]
    assert tab.context.sessions.get("me").excited.done < 12


def test_a_search_that_is_stopped_before_it_began(tab, endless):
    endless(inside_layers, "find_exciting")
    final = tab.stopped(
        "find_photos", "stop_both", "inside-excited", "Waking", {"Network": "test_vit", "inside-layer": "blocks.1"}
    )
    assert STOPPED in final["inside-excited"]
    assert tab.context.sessions.get("me").excited is None


def test_stop_is_heard_while_the_pictures_are_opened(tab, endless):
    closed = endless(inside_layers, "find_exciting")
    final = tab.stopped("find_photos", "stop_both", "inside-excited", "Opening the pictures")
    assert STOPPED in final["inside-excited"]
    assert _interactive(final) == IDLE
    endless(inside_map, "lay_out")
    final = tab.stopped("map_pictures", "stop_mapping", "map-said", "Opening the pictures")
    assert STOPPED in final["map-said"]
    assert closed == []


@pytest.mark.parametrize(
    ("press", "changed"), [("choose_channel", {"inside-channel": 5}), ("choose_layer", {"inside-layer": "layer1.0"})]
)
def test_a_search_of_another_channel_is_over_and_says_nothing_more(tab, endless, press, changed):
    closed = endless(inside_layers, "find_exciting")

    async def go_on_elsewhere():
        async for update in tab.stream("find_photos"):
            if isinstance(update["inside-excited"], str) and "looked at." in update["inside-excited"]:
                async for _ in tab.stream(press, changed):
                    pass
        return update

    final = asyncio.run(asyncio.wait_for(go_on_elsewhere(), 120))
    assert closed == ["find_exciting"]
    assert _skipped(final["inside-excited"]), "what was found belongs to another channel"
    assert _interactive(final) == IDLE
    assert tab.jobs() == []


def test_another_photo_ends_what_goes_on_and_the_map_of_before(tab, endless):
    tab.press("map_pictures")
    closed = endless(inside_why, "put_to_test")

    async def look_at_another():
        said = []
        async for update in tab.stream("test_it"):
            said.append(update["why-tested"])
            if isinstance(said[-1], str) and "Covering" in said[-1]:
                async for _ in tab.stream("look"):
                    pass
        return said

    said = asyncio.run(asyncio.wait_for(look_at_another(), 120))
    assert _skipped(said[-1])
    assert closed == ["put_to_test"]
    forgotten = tab.last("forget_map")
    assert "Press “Lay out" in forgotten["map-said"]
    assert forgotten["map-near"] == forgotten["map-pressed"] == ""


def test_the_lessons_network_is_taken_where_it_is(tab, monkeypatch):
    for fetch, said in (("1", "to fetch it (553 MB)"), ("0", "VGG-16 (not on this machine)")):
        monkeypatch.setenv("PETLENS_FETCH", fetch)
        update = tab.last("take_vgg")
        assert _skipped(update["Network"])
        assert said in update["inside-vgg-said"]
    monkeypatch.setattr(inside_layers, "list_backbones", lambda: [SimpleNamespace(name="vgg16", here=True)])
    assert tab.last("take_vgg") == {"Network": "vgg16", "inside-vgg-said": ""}


def test_a_look_that_is_late_says_nothing(tab):
    async def look_twice():
        late = []
        async for update in tab.stream("look"):
            late.append(update)
            if len(late) == 1:
                async for _ in tab.stream("look"):
                    pass
        return late

    assert len(asyncio.run(asyncio.wait_for(look_twice(), 120))) == 1


def test_who_leaves_ends_the_search(tab, endless):
    closed = endless(inside_layers, "find_exciting")

    async def leave():
        updates = tab.stream("find_photos")
        async for update in updates:
            if "looked at." in update["inside-excited"]:
                break
        job = tab.context.sessions.get("me").exciting
        await updates.aclose()
        tab.context.sessions.forget("me")
        async for _ in job.watch():
            pass
        return job

    assert asyncio.run(leave()).state == "stopped"
    assert closed == ["find_exciting"]
    assert tab.context.sessions.get("me") == Session()


def test_our_own_fault_leaves_no_job_and_the_buttons_work(tab, monkeypatch, caplog):
    def breaks(*given, **named):
        raise RuntimeError("broken")
        yield

    for module, work, name, said, button in (
        (inside_layers, "find_exciting", "find_photos", "inside-excited", "inside-excite"),
        (inside_layers, "draw_channel", "draw_ideal", "inside-drawn", "inside-draw"),
        (inside_why, "put_to_test", "test_it", "why-tested", "why-test"),
        (inside_map, "lay_out", "map_pictures", "map-said", "map-start"),
    ):
        monkeypatch.setattr(module, work, breaks)
        final = tab.last(name)
        assert "not your fault" in final[said]
        assert final[button]["interactive"]
        assert tab.jobs() == []
    assert "unexpected error" in caplog.text


# The ideal image of a channel.


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(presets, "CHANNEL", AscentSettings(steps=3, size_px=48))


def test_the_ideal_image_of_a_channel_grows(tab, few_steps):
    begins, *_, final = tab.press("draw_ideal")
    assert begins["inside-stop"]["interactive"]
    card = final["inside-drawn"]
    assert "What channel 3 of Stage 2 would like to see" in card
    assert "step 3 of 3" in card
    assert "data:image/png" in card
    assert "pl-progress" not in card
    assert final["inside-draw"]["interactive"]
    assert not final["inside-stop"]["interactive"]


def test_an_ideal_image_is_stopped(tab, few_steps, endless):
    closed = endless(inside_layers, "draw_channel")
    final = tab.stopped("draw_ideal", "stop_both", "inside-drawn", "step 0 of 3")
    assert closed == ["draw_channel"]
    assert "What channel 3 of Stage 2" in final["inside-drawn"]
    assert final["inside-draw"]["interactive"]


def test_what_no_layer_has_is_neither_drawn_nor_looked_for(tab):
    for name in ("nowhere", None, ["layer2.0"], ""):
        layer = {"inside-layer": name}
        assert "has no layer" in tab.last("draw_ideal", layer)["inside-drawn"]
        assert "has no layer" in tab.last("find_photos", layer)["inside-excited"]


# Why this class.


def test_what_speaks_for_another_class(tab):
    shown = tab.last("show_class", {"why-class": 283})
    assert "Why Persian cat?" in shown["why-said"]
    assert shown["why-tested"] == ""
    assert shown["why-said"].count("<img") == 2
    guess = tab.last("show_class", {"Network": "test_vit", "why-class": 283})["why-said"]
    assert "A good guess (Grad-CAM)" in guess
    assert "Block 5" in guess


def test_a_class_that_there_is_not_is_refused_in_words(tab):
    words = "is not one of the network&#x27;s 1000, which count from 0"
    for label in (1000, -1, True, "cat", NAN, 2.5, HUGE, [283]):
        assert words in tab.last("show_class", {"why-class": label})["why-said"]
        final = tab.last("test_it", {"why-class": label})
        assert words in final["why-tested"]
        assert final["why-test"]["interactive"]


def test_the_test_ends_with_a_verdict(tab):
    begins, *_, final = tab.press("test_it", {"why-class": None})
    assert begins["why-stop"]["interactive"]
    card = final["why-tested"]
    assert re.search("✓ The explanation holds|✗ Here the explanation tells little", card)
    for words in ("nothing covered", "its coldest quarter covered", "a quarter by chance", "its hottest quarter"):
        assert words in card
    done, total = re.search(r"Covering parts of the photo: (\d+) of (\d+)", card).groups()
    assert done == total
    assert "pl-progress" not in card
    assert final["why-test"]["interactive"]
    assert not final["why-stop"]["interactive"]


def test_the_verdict_is_that_of_the_figures(tab):
    tested = last(inside_why_run.put_to_test(tab.chosen["inside-photo"], "test_resnet", None))
    for hottest, verdict in ((0.1, "✓ The explanation holds"), (0.7, "✗ Here the explanation tells little")):
        test = dataclasses.replace(tested.snapshot.test, before=0.8, hottest=hottest, random=0.5, coldest=0.6)
        snapshot = dataclasses.replace(tested.snapshot, test=test)
        card = card_of_test(dataclasses.replace(tested, snapshot=snapshot), running=False)
        assert verdict in card
    unknown = dataclasses.replace(tested.snapshot, correlation=None)
    assert "Rank correlation" not in card_of_test(dataclasses.replace(tested, snapshot=unknown), running=False)


def test_the_test_is_stopped(tab, endless):
    closed = endless(inside_why, "put_to_test")
    final = tab.stopped("test_it", "stop_test", "why-tested", "Covering parts of the photo: 1 of")
    assert closed == ["put_to_test"]
    assert "Covering parts of the photo: 1 of" in final["why-tested"]
    assert "pl-verdict" not in final["why-tested"]
    assert final["why-test"]["interactive"]


def test_before_and_after_without_an_attempt_is_the_apps_own_example(tab):
    waiting, final = tab.press("compare_attack")
    assert "Looking at both" in waiting["why-compared"]
    card = final["why-compared"]
    assert "This one comes with the app" in card
    assert "before, “cheetah” wins, after, “Siamese cat”." in card
    assert card.count("<img") == 4


def test_before_and_after_an_own_attack(tab):
    settings = AttackSettings(method="pgd", norm="linf", epsilon=32 / 255, steps=4, objective="margin")
    wish = fool_run.Wish(tab.chosen["inside-photo"], ANYTHING, core.DEFAULT_BACKBONE, settings, "smooth")
    attempt = last(fool_run.fool(wish, go_on=None, max_seconds=60))
    assert attempt.attacked.success
    tab.context.sessions.change("me", attempt=attempt)
    card = tab.last("compare_attack")["why-compared"]
    own, target = attempt.attacked.before.top(1)[0].title, attempt.attacked.prediction.top(1)[0].title
    assert f"before, “{own}” wins, after, “{target}”." in card
    assert "comes with the app" not in card
    fooled = inside_why_run.before_and_after(attempt)
    shares = [[look.explanation.probability for look in looks] for looks in (fooled.before, fooled.after)]
    assert shares[0][0] > shares[0][1]
    assert shares[1][0] < shares[1][1]
    # it is nobody else's, and one that failed is no attack
    assert "comes with the app" in tab.last("compare_attack", who="you")["why-compared"]
    failed = dataclasses.replace(attempt.snapshot, attacked=(dataclasses.replace(attempt.attacked, success=False),))
    tab.context.sessions.change("me", attempt=dataclasses.replace(attempt, snapshot=failed))
    assert "comes with the app" in tab.last("compare_attack")["why-compared"]


def test_without_an_example_there_is_nothing_to_compare(tab, monkeypatch):
    monkeypatch.setattr(inside_why_run, "ready_made", lambda: None)
    assert "There is no attacked picture yet" in tab.last("compare_attack")["why-compared"]


# A network of the visitor's own.


def test_a_visitors_own_run_is_looked_into_by_its_own_names(tab, classifier):
    run = make_run(classifier, None, names=("red", "green"))
    tab.context.sessions.keep_run("me", run)
    own = {"Network": value_of(run), "inside-layer": "blocks.2.1", "inside-channel": 5}
    walked = tab.last("look", own)
    explained = tab.last("say_why", {**own, tab.seen: walked[tab.seen]})
    assert "what Mine says" in walked["inside-strip"]
    assert walked["inside-channel"] == 5
    choices = explained["why-class"]["choices"]
    assert sorted(index for _, index in choices) == [0, 1]
    assert {title.split(",")[0] for title, _ in choices} == {"red", "green"}
    for label, name in enumerate(("red", "green")):
        assert f"Why {name}?" in tab.last("show_class", {**own, "why-class": label})["why-said"]
    refused = tab.last("show_class", {**own, "why-class": 2})["why-said"]
    assert "is not one of the network&#x27;s 2, which count from 0" in refused
    excited = tab.last("find_photos", own)["inside-excited"]
    assert "12 of 12 pictures looked at." in excited
    assert tab.context.sessions.get("me").excited.about[0] == content_of(run)
    laid = tab.last("map_pictures", own)["map-said"]
    assert "as Mine sees them" in laid
    # nobody else gets in by its name
    assert "not on your page any more" in tab.last("look", own, who="you")["inside-said"]
    assert "run" not in tab.last("link_to", own)["inside-link"]


# The map.


def _circles(html: str) -> list[tuple[float, float]]:
    found = re.findall(r'<circle cx="([\d.-]+)" cy="([\d.-]+)"', html)
    return [(float(x), float(y)) for x, y in found]


def test_pictures_are_laid_out_with_the_photo_and_its_neighbours(tab, pets):
    begins, *_, final = tab.press("map_pictures")
    assert "Opening the pictures" in begins["map-said"]
    assert (begins["map-start"]["interactive"], begins["map-stop"]["interactive"]) == (False, True)
    assert (final["map-start"]["interactive"], final["map-stop"]["interactive"]) == (True, False)
    card = final["map-said"]
    assert "12 pictures of Mine &amp; yours, as test_resnet sees them" in card
    places = _circles(card)
    assert len(places) == 12
    assert all(0 <= x <= 640 and 0 <= y <= 460 for x, y in places)
    assert card.count('class="pl-you"') == 1
    assert card.count('class="pl-to"') == 8
    mapped = tab.context.sessions.get("me").mapped
    assert _numbers(card, "picture") == list(range(12))
    assert _numbers(card[: card.index("</svg>")], "class") == mapped.images.labels.tolist()
    present = set(mapped.images.labels.tolist())
    assert set(_numbers(card[card.index("</svg>") :], "class")) == present
    # equal distances are equal on the screen, upwards is up
    scale = (places[1][0] - places[0][0]) / (mapped.atlas.points[1, 0] - mapped.atlas.points[0, 0])
    assert places[1][1] - places[0][1] == pytest.approx(
        -scale * (mapped.atlas.points[1, 1] - mapped.atlas.points[0, 1]), abs=0.3
    )
    near = final["map-near"]
    assert "The pictures most like your photo" in near
    assert near.count("data:image/jpeg") == 8
    cosines = [float(value) for value in re.findall(r"cosine ([\d.-]+)", near)]
    assert cosines == sorted(cosines, reverse=True)
    assert final["map-pressed"] == ""


def test_a_pressed_point_shows_its_picture_and_those_like_it(tab):
    tab.press("map_pictures")
    mapped = tab.context.sessions.get("me").mapped
    shown = tab.last("press_point", pressed={"picture": 4})["map-pressed"]
    name = mapped.images.class_names[int(mapped.images.labels[4])]
    assert f"A picture of “{name}”, and those most like it" in shown
    assert shown.count("<figure>") == 9
    assert shown.count("cosine") == 8, "the picture itself has none"
    assert f"<b>{name}</b>" in shown[: shown.index("cosine")]


def test_without_a_photo_only_the_pictures_are_laid_out(tab):
    final = tab.last("map_pictures", {"inside-photo": None, "map-axes": "classes"})
    assert len(_circles(final["map-said"])) == 12
    assert "pl-you" not in final["map-said"]
    assert final["map-near"] == ""


def test_a_press_of_no_picture_is_refused_in_words(tab):
    tab.press("map_pictures")
    wrong = [{"picture": number} for number in ("4", NAN, -1, HUGE, 12, True, 1.0, None, [4], {"a": 1})]
    for pressed in [*wrong, {}, None, [], "4", 4]:
        shown = tab.last("press_point", pressed=pressed)["map-pressed"]
        assert "There is no such picture on the map." in shown


def test_a_class_of_the_map_shows_some_of_its_pictures(tab):
    tab.press("map_pictures")
    mapped = tab.context.sessions.get("me").mapped
    count = int((mapped.images.labels == 2).sum())
    shown = tab.last("press_point", pressed={"class": 2})["map-pressed"]
    assert f"Some pictures of “{mapped.images.class_names[2]}”" in shown
    assert shown.count("<figure>") == min(count, 9)
    for wrong in ("2", NAN, -1, HUGE, True, None):
        assert "no such class" in tab.last("press_point", pressed={"class": wrong})["map-pressed"]


def test_nobody_sees_anybody_elses_map(tab):
    tab.press("map_pictures")
    shown = tab.last("press_point", pressed={"picture": 4}, who="you")["map-pressed"]
    assert "not kept any more" in shown


def test_too_few_classes_for_their_axes_and_axes_that_there_are_not(tab, pets):
    two = dataclasses.replace(
        pets,
        splits={name: images.take(np.flatnonzero(images.labels < 2)) for name, images in pets.splits.items()},
    )
    tab.context.sessions.change("me", dataset=two)
    final = tab.last("map_pictures", {"map-axes": "classes"})
    assert "Axes of classes need at least 3 classes, and here are fewer (2)." in final["map-said"]
    assert final["map-start"]["interactive"]
    assert len(_circles(tab.last("map_pictures")["map-said"])) == 8
    for axes in ("sideways", None, ["spread"], 1):
        assert "There are no axes" in tab.last("map_pictures", {"map-axes": axes})["map-said"]
    # the map of before can still be pressed
    assert "and those most like it" in tab.last("press_point", pressed={"picture": 0})["map-pressed"]


def test_a_data_set_without_pictures_is_refused_in_words(tab, pets):
    empty = {name: images.take([]) for name, images in pets.splits.items()}
    tab.context.sessions.change("me", dataset=dataclasses.replace(pets, splits=empty))
    assert "There are no pictures in Mine &amp; yours" in tab.last("map_pictures")["map-said"]
    assert "There are no pictures in Mine &amp; yours" in tab.last("find_photos")["inside-excited"]


def test_a_map_is_stopped(tab, endless):
    closed = endless(inside_map, "lay_out")
    final = tab.stopped("map_pictures", "stop_mapping", "map-said", "Looking at ")
    assert closed == ["lay_out"]
    assert STOPPED in final["map-said"]
    assert final["map-start"]["interactive"]
    assert tab.context.sessions.get("me").mapped is None


# Choosing pictures.


def test_pictures_that_are_not_here_are_refused_in_words(tab):
    for value in ("unicorns", "cats-vs-dogs", "/etc", None, ["drawn-pets"], 7, ""):
        data = {"inside-data": value}
        assert "These pictures are not here. Choose others." in tab.last("find_photos", data)["inside-excited"]
        assert "These pictures are not here. Choose others." in tab.last("map_pictures", data)["map-said"]
        assert tab.last("choose_channel", data)["inside-excited"] == ""


def test_pictures_of_the_train_tab_are_offered_to_their_visitor_only(tab):
    offered = tab.last("offer_pictures")["inside-data"]
    assert offered["choices"][-1] == ("The pictures of the Train tab: Mine & yours", OPENED)
    assert offered["value"] == OPENED
    other = tab.last("offer_pictures", who="you")["inside-data"]
    assert (other["value"], [name for _, name in other["choices"]]) == ("drawn-pets", ["drawn-pets"])
    for name, said in (("find_photos", "inside-excited"), ("map_pictures", "map-said")):
        assert "No pictures are open on the Train tab" in tab.last(name, who="you")[said]
    assert data_choice.open_now(tab.context, "you", OPENED) is None
    assert data_choice.open_now(tab.context, "me", OPENED).name == "drawn-pets"
    assert [data_choice.open_now(tab.context, "me", value) for value in (None, ["x"], "x")] == [None, None, None]


def test_pictures_that_never_open_are_told(tab, monkeypatch):
    nothing = tab.context.data.submit(lambda: (opened for opened in ()))
    monkeypatch.setattr(tab.context.openings, "job", lambda name: nothing)
    with pytest.raises(DatasetError, match="could not be opened"):
        asyncio.run(data_choice.open_chosen(tab.context, "me", "drawn-pets"))


# Links.


def _opened(of_tab, **params) -> tuple[dict, object]:
    *updates, said, _ = asyncio.run(of_tab.opener.open_with("me", params, run=False))
    return dict(zip(["tabs", "parts", "layer", "channel", "network", "photo"], updates, strict=True)), said


def test_a_link_is_read_back(tab):
    choice = {"Network": "test_vit", "inside-layer": "blocks.2", "inside-channel": 7.0}
    link = tab.last("link_to", choice)["inside-link"]
    opened, said = _opened(tab, **dict(parse_qsl(link.partition("?")[2])))
    assert said == gr.skip()
    assert (opened["network"], opened["layer"], opened["channel"]) == ("test_vit", "blocks.2", 7)
    plain = tab.last("link_to", {"Network": core.DEFAULT_BACKBONE, "inside-layer": "", "inside-channel": None})
    assert plain["inside-link"].endswith("?tab=inside")
    assert _opened(tab, tab="inside")[0] == {
        "tabs": {"selected": "inside", "__type__": "update"},
        "parts": gr.update(selected="layers"),
        "photo": gr.skip(),
        "network": core.DEFAULT_BACKBONE,
        "layer": gr.skip(),
        "channel": gr.skip(),
    }
    # a layer without a channel is looked at where it is strongest, a channel without a layer in the first
    opened, _ = _opened(tab, layer="blocks.2.1")
    assert (opened["layer"], opened["channel"]) == ("blocks.2.1", None)
    assert [_opened(tab, channel="5")[0][name] for name in ("layer", "channel")] == ["", 5]


def test_what_is_no_channel_is_in_no_link(tab):
    for number in (NAN, float("inf"), -1, True, "7", [7], 2.5):
        link = tab.last("link_to", {"inside-channel": number, "inside-layer": 7})["inside-link"]
        assert link.endswith("?tab=inside&network=test_resnet")


def test_a_link_opens_a_part_with_a_photo(tab):
    for part in ("layers", "why", "map"):
        opened, _ = _opened(tab, part=part, photo="cheetah", network="x" * 999, layer="y" * 999)
        assert opened["parts"]["selected"] == part
        assert opened["photo"] == str(find_example("cheetah").path)
        assert (len(opened["network"]), len(opened["layer"])) == (200, 200)


def test_a_link_to_what_there_is_not_is_refused_in_words(tab):
    no_channel = "A channel is a whole number from 0, not"
    for params, words in (
        ({"part": "cellar"}, "There is no part &#x27;cellar&#x27; to look inside. There are layers, why, map."),
        ({"part": TAG}, "There is no part"),
        *(({"channel": text}, no_channel) for text in ("-1", "many", "1.5", "", "²")),
        ({"photo": "unicorn"}, "no example photo called"),
        ({"photo": "/etc/passwd"}, "no example photo called"),
    ):
        opened, said = _opened(tab, **params)
        assert words in said
        assert TAG not in said
        assert all(update == gr.skip() for name, update in opened.items() if name != "tabs")


# Nothing that a name says becomes markup.


def test_no_text_becomes_markup(tab, pets, few_steps):
    photo = tab.chosen["inside-photo"]
    named = dataclasses.replace(
        pets,
        title=TAG,
        splits={
            name: dataclasses.replace(images, class_names=(TAG, *images.class_names[1:]))
            for name, images in pets.splits.items()
        },
    )
    few = {name: images.take(np.flatnonzero(images.labels == 0)) for name, images in named.splits.items()}
    named = dataclasses.replace(named, splits=few)

    def hostile(layer):
        return dataclasses.replace(layer, name=f'"{TAG}', title=f'"{TAG}')

    def maps(one):
        return dataclasses.replace(one, layer=hostile(one.layer))

    answer = Prediction(np.array([0.6, 0.4]), (TAG, "b"))
    walk = inside_run.walk_photo(photo, "test_resnet")
    stages = tuple(map(maps, walk.stages))
    walk = dataclasses.replace(walk, network=TAG, stages=stages, answer=answer, layers=tuple(map(hostile, walk.layers)))
    look = inside_run.look_at_layer(photo, "test_resnet", "layer2.0", 3)
    look = dataclasses.replace(look, maps=maps(look.maps))
    excited = last(inside_run.find_exciting("test_resnet", "layer2.0", 3, named))
    photos = inside_run.exciting_photos(excited, 3, "test_resnet")
    excitement = dataclasses.replace(excited.excitement, layer=hostile(excited.excitement.layer))
    excited = dataclasses.replace(excited, excitement=excitement)
    drawing = next(inside_run.draw_channel("test_resnet", "layer2.0", 3, max_seconds=60))
    drawing = dataclasses.replace(
        drawing, layer=hostile(drawing.layer), snapshot=dataclasses.replace(drawing.snapshot, note=TAG)
    )
    tested = last(inside_why_run.put_to_test(photo, "test_vit", None))
    why = dataclasses.replace(tested.look, network=TAG, name=f'"{TAG}', layer=TAG)
    tested = dataclasses.replace(tested, look=why)
    fooled = inside_why_run.Fooled(TAG, f'"{TAG}', (why, why), (why, why), True)
    mapped = dataclasses.replace(last(inside_map_run.lay_out(photo, "test_resnet", named, "spread")), network=f'"{TAG}')
    said = [
        strip_panel(walk, ""),
        filters_panel(walk),
        filters_panel(dataclasses.replace(walk, filters=())),
        figure_panel(walk),
        maps_panel(look, scale="own", most=36),
        channel_panel(look),
        exciting_card(excited, 3, photos, running=True),
        drawing_card(drawing, running=True),
        why_card(why),
        card_of_test(tested, running=False),
        fooled_card(fooled),
        overlay_figure(why),
        map_card(mapped),
        neighbours_card(mapped, mapped.near, ["", "x"] * 4, picture=None),
        neighbours_card(mapped, mapped.near, ["", "x"] * 4, picture=0),
    ]
    assert all("onerror" in one for one in said), "each says the name"
    assert [one for one in said if "onerror" in _Attributes.of(one)] == []


class _Attributes(HTMLParser):
    """Names of all attributes of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attributes):
        self.found |= {name for name, _ in attributes}

    @classmethod
    def of(cls, html: str) -> set[str]:
        parser = cls()
        parser.feed(html)
        parser.close()
        return parser.found


def test_a_name_that_became_markup_would_be_found():
    assert "onerror" in _Attributes.of(f'<img alt=""{TAG}">')


def test_a_picture_that_is_gone_is_said_to_be(tab):
    tab.press("map_pictures")
    mapped = tab.context.sessions.get("me").mapped
    card = neighbours_card(mapped, mapped.near, [""] * 8, picture=None)
    assert card.count("This picture cannot be opened any more.") == 8
    assert "<img" not in card


# Nothing is left behind.


def test_the_network_stays_as_it_is(tab, few_steps):
    backbone = core.load_backbone("test_resnet")
    before = _state(backbone)
    for name in (
        "look",
        "say_why",
        "choose_layer",
        "find_photos",
        "draw_ideal",
        "show_class",
        "test_it",
        "map_pictures",
    ):
        tab.press(name)
    assert core.load_backbone("test_resnet") is backbone
    assert _same(before, _state(backbone))


def test_a_job_of_another_kind_goes_on(tab, few_steps):
    going = Job(lambda: iter(()))
    tab.context.sessions.start("me", going, kind="drawing")
    tab.press("draw_ideal")
    tab.press("map_pictures")
    assert not going.stopping
    assert tab.context.sessions.get("me").drawing is going
    tab.context.sessions.change("me", drawing=None)


# "Show where it looks", in the Classify tab.


@pytest.mark.parametrize("network", [core.DEFAULT_BACKBONE, "test_vit"])
def test_where_it_looks_is_shown_on_the_card_of_a_photo(tab, network, classifier):
    core.load_backbone(network)

    def card(why):
        shown = classify._card(tab.context, tab.chosen["inside-photo"], network, "me", why=why)
        return asyncio.run(asyncio.wait_for(shown, 60))[0]

    plain, explained = card(False), card(True)
    assert "pl-overlay" not in plain
    assert explained.count('<figure class="pl-overlay">') == 1
    name = re.search(r'<span class="pl-name">([^<]+)<', explained)[1]
    assert f"Yellow: what speaks for “{name}”" in explained


def test_a_network_that_has_no_maps_says_so_on_the_card(tab, monkeypatch):
    core.load_backbone("test_resnet")

    def no_maps(*given):
        raise core.BackboneError("There are no maps <b>.")

    monkeypatch.setattr(classify, "explain", no_maps)
    shown = classify._card(tab.context, tab.chosen["inside-photo"], "test_resnet", "me", why=True)
    card = asyncio.run(shown)[0]
    assert "pl-name" in card
    assert "There are no maps &lt;b&gt;." in card


def test_axes_and_wrong_settings_are_refused_by_what_computes_too(tab):
    dataset = tab.context.sessions.get("me").dataset
    with pytest.raises(SettingsError, match=r"There are no axes 'up'\. There are spread, classes\."):
        next(inside_map_run.lay_out(None, "test_resnet", dataset, "up"))
    with pytest.raises(SettingsError, match="has no layer"):
        inside_run.look_at_layer(tab.chosen["inside-photo"], "test_resnet", "nowhere", 0, exactly=True)
