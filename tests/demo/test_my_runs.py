"""The list of runs: whose they are, how they are compared, taken home and brought back."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import gettext
import json
import zipfile
from pathlib import Path

import gradio as gr
import pytest

from core.places import runs_folder
from core.runs import onnx as onnx_files
from core.runs.plan import Plan
from demo import run_files
from demo.context import Context, Limits
from demo.languages import Language, speaking
from demo.live_plot import live_plot
from demo.my_runs import build_my_runs
from demo.networks import network_dropdown
from demo.train_plot import plot_of
from demo.train_results import build_results
from tests.demo.made_runs import handler, make_run, visitor

ME, YOU = visitor("me"), visitor("you")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    return tmp_path


@pytest.fixture
def context(home):
    return Context.create(Limits())


@pytest.fixture
def page(context):
    with gr.Blocks() as page:
        results = build_results(context)
        lists = [network_dropdown("Network", ""), network_dropdown("Compare with", "", value="none")]
        build_my_runs(context, page, results, live_plot(), plot_of, network_lists=lists)
    return page


def _asked(page, name: str, *arguments) -> list:
    """What the handler of that name puts on the page in the end, and everything before it."""

    async def collect() -> list:
        answer = handler(page, name)(*arguments)
        if hasattr(answer, "__aiter__"):
            return [update async for update in answer]
        return [await answer if asyncio.iscoroutine(answer) else answer]

    return asyncio.run(asyncio.wait_for(collect(), 60))


def _connected(page, name: str, at: int = 0):
    """Handlers of one name that are connected several times, in their order."""
    return [known.fn for known in page.fns.values() if known.name == name][at]


def _offered(page, at: int, token, who=ME) -> tuple[str, dict]:
    async def collect():
        return [update async for update in _connected(page, "offer", at)(token, who)]

    return asyncio.run(asyncio.wait_for(collect(), 60))[-1]


# --- whose runs ---


def test_each_visitor_has_the_own_list(context, page, classifier):
    context.sessions.keep_run("me", make_run(classifier, None))
    context.sessions.keep_run("you", make_run(classifier, None, name="Yours"))
    mine, yours = (handler(page, "follow")(who, "tf_efficientnet_lite0", "none") for who in (ME, YOU))
    for mentions, own, other in ((str(mine), "Mine", "Yours"), (str(yours), "Yours", "Mine")):
        assert own in mentions
        assert other not in mentions


@pytest.mark.parametrize("name", ["show_results", "use_in_classify", "remove_run", "zip", "onnx"])
def test_another_visitors_run_can_neither_be_seen_nor_used_nor_taken_nor_removed(context, page, classifier, name):
    run = make_run(classifier, None)
    context.sessions.keep_run("me", run)
    if name in ("zip", "onnx"):
        said, file = _offered(page, ("zip", "onnx").index(name), run.token, YOU)
        assert file["value"] is None
    else:
        values = ("tf_efficientnet_lite0", "none") if name == "use_in_classify" else ()
        said, *others = _asked(page, name, run.token, YOU, *values)[-1]
        assert all(update == gr.skip() for update in others)
    assert "Choose one of your runs first" in said
    assert run.folder.is_dir()
    assert context.sessions.get("you").shown == ""


@pytest.mark.parametrize("token", [None, "", "../..", ["a"], {"a": 1}])
def test_what_is_no_run_gets_a_message(page, token):
    assert "Choose one of your runs first" in _asked(page, "show_results", token, ME)[-1][0]


# --- the list ---


def test_runs_are_compared_by_what_differs(context, page, classifier):
    from core.runs.plan import Plan
    from core.training.head_settings import HeadSettings

    for name, epochs in (("Short", 3), ("Long", 50)):
        run = make_run(classifier, None, name=name)
        settings = Plan(head=HeadSettings(epochs=epochs)).settings()
        run = dataclasses.replace(run, record=dataclasses.replace(run.record, settings=settings))
        context.sessions.keep_run("me", run)
    table = handler(page, "follow")(ME, None, None)[0]
    for text in ("Short", "Long", "epochs 3", "epochs 50", "last layer only", "Plain colours", "67"):
        assert text in table
    assert "batch size" not in table


def test_runs_called_alike_can_be_told_apart(context, page, classifier):
    for _ in range(2):
        context.sessions.keep_run("me", make_run(classifier, None))
    chosen = handler(page, "follow")(ME, None, None)[1]
    assert [name for name, _ in chosen["choices"]] == ["Mine (2)", "Mine"]


def test_use_in_classify_chooses_the_run_but_not_for_the_comparison(context, page, classifier):
    run = make_run(classifier, None)
    context.sessions.keep_run("me", run)
    said, first, second = handler(page, "use_in_classify")(run.token, ME, "resnet18", "none")
    assert "is now the network of the Classify tab" in said
    assert first["value"] == f"run:{run.token}"
    assert "value" not in second
    assert (f"My run: {run.record.name}", f"run:{run.token}") in second["choices"]


def test_a_removed_run_is_gone_from_the_disk_the_list_and_the_tabs_that_used_it(context, page, classifier):
    kept, gone = make_run(classifier, None, name="Kept"), make_run(classifier, None, name="Gone")
    for run in (kept, gone):
        context.sessions.keep_run("me", run)
    said = _asked(page, "remove_run", gone.token, ME)[-1][0]
    assert "Gone is removed" in said
    assert not gone.folder.exists()
    assert kept.folder.is_dir()
    session = context.sessions.get("me")
    assert [run.token for run in session.runs] == [session.shown] == [kept.token]
    first, second = handler(page, "follow")(ME, f"run:{gone.token}", f"run:{kept.token}")[-2:]
    assert first["value"] == "tf_efficientnet_lite0"
    assert "value" not in second


def test_a_run_that_is_still_being_trained_is_not_removed(context, page, classifier):
    run = make_run(classifier, None)
    context.sessions.keep_run("me", run)
    with context.under_way.hold(run.token):
        assert "still being trained" in _asked(page, "remove_run", run.token, ME)[-1][0]
    assert run.folder.is_dir()
    assert "is removed" in _asked(page, "remove_run", run.token, ME)[-1][0]


# --- files ---


def test_a_run_taken_home_comes_back_the_same(home, context, page, classifier):
    run = make_run(classifier, None, name="Käthes Hunde")
    context.sessions.keep_run("me", run)
    said, file = _offered(page, 0, run.token)
    zipped = Path(file["value"])
    assert "is a file now" in said
    assert zipped.is_relative_to(home / "served")
    assert len(zipped.parent.name) == 32  # nobody guesses where another's lies
    assert zipped.name.startswith("kathes-hunde")

    assert "is loaded. It knows 2 names" in _asked(page, "load_zip", str(zipped), YOU)[-1][0]
    session = context.sessions.get("you")
    loaded = session.runs[0]
    assert session.shown == loaded.token != run.token
    assert loaded.folder == runs_folder() / loaded.token
    assert (loaded.record.name, loaded.record.class_names) == ("Käthes Hunde", ("cat", "dog"))
    assert loaded.evaluation.confusion.tolist() == run.evaluation.confusion.tolist()
    assert loaded.tested is None
    assert [kept.token for kept in context.sessions.get("me").runs] == [run.token]


def _changed_zip(source: Path, target: Path, change) -> Path:
    """The zip with one function applied to (name, content) of each file."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            new.writestr(*change(entry.filename, old.read(entry)))
    return target


