"""The value of the training plot: what it says, and how little of it is sent while a run grows."""

from __future__ import annotations

import itertools
import json
import re
from types import SimpleNamespace

import gradio as gr
import httpx
import numpy as np
import pytest

from core.training.history import History
from demo.live_plot import COLOURS, STYLE_SHEET, PlottedRun, live_plot, plot_value, rate_plot, rate_value

NAN, INFINITY = float("nan"), float("inf")


def _history(count, *, validate_every=1):
    """A made training of `count` records that learns."""
    measured = [k % validate_every == 0 for k in range(count)]
    return SimpleNamespace(
        step=[k * 10 for k in range(count)],
        train_loss=[3.6 / (1 + k / 7) for k in range(count)],
        train_accuracy=[1 - 0.97 / (1 + k / 9) for k in range(count)],
        validation_loss=[3.7 / (1 + k / 8) if measured[k] else None for k in range(count)],
        validation_accuracy=[1 - 0.98 / (1 + k / 8) if measured[k] else None for k in range(count)],
        rate=[0.01 * 0.98**k for k in range(count)],
    )


def _run(count, name="a run", **more):
    return PlottedRun(name, _history(count, **more), 10_000)


def _records(text):
    return [record.split(",") for record in text.split(";")[:-1]]


def test_a_curve_is_its_points_to_four_digits():
    history = SimpleNamespace(
        step=[0, 123_456],
        train_loss=[3.610918, 0.123456],
        train_accuracy=[0.027, 0.98765],
        validation_loss=[None, 0.2],
        validation_accuracy=[None, 0.9],
        rate=[0.01, 0.00012345],
    )
    value = plot_value([PlottedRun("a", history, 200_000, 3, 69)])["runs"][0]
    assert value == {
        "name": "a",
        "colour": 3,
        "total": 200_000,
        "epoch": 69,
        "training": "0,3.611,0.027,0.01;123456,0.1235,0.9877,0.0001234;",
        "training_newest": "",
        "validation": "123456,0.2,0.9;",
        "validation_newest": "",
    }


def test_the_history_of_a_training_fits():
    history = History().with_row(
        step=0, train_loss=None, train_accuracy=None, validation_loss=3.6, validation_accuracy=0.03, rate=0.01
    )
    value = plot_value([PlottedRun("a", history, 100)])["runs"][0]
    assert (value["training"], value["validation"]) == ("0,,,0.01;", "0,3.6,0.03;")


def test_values_that_are_not_finite_are_written_and_the_value_stays_json():
    history = _history(3)
    history.train_loss[:] = [1e9, NAN, INFINITY]
    value = plot_value([PlottedRun("a", history, 3)])
    assert [record[1] for record in _records(value["runs"][0]["training"])] == ["1e+09", "nan", "inf"]
    json.dumps(value, allow_nan=False)


def test_numbers_of_numpy_are_written_like_pythons():
    history = _history(30)
    arrays = SimpleNamespace(**{name: np.array(column) for name, column in vars(history).items()})
    arrays.step = arrays.step + 123_450
    history.step = [step + 123_450 for step in history.step]
    assert plot_value([PlottedRun("a", arrays, 9)]) == plot_value([PlottedRun("a", history, 9)])


def test_the_drawing_asks_for_every_word_that_it_is_given_and_no_other():
    scripts = "".join(path.read_text() for path in sorted(STYLE_SHEET.parent.glob("live_plot*.js")))
    asked = set(re.findall(r"\bwords\.(\w+)", scripts))
    kinds, measures = ("training", "validation"), ("loss", "accuracy")
    asked |= {*kinds, *measures, *(f"{kind}_{measure}" for kind in kinds for measure in measures)}
    assert asked == set(json.loads(re.search("^const words = (.*);$", live_plot("plot").js_on_load, re.MULTILINE)[1]))


def test_growth_only_appends():
    before = plot_value([_run(0)])["runs"][0]
    for count in range(1, 400, 3):
        now = plot_value([_run(count, validate_every=7)])["runs"][0]
        assert all(now[curve].startswith(before[curve]) for curve in ("training", "validation"))
        assert now["training_newest"] == now["validation_newest"] == ""
        before = now


@pytest.mark.parametrize("count", [1, 399, 400, 401, 799, 801, 6_900])
def test_a_long_curve_is_thinned_evenly_and_ends_with_the_newest_point(count):
    value = plot_value([_run(count)])["runs"][0]
    for curve in ("training", "validation"):
        steps = [int(record[0]) for record in _records(value[curve])]
        newest = [int(record[0]) for record in _records(value[f"{curve}_newest"])]
        assert min(count, 200) <= len(steps) <= 400
        assert len(set(np.diff(steps))) <= 1
        assert (steps + newest)[-1] == (count - 1) * 10
        assert (steps + newest) == sorted(set(steps + newest))


