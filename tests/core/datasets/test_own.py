"""A person's own pictures, in classes that the person names."""

from __future__ import annotations

import unicodedata

import pytest

from core.datasets.own import check_class_names, collect
from core.errors import DatasetError
from tests.core.datasets.pictures import jpeg, sizes, write


@pytest.fixture
def files(tmp_path):
    """Forty pictures, as they come from an upload: all in one folder."""
    return [write(tmp_path / "upload" / f"shot{number}.jpg", jpeg(number)) for number in range(40)]


def test_pictures_become_a_data_set_with_a_test_split(files):
    dataset = collect({"me": files[:10], "my mug": files[10:25]}, name="desk")
    assert dataset.class_names == ("me", "my mug")
    assert dataset.name == "desk"
    assert sizes(dataset) == {"train": 20, "test": 5}
    for images in dataset.splits.values():
        assert all((files.index(item) >= 10) == label for item, label in zip(images.items, images.labels, strict=True))


def test_five_of_each_are_enough_and_one_is_for_testing(files):
    dataset = collect({"a": files[:5], "b": files[5:10]})
    assert dataset.splits["train"].counts().tolist() == [4, 4]
    assert dataset.splits["test"].counts().tolist() == [1, 1]


def test_it_is_said_which_class_lacks_how_many(files, tmp_path):
    broken = write(tmp_path / "broken.jpg", b"no picture")
    with pytest.raises(DatasetError, match="b needs 2 more"):
        collect({"a": files[:5], "b": [*files[5:8], broken, tmp_path / "not there.jpg"]})
    with pytest.raises(DatasetError, match="only one, a"):
        collect({"a": files})
    with pytest.raises(DatasetError, match="At least 2 classes"):
        collect({})


def test_what_cannot_be_read_or_is_there_twice_is_reported(files, tmp_path):
    empty = write(tmp_path / "empty.jpg", b"")
    again = write(tmp_path / "again.jpg", jpeg(0))
    both = write(tmp_path / "both.jpg", jpeg(7))
    dataset = collect({"a": [*files[:6], empty, again], "b": [*files[6:15], tmp_path], "c": [*files[15:20], both]})
    assert {one.name: one.reason for one in dataset.left_out} == {
        "a/empty.jpg": "This file is empty.",
        "a/again.jpg": "the same picture as a/shot0.jpg",
        f"b/{tmp_path.name}": "This is not a file.",
        "b/shot7.jpg": "the same picture as c/both.jpg, which is in another class",
        "c/both.jpg": "the same picture as b/shot7.jpg, which is in another class",
    }
    assert sum(sizes(dataset).values()) == 6 + 8 + 5


def test_more_pictures_than_the_host_allows_are_refused(files, monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_IMAGES", "39")
    with pytest.raises(DatasetError, match=r"40 pictures; the host of this app allows 39 \(PETLENS_MAX_IMAGES\)"):
        collect({"a": files[:20], "b": files[20:]})


@pytest.mark.parametrize("name", ["", "  ", "\n", "\u200b", "\u3000"])
def test_class_needs_a_name(name):
    with pytest.raises(DatasetError, match="Class 2 has no name"):
        check_class_names(["cat", name])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "Cat"),
        ("cat", " cat "),
        ("Straße", "STRASSE"),
        ("é", unicodedata.normalize("NFD", "É")),
        ("a b", "a  b"),
    ],
)
def test_names_that_read_the_same_are_refused(one, other):
    with pytest.raises(DatasetError, match="Classes 1 and 3"):
        check_class_names([one, "between", other])


def test_names_come_back_tidy():
    assert check_class_names(["  my   cat ", unicodedata.normalize("NFD", "é"), "小狗"]) == ("my cat", "é", "小狗")


def test_long_names_and_many_classes_are_refused():
    assert check_class_names(["x" * 60, "y"]) == ("x" * 60, "y")
    with pytest.raises(DatasetError, match="class 1 has 61 letters; at most 60"):
        check_class_names(["x" * 61, "y"])
    assert len(check_class_names([str(n) for n in range(100)])) == 100
    with pytest.raises(DatasetError, match="101 classes; at most 100"):
        check_class_names([str(n) for n in range(101)])
