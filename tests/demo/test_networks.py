"""Networks that a visitor may choose: those that anybody may, and the own runs."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil

import pytest

import core
from core.errors import BackboneError, CheckpointError
from core.runs import save_run
from demo import networks
from demo.context import Context, Limits
from tests.demo.made_runs import make_run


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    return Context.create(Limits())


def test_a_run_is_found_by_its_owner_only(context, classifier):
    run = make_run(classifier, None)
    context.sessions.keep_run("me", run)
    assert networks.find_network(context, f"run:{run.token}", "me").token == run.token
    for value, who in ((f"run:{run.token}", "you"), ("run:", "me"), (f"run:../{run.token}", "me")):
        with pytest.raises(CheckpointError, match="not on your page"):
            networks.find_network(context, value, who)


def test_a_typed_name_is_left_to_core(context):
    assert networks.find_network(context, "resnet18", "me") == "resnet18"


def test_lists_name_the_own_runs_first_the_newest_at_the_top(context, classifier):
    first, second = make_run(classifier, None), make_run(classifier, None, name="A very long name, " * 8)
    choices = networks.choices_for("none", [first, second])
    assert [value for _, value in choices[:3]] == ["none", f"run:{second.token}", f"run:{first.token}"]
    assert choices[2][0] == "My run: Mine"
    assert len(choices[1][0]) < 80
    assert choices[3][1] == core.DEFAULT_BACKBONE


def test_a_run_without_a_head_cannot_be_chosen(context, classifier):
    run = make_run(classifier, None)
    (run.folder / "head.safetensors").unlink()
    assert networks.choices_for("x", [run]) == networks.choices_for("x")


def test_a_run_is_woken_and_then_answers_with_its_own_classes(context, classifier, chelsea):
    run = make_run(classifier, None, names=("red", "green", "blue"))

    async def wake() -> list[str]:
        return [card async for card in networks.prepare(context, run)]

    assert not networks.is_ready(run)
    assert "Waking Mine" in asyncio.run(asyncio.wait_for(wake(), 60))[-1]
    assert networks.is_ready(run)
    assert asyncio.run(wake()) == []
    own = networks.load(run)
    prediction = own.predict([own.read(str(chelsea))])[0]
    assert {ranked.label for ranked in prediction.top(5)} == {"red", "green", "blue"}


def test_a_run_that_was_trained_on_answers_anew(context, classifier):
    run = make_run(classifier, None)
    before = networks.load(run)
    head = dataclasses.replace(before.head, bias=before.head.bias + 1)
    save_run(run.folder, run.record, dataclasses.replace(before, head=head), history=run.history, evaluation=None)
    assert not networks.is_ready(run)
    assert networks.load(run).head.bias.tolist() == [1.0, 1.0]
    assert networks.is_ready(run)


def test_a_run_that_was_removed_says_so_instead_of_answering(context, classifier):
    run = make_run(classifier, None)
    networks.load(run)
    shutil.rmtree(run.folder)
    assert not networks.is_ready(run)
    with pytest.raises(CheckpointError):
        networks.load(run)


def test_few_runs_stay_in_memory(classifier, context):
    runs = [make_run(classifier, None, name=f"run {number}") for number in range(4)]
    kept = networks._Classifiers(most=2)
    for run in runs:
        kept.load(run)
    assert [kept.find(run) is not None for run in runs] == [False, False, True, True]


def test_a_network_that_names_nothing_may_be_trained_but_not_asked():
    name = "vit_small_patch14_dinov2"
    assert not networks.is_ready(name, to_train=True)
    with pytest.raises(BackboneError, match="cannot classify by itself"):
        networks.is_ready(name)
    titles = [value for _, value in networks._network_choices(to_train=True)]
    assert name in titles
