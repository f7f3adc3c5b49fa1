"""A run as a zip: complete, and back again; and zips that somebody made up."""

from __future__ import annotations

import json
import random
import stat
import zipfile
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from core.backbones import loading
from core.backbones.freezing import ViewSettings
from core.errors import CheckpointError, PetLensError
from core.places import runs_folder
from core.runs import create_run, list_runs, load_run, open_zip, read_record, zip_run

WHOLE = {
    "README.md",
    "evaluation.json",
    "head.safetensors",
    "history.json",
    "network.safetensors",
    "predict.py",
    "run.json",
}


def _names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name.split("/")[1] for name in archive.namelist()}


def _contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip_of(path: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def zipped(make_run, tmp_path) -> Path:
    return zip_run(make_run().folder, tmp_path / "run.zip")


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("view", [ViewSettings(), ViewSettings(size_px=96, mirrored=True, input_scaling=False)])
def test_a_zip_comes_back_with_the_same_answers(make_run, tmp_path, tuned, view):
    made = make_run(tuned=tuned, view=view)
    path = zip_run(made.folder, tmp_path / "run.zip")
    assert _names(path) == WHOLE
    again = open_zip(path, runs_folder())
    assert made.sameness(again) == 0
    assert load_run(again).evaluation == {"labels": [0, 1, 2]}
    assert len(list_runs()) == 2
    # and once more, from the run that came as a zip
    assert made.sameness(open_zip(zip_run(again, tmp_path / "again.zip"), runs_folder())) == 0


def test_a_whole_zip_needs_no_published_network(make_run, made_weights, tmp_path, monkeypatch):
    made = make_run("test_vit")
    path = zip_run(made.folder, tmp_path / "run.zip")
    monkeypatch.setenv("PETLENS_FETCH", "0")
    torch.manual_seed(5)
    for weights in (timm.create_model("test_vit").state_dict(), None):  # another one is here; none is
        (made_weights / "test_vit.safetensors").unlink()
        if weights:
            save_file(weights, made_weights / "test_vit.safetensors")
        loading._loaded._backbones.clear()
        assert made.sameness(open_zip(path, runs_folder())) == 0


def test_a_small_zip_brings_the_head_and_needs_the_network(make_run, made_weights, tmp_path):
    made = make_run()
    path = zip_run(made.folder, tmp_path / "run.zip", whole_network=False)
    assert _names(path) == WHOLE - {"network.safetensors", "predict.py"}
    assert made.sameness(open_zip(path, runs_folder())) == 0
    torch.manual_seed(5)
    save_file(timm.create_model("test_resnet").state_dict(), made_weights / "test_resnet.safetensors")
    loading._loaded._backbones.clear()
    with pytest.raises(CheckpointError, match="other weights"):
        open_zip(path, runs_folder())


def test_opening_a_zip_fetches_nothing(make_run, made_weights, tmp_path):
    path = zip_run(make_run().folder, tmp_path / "run.zip", whole_network=False)
    (made_weights / "test_resnet.safetensors").unlink()
    loading._loaded._backbones.clear()
    assert read_record(open_zip(path, runs_folder())).name == "My Käts & dögs"


def test_a_trained_network_always_comes_along(make_run, tmp_path):
    assert _names(zip_run(make_run(tuned=True).folder, tmp_path / "run.zip", whole_network=False)) == WHOLE


def test_the_network_in_a_zip_has_clear_names(make_run, tmp_path):
    made = make_run("test_vit")  # timm calls its own last layer "head" too
    path = zip_run(made.folder, tmp_path / "run.zip")
    (tmp_path / "x").write_bytes(next(data for name, data in _contents(path).items() if "network" in name))
    tensors = load_file(tmp_path / "x")
    assert torch.equal(tensors["head.weight"], made.classifier.head.weight)
    assert torch.equal(tensors["backbone.head.weight"], made.classifier.backbone.model.head.weight)
    assert all(name.startswith(("head.", "backbone.")) for name in tensors)


def test_a_run_without_a_head_is_not_zipped(make_run, tmp_path):
    folder = create_run(make_run().record)
    with pytest.raises(CheckpointError, match="no trained head"):
        zip_run(folder, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_zips_packed_again_by_people_are_opened(zipped, tmp_path):
    contents = _contents(zipped)
    top = next(iter(contents)).split("/")[0]
    flat = {name.split("/")[1]: data for name, data in contents.items()}
    assert open_zip(_zip_of(tmp_path / "flat.zip", flat), runs_folder())
    littered = {f"{top}/": b"", **contents, f"__MACOSX/{top}/._run.json": b"x", f"{top}/.DS_Store": b"x"}
    assert open_zip(_zip_of(tmp_path / "mac.zip", littered, zipfile.ZIP_STORED), runs_folder())


def test_card_and_program_of_a_zip_are_not_taken_over(zipped, tmp_path):
    contents = {name.split("/")[1]: data for name, data in _contents(zipped).items()}
    contents |= {"README.md": b"<script>alert(1)</script>", "predict.py": b"import os"}
    folder = open_zip(_zip_of(tmp_path / "x.zip", contents), runs_folder())
    assert "script" not in (folder / "README.md").read_text()
    assert not (folder / "predict.py").exists()


# --- zips that somebody made up ---


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/etc/evil",
        "run/sub/head.safetensors",
        "model.pkl",
        "evil.py",
        "..\\evil",
        "checkpoint/x",
        "a/../b",
    ],
)
def test_files_that_no_run_has_are_refused(zipped, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    path = _zip_of(tmp_path / "x.zip", {**_contents(zipped), name: b"evil"})
    with pytest.raises(CheckpointError, match="not a zip of a run"):
        open_zip(path, runs_folder())
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_links_are_refused(zipped, tmp_path):
    contents = {name.split("/")[1]: data for name, data in _contents(zipped).items()}
    del contents["history.json"]
    path = _zip_of(tmp_path / "x.zip", contents)
    link = zipfile.ZipInfo("history.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(CheckpointError, match="not a zip of a run"):
        open_zip(path, runs_folder())


def test_a_name_twice_is_refused(zipped, tmp_path):
    path = _zip_of(tmp_path / "x.zip", {name.split("/")[1]: data for name, data in _contents(zipped).items()})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("run.json", "{}")
    with pytest.raises(CheckpointError, match="not a zip of a run"):
        open_zip(path, runs_folder())


@pytest.mark.parametrize("declared", [None, 100])
def test_a_bomb_is_stopped_at_its_limit(zipped, tmp_path, declared, monkeypatch):
    from core.runs import files

    monkeypatch.setitem(files.LIMITS, "history.json", 1 << 20)
    contents = {name.split("/")[1]: data for name, data in _contents(zipped).items()}
    contents["history.json"] = b" " * (40 << 20)
    path = _zip_of(tmp_path / "x.zip", contents)
    assert path.stat().st_size < 4 << 20
    if declared:  # a size in the headers that is not true
        data = path.read_bytes().replace((40 << 20).to_bytes(4, "little"), declared.to_bytes(4, "little"))
        path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"too large|damaged"):
        open_zip(path, runs_folder())


def test_a_hundred_thousand_entries_are_refused_unread(tmp_path, home):
    path = _zip_of(tmp_path / "x.zip", {f"{number}": b"" for number in range(3000)}, zipfile.ZIP_STORED)
    with pytest.raises(CheckpointError, match="too many files"):
        open_zip(path, runs_folder())


def test_an_encrypted_zip_is_told(zipped, tmp_path):
    data = bytearray(zipped.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(CheckpointError, match="encrypted"):
        open_zip(tmp_path / "x.zip", runs_folder())


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(18), b"x" * 10_000, b"PK\3\4" + bytes(100)])
def test_what_is_no_zip_is_told(tmp_path, home, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(CheckpointError):
        open_zip(tmp_path / "x.zip", runs_folder())
    assert not any(runs_folder().iterdir())


def test_a_folder_or_nothing_is_no_zip(tmp_path, home):
    for path in (tmp_path, tmp_path / "nothing.zip"):
        with pytest.raises(CheckpointError):
            open_zip(path, runs_folder())


@pytest.mark.parametrize("missing", ["run.json", "head.safetensors", "network.safetensors", "history.json"])
def test_a_zip_that_lacks_a_file_is_refused(make_run, tmp_path, missing):
    path = zip_run(make_run(tuned=True).folder, tmp_path / "run.zip")
    contents = {name: data for name, data in _contents(path).items() if not name.endswith(missing)}
    with pytest.raises(CheckpointError):
        open_zip(_zip_of(tmp_path / "x.zip", contents), runs_folder())
    assert len(list_runs()) == 1


def test_a_record_that_asks_for_its_weights_but_says_they_are_published_gets_what_is_in_the_zip(make_run, tmp_path):
    """Who says "published" of trained weights gets a run that works, with the weights that the zip brings."""
    made = make_run(tuned=True)
    contents = _contents(zip_run(made.folder, tmp_path / "run.zip"))
    name = next(name for name in contents if name.endswith("run.json"))
    record = json.loads(contents[name])
    record["backbone"]["weights"] = "published"
    contents[name] = json.dumps(record).encode()
    assert made.sameness(open_zip(_zip_of(tmp_path / "x.zip", contents), runs_folder())) == 0


def test_no_damaged_zip_raises_anything_else_or_leaves_anything(zipped, tmp_path):
    chance = random.Random(0)
    data = zipped.read_bytes()
    start = data.index(b"network.safetensors")
    places = [*range(start), *range(data.rindex(b"PK\1\2") - 600, len(data))]  # the weights are tried elsewhere
    path, opened = tmp_path / "x.zip", 0
    for _ in range(80):
        damaged = bytearray(data)
        damaged[chance.choice(places)] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged[: chance.choice((len(data), len(data), chance.randrange(len(data))))])
        try:
            open_zip(path, runs_folder())
            opened += 1
        except PetLensError:
            continue
    assert len(list_runs()) == 1 + opened
    assert not [folder for folder in runs_folder().iterdir() if folder.name.startswith(".")]