def test_validation_measured_now_and_then_is_not_thinned_with_the_training():
    value = plot_value([_run(6_901, validate_every=69)])["runs"][0]
    assert len(_records(value["validation"])) == 101


def test_a_thinned_curve_is_sent_again_only_when_it_has_doubled():
    resent, before = 0, ""
    for count in range(400, 6_401, 50):
        now = plot_value([_run(count)])["runs"][0]["training"]
        resent += not now.startswith(before)
        before = now
    assert resent == 4  # beyond 400, 800, 1,600, 3,200


def test_a_history_that_has_grown_is_seen_by_the_same_run():
    run = _run(10)
    plot_value([run])
    for column in vars(run.history).values():
        column.append(column[-1])
    assert len(_records(plot_value([run])["runs"][0]["training"])) == 11


def test_a_name_is_one_line_of_bounded_length():
    assert plot_value([_run(1, "two\n lines\x00\u2028here")])["runs"][0]["name"] == "two lines\x00 here"
    assert len(plot_value([_run(1, "x" * 10_000)])["runs"][0]["name"]) == 80


def test_the_finders_curve_keeps_rates_losses_and_the_suggestion():
    assert rate_value([1e-5, 0.1], [3.6, NAN], 0.0123456) == {"points": "1e-05,3.6;0.1,nan;", "suggested": 0.01235}
    assert rate_value([], [], None) == {"points": "", "suggested": None}


@pytest.mark.parametrize("plot", [live_plot, rate_plot])
def test_no_text_passes_through_a_template(plot):
    made = plot()
    assert made.html_template == "<div class='pl-plot'></div>"
    assert "innerHTML" not in made.js_on_load
    assert "eval" not in re.findall(r"\b\w+\b", made.js_on_load)


@pytest.mark.parametrize("finished", [0, 3])
def test_an_update_of_one_growing_run_costs_few_bytes(finished):
    """Read from the stream of a running app, at 150 points, with and without finished runs beside it."""

    async def train():
        done = [_run(400, f"finished {k}") for k in range(finished)]
        for count in range(140, 160):
            yield plot_value([*done, _run(count)])

    with gr.Blocks(analytics_enabled=False) as app:
        gr.Button().click(train, None, live_plot())
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True)
    try:
        sizes = _update_sizes(address)
    finally:
        app.close()
    assert len(sizes) == 19  # after the first, which is whole
    assert max(sizes) <= 600


def _update_sizes(address):
    asked = {"data": [], "fn_index": 0, "session_hash": "plot"}
    assert httpx.post(f"{address}gradio_api/queue/join", json=asked).status_code == 200
    sizes = []
    with httpx.stream("GET", f"{address}gradio_api/queue/data", params={"session_hash": "plot"}, timeout=60) as stream:
        for line in stream.iter_lines():
            if '"process_generating"' in line:
                sizes.append(len(line.encode()) + 2)
            if '"process_completed"' in line:
                break
    return sizes[1:]


# What the three kinds of colour blindness see of linear RGB (Machado, Oliveira, Fernandes 2009, severity 1).
EYES = {
    "usual": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
GROUNDS = {"light": "#ffffff", "dark": "#1e293b"}  # --block-background-fill of the page's theme


def _palette(scheme):
    light, dark = (
        re.findall(r"--pl-plot-run-\d: (#\w{6})", part) for part in STYLE_SHEET.read_text().split(".dark ")[:2]
    )
    return {"light": light, "dark": dark}[scheme]


def _linear(colour):
    share = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    """CIE L*a*b* under D65."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = matrix @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_colour_stands_out_from_its_ground(scheme):
    def luminance(colour):
        return _linear(colour) @ [0.2126, 0.7152, 0.0722]

    palette = _palette(scheme)
    assert len(palette) == COLOURS
    for colour in palette:
        low, high = sorted([luminance(colour), luminance(GROUNDS[scheme])])
        assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2.2, 1.4.11: graphical objects


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_two_colours_differ_for_all_eyes(scheme, eyes):
    seen = [_lab(np.array(EYES[eyes]) @ _linear(colour)) for colour in _palette(scheme)]

    def closest(colours):
        return min(np.linalg.norm(a - b) for a, b in itertools.combinations(colours, 2))

    assert closest(seen[:4]) > 20
    assert closest(seen) > 12