def _no_zip(zipped: Path, target: Path) -> Path:
    target.write_bytes(b"not a zip at all")
    return target


def _leads_out(zipped: Path, target: Path) -> Path:
    return _changed_zip(zipped, target, lambda name, content: (name.replace("run/", "../../run/"), content))


def _damaged_head(zipped: Path, target: Path) -> Path:
    def change(name, content):
        return name, content[:-1] + b"\7" if name.endswith("head.safetensors") else content

    return _changed_zip(zipped, target, change)


@pytest.fixture
def zipped(home, classifier):
    """A run's zip in a folder called `run`."""
    made = run_files.write_zip(make_run(classifier, None), home / "served")
    target = home / "run.zip"

    def into_run(name, content):
        return f"run/{name.rpartition('/')[2]}", content

    return _changed_zip(made, target, into_run)


@pytest.mark.parametrize("make", [_no_zip, _leads_out, _damaged_head])
def test_a_hostile_zip_gets_a_message_and_leaves_nothing_behind(home, context, page, zipped, make):
    hostile = make(zipped, home / "hostile.zip")
    before = sorted(path for path in home.rglob("*") if path.is_dir())
    said, *others = _asked(page, "load_zip", str(hostile), YOU)[-1]
    assert 'role="alert"' in said
    assert "wrong inside" not in said
    assert str(home) not in said
    assert all(update == gr.skip() for update in others)
    assert context.sessions.get("you").runs == ()
    assert sorted(path for path in home.rglob("*") if path.is_dir()) == before


