"""The command line, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core.__main__ import main
from tests.conftest import PROJECT


@pytest.fixture
def run(capsys):
    """Run a command in this process: (exit code, standard output, standard error)."""

    def _run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return _run


def test_a_photo_is_classified_in_words(run, chelsea):
    code, out, err = run("classify", chelsea)
    assert (code, err) == (0, "")
    assert out.startswith(f"{chelsea}\n")
    assert "tiger cat" in out
    assert "cat 9" in out


def test_json_holds_one_object_a_line_and_nothing_else(run, chelsea):
    code, out, err = run("classify", chelsea, chelsea, "--json", "--top", 3)
    said = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(said)) == (0, "", 2)
    assert set(said[0]) == {"file", "backbone", "top", "cat", "dog", "neither", "unsure", "seconds"}
    assert said[0]["file"] == str(chelsea)
    assert said[0]["backbone"] == "tf_efficientnet_lite0"
    assert [set(entry) for entry in said[0]["top"]] == [{"label", "index", "probability"}] * 3
    assert said[0]["cat"] + said[0]["dog"] + said[0]["neither"] == pytest.approx(1)
    assert said[0]["unsure"] is False
    assert 0 < said[0]["seconds"] < 60


def test_a_bad_file_is_said_and_the_others_are_done(run, chelsea, tmp_path):
    (tmp_path / "empty.jpg").touch()
    code, out, err = run("classify", tmp_path / "empty.jpg", chelsea, tmp_path / "none.jpg", "--json")
    said = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [set(entry) == {"file", "error"} for entry in said] == [True, False, True]
    assert "This file is empty" in said[0]["error"]
    assert [line.split(": ")[0] for line in err.splitlines()] == [
        str(tmp_path / name) for name in ("empty.jpg", "none.jpg")
    ]


@pytest.mark.parametrize("top", ["0", "1001", "-3", "many"])
def test_a_senseless_top_is_refused(run, chelsea, top):
    code, out, err = run("classify", chelsea, "--top", top)
    assert (code, out) == (2, "")
    assert "top" in err
    assert "Traceback" not in err


def test_an_unknown_network_is_refused(run, chelsea):
    code, out, err = run("classify", chelsea, "--backbone", "resnet51", "--json")
    assert (code, out) == (2, "")
    assert err.startswith('error: timm has no network called "resnet51"')


def test_our_own_fault_is_said_to_be_ours(run, chelsea, monkeypatch):
    """A full disk or a bug must not look like the user's mistake."""

    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("core.Classifier", broken, raising=False)
    code, _, err = run("classify", chelsea)
    assert code == 1
    assert "a fault of Pet Lens" in err


def test_networks_are_listed_in_words_and_as_json(run):
    code, out, _ = run("backbones")
    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["tf_efficientnet_lite0", "EfficientNet-Lite0"]
    code, out, err = run("backbones", "--json")
    said = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(said)) == (0, "", 10)
    assert {"name", "title", "parameters", "input_px", "licence", "source", "here"} <= set(said[0])
    assert [entry["here"] for entry in said].count(True) == 1


def test_another_network_is_used(run, chelsea, shared_weights):
    _, out, _ = run("classify", chelsea, "--backbone", "regnetx_002", "--json")
    assert json.loads(out)["backbone"] == "regnetx_002.in1k"


def test_no_command_shows_the_usage(run):
    code, _, err = run()
    assert code == 2
    assert "usage: python -m core" in err


def test_a_reader_that_goes_away_is_no_error(chelsea):
    command = f'"{sys.executable}" -m core classify {" ".join([str(chelsea)] * 30)} --top 1000 | head -n 1'
    ran = subprocess.run(
        ["sh", "-c", command], cwd=PROJECT, capture_output=True, text=True, env=os.environ, check=False
    )
    assert "Traceback" not in ran.stderr
    assert ran.stdout == f"{chelsea}\n"


def test_listing_the_networks_does_not_wait_for_torch():
    code = "import sys, core.__main__ as m; m.main(['backbones']); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"
