"""What the page shows of a run: whose, which pictures, and what comes too late."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import gradio as gr
import pytest
from PIL import Image

from demo.context import Context, Limits
from demo.train_results import build_results
from tests.demo.made_runs import COLOURS, handler, make_run, shown_colours, visitor

EVIL = "<img src=x onerror=alert(1)>\"'&${alert(1)}`"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def context():
    return Context.create(Limits())


@pytest.fixture
def parts(context):
    """The page, and the results on it."""
    with gr.Blocks() as page:
        results = build_results(context)
    return page, results


def _texts(updates: list) -> str:
    return "".join(update if isinstance(update, str) else str(update.get("value", "")) for update in updates)


def _press(page, who: str, truth, said):
    event = gr.EventData(None, {"truth": truth, "said": said})
    return handler(page, "show_cell")(event, visitor(who))


def _galleries(page, who: str, turn: str) -> tuple[str, str]:
    """The worst mistakes and the least sure pictures, as they are on the page in the end."""

    async def collect() -> tuple[str, str]:
        shown = ["", ""]
        async for update in handler(page, "load_pictures")(turn, visitor(who)):
            shown = [new if isinstance(new, str) else old for new, old in zip(update, shown, strict=True)]
        return tuple(shown)

    return asyncio.run(asyncio.wait_for(collect(), 60))


def _is_skip(update) -> bool:
    return update == gr.skip()


def test_a_visitor_sees_the_own_run_and_nobody_elses(home, context, parts, classifier):
    page, results = parts
    run = make_run(classifier, home / "pictures")
    context.sessions.keep_run("me", run)
    context.sessions.change("you", shown=run.token)
    mine, yours = results.refresh(visitor("me")), results.refresh(visitor("you"))
    assert len(mine) == len(yours) == len(results.outputs)
    assert "Mine" in _texts(mine)
    assert "4 of 6" in _texts(mine)
    assert "Mine" not in _texts(yours)
    assert "you see here how good it is" in _texts(yours)
    assert _galleries(page, "you", yours[-1]) == ("", "")
    said = asyncio.run(_press(page, "you", 0, 1))
    assert "not on the page" in said
    assert "<img" not in said


def test_the_surest_mistakes_and_the_least_sure_pictures_come_in_that_order(home, context, parts, classifier):
    page, results = parts
    context.sessions.keep_run("me", make_run(classifier, home / "pictures"))
    worst, unsure = _galleries(page, "me", results.refresh(visitor("me"))[-1])
    assert shown_colours(worst) == [COLOURS[1], COLOURS[4]]
    assert "shows <b>cat</b>" in worst
    assert "called <b>dog</b>, 95 % sure" in worst
    assert shown_colours(unsure)[:3] == [COLOURS[2], COLOURS[4], COLOURS[3]]
    assert "rightly called <b>cat</b>, 55 % sure" in unsure


@pytest.mark.parametrize(
    ("cell", "title", "pictures"),
    [
        ((0, 1), "cat, called dog: 1 picture", [1]),
        ((1, 1), "dog, rightly recognised: 2 pictures", [5, 3]),
    ],
)
def test_a_pressed_cell_shows_its_pictures_the_surest_first(home, context, parts, classifier, cell, title, pictures):
    page, results = parts
    context.sessions.keep_run("me", make_run(classifier, home / "pictures"))
    results.refresh(visitor("me"))
    said = asyncio.run(_press(page, "me", *cell))
    assert title in said
    assert shown_colours(said) == [COLOURS[number] for number in pictures]


@pytest.mark.parametrize("cell", [(0, 2), (-1, 0), ("0", 1), (True, 0), (None, None), (10**30, 0)])
def test_a_cell_that_is_none_gets_a_message(home, context, parts, classifier, cell):
    page, results = parts
    context.sessions.keep_run("me", make_run(classifier, home / "pictures"))
    results.refresh(visitor("me"))
    said = asyncio.run(_press(page, "me", *cell))
    assert 'role="alert"' in said
    assert "wrong inside" not in said


class Slow:
    """A picture that is drawn when it may be."""

    key = name = "slow"

    def __init__(self) -> None:
        self.asked, self.may = threading.Event(), threading.Event()

    def draw(self) -> Image.Image:
        self.asked.set()
        assert self.may.wait(30)
        return Image.new("RGB", (64, 64), COLOURS[1])


@pytest.mark.parametrize("meanwhile", ["another cell", "another run"])
def test_an_answer_that_comes_late_stays_away(home, context, parts, classifier, meanwhile):
    page, results = parts
    run, slow = make_run(classifier, home / "pictures"), Slow()
    items = (run.tested.items[0], slow, *run.tested.items[2:])
    context.sessions.keep_run("me", dataclasses.replace(run, tested=dataclasses.replace(run.tested, items=items)))
    results.refresh(visitor("me"))

    async def press_and_go_on():
        first = asyncio.create_task(_press(page, "me", 0, 1))
        await asyncio.to_thread(slow.asked.wait, 30)
        if meanwhile == "another run":
            results.refresh(visitor("me"))
            slow.may.set()
            return await first, None
        second = asyncio.create_task(_press(page, "me", 1, 1))
        await asyncio.sleep(0)  # it has begun
        slow.may.set()
        return await asyncio.gather(first, second)

    first, second = asyncio.run(asyncio.wait_for(press_and_go_on(), 60))
    assert _is_skip(first)
    assert second is None or shown_colours(second) == [COLOURS[5], COLOURS[3]]


def test_the_galleries_of_a_run_that_is_not_shown_any_more_stay_away(home, context, parts, classifier):
    page, results = parts
    context.sessions.keep_run("me", make_run(classifier, home / "pictures"))
    before = results.refresh(visitor("me"))[-1]
    results.refresh(visitor("me"))
    assert _galleries(page, "me", before) == ("", "")


def test_where_the_pictures_are_not_at_hand_the_page_says_so(home, context, parts, classifier):
    page, results = parts
    context.sessions.keep_run("me", make_run(classifier, None))
    updates = results.refresh(visitor("me"))
    assert "choose at the top the data set" in _texts(updates)
    assert _galleries(page, "me", updates[-1]) == ("", "")
    said = asyncio.run(_press(page, "me", 0, 1))
    assert "cat, called dog: 1 picture" in said
    assert "choose at the top the data set" in said


def test_a_picture_that_is_gone_leaves_a_note_in_its_place(home, context, parts, classifier):
    page, results = parts
    context.sessions.keep_run("me", make_run(classifier, home / "pictures"))
    (home / "pictures" / "1.png").unlink()
    results.refresh(visitor("me"))
    said = asyncio.run(_press(page, "me", 0, 1))
    assert "cannot be opened any more" in said
    assert "<img" not in said
    assert str(home) not in said


def test_a_run_that_is_not_tested_yet_is_said_to_be_so(home, context, parts, classifier):
    _, results = parts
    run = dataclasses.replace(make_run(classifier, None), evaluation=None)
    context.sessions.keep_run("me", run)
    assert "not finished" in _texts(results.refresh(visitor("me")))


def test_no_name_becomes_markup(home, context, parts, classifier):
    page, results = parts
    run = make_run(classifier, home / "pictures", name=EVIL, names=(EVIL, "dog"))
    record = dataclasses.replace(run.record, dataset=dataclasses.replace(run.record.dataset, title=EVIL))
    context.sessions.keep_run("me", dataclasses.replace(run, record=record))
    updates = results.refresh(visitor("me"))
    texts = _texts(updates) + asyncio.run(_press(page, "me", 0, 1)) + "".join(_galleries(page, "me", updates[-1]))
    assert "<img src=x" not in texts
    assert texts.count("&lt;img src=x") > 10
