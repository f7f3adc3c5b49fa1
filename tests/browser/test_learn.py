"""The Learn tab in a real browser: predict, run, answer, come back later; the quizzes; a station in another tab."""

from __future__ import annotations

import re

import gradio as gr
import pytest
from playwright.sync_api import expect

from demo.context import Context, Limits
from demo.learn import build_learn_tab
from demo.learn_stations import build_lesson_bar
from demo.page import launch_options
from demo.quiz import QUIZ, TRICK_QUESTIONS
from demo.stations import eight_stations
from demo.tab_opener import Opener
from tests.browser.conftest import DESKTOP, PHONE

# Who opens the page without a link sees the lesson.
pytestmark = [pytest.mark.browser, pytest.mark.link("")]

BOTH_SIZES = pytest.mark.parametrize("page", ["desktop light", "phone dark"], indirect=True)
DESKTOP_ONLY = pytest.mark.parametrize("page", ["desktop light"], indirect=True)
LONG = 180_000
# Gradio's stream says so when a page is left by a reload
_LEFT = re.compile("AbortError|errored out|ERR_ABORTED")


@pytest.fixture
def lesson(page):
    expect(page.locator("#station-text h2")).to_have_text("Features")
    yield page
    page.faults[:] = [fault for fault in page.faults if not _LEFT.search(fault)]


def _fits(page):
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return wide <= screen


def _choose(page, where, number):
    page.locator(f"{where} label").nth(number).click()
    expect(page.locator(f"{where} input[type=radio]").nth(number)).to_be_checked()


