"""python -m core ascend: pictures, what is said of them, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from core.__main__ import main
from core.ascent.files import read_recipe
from core.ascent.picture import variation_of

QUICK = ["--preset", "lesson", "--steps", "2", "--size-px", "64"]


def _run(capsys, *arguments):
    code = main(["ascend", *arguments])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines() if line.startswith("{")], said.err


def test_the_last_object_tells_of_the_file_that_was_written(capsys, tmp_path, classifier):
    out = tmp_path / "zebra.png"
    code, said, _ = _run(capsys, "--class", "zebra", *QUICK, "--out", str(out), "--json")
    result = said[-1]
    assert code == 0
    assert list(result) == [
        "class",
        "label",
        "index",
        "probability",
        "steps",
        "gradients",
        "stopped_by",
        "seconds",
        "total_variation",
        "out",
    ]
    with Image.open(out) as picture:
        prediction = classifier.predict([picture.convert("RGB")])[0]
        assert result["total_variation"] == variation_of(picture.convert("RGB"))
    best = prediction.top(1)[0]
    assert (result["class"], result["label"], result["index"]) == ("zebra", best.label, best.index)
    assert result["probability"] == pytest.approx(float(prediction.probabilities[340]), rel=1e-5)
    assert (result["steps"], result["gradients"], result["stopped_by"]) == (2, 2, "steps")
    assert read_recipe(out.read_bytes()).settings.steps == 2
    assert {"phase": "drawing", "total": 2}.items() <= said[0].items()


def test_several_classes_are_made_together_one_object_a_picture(capsys, tmp_path):
    arguments = ["--class", "340", "--class", "Siamese cat", "--class", "340", *QUICK]
    code, said, _ = _run(capsys, *arguments, "--out", str(tmp_path / "{class}.png"), "--json")
    assert code == 2
    arguments = arguments[:4] + arguments[6:]
    code, said, _ = _run(capsys, *arguments, "--out", str(tmp_path / "{class}.png"), "--json")
    assert code == 0
    results = [one for one in said if "class" in one]
    assert [one["class"] for one in results] == ["340", "Siamese cat"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["340.png", "siamese-cat.png"]
    assert results[0]["seconds"] == results[1]["seconds"] > 0


def test_the_same_call_gives_the_same_bytes(capsys, tmp_path):
    for name in ("one", "two"):
        _run(
            capsys, "--class", "zebra", *QUICK, "--seed", "3", "--jitter", "0.1", "--out", str(tmp_path / f"{name}.png")
        )
    one, two = ((tmp_path / f"{name}.png").read_bytes() for name in ("one", "two"))
    assert one == two


def test_time_is_a_guard_for_the_whole_call(capsys, tmp_path):
    out = str(tmp_path / "x.png")
    code, said, _ = _run(capsys, "--class", "zebra", "--preset", "lesson", "--max-seconds", "4", "--out", out, "--json")
    assert code == 0
    assert said[-1]["stopped_by"] == "time"
    assert said[-1]["steps"] < 1000


def test_a_photo_is_dreamt_into(capsys, tmp_path, chelsea):
    out = tmp_path / "dream.png"
    code, _, _ = _run(
        capsys, "--class", "zebra", *QUICK, "--learning-rate", "0.001", "--photo", str(chelsea), "--out", str(out)
    )
    assert code == 0
    dreamt = np.asarray(Image.open(out).convert("RGB"), dtype=float)
    photo = Image.open(chelsea).convert("RGB")
    assert abs(dreamt.mean() - np.asarray(photo, dtype=float).mean()) < 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--class", "unicorn horn"], "No ImageNet class"),
        (["--class", "crane"], "could be"),
        (["--class", "zebra", "--steps", "0"], "steps must be"),
        (["--class", "zebra", "--learning-rate", "nan"], "learning_rate must be"),
        (["--class", "zebra", "--size-px", "7"], "size_px must be"),
        (["--class", "zebra", "--size-px", "5000"], "size_px must be"),
        (["--class", "zebra", "--preset", "nonsense"], "no preset"),
        (["--class", "zebra", "--max-seconds", "nan"], "--max-seconds must be"),
        (["--class", "zebra", "--class", "340"], "one file"),
        (["--class", "zebra", "--backbone", "no_such_network"], "no_such_network"),
        (["--class", "zebra", "--photo", "nowhere.jpg"], "no such file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(capsys, tmp_path, arguments, says):
    code, said, errors = _run(capsys, *arguments, "--out", str(tmp_path / "x.png"))
    assert code == 2
    assert said == []
    assert says in errors
    assert list(tmp_path.iterdir()) == []


def test_other_formats_and_missing_folders_are_refused(capsys, tmp_path):
    for out, says in (("x.jpg", "must end in .png"), ("no/x.png", "There is no folder")):
        code, _, errors = _run(capsys, "--class", "zebra", *QUICK, "--out", str(tmp_path / out))
        assert code == 2
        assert says in errors


def test_a_second_network_draws_too_and_all_come_on_one_sheet(capsys, tmp_path, made_weights):
    sheet = tmp_path / "sheet.png"
    arguments = ["--class", "zebra", "--class", "daisy", *QUICK, "--with", "test_resnet", "--sheet", str(sheet)]
    code, said, _ = _run(capsys, *arguments, "--out", str(tmp_path / "{class}.png"), "--json")
    assert code == 0
    results = [one for one in said if "class" in one]
    assert [one["gradients"] for one in results] == [4, 4]
    recipe = read_recipe((tmp_path / "daisy.png").read_bytes())
    assert (recipe.class_name, recipe.beside) == ("daisy", ("test_resnet",))
    with Image.open(sheet) as picture:
        assert picture.size[0] > 2 * 64
        first = np.asarray(picture.convert("RGB"))[12:76, 12:76]
    with Image.open(tmp_path / "zebra.png") as picture:
        assert np.array_equal(first, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sheet", "sheet.gif"], "must end in"),
        (["--sheet", "nowhere/sheet.png"], "no folder"),
        (["--with", "tf_efficientnet_lite0"], "draws already"),
        (["--with", "no_such_network"], "no_such_network"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_drawn(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = _run(capsys, "--class", "zebra", *QUICK, "--out", "zebra.png", *arguments)
    assert code == 2
    assert message in err
    assert not list(tmp_path.iterdir())
