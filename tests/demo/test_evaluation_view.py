"""What the evaluation says on the page, and that no text becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import gradio as gr
import numpy as np
import pytest

from core.errors import SettingsError
from core.evaluation import evaluate
from demo import evaluation_view as view
from tests.conftest import PROJECT

EVIL = "<img src=x onerror=alert(1)>\"'&${alert(1)}`"
VOID = {"line", "rect", "path"}


class Markup(HTMLParser):
    """Elements with their attributes; fails where one is closed that is not open."""

    def __init__(self, text: str):
        super().__init__()
        self.found, self.open, self.text = [], [], {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.setdefault(len(self.found) - 1, data)

    def all(self, tag: str) -> list[dict]:
        """Attributes of all elements of a kind; `text` is what stands first in each."""
        return [
            attributes | {"text": self.text.get(at, "")}
            for at, (name, attributes) in enumerate(self.found)
            if name == tag
        ]


def _evaluation(confusion: list[list[int]], names=None, sure: float = 0.8):
    """A network that says what the matrix tells, each time with the same probability."""
    classes = len(confusion)
    labels, said = [], []
    for truth, row in enumerate(confusion):
        for name, count in enumerate(row):
            labels += [truth] * count
            said += [name] * count
    probabilities = np.full((len(labels), classes), (1 - sure) / (classes - 1))
    probabilities[np.arange(len(labels)), said] = sure
    return evaluate(np.array(labels), probabilities, names or [f"class {at}" for at in range(classes)])


@pytest.fixture
def pets():
    return _evaluation([[18, 2, 0, 0], [3, 16, 1, 0], [0, 0, 20, 0], [0, 0, 0, 0]], ("Birman", "Ragdoll", "Pug", "Owl"))


def _plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def test_the_panel_says_the_accuracy_in_a_plain_sentence_with_its_interval(pets):
    panel = view.figures_panel(pets, "test")
    text = _plain(panel)
    assert "90 % right" in text
    assert "It was right on 54 of 60 pictures that it had never seen. On other pictures of the same kind" in text
    assert "expect it to be right on 80 % to 95 % of them" in text  # Wilson's interval of 54 of 60: 0.7985 to 0.9534
    assert "left:33.33%" in panel  # always the same answer
    assert "--low:79.85%;--high:95.34%" in panel
    assert "top 3" in text


def test_with_three_classes_there_is_no_top_three():
    assert "top 3" not in view.figures_panel(_evaluation([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), "test")


@pytest.mark.parametrize(
    ("split", "said"),
    [("validation", "held back while it learned.*a little too good"), ("train", "had learned from.*remembers")],
)
def test_pictures_that_helped_to_learn_are_not_called_unseen(pets, split, said):
    text = _plain(view.figures_panel(pets, split))
    assert re.search(said, text)
    assert "never seen" not in text


def test_figures_on_what_was_learned_promise_nothing_for_other_pictures(pets):
    assert "On other pictures" not in view.figures_panel(pets, "train")


@pytest.mark.parametrize(
    ("confusion", "said"),
    [
        ([[5000, 1], [0, 4999]], ">99.9 % right"),
        ([[20, 1], [0, 30]], "98 % right"),
        ([[30, 0], [0, 30]], "100 % right"),
        ([[0, 30], [30, 0]], "0 % right"),
        ([[1, 4999], [5000, 0]], "<0.1 % right"),
    ],
)
def test_only_what_is_all_or_nothing_is_called_so(confusion, said):
    panel = view.figures_panel(_evaluation(confusion), "test")
    assert said in _plain(panel).replace("&gt;", ">").replace("&lt;", "<")


def test_all_right_is_said_so():
    assert "right on all 60 pictures" in view.figures_panel(_evaluation([[30, 0], [0, 30]]), "test")


def test_each_count_is_a_button_with_its_meaning_and_nothing_is_none(pets):
    markup = Markup(view.confusion_table(pets))
    buttons = {(int(one["data-truth"]), int(one["data-said"])): one for one in markup.all("button")}
    assert set(buttons) == {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2)}
    assert buttons[1, 0]["aria-label"] == "3 Ragdoll called Birman"
    assert buttons[2, 2]["aria-label"] == "20 Pug recognised"
    assert buttons[1, 0]["text"] == "3"
    cells = markup.all("td")[1:]  # the first is the corner
    assert len(cells) == 16
    assert [one.get("class") for one in cells[4:8]] == ["pl-miss", "pl-hit", "pl-miss", None]
    assert [one.get("style") for one in cells[4:8]] == ["--share:0.150", "--share:0.800", "--share:0.050", None]


@pytest.mark.parametrize("classes", [2, 4, 5, 12, 13, 24, 25, 37, 100])
def test_a_matrix_of_2_to_100_classes_is_a_full_square(classes):
    markup = Markup(view.confusion_table(_evaluation(np.eye(classes, dtype=int).tolist())))
    assert len(markup.all("td")) == classes * classes + 1
    assert len([one for one in markup.all("th") if one["scope"] == "col"]) == classes
    assert len([one for one in markup.all("th") if one["scope"] == "row"]) == classes
    assert len(markup.all("button")) == classes


def test_more_than_100_classes_are_listed_instead():
    text = view.confusion_table(_evaluation(np.eye(101, dtype=int).tolist()))
    assert "101 classes are too many" in text
    assert "<table" not in text


def test_confused_pairs_are_sentences_that_open_their_cell(pets):
    html = view.confused_pairs(pets)
    first, *others = Markup(html).all("button")
    assert (first["data-truth"], first["data-said"]) == ("1", "0")
    assert len(others) == 2
    assert "3 of 20 Ragdoll called Birman" in _plain(html)
    assert "no mistake" in view.confused_pairs(_evaluation([[1, 0], [0, 1]]))


def test_classes_come_with_the_least_recognised_first_and_those_without_pictures_below(pets):
    table = view.per_class_table(pets)
    names = [one["text"] for one in Markup(table).all("th") if one.get("scope") == "row"]
    assert names == ["Ragdoll", "Birman", "Pug"]
    assert "16 of 20" in table
    assert "No pictures here of: Owl." in table


def test_a_class_that_is_never_said_has_a_dash_for_its_precision():
    assert '<td class="pl-number">–</td>' in view.per_class_table(_evaluation([[2, 0], [2, 0]]))


def test_the_reliability_diagram_has_its_bars_in_place_and_its_numbers_as_text(pets):
    chart = view.calibration_chart(pets)
    markup = Markup(chart)
    (bar,) = markup.all("rect")  # float32 0.8 lies just above 80 %: in the bin from 80 to 90
    assert (float(bar["x"]), float(bar["y"]), float(bar["height"])) == pytest.approx((80.6, 10, 90))
    (drawing,) = markup.all("svg")
    assert "80 to 90 % sure: right on 90% of 60" in drawing["aria-label"]
    assert [one["text"] for one in markup.all("td")] == ["60", "80\N{NO-BREAK SPACE}%", "90\N{NO-BREAK SPACE}%"]


@pytest.mark.parametrize(
    ("sure", "said"), [(0.99, "too sure of itself"), (0.6, "could be surer"), (0.9, "as sure as it should be")]
)
def test_the_chart_says_whether_it_is_too_sure(sure, said):
    chart = view.calibration_chart(_evaluation([[90, 10], [10, 90]], sure=sure))
    assert said in chart


def _run(name="a", accuracy=0.9, dataset="pets", **settings) -> view.RunRow:
    figures = (None, None, None) if accuracy is None else (accuracy, accuracy - 0.02, accuracy + 0.02)
    return view.RunRow(name, "Net", dataset, "head", settings, *figures, n=1000, seconds=783.2)


def test_runs_are_compared_by_what_differs():
    table = view.comparison_table([_run("a", 0.9, rate="0.1", seed="0"), _run("b", 0.95, rate="0.2", seed="0")])
    text = _plain(table)
    assert "rate 0.1" in text
    assert "rate 0.2" in text
    assert "seed" not in text
    assert "13 min 03 s" in text
    assert "--low:93.00%;--high:97.00%" in table
    assert re.findall(r"(\w) best", text) == ["b"]


def test_best_is_said_only_among_runs_on_the_same_data():
    text = _plain(view.comparison_table([_run("a", 0.9), _run("b", 0.99, "other"), _run("c", 0.8)]))
    assert re.findall(r"(\w) best", text) == ["a"]
    assert "different data sets" in text


def test_a_run_that_is_not_tested_has_no_bar_and_no_runs_make_no_table():
    table = view.comparison_table([_run(accuracy=None)])
    assert "not tested yet" in table
    assert "pl-whisker" not in table
    assert view.comparison_table([]) == ""


def test_a_caption_says_truth_answer_and_certainty(pets):
    captions = [view.picture_caption(pets, index).replace("\N{NO-BREAK SPACE}", " ") for index in (0, 18)]
    assert captions == ["Birman, 80 %", "Birman, called Ragdoll, 80 %"]


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_no_name_becomes_markup(split):
    evaluation = _evaluation([[3, 1, 0], [1, 2, 0], [0, 0, 0]], (EVIL, EVIL + "2", EVIL + "3"))
    run = view.RunRow(EVIL, EVIL, EVIL, EVIL, {EVIL: EVIL}, 0.5, 0.4, 0.6, 10, 1.0)
    other = view.RunRow(EVIL, EVIL, EVIL, EVIL, {EVIL: "b"}, 0.5, 0.4, 0.6, 10, 1.0)
    for html in (
        view.figures_panel(evaluation, split),
        view.confusion_table(evaluation),
        view.confused_pairs(evaluation),
        view.per_class_table(evaluation),
        view.calibration_chart(evaluation),
        view.comparison_table([run, other]),
    ):
        markup = Markup(html)
        assert markup.all("img") == []
        assert not any(name.startswith("on") for _, attributes in markup.found for name in attributes)
        assert not any(EVIL in value for tag, attributes in markup.found for value in [attributes.get("style") or ""])


def test_what_was_pressed_reaches_python():
    assert view.clicked_cell(gr.EventData(None, {"truth": 6, "said": 26})) == (6, 26)


@pytest.mark.parametrize(
    "data", [None, {}, [], "x", {"truth": 1}, {"truth": "1", "said": 2}, {"truth": True, "said": 0}]
)
def test_an_event_that_names_no_cell_is_refused(data):
    with pytest.raises(SettingsError, match="no cell"):
        view.clicked_cell(gr.EventData(None, data))


def test_every_class_of_the_markup_has_its_look(pets):
    sheet = (PROJECT / "assets" / "evaluation.css").read_text() + (PROJECT / "assets" / "style.css").read_text()
    styled = set(re.findall(r"\.(pl-[a-z-]+)", sheet))
    html = "".join(
        [
            view.figures_panel(pets, "test"),
            *(view.confusion_table(_evaluation(np.eye(many, dtype=int).tolist())) for many in (2, 8, 20, 37)),
            view.confusion_table(pets),
            view.confused_pairs(pets),
            view.per_class_table(pets),
            view.calibration_chart(pets),
            view.comparison_table([_run("a"), _run("b", 0.95, rate="1")]),
        ]
    )
    used = {name for names in re.findall(r'class="([^"]+)"', html) for name in names.split()}
    assert used - styled == set()


def test_colours_follow_the_theme():
    """A colour that is written out would be wrong in one of light and dark."""
    sheet = (PROJECT / "assets" / "evaluation.css").read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|\b(?:white|black)\b(?!-)", sheet) == []
