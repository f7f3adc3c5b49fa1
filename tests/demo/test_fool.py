"""The Fool it tab without a browser: what is chosen reaches the attack, links come back, texts stay texts."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import math
from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import core
from core import SettingsError
from core.attack.defence import Defended
from core.attack.dial import Dialled, DialPoint
from core.attack.files import FullSize
from core.attack.goals import Become
from core.attack.measures import measure
from core.attack.presets import ATTACK_PRESETS, find_attack_preset
from core.attack.settings import METHODS, USED_BY, AttackSettings, usual
from core.attack.survival import CHANGES, Trial
from core.prediction import Prediction
from core.streams import last
from demo.context import Context, Limits
from demo.examples import examples
from demo.fool import build_fool_tab
from demo.fool_cards import (
    change_panel,
    full_size_card,
    status_card,
    survival_card,
    verdict,
)
from demo.fool_compare import compare_value
from demo.fool_example import ready_made
from demo.fool_form import (
    ANYTHING,
    SIAMESE,
    build_form,
    checked_beside,
    checked_photo,
    epsilon_text,
    every_setting,
    first_example,
    link_of,
    read_link,
)
from demo.fool_more_cards import defence_card, dial_card, dial_picture
from demo.fool_run import (
    Corner,
    DialledPhoto,
    Wish,
    defend_photos,
    dial_photo,
    enlarge,
    fool,
    png_of,
    survivals,
    victim_of,
    write_full_size,
    write_png,
)
from demo.jobs import Job
from demo.made_files import discard, new_file
from demo.networks import value_of
from demo.session import MAX_RESULTS, Sessions
from tests.demo.made_runs import handler, make_run, visitor

TAG = "<img src=x onerror=alert(1)>"
STRONG = AttackSettings(method="pgd", norm="linf", epsilon=32 / 255, steps=4, objective="margin")


@pytest.fixture(scope="module")
def form():
    with gr.Blocks():
        return build_form()


def _values(form, **changed):
    values = {widget: widget.value for widget in form.inputs}
    for name, value in changed.items():
        values[getattr(form, name, None) or form.widgets[name]] = value
    return values


def _shown(form, settings):
    return {name: update["value"] for name, update in zip(form.widgets, form.shown(settings), strict=True)}


def test_an_untouched_form_is_the_first_preset_and_a_siamese_cat(form):
    assert form.settings(_values(form)) == ATTACK_PRESETS[0].settings
    assert (form.goal.value, form.preset.value) == (SIAMESE, ATTACK_PRESETS[0].token)


def test_every_setting_has_its_place(form):
    assert set(form.widgets) == set(every_setting())


@pytest.mark.parametrize("preset", ATTACK_PRESETS, ids=lambda preset: preset.token)
def test_a_preset_on_the_screen_is_the_preset_to_the_last_digit(form, preset):
    assert form.settings(_values(form, **_shown(form, preset.settings))) == preset.settings


@pytest.mark.parametrize("method", METHODS)
def test_a_method_shows_what_it_uses_and_nothing_else(form, method):
    updates = dict(zip(form.widgets, form.shown(usual(method)), strict=True))
    assert {name for name, update in updates.items() if update["visible"]} == USED_BY[method] & set(every_setting())


def test_what_the_first_method_does_not_use_is_hidden_from_the_start(form):
    used = USED_BY[ATTACK_PRESETS[0].settings.method]
    assert {name for name, widget in form.widgets.items() if widget.visible} == set(used)


def test_what_the_visitor_sets_reaches_the_settings(form):
    settings = form.settings(_values(form, method="pgd", norm="linf", epsilon="4/255", steps=7, texture=True))
    assert (settings.method, settings.epsilon, settings.steps, settings.texture) == ("pgd", 4 / 255, 7, True)
    assert form.settings(_values(form, method="pgd", norm="l2", epsilon="1.5")).epsilon == 1.5
    for wrong in (
        {"method": "pgd", "epsilon": "far"},
        {"method": "pgd", "norm": "linf", "epsilon": "2"},
        {"method": "pgd", "epsilon": ["8/255"]},
        {"method": "pgd", "epsilon": None},
        {"method": "magic"},
        {"method": ["pgd"]},
        {"method": None},
        {"steps": math.nan},
        {"steps": 0},
        {"norm": "l7"},
    ):
        with pytest.raises(SettingsError):
            form.settings(_values(form, **wrong))


def test_what_is_hidden_cannot_be_in_the_way(form):
    settings = form.settings(_values(form, method="minimal", epsilon="nonsense", learning_rate="fast"))
    assert settings.method == "minimal"


def test_epsilon_is_written_in_steps_of_a_file_where_it_is_some():
    assert epsilon_text(8 / 255, "linf") == "8/255"
    assert epsilon_text(0.03, "linf") == "0.03"
    assert epsilon_text(1.0, "l2") == "1"


def test_a_link_brings_everything_back_and_says_only_what_differs():
    settings = dataclasses.replace(find_attack_preset("smooth").settings, epsilon=10 / 255, seed=7, texture=False)
    link = link_of("zebra", "resnet18", "smooth", settings)
    assert "epsilon=10%2F255" in link
    assert read_link(dict(parse_qsl(link[1:]))) == ("zebra", "resnet18", [], "smooth", settings)
    assert "steps" not in link
    assert len(link) < 150


def test_a_link_without_anything_is_the_tab_as_it_opens():
    assert read_link({"tab": "fool"}) == (
        SIAMESE,
        core.DEFAULT_BACKBONE,
        [],
        ATTACK_PRESETS[0].token,
        ATTACK_PRESETS[0].settings,
    )


def test_a_link_names_further_networks_of_those_that_are_here(made_weights):
    settings = ATTACK_PRESETS[0].settings
    link = link_of(SIAMESE, core.DEFAULT_BACKBONE, "invisible", settings, ("test_vit", "nonsense"))
    assert read_link(dict(parse_qsl(link[1:])))[2] == ["test_vit"]


@pytest.mark.parametrize("names", ["test_vit", [1], ["a", "b", "c", "d"], {"a": 1}])
def test_further_networks_are_a_few_names(names):
    with pytest.raises(SettingsError, match="Up to 3 networks"):
        checked_beside(names)


def test_several_networks_are_fooled_by_one_picture(wish):
    both = dataclasses.replace(wish, beside=checked_beside(["test_vit", "test_vit"]))
    final = last(fool(both, go_on=None, max_seconds=60))
    assert final.network == "test_resnet + test_vit"
    assert b"test_vit" in png_of(final, victim_of("test_resnet", ("test_vit",)))
    # judged anew, each by itself
    present = final.attacked.goal.label
    fooled = []
    for name, reading in zip(("test_resnet", "test_vit"), final.attacked.readings, strict=True):
        alone = core.Classifier(core.load_backbone(name)).predict([final.attacked.picture])[0]
        assert np.allclose(alone.probabilities, reading.probabilities, atol=1e-6)
        fooled.append(alone.top(1)[0].index != present)
        assert f"{name}: {alone.top(1)[0].title}" in status_card(final, running=False)
    assert final.attacked.success == all(fooled)
    assert f"{sum(fooled)} of 2" in verdict(final) or all(fooled)
    assert {"test_resnet", "test_vit"}.isdisjoint(trial.name for trial in last(survivals(final)))


@pytest.mark.parametrize(
    "params",
    [
        {"preset": "nonsense"},
        {"steps": "many"},
        {"steps": "inf"},
        {"texture": "yes"},
        {"method": "x"},
        {"epsilon": "a"},
    ],
)
def test_a_link_that_names_what_there_is_not_is_refused_in_words(params):
    with pytest.raises(SettingsError):
        read_link(params)


def test_who_has_no_photo_starts_from_one_that_comes_with_the_app(form):
    assert first_example().shows == "a cheetah"
    assert checked_photo(None) == str(first_example().path)
    assert checked_photo("mine.png") == "mine.png"
    assert form.photo.value is not None


@pytest.fixture
def wish(made_weights):
    return Wish(str(first_example().path), ANYTHING, "test_resnet", STRONG, "smooth")


@pytest.fixture
def attempt(wish):
    return last(fool(wish, go_on=None, max_seconds=60))


def test_an_attempt_says_what_is_read_before_and_after(attempt):
    assert attempt.target is None
    assert attempt.own == attempt.attacked.before.top(1)[0].title == attempt.watched
    if attempt.attacked.success:
        assert f"instead of {attempt.own}" in verdict(attempt)
    else:
        assert "Not yet" in verdict(attempt)
    named = last(fool(dataclasses.replace(attempt.wish, goal="siamese"), go_on=None, max_seconds=60))
    assert named.target == named.watched == "Siamese cat"


def test_an_attempt_goes_on_from_where_it_was(attempt):
    more = last(fool(attempt.wish, go_on=attempt, max_seconds=60))
    assert (attempt.snapshot.step, more.snapshot.step) == (4, 8)
    assert more.snapshot.history[0].step == 0


def test_the_file_holds_the_picture_to_the_last_bit(attempt):
    path = write_png(attempt)
    try:
        assert np.array_equal(np.asarray(core.read_image(path)), np.asarray(attempt.attacked.picture))
    finally:
        discard([path])


def test_what_survives_is_told_of_the_file(attempt):
    *_, trials = survivals(attempt)
    assert [trial.name for trial in trials if not trial.network] == list(CHANGES)
    assert trials[0].prediction.top(1)[0].index == attempt.attacked.prediction.top(1)[0].index
    assert any(trial.network for trial in trials)  # the shipped network at least


def test_the_whole_photo_is_as_large_as_it_was(attempt):
    full = last(enlarge(attempt))
    path = write_full_size(attempt, full)
    try:
        with Image.open(first_example().path) as photo:
            assert full.picture.size == photo.size
        assert np.array_equal(np.asarray(core.read_image(path)), np.asarray(full.picture))
    finally:
        discard([path])


def test_each_distance_has_its_picture(wish):
    final = last(dial_photo(wish, "linf", max_seconds=60))
    points = final.dialled.points
    assert len(points) == len(final.dialled.pictures) > 3
    assert all(point.measures.linf <= point.distance + 1e-6 for point in points)
    assert "fooled" in dial_picture(final, 0)
    assert "What the network reads" in dial_card(final, done=True)


def test_the_defence_corner_attacks_every_network_on_the_apps_pictures(wish, chelsea, tmp_path):
    with Image.open(chelsea) as picture:
        picture.convert("RGB").save(tmp_path / "own.png")
    own = dataclasses.replace(
        wish, photo=str(tmp_path / "own.png"), settings=dataclasses.replace(STRONG, steps=1, epsilon=4 / 255)
    )
    corner = last(defend_photos(own, None, max_seconds=600))
    _plain, second, third = corner.networks
    assert second.startswith("average with ")
    assert "blurred" in third
    assert len(corner.rows) == 3
    assert all(row.photos == len(examples()) + 1 for row in corner.rows)
    assert "Done." in defence_card(corner, done=True)


def test_a_visitors_own_network_is_attacked_by_its_own_names(classifier, wish):
    run = make_run(classifier, None, names=("red", "green"))
    own = dataclasses.replace(wish, network=run)
    attempt = last(fool(own, go_on=None, max_seconds=60))
    assert attempt.own_classes
    assert attempt.network == f"Mine ({classifier.backbone.title})"
    assert attempt.own in ("red", "green")
    other = "green" if attempt.own == "red" else "red"
    named = last(fool(dataclasses.replace(own, goal=other.upper()), go_on=None, max_seconds=60))
    assert named.target == other
    with pytest.raises(SettingsError, match="It knows red, green"):
        last(fool(dataclasses.replace(own, goal="zebra"), go_on=None, max_seconds=60))
    *_, trials = survivals(attempt)
    assert not any(trial.network for trial in trials)


def test_a_visitors_own_network_is_one_of_the_defences(classifier, wish):
    run = make_run(classifier, None)
    quick = dataclasses.replace(wish, settings=AttackSettings(method="fgsm", norm="linf", epsilon=4 / 255))
    begun = next(defend_photos(quick, run, max_seconds=600))
    assert f"Mine ({classifier.backbone.title})" in begun.networks
    own = next(defend_photos(dataclasses.replace(quick, network=run), run, max_seconds=600))
    assert len(own.networks) == 2  # no other network knows its classes


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"goal": "unicorn horn"}, "No ImageNet class"),
        ({"goal": "crane"}, "could be"),
        ({"photo": "gone.png"}, "no longer on the server"),
    ],
)
def test_what_is_wrong_is_said_in_words(wish, changed, said):
    with pytest.raises(core.PetLensError, match=said):
        last(fool(dataclasses.replace(wish, **changed), go_on=None, max_seconds=60))


def test_a_goal_that_is_read_already_and_a_photo_of_one_colour_are_refused(attempt, tmp_path):
    with pytest.raises(SettingsError, match="already"):
        last(fool(dataclasses.replace(attempt.wish, goal=attempt.own), go_on=None, max_seconds=60))
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    with pytest.raises(core.ImageError, match="one colour"):
        last(fool(dataclasses.replace(attempt.wish, photo=str(tmp_path / "red.png")), go_on=None, max_seconds=60))


def test_no_text_becomes_markup(attempt):
    prediction = Prediction(np.array([0.6, 0.4]), (TAG, "b"))
    attacked = dataclasses.replace(attempt.attacked, goal=Become(0), before=prediction, readings=(prediction,) * 2)
    attacked = dataclasses.replace(attacked, success=True)
    snapshot = dataclasses.replace(attempt.snapshot, attacked=(attacked,))
    hostile = dataclasses.replace(attempt, own=TAG, target=TAG, networks=(TAG, TAG), snapshot=snapshot)
    measures = attacked.measures
    full = FullSize(attacked.picture, 2.0, 0.5, prediction, measures, True)
    point = DialPoint(1.0, measures, 0.5, 0.5, True)
    dialled = DialledPhoto(
        TAG, TAG, TAG, "l2", Dialled(1, 1, 0.9, (point, point), (attacked.picture, attacked.picture))
    )
    said = [
        change_panel(hostile, exact=True),
        status_card(hostile, running=True),
        status_card(hostile, running=False),
        survival_card(hostile, [Trial(TAG, prediction, "fooled", network=True)], done=True),
        full_size_card(hostile, full),
        full_size_card(hostile, dataclasses.replace(full, success=False)),
        dial_card(dialled, done=True),
        dial_picture(dialled, 0),
        defence_card(Corner((TAG, TAG), (Defended(TAG, 1, 0.5, 0.5, None),), 0.5), done=False),
    ]
    assert all("<img src=x" not in text for text in said)
    # these travel as data and become attributes in the browser
    assert TAG in compare_value(hostile, exact=False)["after_alt"]


def test_the_cards_say_in_words_what_colours_say(attempt):
    prediction = Prediction(np.eye(1000)[284])
    attacked = dataclasses.replace(attempt.attacked, success=True)
    worked = dataclasses.replace(attempt, snapshot=dataclasses.replace(attempt.snapshot, attacked=(attacked,)))
    trials = [
        Trial("a", prediction, "fooled"),
        Trial("b", prediction, "mended"),
        Trial("c", prediction, "other"),
        Trial("N", prediction, "mended", network=True),
    ]
    card = survival_card(worked, trials, done=True)
    assert all(words in card for words in ("✓ fooled", "↩ mended", "~ other", "1 of 3", "0 of 1 other network falls"))
    assert "Trying" in survival_card(worked, trials[:1], done=False)
    alone = survival_card(dataclasses.replace(worked, own_classes=True), trials[:3], done=True)
    assert "nobody else" in alone
    failed = dataclasses.replace(attacked, success=False)
    not_yet = dataclasses.replace(attempt, snapshot=dataclasses.replace(attempt.snapshot, attacked=(failed,)))
    assert survival_card(not_yet, trials, done=True) == ""


def test_numbers_of_a_picture_that_did_not_change_can_be_written(attempt):
    same = attempt.attacked.original
    attacked = dataclasses.replace(attempt.attacked, picture=same, measures=measure(same, same))
    still = dataclasses.replace(attempt, snapshot=dataclasses.replace(attempt.snapshot, attacked=(attacked,)))
    assert "∞" in status_card(still, running=True)
    assert "nothing yet" in change_panel(still, exact=False)


def test_a_picture_that_stays_is_sent_without_loss(attempt):
    import base64

    kind, _, data = compare_value(attempt, exact=True)["after"].partition(",")
    assert "image/png" in kind
    sent = Image.open(io.BytesIO(base64.b64decode(data)))
    assert np.array_equal(np.asarray(sent), np.asarray(attempt.attacked.picture))


def test_attempts_are_kept_for_pages_that_are_there_and_not_for_too_many():
    sessions = Sessions(200)
    sessions.keep_result("gone", attempt="attempt")
    assert len(sessions) == 0
    for number in range(MAX_RESULTS + 2):
        sessions.change(str(number), shown="x")
        sessions.keep_result(str(number), attempt="attempt")
        sessions.keep_result(str(number), dialled="dialled")
    kept = [sessions.get(str(number)) for number in range(MAX_RESULTS + 2)]
    assert [session.attempt for session in kept] == [None, None] + ["attempt"] * MAX_RESULTS
    assert [session.dialled for session in kept] == [None, None] + ["dialled"] * MAX_RESULTS


def test_files_carry_no_path_of_a_visitor():
    path = new_file("../../etc/<b>", ".png")
    try:
        assert path.parent.name.startswith("pet-lens-")
        assert path.name == "------etc--b-.png"
    finally:
        discard([str(path)])


@pytest.fixture
def tab(made_weights):
    """The handlers by name, and the context that they share."""
    return _tab(Limits())


def _tab(limits):
    context = Context.create(limits)
    with gr.Blocks() as page, gr.Tabs(), gr.Tab("Fool it", id="fool") as own:
        _, opener = build_fool_tab(context, page, own)
    return SimpleNamespace(context=context, page=page, opener=opener)


def _press(tab, name, changed=None, *, who="me"):
    """Everything that a button's handler sends, as lists of (element's name, value)."""
    event = next(known for known in tab.page.fns.values() if known.name == name)
    by_id = {component.elem_id: component for component in event.inputs if component.elem_id}
    values = {component: component.value for component in event.inputs}
    for elem_id, value in (changed or {}).items():
        values[by_id[elem_id]] = value
    given = [values] if event.inputs_as_dict else [values[component] for component in event.inputs]

    async def collect():
        return [update async for update in event.fn(*given, visitor(who))]

    names = [component.elem_id for component in event.outputs]
    updates = [update if isinstance(update, (tuple, list)) else (update,) for update in asyncio.run(collect())]
    return [dict(zip(names, update, strict=True)) for update in updates]


def _own_photo(chelsea):
    return {"fool-photo": str(chelsea), "fool-goal": ANYTHING, "fool-steps": 2}


def test_a_host_allows_so_many_gradients_at_a_time(made_weights, chelsea):
    strict = _tab(Limits(max_steps=2))
    asked = {**_own_photo(chelsea), "fool-steps": 3}
    assert (
        "These are 3 steps; the host of this page allows 2" in _press(strict, "start_attack", asked)[-1]["fool-status"]
    )
    assert strict.context.sessions.get("me").attempt is None
    _press(strict, "start_attack", _own_photo(chelsea))
    _press(strict, "continue_attack")
    assert strict.context.sessions.get("me").attempt.snapshot.step == 4


def test_the_tab_opens_with_a_change_that_was_made_before_and_is_judged_now(tab):
    show = handler(tab.page, "show_example")
    pictures, change, card = asyncio.run(show(tab.opener.status.value, visitor("me")))
    assert "Siamese cat" in pictures["after_alt"]
    assert "cheetah" in pictures["before_alt"]
    assert "times as strong" in change
    assert "made before" in card
    example = ready_made()
    assert example.attacked.success
    assert example.attacked.measures.l2 < 1.5
    (read,) = core.Classifier(core.load_backbone()).predict([example.attacked.picture])
    assert read.top(1)[0].title == SIAMESE
    assert read.top(1)[0].probability > 0.5


def test_the_example_makes_room_for_what_the_visitor_made(tab, chelsea):
    _press(tab, "start_attack", _own_photo(chelsea))
    show = handler(tab.page, "show_example")
    updates = asyncio.run(show(tab.opener.status.value, visitor("me")))
    assert all(isinstance(update, dict) for update in updates)


def test_an_attack_ends_with_files_a_link_and_a_result_that_is_kept(tab, chelsea):
    sent = _press(tab, "start_attack", _own_photo(chelsea))
    assert "Done: step 2 of 2" in sent[-1]["fool-status"]
    assert "tab=fool" in sent[-1]["fool-link"]
    assert sent[-1]["fool-go"]["interactive"]
    assert tab.context.sessions.get("me").attempt.snapshot.step == 2
    assert tab.context.sessions.get("me").attack is None
    gone_on = _press(tab, "continue_attack")
    assert "Done: step 4 of 4" in gone_on[-1]["fool-status"]


def test_an_error_keeps_the_result_and_all_that_can_be_done_with_it(tab, chelsea):
    _press(tab, "start_attack", _own_photo(chelsea))
    kept = tab.context.sessions.get("me").attempt
    sent = _press(tab, "start_attack", {**_own_photo(chelsea), "fool-goal": "unicorn horn"})
    assert "No ImageNet class is called" in sent[-1]["fool-status"]
    assert sent[-1]["fool-png"]["interactive"]
    assert sent[-1]["fool-continue"]["interactive"]
    assert tab.context.sessions.get("me").attempt is kept


def test_nobody_gets_anybody_elses_result(tab, chelsea):
    _press(tab, "start_attack", _own_photo(chelsea), who="me")
    sent = _press(tab, "continue_attack", who="you")
    assert "nothing to go on with" in sent[-1]["fool-status"]
    assert "no change yet" in _press(tab, "put_onto_full_size", who="you")[-1]["fool-full-said"]


def test_what_was_said_of_the_picture_of_before_goes_once_the_next_attack_begins(tab, chelsea):
    _press(tab, "start_attack", _own_photo(chelsea))
    refused = _press(tab, "start_attack", {**_own_photo(chelsea), "fool-goal": "unicorn horn"})
    assert all(isinstance(sent["fool-full-said"], dict) for sent in refused), "it is left as it is"
    again = _press(tab, "start_attack", _own_photo(chelsea))
    assert "" in [sent["fool-full-said"] for sent in again]


def test_the_dial_does_not_end_what_is_told_of_the_picture(tab, chelsea):
    _press(tab, "start_attack", _own_photo(chelsea))
    tab.context.sessions.start("me", Job(lambda: iter(())), kind="dial")
    worked = tab.context.sessions.get("me").attempt.attacked.success

    async def collect():
        return [said async for said in handler(tab.page, "see_what_survives")(visitor("me"))]

    said = asyncio.run(collect())[-1]
    assert ("Still fooled" in said) == worked


def test_a_late_full_size_photo_of_an_earlier_picture_is_not_shown(tab, chelsea, monkeypatch):
    _press(tab, "start_attack", _own_photo(chelsea))

    def replaced_meanwhile(attempt):
        tab.context.sessions.change("me", attempt=dataclasses.replace(attempt))
        yield from enlarge(attempt)

    monkeypatch.setattr("demo.fool.enlarge", replaced_meanwhile)
    sent = _press(tab, "put_onto_full_size")
    assert "whole photo" not in str([update["fool-full-said"] for update in sent])
    assert not any(update["fool-full-png"].get("visible") for update in sent)


def test_what_an_attack_had_reached_when_it_failed_can_be_gone_on_with(tab, chelsea, monkeypatch):
    def breaks(*arguments, **named):
        for number, attempt in enumerate(fool(*arguments, **named)):
            if number:
                yield attempt
                raise RuntimeError("broken")

    monkeypatch.setattr("demo.fool.fool", breaks)
    sent = _press(tab, "start_attack", _own_photo(chelsea))
    assert "not your fault" in sent[-1]["fool-status"]
    assert tab.context.sessions.get("me").attempt.snapshot.step == 1
    assert sent[-1]["fool-continue"]["interactive"]


def test_a_link_of_a_thousand_networks_looks_at_the_disk_once(monkeypatch):
    looks = []
    monkeypatch.setattr("demo.fool_form.others_here", lambda: looks.append(1) or [("One", "one")])
    assert read_link({"with": ",".join(["one"] * 1000)})[2] == ["one"] * 3
    assert len(looks) == 1


def test_an_empty_goal_is_asked_for(tab):
    sent = _press(tab, "start_attack", {"fool-goal": " "})
    assert "Choose a name" in sent[-1]["fool-status"]
    assert not sent[-1]["fool-continue"]["interactive"]


def test_the_goals_are_the_names_that_the_network_knows(tab, classifier):
    run = make_run(classifier, None, names=("red", "green"))
    tab.context.sessions.keep_run("me", run)
    offer = handler(tab.page, "offer_goals")
    own, here = asyncio.run(offer(value_of(run), SIAMESE, visitor("me")))
    assert (own["choices"], own["value"]) == ([(name, name) for name in (ANYTHING, "red", "green")], ANYTHING)
    assert ("test_vit", "test_vit") in here["choices"]
    for chosen, kept in ((SIAMESE, SIAMESE), ("siamese", "siamese"), ("red", "red"), ("unheard of", ANYTHING)):
        published, _ = asyncio.run(offer("test_resnet", chosen, visitor("me")))
        assert (len(published["choices"]), published["value"]) == (1001, kept)
    # nobody is offered the names of somebody else's run
    assert "choices" not in asyncio.run(offer(value_of(run), SIAMESE, visitor("you")))[0]


def test_the_defence_corner_ends_with_its_table(tab):
    one_step = {"fool-method": "fgsm", "fool-norm": "linf", "fool-epsilon": "4/255", "fool-goal": "unicorn horn"}
    sent = _press(tab, "attack_all", one_step)
    assert "Done." in sent[-1]["defence-said"]
    assert sent[-1]["defence-said"].count("<tr>") == 4
    assert tab.context.sessions.get("me").attack is None


def test_the_dial_ends_with_a_picture_at_each_place(tab, chelsea):
    sent = _press(tab, "measure", _own_photo(chelsea))
    assert sent[-1]["dial-place"]["visible"]
    turn = handler(tab.page, "turn")
    assert "L2 0.1" in turn(0, visitor("me"))
    for wrong in (99, -1, 0.5, math.nan, True, None, "1"):
        assert isinstance(turn(wrong, visitor("me")), dict)
    assert isinstance(turn(0, visitor("you")), dict)
