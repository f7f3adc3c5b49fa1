"""The command line trains, evaluates, lists and exports, as a user runs it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from core.__main__ import main
from core.commands.progress import Progress
from tests.conftest import PROJECT


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch, made_weights):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))


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


@pytest.fixture
def colours(tmp_path):
    """Class folders of reddish and bluish pictures: 16 of each."""
    generator = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (tmp_path / "colours" / name).mkdir(parents=True)
        for number in range(16):
            pixels = generator.integers(0, 120, (64, 64, 3), dtype=np.uint8)
            pixels[..., channel] += 110
            Image.fromarray(pixels).save(tmp_path / "colours" / name / f"{number}.png")
    return tmp_path / "colours"


def trained(run, colours, *more) -> dict:
    options = ("--backbone", "test_resnet", "--epochs", 20, "--learning-rate", 0.05, *more)
    code, out, err = run("train", "--dataset", colours, *options, "--json")
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()][-1]


def test_train_ends_with_the_figures_and_they_are_stored(run, colours, tmp_path):
    said = trained(run, colours, "--out", tmp_path / "my run")
    assert list(said) == [
        "run", "split", "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "top3", "n", "seconds",
    ]  # fmt: skip
    assert said["run"] == str(tmp_path / "my run")
    assert said["split"] == "test"
    assert said["accuracy"] == 1
    assert 0 < said["accuracy_low"] < 1 == said["accuracy_high"]
    code, out, err = run("evaluate", tmp_path / "my run", "--dataset", colours, "--json")
    again = [json.loads(line) for line in out.splitlines()][-1]
    assert (code, err) == (0, "")
    assert {**again, "seconds": 0} == {**said, "seconds": 0}


def test_every_line_of_json_is_an_object_and_tells_the_phase(run, colours):
    _, out, _ = run("train", "--dataset", colours, "--backbone", "test_resnet", "--epochs", 2, "--json")
    said = [json.loads(line) for line in out.splitlines()]
    phases = list(dict.fromkeys(line["phase"] for line in said[:-1]))
    assert phases == ["examining", "embedding", "training", "testing", "finished"]
    learning = [line for line in said if line.get("phase") == "training"]
    assert {"epoch", "train_loss", "validation_loss", "validation_accuracy", "images_per_second"} <= set(learning[-1])


def test_words_for_people_name_accuracy_and_run(run, colours, tmp_path):
    code, out, _ = run("train", "--dataset", colours, "--backbone", "test_resnet", "--out", tmp_path / "run")
    assert code == 0
    assert "accuracy " in out
    assert str(tmp_path / "run") in out


def test_a_run_is_listed_found_by_name_and_classifies(run, colours):
    said = trained(run, colours, "--out", "reds", "--name", "red or blue")
    code, out, _ = run("runs")
    assert code == 0
    assert "reds" in out
    assert "red or blue" in out
    _, out, _ = run("runs", "--json")
    listed = json.loads(out)
    assert (listed["run"], listed["state"], listed["method"]) == (said["run"], "finished", "head")
    for name in ("reds", "red or blue", said["run"]):
        code, out, err = run("classify", colours / "red" / "0.png", "--run", name, "--json")
        answer = json.loads(out)
        assert (code, err) == (0, "")
        assert answer["top"][0]["label"] == "red"
        assert {"file", "backbone", "run", "top", "unsure", "seconds"} == set(answer)
    _, out, _ = run("classify", colours / "red" / "0.png", "--run", "reds")
    assert "red" in out
    assert "neither" not in out


def test_no_runs_yet_says_how_to_begin(run):
    code, out, _ = run("runs")
    assert code == 0
    assert "train --dataset drawn-pets" in out
    assert run("runs", "--json")[1] == ""


def test_a_run_is_exported_and_taken_in_again(run, colours, tmp_path):
    trained(run, colours, "--out", "reds")
    code, out, _ = run("export", "reds", "--out", tmp_path / "reds.zip")
    assert code == 0
    assert out.strip() == str(tmp_path / "reds.zip")
    code, out, err = run("load", tmp_path / "reds.zip")
    assert (code, err) == (0, "")
    loaded = out.splitlines()[0]
    assert run("classify", colours / "blue" / "1.png", "--run", loaded)[1].splitlines()[1].endswith("blue")
    # among the others: listed, and found by the name of its folder
    listed = [json.loads(line)["run"] for line in run("runs", "--json")[1].splitlines()]
    assert loaded in listed
    assert len(listed) == 2
    assert run("classify", colours / "blue" / "1.png", "--run", os.path.basename(loaded))[0] == 0


def test_what_is_no_zip_of_a_run_is_not_taken_in(run, tmp_path):
    (tmp_path / "photo.zip").write_bytes(b"no zip")
    for name, words in (("photo.zip", "This is not a zip of a run"), ("nothing.zip", "There is no such file")):
        code, out, err = run("load", tmp_path / name)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {words}")
    assert run("runs", "--json")[1] == ""


def test_a_run_is_exported_to_where_it_is_wanted(run, colours, tmp_path, monkeypatch):
    trained(run, colours, "--out", "reds")
    monkeypatch.chdir(tmp_path)
    assert run("export", "reds")[1].strip() == "reds.zip"
    assert (tmp_path / "reds.zip").is_file()
    assert run("export", "reds", "--out", "new/folder/x.zip")[0] == 0
    assert (tmp_path / "new" / "folder" / "x.zip").is_file()
    said = json.loads(run("export", "reds", "--out", "new", "--json")[1])
    assert said["file"] == str(tmp_path / "new" / "reds.zip")
    assert said["bytes"] == (tmp_path / "new" / "reds.zip").stat().st_size
    code, _, err = run("export", "reds", "--out", "reds.zip/x.zip")
    assert code == 2
    assert "reds.zip cannot be made" in err


@pytest.mark.parametrize("method", ["finetune", "scratch"])
def test_a_whole_network_learns(run, colours, method):
    options = ("--backbone", "test_resnet", "--method", method, "--epochs", 1, "--batch-size", 8)
    code, out, err = run("train", "--dataset", colours, *options, "--json")
    assert (code, err) == (0, "")
    assert "tuning" in {json.loads(line).get("phase") for line in out.splitlines()}


def test_evaluate_needs_only_the_split_that_it_is_asked_for(run, shared, tmp_path):
    data = tmp_path / "data" / "oxford-iiit-pet"
    (data / "annotations").mkdir(parents=True)
    (data / "images").mkdir()
    source = shared / "data" / "oxford-iiit-pet"
    rows = (source / "annotations" / "test.txt").read_text().splitlines()[::100]
    for row in rows:
        name = row.split()[0]
        (data / "images" / f"{name}.jpg").symlink_to(source / "images" / f"{name}.jpg")
    (data / "annotations" / "test.txt").write_text("\n".join(rows))
    # a run that knows the breeds, whatever it learned
    options = ("--backbone", "test_resnet", "--epochs", 1, "--images-per-class", 2, "--out", "breeds", "--json")
    code, _, err = run("train", "--dataset", "oxford-pets", "--data", shared / "data", *options)
    assert (code, err) == (0, "")
    code, out, err = run("evaluate", "breeds", "--dataset", "oxford-pets", "--data", tmp_path / "data", "--json")
    said = json.loads(out.splitlines()[-1])
    assert (code, err) == (0, "")
    assert (said["n"], said["split"]) == (len(rows), "test")
    code, _, err = run(
        "evaluate", "breeds", "--dataset", "oxford-pets", "--data", tmp_path / "data", "--split", "train"
    )
    assert code == 2
    assert err.startswith("error: ")


def test_a_killed_training_goes_on_with_the_same_command(run, colours, tmp_path, made_weights):
    # so many epochs that on a busy machine it is killed long before it is done
    options = ["--backbone", "test_resnet", "--epochs", "300", "--batch-size", "1", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "core", "train", "--dataset", str(colours), *options, "--json"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, env=os.environ)
    for line in process.stdout:
        if json.loads(line).get("step", 0) > 20:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert "not finished" in run("runs")[1] or not run("runs")[1].startswith("run")
    code, _, err = run("train", "--dataset", colours, *options[:-4], "--batch-size", 2, "--out", tmp_path / "run")
    assert code == 2
    assert "other settings" in err
    code, out, err = run("train", "--dataset", colours, *options, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["run"] == str(tmp_path / "run")
    code, _, err = run("train", "--dataset", colours, *options)
    assert code == 2
    assert "finished run" in err


@pytest.mark.skipif(os.name != "posix", reason="this system has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_told_to_end_says_how_to_go_on(run, colours, number):
    options = ["--dataset", str(colours), "--backbone", "test_resnet", "--epochs", "1000", "--batch-size", "1"]
    command = [sys.executable, "-m", "core", "train", *options, "--json"]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # tests that run in the background of a shell are made deaf to Ctrl-C, and so is what they start
        preexec_fn=functools.partial(signal.signal, number, signal.SIG_DFL),
    )
    for line in process.stdout:
        if json.loads(line).get("step", 0) > 20:
            break
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 130
    assert len(err.splitlines()) == 1
    listed = json.loads(run("runs", "--json")[1])
    assert listed["state"] == "stopped"
    assert err.endswith(f"--json --out {os.path.basename(listed['run'])}\n")
    assert run("classify", colours / "red" / "0.png", "--run", listed["run"])[0] == 0


def test_of_several_processes_only_the_first_talks(run, capsys, monkeypatch):
    with contextlib.closing(Progress(as_json=True, silent=True)) as progress:
        progress.tell("training", 1, 2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("RANK", "1")
    assert run("train", "--dataset", "drawn-pets", "--epochs", 0) == (2, "", "")
    err = run("evaluate", "none", "--dataset", "drawn-pets")[2]
    assert err.startswith("process 2: error: There is no run")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--epochs", 0), "epochs must be a whole number from 1 to 1000, not 0"),
        (("--epochs", 2.5), "epochs must be a whole number"),
        (("--learning-rate", "nan"), "learning_rate must be a number"),
        (("--stages", 3), "--stages is a setting of fine-tuning"),
        (("--method", "finetune", "--initialisation", "xavier"), "--initialisation is a setting of a head"),
        (("--method", "finetune", "--mirrored"), "for training a head only"),
        (("--backbone", "resnet51"), 'timm has no network called "resnet51"'),
        (("--optimiser", "magic"), "invalid choice"),
        (("--epochs", "abc"), "error: argument --epochs: 'abc' is not a number"),
    ],
)
def test_senseless_options_are_refused_in_words(run, colours, arguments, words):
    code, out, err = run("train", "--dataset", colours, "--backbone", "test_resnet", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    assert run("runs", "--json")[1] == ""


@pytest.mark.parametrize("dataset", ["oxford-pets", "cats-vs-dogs", "nonsense", "nothing.zip"])
def test_data_that_is_not_here_is_said(run, dataset, tmp_path):
    code, out, err = run("train", "--dataset", dataset, "--data", tmp_path, "--backbone", "test_resnet")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert str(tmp_path) not in err


@pytest.mark.parametrize("command", [("evaluate", "none", "--dataset", "drawn-pets"), ("export", "none")])
def test_an_unknown_run_is_said(run, command):
    code, _, err = run(*command)
    assert code == 2
    assert 'There is no run called "none"' in err


def test_datasets_are_listed_and_nothing_is_fetched_where_that_is_switched_off(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PETLENS_FETCH", "0")
    code, out, _ = run("datasets", "--json", "--data", tmp_path)
    listed = {json.loads(line)["name"]: json.loads(line)["here"] for line in out.splitlines()}
    assert code == 0
    assert listed == {
        "drawn-pets": True,
        "oxford-pets": False,
        "oxford-pets-species": False,
        "cats-vs-dogs": False,
    }
    code, _, err = run("fetch", "oxford-pets", "--data", tmp_path)
    assert code == 2
    assert "PETLENS_FETCH=0" in err
