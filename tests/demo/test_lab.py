"""The lab without a browser: what is guessed and chosen is checked, results accumulate, nothing stays on the disk."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import tempfile
import time
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from core import load_backbone
from core.datasets.drawn import drawn_pets
from core.errors import DatasetError
from core.texts import say
from core.transfer import distance
from core.transfer import lab as core_lab
from core.transfer.distance import Distance
from core.transfer.lab import LabSnapshot
from core.transfer.reference import make_reference, save_reference
from core.transfer.result import LabResult, shipped_results
from demo import lab, lab_cards
from demo.context import Context, Limits
from demo.data_cards import title_in_words
from demo.data_choice import OPENED
from demo.lab_chart import Mark, chart
from demo.session import MAX_TRIED, Sessions, Tried
from tests.demo.made_runs import handler, visitor

TAG = "<img src=x onerror=alert(1)>"
RESULT = LabResult("mine", "Mine", "net", "Net", 1.0, 0.8, 0.7, 0.9, 0.8, 0.5, 2, 40, 10)
SHIPPED = shipped_results()


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    context = Context.create(Limits())
    with gr.Blocks() as page, gr.Tabs(), gr.Tab("Learn") as learn_tab, gr.Tabs(), gr.Tab("Lab") as tab:
        lab.build_lab(context, learn_tab, tab)
    return SimpleNamespace(context=context, handler=lambda name: handler(page, name), folder=tmp_path / "tmp")


@pytest.fixture
def opened(page, made_weights, monkeypatch, tmp_path):
    """The visitor "a" has forty drawn pets open, and `test_resnet` a reference of nothing."""
    backbone = load_backbone("test_resnet")
    vectors = np.random.default_rng(0).normal(size=(100, backbone.embedding_dim))
    save_reference(make_reference(backbone, vectors), folder=tmp_path / "references")
    found = core_lab.reference_of
    monkeypatch.setattr(core_lab, "reference_of", lambda backbone: found(backbone, folder=tmp_path / "references"))
    dataset = dataclasses.replace(drawn_pets(per_class=5), title="Mine & yours")
    page.context.sessions.change("a", dataset=dataset)
    return page


def everything(page, *chosen, who="a"):
    """All updates of one run."""

    async def listen():
        return [update async for update in page.handler("measure_it")(*chosen, visitor(who))]

    return asyncio.run(listen())


def interactive(update):
    return [part.get("interactive") for part in update[:5]]


IDLE, BUSY = [True, True, True, True, False], [False, False, False, False, True]


def test_a_guess_is_measured_told_and_drawn(opened):
    *before, final = everything(opened, "test_resnet", OPENED, 80)
    assert all(interactive(update) == BUSY for update in before)
    tried = opened.context.sessions.get("a").tried
    assert [(one.guess, one.number) for one in tried] == [(0.8, 1)]
    result = tried[0].result
    assert (result.title, result.network, result.tested_on) == ("Mine & yours", "test_resnet", 8)
    assert result.distance > 0
    verdict, drawn = final[5:]
    assert f"You said 80 %, it is {result.accuracy * 100:.1f} %. Guessing alone gives 12.5 %." in verdict
    assert f"{result.distance:.2f}" in verdict
    assert "Only 32 pictures were measured" in verdict
    assert "your result 1, Mine &amp; yours with test_resnet" in drawn
    # the next run wants a guess of its own
    assert interactive(final) == [True, True, True, False, False]


def test_nothing_of_a_run_stays_on_the_disk_or_in_the_session(opened):
    everything(opened, "test_resnet", OPENED, 50)
    assert list(opened.folder.iterdir()) == []
    assert opened.context.sessions.get("a").lab is None
    assert opened.context.sessions.get("a").runs == ()


def test_results_of_one_visitor_accumulate_and_nobody_else_sees_them(opened):
    everything(opened, "test_resnet", OPENED, 0)
    *_, final = everything(opened, "test_resnet", OPENED, 100)
    assert final[-1].count('class="pl-lab-key-own"') == 2
    assert [one.guess for one in opened.context.sessions.get("a").tried] == [0.0, 1.0]
    again, run = opened.handler("choose_network")("mobilenetv2_100.tf_in1k", visitor("a"))
    assert again.count('class="pl-lab-key-own"') == 2
    assert "Measured before, with MobileNetV2" in again
    assert run["interactive"] is False
    assert "pl-lab-key-own" not in opened.handler("choose_network")("test_resnet", visitor("b"))[0]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (("test_resnet", OPENED, None), "a number from 0 to 100"),
        (("test_resnet", OPENED, float("nan")), "a number from 0 to 100"),
        (("test_resnet", OPENED, float("inf")), "a number from 0 to 100"),
        (("test_resnet", OPENED, -1), "a number from 0 to 100"),
        (("test_resnet", OPENED, 100.5), "a number from 0 to 100"),
        (("test_resnet", OPENED, True), "a number from 0 to 100"),
        (("test_resnet", OPENED, "80"), "a number from 0 to 100"),
        (("test_resnet", OPENED, [80]), "a number from 0 to 100"),
        ((["test_resnet"], OPENED, 80), "Choose a network"),
        ((None, OPENED, 80), "Choose a network"),
        (("  ", OPENED, 80), "Choose a network"),
        (("no_such_net", OPENED, 80), "no_such_net"),
        (("run:" + "0" * 32, OPENED, 80), "run:0000"),
        (("test_resnet", "cats-vs-dogs", 80), "These pictures are not here"),
        (("test_resnet", "/etc", 80), "These pictures are not here"),
        (("test_resnet", None, 80), "These pictures are not here"),
        (("test_resnet", ["drawn-pets"], 80), "These pictures are not here"),
    ],
)
def test_what_cannot_be_measured_is_refused_and_nothing_is_lost(opened, chosen, words):
    opened.context.sessions.change("a", tried=(Tried(RESULT, 0.5, 1),))
    *_, final = everything(opened, *chosen)
    assert words in final[5]
    assert "pl-warning" in final[5]
    assert interactive(final) == IDLE
    assert final[6] == gr.skip()
    session = opened.context.sessions.get("a")
    assert len(session.tried) == 1
    assert session.lab is None


def test_pictures_of_the_train_tab_are_offered_while_there_are_some(opened):
    look_again = opened.handler("look_again")
    assert look_again(OPENED, visitor("a"))["choices"][-1] == (
        "The pictures of the Train tab: Mine & yours",
        OPENED,
    )
    assert look_again(OPENED, visitor("a"))["value"] == OPENED
    gone = look_again(OPENED, visitor("b"))
    assert (gone["value"], len(gone["choices"])) == ("drawn-pets", 1)
    # what is on the list by its name is not offered twice
    opened.context.sessions.change("b", dataset=drawn_pets(per_class=5))
    assert len(look_again("drawn-pets", visitor("b"))["choices"]) == 1
    *_, final = everything(opened, "test_resnet", OPENED, 80, who="c")
    assert "No pictures are open on the Train tab" in final[5]


@pytest.fixture
def endless(monkeypatch):
    """A run that measures until somebody stops it."""
    closed = []

    def run_lab(plan, dataset, *, folder):
        folder.mkdir()
        try:
            while True:
                yield LabSnapshot("measuring", 3, 10)
                time.sleep(0.005)
        finally:
            closed.append(folder.is_dir())

    monkeypatch.setattr(core_lab, "run_lab", run_lab)
    return closed


def test_stop_ends_it_and_the_guess_stands(opened, endless):
    async def listen():
        seen = []
        async for update in opened.handler("measure_it")("test_resnet", OPENED, 80, visitor("a")):
            seen.append(update)
            if "Measuring the distance: 3 of 10 pictures" in update[5]:
                opened.handler("stop_lab")(visitor("a"))
        return seen

    *_, final = asyncio.run(listen())
    assert "Stopped before the accuracy was measured" in final[5]
    assert interactive(final) == IDLE
    assert opened.context.sessions.get("a").tried == ()
    assert opened.context.sessions.get("a").lab is None
    assert endless == [True]
    assert list(opened.folder.iterdir()) == []


def test_stop_is_heard_before_the_training_begins(opened, endless):
    async def listen():
        seen = []
        async for update in opened.handler("measure_it")("test_vit", OPENED, 80, visitor("a")):
            seen.append(update)
            if "Waking" in update[5] or "network" in update[5]:
                opened.handler("stop_lab")(visitor("a"))
        return seen

    *_, final = asyncio.run(listen())
    assert "Stopped" in final[5]
    assert endless == []


def test_who_leaves_stops_it(opened, endless):
    async def leave():
        updates = opened.handler("measure_it")("test_resnet", OPENED, 80, visitor("a"))
        async for update in updates:
            if "Measuring" in update[5]:
                break
        job = opened.context.sessions.get("a").lab
        opened.context.sessions.forget("a")
        await updates.aclose()
        async for _ in job.watch():
            pass
        return job

    assert asyncio.run(leave()).state == "stopped"
    assert endless == [True]
    assert len(opened.context.sessions) == 0


def test_it_ends_when_its_time_is_over(opened, endless):
    dataset = opened.context.sessions.get("a").dataset
    assert len(list(lab.measure("test_resnet", dataset, max_seconds=0))) == 1
    assert endless == [True]


def test_a_visitor_has_so_many_results_and_they_keep_their_numbers():
    sessions = Sessions(10)
    assert sessions.keep_tried("gone", RESULT, 0.5) == ()
    assert len(sessions) == 0
    sessions.change("here", shown="x")
    for _ in range(MAX_TRIED + 3):
        kept = sessions.keep_tried("here", RESULT, 0.5)
    assert kept == sessions.get("here").tried
    assert [one.number for one in kept] == list(range(4, MAX_TRIED + 4))


# Cards.


def _snapshot(result=RESULT, note="", notes=()):
    known = Distance(1.0, 1.1, 0.5, 0.2, 40)
    run = SimpleNamespace(phase="testing", done=3, total=10, notes=notes, training=None)
    return LabSnapshot("finished", 10, 10, known, run, result, note)


@pytest.mark.parametrize(
    ("guess", "words"),
    [
        (0.7, "Well guessed: 10 test pictures cannot tell"),
        (0.9, "Well guessed"),
        (0.6, "It learned more than you thought, by 20 points."),
        (1.0, "It learned less than you thought, by 20 points."),
    ],
)
def test_the_verdict_takes_chance_into_account(guess, words):
    card = lab_cards.verdict_card(_snapshot(), guess)
    assert words in card
    assert "it is 80.0 %. Guessing alone gives 50.0 %." in card
    assert "60.0 %" in card  # above guessing: (0.8 - 0.5) / 0.5


def test_a_run_without_a_result_says_why():
    card = lab_cards.verdict_card(_snapshot(None, notes=(say("It diverged."),)), 0.8)
    assert "It diverged." in card
    assert "Distance from ImageNet: 1.00" in card
    assert "Stopped" in lab_cards.verdict_card(LabSnapshot("measuring", 1, 2), 0.8)


def test_the_chart_has_what_ships_of_one_network_by_letters_and_the_rest_faint():
    for network in {result.network for result in SHIPPED}:
        marks = lab_cards.marks_of(SHIPPED, (), network)
        strong = [one for one in marks if one.kind == "shipped"]
        assert {one.result.network for one in strong} == {network}
        assert [one.name for one in strong] == list("ABCDEF")
        assert len(marks) == len(SHIPPED)
    assert {one.result.network for one in lab_cards.marks_of(SHIPPED, (), "typed") if one.kind == "shipped"} == {
        "tf_efficientnet_lite0"
    }


def _places(drawn, kind):
    """Centres of the discs of a kind."""
    return [
        (float(x), float(y))
        for x, y in re.findall(rf'<circle class="pl-lab-{kind}" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]


def test_farther_is_to_the_right_and_better_is_above():
    results = [
        dataclasses.replace(RESULT, distance=far, accuracy=right)
        for far, right in ((0.5, 0.95), (1.0, 0.8), (2.0, 0.5))
    ]
    places = _places(chart([Mark("shipped", result, "x", "A") for result in results]), "shipped")
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places)
    # equal steps of distance and of height are equal on the screen
    assert places[2][0] - places[1][0] == pytest.approx(2 * (places[1][0] - places[0][0]), abs=0.3)
    assert places[2][1] - places[1][1] == pytest.approx(2 * (places[1][1] - places[0][1]), abs=0.3)


def test_no_two_names_stand_on_each_other():
    tried = [Tried(dataclasses.replace(RESULT, distance=0.45, accuracy=0.93), 0.9, number) for number in (1, 2, 3)]
    for network in {result.network for result in SHIPPED}:
        drawn = chart(lab_cards.marks_of(SHIPPED, tried, network))
        names = re.findall(r'<text class="pl-lab-name [\w-]+" x="([\d.]+)" y="([\d.]+)"[^>]*>(\w+)<', drawn)
        assert sorted(name for *_, name in names) == sorted("123ABCDEF")
        for number, (x, y, _) in enumerate(names):
            for other_x, other_y, _ in names[:number]:
                assert abs(float(x) - float(other_x)) >= 10 or abs(float(y) - float(other_y)) >= 10


def test_a_guess_is_a_hollow_mark_and_one_far_below_guessing_an_arrow():
    drawn = chart([Mark("own", RESULT, "x", "1", 0.6)])
    assert 'class="pl-lab-guess" d="M' in drawn
    assert "your guess: 60 %" in drawn
    assert "h10l-5 8z" not in drawn
    below = chart([Mark("own", RESULT, "x", "1", 0.0)])
    assert "h10l-5 8z" in below
    assert "-50 %" in below


def test_a_result_without_a_distance_has_a_place_of_its_own():
    unknown = dataclasses.replace(RESULT, distance=None)
    drawn = chart([Mark("own", unknown, "x", "1", 0.6), Mark("shipped", RESULT, "y", "A")])
    assert ">?</text>" in drawn
    assert "distance not known" in drawn
    assert ">?</text>" not in chart([Mark("shipped", RESULT, "y", "A")])
    assert "not known" in lab_cards.verdict_card(_snapshot(unknown), 0.5)


def test_the_table_and_the_spoken_text_say_what_the_chart_shows():
    tried = (Tried(RESULT, 0.65, 7),)
    card = lab_cards.chart_card(SHIPPED, tried, "tf_efficientnet_lite0")
    rows = re.findall(r"<tr>(.*?)</tr>", card)[1:]
    assert len(rows) == len(SHIPPED) + 1
    for part in ("7: Mine", "1.00", "80.0 % (70.0 % – 90.0 %)", "50.0 %", "60.0 %", "65 %"):
        assert part in rows[0]
    said = re.search(r'aria-label="(Chart: [^"]+)"', card)[1]
    assert "your result 7, Mine with Net: distance 1.00, 60.0 % above guessing" in said
    assert "Drawn pets with EfficientNet-Lite0: distance 0.65, 92.9 % above guessing" in said
    assert "you said 65 %" in card


def test_every_text_is_escaped():
    evil = dataclasses.replace(RESULT, dataset=TAG, title=TAG, network=TAG, network_title=f'"{TAG}')
    shown = (
        lab_cards.chart_card([evil], [Tried(evil, 0.5, 1)], TAG),
        lab_cards.verdict_card(_snapshot(evil, note=TAG, notes=(TAG,)), 0.5),
        lab_cards.verdict_card(_snapshot(None, notes=(TAG,)), 0.5),
        lab_cards.progress_card(_snapshot(evil, note=TAG), 0.5),
    )
    assert not any("<img" in html for html in shown)
    assert not any('"&quot;<' in html or '""' in html for html in shown[1:])


def test_the_words_have_the_numbers_of_the_measurement():
    assert (lab_cards.LEAST, lab_cards.RELIABLE) == (distance.LEAST, distance.RELIABLE)
    assert "Below 50 pictures" in lab_cards.words_card()


def test_every_shipped_title_can_be_translated():
    names = {"Cats vs Dogs"}
    assert {result.title for result in SHIPPED} - names == set(lab_cards.SHIPPED_TITLES)
    assert title_in_words("Drawn pets") == "Drawn pets"


def test_without_the_shipped_results_the_page_is_built_all_the_same(monkeypatch):
    def damaged():
        raise DatasetError("{name}, which holds the lab's results, is missing or damaged.", name="x.json")

    monkeypatch.setattr(lab, "shipped_results", damaged)
    results, problem = lab._shipped()
    assert results == ()
    assert "x.json" in problem
    assert "<svg" in lab_cards.chart_card((), (), "net")
