"""Runs of visitors: what the browser keeps, what goes on, what the plot and the cards say."""

import asyncio
import json
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.datasets.own import collect
from core.errors import DatasetError
from core.runs.pipeline import train_run
from core.runs.plan import Plan
from core.streams import last
from core.training.head_settings import HeadSettings
from demo.jobs import BusyError, Job, Pool
from demo.opening import Openings
from demo.session import MAX_RUNS, Session, Sessions
from demo.train_cards import finished_card, run_card, stopped_card
from demo.train_plot import growing_plot, plot_of, short_names
from demo.train_run import (
    UnderWay,
    begin,
    bounded,
    check_same_pictures,
    folder_of,
    go_on,
    new_token,
    unfinished_run,
    visitors_run,
)
from demo.visitors_runs import read_runs, sound_tokens, tokens_to_keep
from tests.waiting import until

TAG = "<img src=x onerror=alert(1)>"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def dataset(tmp_path):
    """Two classes of eight small pictures."""
    rng = np.random.default_rng(0)
    classes = {}
    for name, colour in (("red", (200, 40, 40)), (TAG, (40, 60, 200))):
        classes[name] = []
        for number in range(8):
            path = tmp_path / f"{len(classes)}-{number}.png"
            pixels = np.clip(np.array(colour) + rng.normal(0, 40, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path)
            classes[name].append(path)
    return collect(classes)


@pytest.fixture
def plan(made_weights):
    return Plan("test_resnet", head=HeadSettings(epochs=3), name=TAG)


async def _end(job):
    async for _ in job.watch():
        pass


def _run(plan, dataset, token):
    """A finished run, and its last snapshot."""
    snapshot = last(bounded(lambda: begin(plan, dataset, token), token, UnderWay(), max_seconds=600))
    return visitors_run(token, snapshot), snapshot


def test_old_runs_make_room_for_a_new_one_where_the_host_set_a_limit(home, plan, dataset):
    old, new = new_token(), new_token()
    _run(plan, dataset, old)
    record = folder_of(old) / "run.json"
    os.utime(record, (record.stat().st_mtime - 1.5 * 86_400,) * 2)
    list(begin(plan, dataset, new_token(), max_gb=1, max_days=2))
    assert folder_of(old).is_dir()
    last(begin(plan, dataset, new, max_days=1))
    assert not folder_of(old).exists()
    assert folder_of(new).is_dir()


def test_a_finished_run_comes_back_from_its_token(home, plan, dataset):
    token = new_token()
    run, _ = _run(plan, dataset, token)
    (again,) = read_runs([token, new_token()], Session())
    assert again.record == run.record
    assert again.history.as_dict()["step"] == run.history.as_dict()["step"]
    assert again.evaluation.accuracy == run.evaluation.accuracy
    assert read_runs([token], Session(runs=(run,))) == []


def test_a_damaged_run_is_passed_over(home, plan, dataset):
    tokens = [new_token(), new_token()]
    for token in tokens:
        _run(plan, dataset, token)
    (folder_of(tokens[0]) / "run.json").write_text("{")
    assert [run.token for run in read_runs(tokens, Session())] == tokens[1:]


def test_the_hosts_limit_stores_the_run_which_can_then_go_on(home, plan, dataset):
    token = new_token()
    stopped = last(bounded(lambda: begin(plan, dataset, token), token, UnderWay(), max_seconds=0))
    run = visitors_run(token, stopped)
    assert run.record.state == "stopped"
    session = Session(runs=(run,))
    assert unfinished_run(session) is run
    assert check_same_pictures(run, dataset) is dataset
    finished = last(bounded(lambda: go_on(dataset, token), token, UnderWay(), max_seconds=600))
    assert visitors_run(token, finished).record.state == "finished"
    assert unfinished_run(Session(runs=(visitors_run(token, finished),))) is None


def test_a_run_goes_on_with_its_own_pictures_only(home, plan, dataset):
    run, _ = _run(plan, dataset, new_token())
    for other in (None, replace(dataset, name="others"), replace(dataset, splits={"train": dataset.split("train")})):
        with pytest.raises(DatasetError, match="learned from my pictures"):
            check_same_pictures(run, other)


def test_one_run_is_not_trained_twice_at_once_and_is_free_afterwards():
    under_way, token = UnderWay(), new_token()
    running = bounded(lambda: (number for number in (1, 2)), token, under_way, max_seconds=600)
    next(running)
    with pytest.raises(BusyError, match="still being trained"):
        next(bounded(lambda: (number for number in (1,)), token, under_way, max_seconds=600))
    running.close()
    assert list(bounded(lambda: (number for number in (1,)), token, under_way, max_seconds=600)) == [1]


@pytest.mark.parametrize(
    "stored",
    [None, "x", {"a": 1}, ["../../etc/passwd"], ["A" * 32], ["a" * 33], [["a" * 32]], [None, 3], ["a" * 32 + "\n"]],
)
def test_a_browser_that_says_nonsense_gets_no_run(stored):
    assert sound_tokens(stored) == []


def test_a_browser_keeps_the_newest_runs_only():
    tokens = [new_token() for _ in range(MAX_RUNS + 5)]
    assert sound_tokens(tokens) == tokens[-MAX_RUNS:]


def test_runs_of_another_tab_stay_known_and_removed_ones_go(home, plan, dataset):
    mine, others, gone = new_token(), new_token(), new_token()
    run, _ = _run(plan, dataset, mine)
    folder_of(others).mkdir()
    assert tokens_to_keep([gone, others], Session(runs=(run,)), UnderWay()) == [others, mine]


def test_a_training_that_waits_for_its_turn_and_has_no_folder_yet_stays_known():
    under_way, waiting = UnderWay(), new_token()
    job = Job(lambda: iter(()))
    under_way.add(waiting, job)
    assert tokens_to_keep([waiting, new_token()], Session(), under_way) == [waiting]
    # whatever the browser had heard of when it asked
    assert tokens_to_keep([], Session(training=job), under_way) == [waiting]
    assert tokens_to_keep(None, Session(), under_way) == []
    job.stop()
    assert tokens_to_keep([waiting], Session(), under_way) == []


def test_runs_keep_their_colours_when_others_go(home, plan, dataset):
    sessions = Sessions(3)
    runs = [_run(plan, dataset, new_token())[0] for _ in range(2)]
    for run in (*runs, replace(runs[0], token=new_token())):
        session = sessions.keep_run("me", run)
    assert [run.colour for run in session.runs] == [0, 1, 2]
    session = sessions.change("me", runs=session.runs[1:])
    assert [run["colour"] for run in plot_of(session)["runs"]] == [1, 2]
    assert [run.colour for run in sessions.keep_run("me", runs[0]).runs] == [1, 2, 0]


def test_the_growing_run_is_drawn_last_over_the_others(home, plan, dataset):
    run, snapshot = _run(plan, dataset, new_token())
    session = Sessions(3).keep_run("me", run)
    drawn = growing_plot(session, new_token(), snapshot)["runs"]
    assert [one["colour"] for one in drawn] == [0, 1]
    assert drawn[0]["training"] == drawn[1]["training"] != ""


def test_a_legend_says_what_differs_where_the_rest_is_shared():
    shared = "Net on Pets"
    assert short_names([f"{shared} (epochs 5)", shared]) == ["epochs 5", "all as it comes"]
    assert short_names([f"{shared} (epochs 5)", "my run"]) == [f"{shared} (epochs 5)", "my run"]
    assert short_names([f"{shared} (epochs 5)"]) == [f"{shared} (epochs 5)"]


def test_names_of_people_are_text_in_every_card(home, plan, dataset):
    snapshots = list(train_run(plan, dataset))
    cards = [run_card(snapshot) for snapshot in snapshots]
    cards += [finished_card(snapshots[-1]), stopped_card(snapshots[0]), stopped_card(None)]
    for card in cards:
        assert TAG not in card
    assert "Looking at" in cards[0]
    assert "pictures right" in finished_card(snapshots[-1])
    assert "limit here" in stopped_card(snapshots[0], max_minutes=5)


def test_a_known_data_set_is_opened_once_for_all(home):
    openings = Openings(Pool("data", threads=1, max_waiting=5))
    job = openings.job("drawn-pets")
    assert openings.job("drawn-pets") is job
    broken = openings.job("cats-vs-dogs")  # not here
    with pytest.raises(DatasetError, match="not here"):
        asyncio.run(_end(broken))
    assert broken.state == "failed"
    assert openings.job("cats-vs-dogs") is not broken


def test_a_visitors_own_pictures_go_with_the_visitor(tmp_path):
    folder = tmp_path / "visitor"
    folder.mkdir()
    (folder / "shot.png").write_bytes(b"x")
    sessions = Sessions(3)
    sessions.change("me", folder=folder)
    sessions.forget("me")
    for thread in threading.enumerate():
        if thread.name == "forget":
            thread.join(30)
    assert not folder.exists()


def test_photos_and_a_training_do_not_stop_each_other():
    sessions = Sessions(3)
    photos, training = Job(lambda: iter([1])), Job(lambda: iter([1]))
    sessions.start("me", training, kind="training")
    sessions.start("me", photos)
    assert not training.stopping
    sessions.stop("me", kind="training")
    assert training.stopping
    assert not photos.stopping
    sessions.forget("me")
    assert photos.stopping


def test_values_of_the_plot_are_plain_json(home, plan, dataset):
    run, _ = _run(plan, dataset, new_token())
    assert json.loads(json.dumps(plot_of(Session(runs=(run,)))))["runs"][0]["name"] == TAG


def test_a_run_that_is_trained_is_found_by_its_token_until_it_ends():
    under_way, mine, other, gate = UnderWay(), new_token(), new_token(), threading.Event()

    def learn():
        gate.wait(10)
        yield 1

    job, second = Pool("test", threads=1, max_waiting=3).submit(learn), Job(learn)
    under_way.add(mine, job)
    under_way.add(mine, second)  # in another tab: it will be refused
    assert under_way.find([other]) is None
    assert under_way.find([mine, other]) == (mine, job)
    gate.set()
    until(lambda: under_way.find([mine]) is None)
    assert job.state == "done"
