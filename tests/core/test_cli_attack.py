"""python -m core attack: one photo, a folder, and what is refused."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.__main__ import main
from core.commands.attack import FIELDS, _names_of_outputs


def _run(capsys, *arguments):
    code = main(["attack", *map(str, arguments)])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines() if line.startswith("{")], said.err


def test_the_last_object_tells_of_the_file_that_was_written(capsys, tmp_path, chelsea, classifier):
    out = tmp_path / "cat.png"
    code, said, _ = _run(capsys, chelsea, "--target", "Siamese cat", "--out", out, "--json")
    result = said[-1]
    assert code == 0
    assert tuple(result) == FIELDS
    with Image.open(out) as file, Image.open(chelsea) as photo:
        picture, view = file.convert("RGB"), classifier.backbone.view(photo.convert("RGB"))
    assert picture.size == (224, 224)
    best = classifier.predict([picture])[0].top(1)[0]
    assert best.index == 284
    assert (result["success"], result["to"]) == (True, best.label)
    assert result["from"] == classifier.predict([view])[0].top(1)[0].label
    difference = (np.asarray(picture, float) - np.asarray(view, float)) / 255
    assert result["l2"] == pytest.approx(float(np.sqrt((difference**2).sum())))
    assert result["linf"] == pytest.approx(float(np.abs(difference).max()))
    assert result["psnr"] == pytest.approx(-10 * math.log10(float((difference**2).mean())))
    assert result["gradients"] <= 60
    assert (result["file"], result["out"]) == (str(chelsea), str(out))


def test_neither_option_means_the_smallest_and_no_target_anything_else(capsys, tmp_path, chelsea):
    code, said, _ = _run(capsys, chelsea, "--steps", "8", "--out", tmp_path / "x.png", "--json")
    assert code == 0
    assert said[-1]["success"]
    assert said[-1]["to"] != said[-1]["from"]
    assert said[-1]["l2"] < 1


@pytest.mark.parametrize(
    ("given", "norm", "most"),
    [
        (["--norm", "linf", "--epsilon", "2/255"], "linf", 2 / 255),
        (["--epsilon", "0.01"], "linf", 0.01),
        (["--norm", "l2", "--epsilon", "0.7"], "l2", 0.7),
        (["--method", "fgsm", "--epsilon", "1/255"], "linf", 1 / 255),
    ],
)
def test_epsilon_bounds_what_is_in_the_file(capsys, tmp_path, chelsea, given, norm, most):
    few = [] if "fgsm" in given else ["--steps", "4"]
    code, said, _ = _run(capsys, chelsea, *given, *few, "--out", tmp_path / "x.png", "--json")
    assert code == 0
    assert 0 < said[-1][norm] <= most * (1 + 1e-6)


def test_what_does_not_work_is_no_error(capsys, tmp_path, chelsea):
    given = ["--target", "zebra", "--method", "fgsm", "--epsilon", "1/255"]
    code, said, _ = _run(capsys, chelsea, *given, "--out", tmp_path / "x.png", "--json")
    assert code == 0
    assert said[-1]["success"] is False
    assert (tmp_path / "x.png").is_file()


def test_a_folder_gives_a_picture_each_and_a_table(capsys, tmp_path, chelsea):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    with Image.open(chelsea) as photo:
        photo.save(photos / "cat.png")
        photo.convert("RGB").save(photos / "cat.jpg")
        photo.convert("RGB").rotate(180).save(photos / "turned.jpg")
    (photos / "broken.png").write_bytes(b"nothing")
    (photos / "notes.txt").write_text("not a picture")
    given = ["--norm", "linf", "--epsilon", "4/255", "--steps", "4"]
    code, said, error = _run(capsys, photos, *given, "--out", out, "--json")
    assert code == 2
    assert "broken.png: This file is not a picture" in error
    results = [one for one in said if "success" in one and "file" in one]
    assert len(results) == 3
    assert sorted(path.name for path in out.iterdir()) == ["cat.jpg.png", "cat.png.png", "results.csv", "turned.png"]
    with open(out / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == FIELDS
    assert [row["file"] for row in rows] == [one["file"] for one in results]
    assert [float(row["l2"]) for row in rows] == [one["l2"] for one in results]


def test_a_file_that_cannot_be_written_leaves_the_others_and_the_table(capsys, tmp_path, chelsea):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    with Image.open(chelsea) as photo:
        for name in ("a.jfif", "b.png"):
            photo.convert("RGB").save(photos / name, "JPEG" if name == "a.jfif" else "PNG")
    (out / "b.png").mkdir(parents=True)
    code, said, error = _run(capsys, photos, "--method", "fgsm", "--out", out, "--json")
    assert code == 2
    assert "b.png' cannot be written" in error
    with open(out / "results.csv", newline="") as file:
        assert [row["out"] for row in csv.DictReader(file)] == [str(out / "a.png")]
    assert [one["out"] for one in said if "success" in one and "file" in one] == [str(out / "a.png")]


def test_no_two_photos_share_a_file():
    files = [Path(name) for name in ("a.jpg", "a.png", "a.jpg.webp", "b.gif")]
    names = _names_of_outputs(files)
    assert len(set(names.values())) == len(files)
    assert names[Path("b.gif")] == "b.png"


def test_words_for_people(capsys, tmp_path, chelsea):
    main(["attack", str(chelsea), "--steps", "6", "--out", str(tmp_path / "x.png")])
    assert "x.png: fooled: " in capsys.readouterr().out


def test_several_networks_at_once(capsys, tmp_path, photo_file, made_weights):
    given = ["--backbone", "test_resnet", "--with", "test_vit", "--steps", "2", "--out", tmp_path / "x.png", "--json"]
    code, said, _ = _run(capsys, photo_file, *given)
    assert code == 0
    assert said[-1]["gradients"] == 4  # two of each network
    code, _, error = _run(capsys, photo_file, *given[:3], "test_resnet", *given[4:])
    assert code == 2
    assert "attacked already" in error


@pytest.fixture
def photo_file(tmp_path):
    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--epsilon", "0"], "epsilon is 0"),
        (["--norm", "linf", "--epsilon", "1.5"], "at most 1 for linf"),
        (["--epsilon", "8/x"], "such as 8/255"),
        (["--target", "unicorn"], "No ImageNet class is called"),
        (["--method", "magic"], "method must be one of"),
        (["--minimal", "--method", "cw"], "do not go together"),
        (["--method", "cw", "--epsilon", "1/255"], "--epsilon does nothing"),
        (["--method", "cw", "--norm", "linf"], "--norm does nothing with the method cw"),
        (["--tv-weight", "5"], "--tv-weight does nothing with the method minimal"),
        (["--method", "fgsm", "--steps", "5"], "--steps does nothing"),
        (["--steps", "0"], "steps must be"),
        (["--max-seconds", "0"], "--max-seconds"),
        (["--backbone", "nonsense"], "nonsense"),
        (["--out", "x.jpg"], "must end in .png"),
        (["--out", "no/such/folder/x.png"], "There is no folder"),
    ],
)
def test_wrong_options_are_one_line(capsys, tmp_path, chelsea, given, said):
    out = [] if "--out" in given else ["--out", tmp_path / "x.png"]
    code, results, error = _run(capsys, chelsea, *given, *out)
    assert code == 2
    assert not results
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


def test_what_is_read_already_is_no_target(capsys, tmp_path, chelsea, classifier):
    present = classifier.predict([classifier.read(chelsea)])[0].top(1)[0]
    code, _, error = _run(capsys, chelsea, "--target", present.index, "--out", tmp_path / "x.png")
    assert code == 2
    assert "already. Choose another class." in error


@pytest.mark.parametrize(("size", "said"), [((16, 16), "too small"), ((64, 64), "one colour only")])
def test_pictures_that_cannot_be_attacked(capsys, tmp_path, size, said):
    Image.new("RGB", size).save(tmp_path / "black.png")
    code, _, error = _run(capsys, tmp_path / "black.png", "--out", tmp_path / "x.png")
    assert code == 2
    assert said in error


def test_a_picture_of_too_many_pixels(capsys, tmp_path):
    Image.new("L", (12_000, 9_000)).save(tmp_path / "huge.png")
    code, _, error = _run(capsys, tmp_path / "huge.png", "--out", tmp_path / "x.png")
    assert code == 2
    assert "too large (12000 x 9000 pixels)" in error
