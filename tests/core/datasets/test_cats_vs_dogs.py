"""Cats vs Dogs with the broken files and duplicates of the real zip, made here."""

from __future__ import annotations

import os

import pytest

from core.datasets import examination
from core.datasets.labelled import OpenSnapshot
from core.datasets.opening import open_dataset, open_gradually
from core.errors import DatasetError
from tests.core.datasets.pictures import jpeg, picture, saved, sizes, write, write_classes


@pytest.fixture
def folder(tmp_path):
    return write_classes(tmp_path / "data" / "PetImages", {"Cat": 20, "Dog": 30})


def opened(folder, **options):
    return open_dataset("cats-vs-dogs", data=folder.parent, **options)


def names(images) -> set[str]:
    return {f"{item.parent.name}/{item.name}" for item in images.items}


def left_out(dataset) -> dict[str, str]:
    return {one.name: one.reason for one in dataset.left_out}


def test_a_fifth_of_each_class_is_for_testing(folder):
    dataset = opened(folder)
    assert dataset.splits["train"].counts().tolist() == [16, 24]
    assert dataset.splits["test"].counts().tolist() == [4, 6]
    assert dataset.class_names == ("cat", "dog")
    assert not dataset.left_out


def test_labels_follow_the_folders(folder):
    for images in opened(folder).splits.values():
        assert [item.parent.name for item in images.items] == [("Cat", "Dog")[label] for label in images.labels]


def test_split_is_the_same_wherever_and_in_whatever_order_the_files_lie(folder, tmp_path):
    other = tmp_path / "elsewhere" / "PetImages"
    for path in sorted(folder.rglob("*.jpg"), reverse=True):
        write(other / path.parent.name / path.name, path.read_bytes())
    assert names(opened(folder).splits["test"]) == names(opened(other).splits["test"])


def test_only_the_wanted_split_comes_and_it_is_the_same(folder):
    alone = opened(folder, splits=("test",))
    assert sizes(alone) == {"test": 10}
    assert names(alone.splits["test"]) == names(opened(folder).splits["test"])


def test_broken_files_are_reported_and_left_out(folder):
    whole = jpeg(99)
    write(folder / "Cat" / "666.jpg", b"")
    write(folder / "Dog" / "11702.jpg", whole[: len(whole) // 2])
    write(folder / "Cat" / "5370.jpg", saved(picture(98), "GIF"))
    write(folder / "Cat" / "4351.jpg", b"BM nothing")
    write(folder / "Dog" / "Thumbs.db", b"what Windows leaves")
    dataset = opened(folder)
    assert sum(sizes(dataset).values()) == 50
    assert left_out(dataset) == {
        "Cat/666.jpg": "This file is empty.",
        "Cat/4351.jpg": "This file is not a picture that can be opened here, or its beginning is damaged.",
        "Cat/5370.jpg": "This file is not a JPEG, whatever it is called.",
        "Dog/11702.jpg": "This picture is damaged: the file ends too early or its content is broken.",
    }


def test_jpeg_with_a_comment_where_old_readers_trip_is_kept(folder):
    tripping = jpeg(97)
    comment = b"\xff\xfe\x00\x0aJFIF odd"
    write(folder / "Dog" / "comment.jpg", tripping[:2] + comment + tripping[2:])
    assert sum(sizes(opened(folder)).values()) == 51


def test_second_of_two_equal_files_is_left_out(folder):
    write(folder / "Cat" / "500.jpg", jpeg(3))
    dataset = opened(folder)
    assert left_out(dataset) == {"Cat/500.jpg": "the same picture as Cat/3.jpg"}
    assert sum(sizes(dataset).values()) == 50


def test_picture_that_is_cat_and_dog_is_left_out_twice(folder):
    write(folder / "Dog" / "500.jpg", jpeg(3))
    dataset = opened(folder)
    assert left_out(dataset) == {
        "Cat/3.jpg": "the same picture as Dog/500.jpg, which is in another class",
        "Dog/500.jpg": "the same picture as Cat/3.jpg, which is in another class",
    }
    assert sum(sizes(dataset).values()) == 49


def test_second_opening_reads_no_file_again(folder, monkeypatch):
    first = opened(folder)
    monkeypatch.setattr(examination, "look_at", lambda path: pytest.fail(f"{path.name} was read again"))
    assert names(opened(folder).splits["train"]) == names(first.splits["train"])


def test_file_that_changed_is_read_again(folder):
    opened(folder)
    path = folder / "Cat" / "3.jpg"
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert set(left_out(opened(folder))) == {"Cat/3.jpg"}


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"version": 1, "files": {"Cat/3.jpg": 5}}', b"\xff\x00"])
def test_damaged_memory_of_verdicts_does_not_matter(folder, home, damage):
    opened(folder)
    (kept,) = (home / "examined").iterdir()
    kept.write_bytes(damage)
    assert sum(sizes(opened(folder)).values()) == 50


def test_home_that_cannot_be_written_does_not_matter(folder, home):
    home.write_text("a file where the folder should be")
    assert sum(sizes(opened(folder)).values()) == 50


def test_opening_shows_how_far_it_is(folder):
    snapshots = list(open_gradually("cats-vs-dogs", data=folder.parent))
    assert all(isinstance(snapshot, OpenSnapshot) for snapshot in snapshots)
    dones = [snapshot.done for snapshot in snapshots]
    assert dones == sorted(dones)
    assert len(set(dones)) >= 3
    assert {snapshot.total for snapshot in snapshots} == {50}
    assert [snapshot.dataset is not None for snapshot in snapshots] == [False] * (len(snapshots) - 1) + [True]


def test_class_without_pictures_is_an_error(folder):
    for path in (folder / "Dog").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match="no pictures of a class"):
        opened(folder)


def test_real_photos_are_all_sound(shared):
    dataset = open_dataset("cats-vs-dogs", data=shared / "data")
    assert dataset.splits["train"].counts().tolist() == [1200, 1200]
    assert dataset.splits["test"].counts().tolist() == [300, 300]
    assert not dataset.left_out
