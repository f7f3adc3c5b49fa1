"""Opening by name, and what is said when a data set is not here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.datasets.opening import NAMES, list_datasets, open_dataset
from core.errors import DatasetError, SettingsError
from tests.conftest import PROJECT
from tests.core.datasets.pictures import write, write_classes


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("oxfordpets", "oxford-pets"),
        ("Oxford Pets", "oxford-pets"),
        ("cats_vs_dogs", "cats-vs-dogs"),
        ("drawn", "drawn-pets"),
    ],
)
def test_close_name_is_suggested(typed, meant):
    with pytest.raises(DatasetError, match=f"Did you mean {meant}"):
        open_dataset(typed)


def test_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(DatasetError) as raised:
        open_dataset("/somewhere/secret/imagenet")
    assert all(name in str(raised.value) for name in NAMES)
    assert "imagenet" in str(raised.value)
    assert "secret" not in str(raised.value)  # no path of the machine


@pytest.mark.parametrize("name", ["oxford-pets", "oxford-pets-species", "cats-vs-dogs"])
def test_it_is_said_how_to_get_what_is_not_here(name, tmp_path):
    with pytest.raises(DatasetError) as raised:
        open_dataset(name, data=tmp_path)
    assert all(word in str(raised.value) for word in (name, "PETLENS_DATA", "Download", "drawn-pets"))
    assert str(tmp_path) not in str(raised.value)


def test_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "pets.rar").write_bytes(b"Rar!")
    with pytest.raises(DatasetError, match=r"pets\.rar is neither a folder nor a zip"):
        open_dataset(tmp_path / "pets.rar")


@pytest.mark.parametrize("splits", [(), ("tests",), ("train", "dev")])
def test_unknown_splits_are_refused(splits):
    with pytest.raises(SettingsError, match="splits is"):
        open_dataset("oxford-pets", splits=splits)


def test_data_folder_comes_from_the_environment(tmp_path, monkeypatch):
    write_classes(tmp_path / "photos" / "PetImages", {"Cat": 5, "Dog": 5})
    monkeypatch.setenv("PETLENS_DATA", str(tmp_path / "photos"))
    assert open_dataset("cats-vs-dogs").class_names == ("cat", "dog")


def test_listing_says_what_is_here(tmp_path):
    write_classes(tmp_path / "PetImages", {"Cat": 5, "Dog": 6})
    listed = {listing.name: listing for listing in list_datasets(tmp_path)}
    assert tuple(listed) == NAMES
    assert {name: (one.here, one.pictures, one.classes) for name, one in listed.items() if name != "drawn-pets"} == {
        "oxford-pets": (False, 7349, 37),
        "oxford-pets-species": (False, 7349, 2),
        "cats-vs-dogs": (True, 11, 2),
    }
    assert listed["drawn-pets"].here
    assert listed["drawn-pets"].download_bytes == 0
    assert all(one.download_bytes > 800e6 for name, one in listed.items() if name != "drawn-pets")


def test_listing_of_a_set_without_its_lists_says_it_is_not_here(tmp_path):
    folder = tmp_path / "oxford-iiit-pet"
    write(folder / "images" / "a_1.jpg", b"x")
    write(folder / "annotations" / "test.txt", b"a_1 1 1 1\n")
    assert not {one.name: one for one in list_datasets(tmp_path)}["oxford-pets"].here
    write(folder / "annotations" / "trainval.txt", b"a_1 1 1 1\n")
    listing = {one.name: one for one in list_datasets(tmp_path)}["oxford-pets"]
    assert (listing.here, listing.pictures) == (True, 1)


def test_listing_makes_nothing_and_needs_no_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from core.datasets.opening import list_datasets\n"
        f"list_datasets(Path({str(tmp_path / 'data')!r})); print([m for m in ('torch', 'timm') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "[]", ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    write_classes(tmp_path / "cats-vs-dogs", {"a": 5, "b": 5})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match="are not here"):
        open_dataset("cats-vs-dogs", data=tmp_path)
    assert open_dataset("./cats-vs-dogs").class_names == ("a", "b")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_opens_and_gives_the_wanted_split_alone(shared, name):
    dataset = open_dataset(name, data=shared / "data", splits=("test",))
    assert set(dataset.splits) == {"test"}
    assert dataset.name == name
    assert dataset.splits["test"].counts().min() > 0