def test_the_zip_that_the_hostile_ones_are_made_of_is_sound(context, page, zipped):
    assert "is loaded" in _asked(page, "load_zip", str(zipped), YOU)[-1][0]


@pytest.mark.parametrize(
    ("limit", "value", "message"), [("MOST_CLASSES", 1, "knows 2 names"), ("MOST_PROBABILITIES", 11, "6 pictures")]
)
def test_a_run_too_large_for_the_page_is_refused(context, page, zipped, monkeypatch, limit, value, message):
    before = set(runs_folder().iterdir())
    monkeypatch.setattr(run_files, limit, value)
    assert message in _asked(page, "load_zip", str(zipped), YOU)[-1][0]
    assert set(runs_folder().iterdir()) == before


def test_a_damaged_evaluation_is_refused(context, classifier, page):
    run = make_run(classifier, None)
    stored = json.loads((run.folder / "evaluation.json").read_text())
    from core.runs import save_run

    save_run(run.folder, run.record, None, history=run.history, evaluation={**stored, "labels": [0, 0, 0, 1, 1, 7]})
    zipped = run_files.write_zip(run, run.folder.parent.parent / "served")
    before = set(runs_folder().iterdir())
    assert "evaluation in this zip is damaged" in _asked(page, "load_zip", str(zipped), YOU)[-1][0]
    assert set(runs_folder().iterdir()) == before


def test_onnx_without_its_packages_says_what_to_install(context, page, classifier, monkeypatch):
    run = make_run(classifier, None)
    context.sessions.keep_run("me", run)
    monkeypatch.setattr(onnx_files, "_PACKAGES", ("no_such_package",))
    said, file = _offered(page, 1, run.token)
    assert "pip install no_such_package" in said
    assert file["value"] is None


def test_the_table_of_runs_holds_all_figures_and_no_formula(context, page, classifier):
    for name in ("=1+1", " @SUM(A1)", "plain"):
        context.sessions.keep_run("me", make_run(classifier, None, name=name))

    async def read() -> tuple[list[dict], Path]:
        async for _, file in handler(page, "offer_table")(ME):
            with open(file["value"], encoding="utf-8-sig", newline="") as table:
                return list(csv.DictReader(table)), Path(file["value"])

    rows, path = asyncio.run(read())
    assert [row["run"] for row in rows] == ["'=1+1", "' @SUM(A1)", "plain"]
    assert float(rows[0]["accuracy"]) == pytest.approx(4 / 6)
    assert (rows[0]["n"], rows[0]["seconds"], rows[0]["data"]) == ("6", "1.5", "Plain colours")
    assert not path.exists()


class _Reversed(gettext.NullTranslations):
    """A language in which every text is said backwards."""

    def gettext(self, message: str) -> str:
        return message if "{" in message else message[::-1]


def test_another_language_names_settings_by_their_titles_but_the_table_that_programs_read_is_english(classifier):
    run = make_run(classifier, None)
    run = dataclasses.replace(run, record=dataclasses.replace(run.record, settings=Plan().settings()))
    assert run_files.settings_in_words(run)["learning rate"] == "0.001"
    with speaking(Language("xx", "Backwards", _Reversed())):
        said = run_files.settings_in_words(run)
        path = run_files.write_csv([run])
    assert (said["etar gninraeL"], said["ssalc rep serutciP"]) == ("0.001", "lla")
    with open(path, encoding="utf-8-sig", newline="") as table:
        row = next(csv.DictReader(table))
    Path(path).unlink()
    assert (row["learning rate"], row["images per class"], row["method"]) == ("0.001", "all", "last layer only")