def _part(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


@BOTH_SIZES
def test_a_station_is_predicted_then_answered_and_kept(lesson):
    run = lesson.locator("#station-run-inside")
    expect(run).to_be_disabled()
    expect(lesson.locator("#station-now")).to_have_count(0)
    _choose(lesson, "#station-predict", 0)
    expect(run).to_be_enabled()
    run.click()
    expect(lesson.locator("#inside-maps button").first).to_be_visible(timeout=LONG)
    lesson.locator("#lesson-back").click()
    _choose(lesson, "#station-again", 1)
    verdict = lesson.locator("#station-verdict")
    expect(verdict).to_contain_text("Right.")
    expect(verdict).to_contain_text("You had predicted: Larger and sharper")
    expect(lesson.locator("#stations button").first).to_have_accessible_name("1: Features, done")
    assert _fits(lesson)

    lesson.reload()
    expect(verdict).to_contain_text("You had predicted: Larger and sharper")
    expect(lesson.locator("#station-predict input[type=radio]").first).to_be_checked()
    expect(lesson.locator("#station-predict input[type=radio]").first).to_be_disabled()
    lesson.locator("#station-next").click()
    expect(lesson.locator("#station-text")).to_contain_text("Station 2 of 8")
    expect(lesson.locator("#stations [aria-current]")).to_have_attribute("data-station", "1")

    lesson.locator("#lesson-clear").click()
    expect(lesson.locator("#station-text h2")).to_have_text("Features")
    expect(lesson.locator("#stations")).to_contain_text("0 of 8 stations done")


@BOTH_SIZES
def test_the_strip_is_walked_by_keyboard(lesson):
    for number, station in enumerate(eight_stations()):
        stop = lesson.locator(f"#stations button[data-station='{number}']")
        stop.focus()
        lesson.keyboard.press("Enter")
        expect(lesson.locator("#station-text h2")).to_have_text(station.title)
        expect(stop).to_be_focused()
        expect(lesson.locator("#station-predict label")).to_have_count(len(station.choices))
        assert _fits(lesson)


def _hand_in(page, quiz, questions, number):
    for question in questions:
        _choose(page, f"#{quiz}-{question.token}", number)
    page.locator(f"#{quiz}-hand-in").click()


@BOTH_SIZES
def test_a_quiz_before_and_after_is_compared_and_kept(lesson):
    _part(lesson, "Quiz")
    lesson.locator("#quiz-before-hand-in").click()
    expect(lesson.locator("#quiz-before-said")).to_contain_text("Answer these questions, too: 1, 2, 3, 4, 5")
    _hand_in(lesson, "quiz-before", QUIZ, 1)
    expect(lesson.locator("#quiz-before-said")).to_contain_text("Kept.")
    lesson.get_by_role("button", name="After the lesson").click()
    _hand_in(lesson, "quiz-after", QUIZ, 0)
    scores = lesson.locator("#quiz-after-said .pl-score")
    expect(scores).to_have_count(2)
    expect(scores.first).to_contain_text("of 5 right")
    expect(lesson.locator("#quiz-after-said li")).to_have_count(5)
    said = lesson.locator("#quiz-after-said").inner_text()
    assert _fits(lesson)
    lesson.reload()
    _part(lesson, "Quiz")
    lesson.get_by_role("button", name="After the lesson").click()
    expect(lesson.locator("#quiz-after-said li")).to_have_count(5)
    assert lesson.locator("#quiz-after-said").inner_text() == said


@DESKTOP_ONLY
def test_the_questions_on_the_tricks_are_explained(lesson):
    _part(lesson, "Quiz")
    lesson.get_by_role("button", name="Six questions").click()
    _hand_in(lesson, "quiz-on-tricks", TRICK_QUESTIONS, 2)
    said = lesson.locator("#quiz-on-tricks-said")
    expect(said.locator("li")).to_have_count(6)
    expect(said).to_contain_text("of 6 right")
    expect(said).to_contain_text(TRICK_QUESTIONS[0].explanation)


@BOTH_SIZES
def test_an_experiment_is_predicted_watched_and_stopped(lesson):
    _part(lesson, "Tricks")
    run, stop, said = (lesson.locator(f"#trick-{name}") for name in ("run", "stop", "said"))
    expect(run).to_be_disabled()
    lesson.locator("#trick").get_by_text("Dropout").click()
    expect(lesson.locator("#trick-text")).to_contain_text("hidden at each step")
    lesson.locator("#trick-guess").get_by_text("about the same").click()
    expect(run).to_be_enabled()
    run.click()
    expect(said).to_contain_text("Training 1 of 2", timeout=LONG)
    stop.click()
    expect(said).to_contain_text("Stopped", timeout=LONG)
    expect(run).to_be_enabled()
    expect(stop).to_be_disabled()
    assert _fits(lesson)


@pytest.fixture(params=["desktop light", "phone dark"])
def with_tabs(request, browser):
    """The lesson beside a small tab that says what it was opened with."""
    with gr.Blocks() as app:
        bar = build_lesson_bar()
        with gr.Tabs() as tabs:
            with gr.Tab("Learn", id="learn") as learn_tab:
                place = gr.Column()
            with gr.Tab("Ideal", id="ideal"):
                opened = gr.Textbox(elem_id="opened", label="opened with")
                ran = gr.Textbox(elem_id="ran", label="ran")
                status, go = gr.HTML(), gr.Textbox(visible=False)
                gr.HTML('<div style="height: 1800px">far down</div>')
            go.change(lambda: "it ran", outputs=ran, api_visibility="private")

        async def updates(visitor, params):
            return [", ".join(f"{name} {value}" for name, value in params.items())]

        opener = Opener("ideal", [opened], updates, status, go)
        with place:
            build_learn_tab(Context.create(Limits()), app, learn_tab, tabs=tabs, bar=bar, openers={"ideal": opener})
    options = {name: value for name, value in launch_options().items() if name in ("theme", "css_paths")}
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **options)
    size, scheme = request.param.split()
    context = browser.new_context(viewport=DESKTOP if size == "desktop" else PHONE, color_scheme=scheme, locale="en")
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#station-text h2")).to_have_text("Features")
    yield page
    context.close()
    app.close()


def test_a_station_runs_in_its_tab_and_leads_back(with_tabs):
    page = with_tabs
    page.locator("#stations button[data-station='3']").click()
    expect(page.locator("#station-text h2")).to_have_text("Ideal cat without TV")
    run = page.locator("#station-run-ideal")
    expect(run).to_be_disabled()
    expect(page.locator("#lesson-bar")).to_have_count(0)
    _choose(page, "#station-predict", 0)
    run.click()
    expect(page.locator("#opened").locator("input, textarea")).to_have_value(
        "class Siamese cat, preset lesson, steps 200"
    )
    expect(page.locator("#ran").locator("input, textarea")).to_have_value("it ran")
    bar = page.locator("#lesson-bar")
    expect(bar).to_contain_text("Station 4 of 8: Ideal cat without TV")
    page.evaluate("scrollTo(0, 900)")
    expect(page.locator("#lesson-back")).to_be_in_viewport()
    assert _fits(page)
    page.locator("#lesson-back").click()
    expect(bar).to_have_count(0)
    _choose(page, "#station-again", 3)
    expect(page.locator("#station-verdict")).to_contain_text("Right.")

    page.locator("#station-run-ideal").click()
    expect(bar).to_be_visible()
    page.get_by_role("tab", name="Learn", exact=True).click()
    expect(bar).to_have_count(0)
