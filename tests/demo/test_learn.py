"""The Learn tab without a browser: its data are sound, what a browser keeps is checked, each handler does its part."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from types import SimpleNamespace

import gradio as gr
import pytest

from core.experiments import EXPERIMENTS, Comparison
from core.runs.snapshot import RunSnapshot
from core.training.history import History, TrainSnapshot
from demo import ideal_form, learn_cards, stations, trick_cards
from demo.context import Context, Limits
from demo.fool_form import read_link as read_fool_link
from demo.learn import build_learn_tab
from demo.learn_stations import MOST_CHOICES, build_lesson_bar
from demo.lesson import Lesson, read_lesson
from demo.page import build_page
from demo.quiz import QUIZ, TRICK_QUESTIONS, score, shuffled
from demo.stations import eight_stations, every_station
from demo.tab_opener import Opener
from demo.teachers_answers import PAGE, answers, with_answers
from demo.train_settings import every_setting
from demo.tricks import GUESS_TEXTS, GUESSES, TRICKS, find_trick
from tests.demo.made_runs import handler, visitor

TAG = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("station", every_station(), ids=lambda one: f"{one.token}-{one.params.get('dataset', '')}")
def test_a_station_asks_something_that_has_one_answer(station):
    assert 3 <= len(station.choices) <= MOST_CHOICES
    assert 0 <= station.right < len(station.choices)
    assert len(set(station.choices)) == len(station.choices)
    assert all((station.title, station.text, station.question, station.explanation, station.button))


@pytest.mark.parametrize("question", [*QUIZ, *TRICK_QUESTIONS], ids=lambda one: one.token)
def test_a_question_has_one_answer(question):
    assert len(set(question.choices)) == len(question.choices) >= 3
    assert 0 <= question.right < len(question.choices)
    assert question.text.endswith("?")
    assert question.explanation


def test_there_is_as_much_as_the_lesson_promises():
    assert [station.token for station in eight_stations()] == [
        *("features", "transfer", "fine-tuning", "ideal", "ideal-tv", "fool", "survival", "new-kinds")
    ]
    assert (len(QUIZ), len(TRICK_QUESTIONS)) == (5, 6)
    for asked in (QUIZ, TRICK_QUESTIONS, every_station()):
        assert len({question.right for question in asked}) > 1
    assert len({question.token for question in QUIZ}) == 5
    assert len({question.token for question in TRICK_QUESTIONS}) == 6


def test_every_experiment_has_its_words():
    assert [trick.token for trick in TRICKS] == [experiment.token for experiment in EXPERIMENTS]
    assert set(GUESS_TEXTS) == set(GUESSES)
    assert all(len({trick.meaning(verdict) for verdict in GUESSES}) == 3 for trick in TRICKS)


def test_every_station_opens_its_tab_with_what_that_tab_knows():
    for station in every_station():
        params = dict(station.params)
        if station.tab == "fool":
            goal, _, _, preset, _ = read_fool_link(params)
            assert (goal, preset) == (params["goal"], params["preset"])
        elif station.tab == "ideal":
            name, _, preset, _ = ideal_form.read_link(params)
            assert (name, preset) == (params["class"], params["preset"])
        elif station.tab == "train":
            settings = set(params) - {"dataset", "method"}
            assert settings <= set(every_setting())
            assert params["method"] in ("head", "finetune")
        else:
            assert station.tab == "inside"


def test_what_lies_on_the_machine_decides_and_the_text_names_it(monkeypatch):
    def with_here(*names):
        monkeypatch.setattr(
            stations, "list_datasets", lambda: [SimpleNamespace(name=name, here=True) for name in names]
        )
        return {station.token: station for station in eight_stations()}

    alone = with_here("drawn-pets")
    assert alone["transfer"].params["dataset"] == alone["fine-tuning"].params["dataset"] == "drawn-pets"
    assert "drawings" in alone["transfer"].text
    cats = with_here("drawn-pets", "cats-vs-dogs", "oxford-pets-species")
    assert cats["transfer"].params["dataset"] == cats["fine-tuning"].params["dataset"] == "cats-vs-dogs"
    assert "Cats vs Dogs" in cats["transfer"].text
    oxford = with_here("drawn-pets", "oxford-pets-species")
    assert oxford["fine-tuning"].params["dataset"] == "oxford-pets-species"
    assert "Oxford-IIIT Pet" in oxford["transfer"].text


def test_other_networks_are_asked_where_there_are_some(made_weights, monkeypatch):
    assert "other networks" in {station.token: station for station in eight_stations()}["survival"].question
    monkeypatch.delenv("PETLENS_WEIGHTS")
    assert "only one network" in {station.token: station for station in eight_stations()}["survival"].text


def test_the_second_quiz_asks_the_same_in_another_order():
    for number, question in enumerate(QUIZ):
        mixed = shuffled(question, number)
        assert sorted(value for _, value in mixed) == list(range(len(question.choices)))
        assert all(question.choices[value] == choice for choice, value in mixed)
        assert all(value != place for place, (_, value) in enumerate(mixed))
        assert mixed == shuffled(question, number)


EIGHT = eight_stations()
FULL = Lesson(
    at=3,
    predicted={"features": 0, "ideal": 3},
    ran=("features",),
    answered={"features": 1},
    before={question.token: 0 for question in QUIZ},
    after={question.token: question.right for question in QUIZ},
    on_tricks={question.token: 1 for question in TRICK_QUESTIONS},
    guesses={"dropout": "same"},
)


def test_what_a_browser_keeps_comes_back():
    import json

    assert read_lesson(json.loads(json.dumps(FULL.as_stored())), EIGHT) == FULL
    assert read_lesson({}, EIGHT) == read_lesson(None, EIGHT) == Lesson()


@pytest.mark.parametrize(
    "stored",
    [
        "text",
        [1, 2],
        7,
        {"at": 8},
        {"at": -1},
        {"at": True},
        {"at": "1"},
        {"predicted": {"features": 9, "nonsense": 0, "ideal": "1", "fool": True, "survival": -1, "transfer": 1.0}},
        {"predicted": [0]},
        {"ran": ["features", "nonsense"]},
        {"ran": "features"},
        {"ran": [["features"]]},
        {"answered": {"features": 1}},
        {"before": {"new-head": 1}},
        {"before": {question.token: 99 for question in QUIZ}},
        {"on_tricks": {question.token: None for question in TRICK_QUESTIONS}},
        {"guesses": {"dropout": TAG, "scaling-off": ["same"], "nonsense": "same"}},
        {"guesses": TAG},
    ],
)
def test_what_a_browser_makes_up_is_left_out(stored):
    assert read_lesson(stored, EIGHT) == Lesson()


def test_nothing_is_answered_before_it_was_predicted_and_run():
    stored = {"predicted": {"ideal": 1}, "ran": ["ideal", "fool"], "answered": {"ideal": 3, "fool": 1, "features": 1}}
    lesson = read_lesson(stored, EIGHT)
    assert (lesson.ran, lesson.answered) == (("ideal",), {"ideal": 3})


def _page(openers_of=lambda: {}):
    context = Context.create(Limits())
    with gr.Blocks() as page:
        bar = build_lesson_bar()
        with gr.Tabs() as tabs:
            with gr.Tab("Learn", id="learn") as tab:
                place = gr.Column()
            with gr.Tab("Fool", id="fool"):
                openers = openers_of()
        with place:
            build_learn_tab(context, page, tab, tabs=tabs, bar=bar, openers=openers)
    return context, page


def _fool_opener(asked):
    async def updates(key, params):
        asked.append((key, dict(params)))
        return ["set"]

    return {"fool": Opener("fool", [gr.Textbox()], updates, gr.HTML(), gr.Textbox())}


def test_the_lesson_is_walked_through_without_any_other_tab():
    _, page = _page()
    stored = {}
    for number, station in enumerate(EIGHT):
        stored = handler(page, "choose")(0, stored)[0]
        assert stored["predicted"][station.token] == 0
        stored = handler(page, "read_answer")(stored)[0]
        stored = handler(page, "answer_now")(station.right, stored)[0]
        assert len(stored["answered"]) == number + 1
        stored = handler(page, "go_on")(stored)[0]
    final = read_lesson(stored, EIGHT)
    assert set(final.answered) == {station.token for station in EIGHT}
    assert final.at == 7


def test_a_prediction_stands_once_the_station_was_run_and_an_answer_once_it_was_given():
    _, page = _page()
    stored = handler(page, "choose")(0, {})[0]
    stored = handler(page, "choose")(1, stored)[0]
    assert stored["predicted"] == {"features": 1}
    stored = handler(page, "answer_now")(1, stored)[0]
    assert stored["answered"] == {}
    stored = handler(page, "read_answer")(stored)[0]
    assert handler(page, "choose")(2, stored)[0]["predicted"] == {"features": 1}
    stored = handler(page, "answer_now")(0, stored)[0]
    assert handler(page, "answer_now")(1, stored)[0]["answered"] == {"features": 0}
    for wrong in (None, 4, -1, "1", True, 1.0, [0]):
        assert handler(page, "choose")(wrong, {})[0]["predicted"] == {}


def test_a_station_runs_in_its_tab_with_its_settings():
    asked = []
    _, page = _page(lambda: _fool_opener(asked))
    run = handler(page, "run_station")
    number = [station.token for station in EIGHT].index("fool")
    at = dataclasses.replace(Lesson(), at=number).as_stored()
    untouched = asyncio.run(run(at, visitor("a")))
    assert asked == []
    stored = handler(page, "choose")(2, at)[0]
    updates = asyncio.run(run(stored, visitor("a")))
    assert asked == [("a", {"goal": "Siamese cat", "preset": "lesson"})]
    assert len(updates) == len(untouched)
    selected, value, _, go, bar, said, kept, *_ = updates
    assert (selected["selected"], value, bar["visible"]) == ("fool", "set", True)
    assert go
    assert "Station 6 of 8" in said
    assert kept["ran"] == ["fool"]


def test_the_strip_leads_to_a_station_and_nowhere_else():
    _, page = _page()

    def walk(data):
        return handler(page, "walk")({}, SimpleNamespace(_data=data))[0]["at"]

    assert walk({"station": 5}) == 5
    for wrong in ({"station": 8}, {"station": "5"}, {"station": True}, {}, None, [5]):
        assert walk(wrong) == 0


def test_a_reloaded_page_shows_what_was_answered_and_a_new_one_is_left_alone():
    _, page = _page()
    restored = handler(page, "restore")(FULL.as_stored())
    assert any("Before the lesson" in update for update in restored if isinstance(update, str))
    assert all(update == gr.skip() for update in handler(page, "restore")({}))
    cleared = handler(page, "clear")()
    assert read_lesson(cleared[0], EIGHT) == Lesson()


def test_a_quiz_is_handed_in_whole():
    _, page = _page()
    takes = [known.fn for known in page.fns.values() if known.name == "take"]
    before, after, tricks = takes
    kept, *_, said = before(0, None, 1, 7, 2, {})
    assert kept == gr.skip()
    assert "2, 4" in said
    kept, *_, said = before(1, 2, 0, 3, 0, {})
    assert "explan" not in said
    assert "✓" not in said
    assert kept["before"] == dict(zip([question.token for question in QUIZ], (1, 2, 0, 3, 0), strict=True))
    kept, *_, said = after(*(question.right for question in QUIZ), kept)
    assert "4 of 5 right" in said
    assert "5 of 5 right" in said
    assert all(learn_cards.escape(question.explanation) in said for question in QUIZ)
    kept, *_, said = tricks(*(0 for _ in TRICK_QUESTIONS), kept)
    assert f"{score(TRICK_QUESTIONS, kept['on_tricks'])} of 6 right" in said


def test_an_experiment_waits_for_a_guess_and_for_a_known_one():
    _, page = _page()
    kept, run = handler(page, "keep_guess")("worse", "dropout", {})
    assert (kept["guesses"], run["interactive"]) == ({"dropout": "worse"}, True)
    assert handler(page, "keep_guess")("magic", "dropout", {}) == (gr.skip(), gr.skip())
    assert handler(page, "keep_guess")("worse", ["dropout"], {}) == (gr.skip(), gr.skip())
    updates = handler(page, "choose_trick")("dropout", kept)
    assert updates[2]["value"] == "worse"
    assert handler(page, "choose_trick")(TAG, kept)[0]["value"] == TRICKS[0].token

    async def everything(*chosen):
        return [update async for update in handler(page, "experiment")(*chosen, visitor("a"))]

    for wrong, words in (
        (("dropout", "drawn-pets", None), "Predict first"),
        (("magic", "drawn-pets", "same"), "no such experiment"),
        (("dropout", "/etc", "same"), "not here"),
        (("dropout", ["drawn-pets"], "same"), "not here"),
    ):
        *_, final = asyncio.run(everything(*wrong))
        assert words in final[-1]
        assert final[-3]["interactive"] is True


def _trained(**changes):
    history = History((0, 10), (2.0, 1.0), (0.1, 0.9), (2.1, 1.2), (0.1, 0.8), (0.1, 0.1))
    training = TrainSnapshot(step=10, total_steps=10, epoch=5.0, epochs=5, history=history)
    return RunSnapshot("training", 10, 10, None, None, training, **changes)


def _snapshot(comparison=None, second=None):
    return SimpleNamespace(
        first=_trained(), second=second, comparison=comparison, now="first" if second is None else "second"
    )


@pytest.mark.parametrize(
    ("only_first", "only_second", "verdict"), [(12, 1, "worse"), (1, 12, "better"), (4, 4, "same"), (0, 0, "same")]
)
def test_the_verdict_is_the_measured_one(only_first, only_second, verdict):
    comparison = Comparison(100, 60 + only_first, 60 + only_second, only_first, only_second)
    assert comparison.verdict == verdict
    for trick, guess in itertools.product(TRICKS, GUESSES):
        card = trick_cards.experiment_card(trick, _snapshot(comparison, _trained()), guess, ended=True)
        assert learn_cards.escape(trick.meaning(verdict)) in card
        assert ("That was right." in card) == (guess == verdict)
        assert not any(learn_cards.escape(trick.meaning(other)) in card for other in GUESSES if other != verdict)
    assert "<svg" in card


def test_an_experiment_is_watched_and_may_end_without_an_outcome():
    trick = find_trick("dropout")
    assert "Training 1 of 2: no dropout" in trick_cards.experiment_card(trick, _snapshot(), "same")
    assert "Training 2 of 2: half hidden" in trick_cards.experiment_card(trick, _snapshot(second=_trained()), "same")
    assert "Stopped" in trick_cards.experiment_card(trick, _snapshot(), "same", ended=True)


def test_every_text_is_escaped():
    evil = dataclasses.replace(EIGHT[0], title=TAG, text=TAG, explanation=TAG, choices=(TAG, TAG, TAG, TAG))
    lesson = Lesson(answered={evil.token: 0})
    shown = (
        learn_cards.strip([evil], lesson),
        learn_cards.station_text([evil], 0),
        learn_cards.under_way([evil], 0),
        learn_cards.station_verdict(evil, 0, 0, last=True),
        learn_cards.one_quiz([dataclasses.replace(QUIZ[0], text=TAG, choices=(TAG,) * 4)], {QUIZ[0].token: 0}),
    )
    assert not any("<img" in html for html in shown)
    trick = dataclasses.replace(TRICKS[0], first=TAG, second=TAG, same=TAG)
    comparison = Comparison(9, 5, 5, 1, 1)
    assert "<img" not in trick_cards.experiment_card(trick, _snapshot(comparison, _trained()), "same", ended=True)


def test_the_page_opens_with_the_lesson():
    page = build_page(Context.create(Limits()))
    tabs = [block for block in page.blocks.values() if isinstance(block, gr.Tab)]
    assert tabs[0].id == "learn"


def test_the_teachers_page_has_the_answers_of_today():
    text = PAGE.read_text(encoding="utf-8")
    assert with_answers(text, answers()) == text
    assert all(station.explanation in text for station in every_station())
