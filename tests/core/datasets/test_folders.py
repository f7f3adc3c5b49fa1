"""Class folders as people have them: with and without a split, with what systems leave behind, in any script."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from core.datasets.folders import FoundFile, arrange
from core.datasets.opening import open_dataset
from core.errors import DatasetError
from tests.core.datasets.pictures import jpeg, picture, saved, sizes, write, write_classes


@pytest.fixture
def folder(tmp_path):
    return write_classes(tmp_path / "pets", {"cat": 10, "dog": 15})


def left_out(dataset) -> dict[str, str]:
    return {one.name: one.reason for one in dataset.left_out}


def arranged(*names: str):
    return arrange([FoundFile(tuple(name.split("/")), Path(name)) for name in names])


def by_split(arrangement) -> dict[str, list[str]]:
    return {
        split: [f"{arrangement.class_names[label]}: {file.path}" for file, label in files]
        for split, files in arrangement.files.items()
    }


# Which folders are classes


def test_folders_are_classes():
    arrangement = arranged("cat/1.jpg", "dog/2.jpg", "dog/old/3.jpg")
    assert by_split(arrangement) == {"train": ["cat: cat/1.jpg", "dog: dog/2.jpg", "dog: dog/old/3.jpg"]}
    assert not arrangement.split_is_given


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("val", "validation"),
        ("valid", "validation"),
        ("Validation", "validation"),
        ("TEST", "test"),
        ("testing", "test"),
    ],
)
def test_given_split_is_taken(folder, split):
    arrangement = arranged("Train/cat/1.jpg", "Train/dog/2.jpg", f"{folder}/cat/3.jpg")
    assert by_split(arrangement) == {
        "train": ["cat: Train/cat/1.jpg", "dog: Train/dog/2.jpg"],
        split: [f"cat: {folder}/cat/3.jpg"],
    }
    assert arrangement.split_is_given


@pytest.mark.parametrize("around", ["pets", "a/b/c"])
def test_folders_around_the_class_folders_are_seen_through(around):
    for inside in (["cat/1.jpg", "dog/2.jpg"], ["train/cat/1.jpg", "test/cat/2.jpg", "test/dog/2.jpg"]):
        wrapped = arranged(*(f"{around}/{name}" for name in inside))
        plain = arranged(*inside)
        assert wrapped.class_names == plain.class_names == ("cat", "dog")
        assert {split: len(files) for split, files in wrapped.files.items()} == {
            split: len(files) for split, files in plain.files.items()
        }


def test_train_alone_is_no_given_split():
    arrangement = arranged("train/cat/1.jpg", "train/dog/2.jpg")
    assert by_split(arrangement) == {"train": ["cat: train/cat/1.jpg", "dog: train/dog/2.jpg"]}
    assert not arrangement.split_is_given


def test_class_may_be_called_train():
    arrangement = arranged("car/1.jpg", "plane/2.jpg", "train/3.jpg")
    assert arrangement.class_names == ("car", "plane", "train")
    assert not arrangement.split_is_given


def test_pictures_beside_the_class_folders_are_reported():
    arrangement = arranged("loose.jpg", "cat/1.jpg", "dog/2.jpg")
    assert by_split(arrangement) == {"train": ["cat: cat/1.jpg", "dog: dog/2.jpg"]}
    assert [one.name for one in arrangement.left_out] == ["loose.jpg"]
    arrangement = arranged("pets/preview.jpg", "pets/train/cat/1.jpg", "pets/val/dog/2.jpg", "pets/extra/3.jpg")
    assert by_split(arrangement) == {
        "train": ["cat: pets/train/cat/1.jpg"],
        "validation": ["dog: pets/val/dog/2.jpg"],
    }
    assert {one.name for one in arrangement.left_out} == {"pets/preview.jpg", "pets/extra/3.jpg"}


def test_names_that_differ_in_capitals_only_are_refused():
    with pytest.raises(DatasetError, match="called Cat and cat"):
        arranged("Cat/1.jpg", "cat/2.jpg")
    with pytest.raises(DatasetError, match="called Cat and cat"):
        arranged("train/Cat/1.jpg", "test/cat/2.jpg")


# On the disk


def test_fifth_is_held_out_where_no_split_is_given(folder):
    dataset = open_dataset(folder)
    assert sizes(dataset) == {"train": 20, "test": 5}
    assert dataset.splits["test"].counts().tolist() == [2, 3]
    assert (dataset.name, dataset.class_names) == ("pets", ("cat", "dog"))
    assert [one.name for one in dataset.splits["test"].items] == [
        one.name for one in open_dataset(folder).splits["test"].items
    ]


def test_given_split_stays_as_it_is(folder, tmp_path):
    write_classes(tmp_path / "given" / "train", {"cat": 6, "dog": 5})
    write_classes(tmp_path / "given" / "val", {"cat": 2, "dog": 1}, first_seed=1)  # there twice: reported elsewhere
    dataset = open_dataset(tmp_path / "given")
    assert sizes(dataset) == {"train": 11, "validation": 3}
    assert dataset.final_split == "validation"
    assert sizes(open_dataset(tmp_path / "given", splits=("validation",))) == {"validation": 3}
    with pytest.raises(DatasetError, match="no test pictures; it has train, validation"):
        open_dataset(tmp_path / "given", splits=("test",))


def test_wanted_split_alone_is_enough(tmp_path):
    write_classes(tmp_path / "given" / "test", {"cat": 2, "dog": 1})
    dataset = open_dataset(tmp_path / "given", splits=("test",))
    assert sizes(dataset) == {"test": 3}
    assert dataset.class_names == ("cat", "dog")


def test_what_systems_leave_behind_is_ignored(folder):
    for name in ("Thumbs.db", ".DS_Store", "cat/thumbs.db", "dog/desktop.ini", "cat/._1.jpg", ".git/a.jpg"):
        write(folder / name, b"x")
    write(folder / "__MACOSX" / "cat" / "._1.jpg", b"x")
    dataset = open_dataset(folder)
    assert dataset.class_names == ("cat", "dog")
    assert not dataset.left_out


def test_files_that_are_no_pictures_are_reported(folder):
    write(folder / "README.txt", b"about pets")
    write(folder / "cat" / "notes.pdf", b"x")
    write(folder / "cat" / "broken.png", b"x")
    write(folder / "dog" / "iphone.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0")
    reported = left_out(open_dataset(folder))
    assert reported.pop("dog/iphone.HEIC").startswith("This is a HEIC photo")
    assert reported.pop("cat/broken.png").startswith("This file is not a picture")
    assert reported == {"README.txt": "not a picture", "cat/notes.pdf": "not a picture"}


def test_folder_without_pictures_is_no_class(folder):
    write(folder / "annotations" / "list.txt", b"x")
    (folder / "empty").mkdir()
    dataset = open_dataset(folder)
    assert dataset.class_names == ("cat", "dog")
    assert left_out(dataset) == {"annotations/list.txt": "not a picture"}


@pytest.mark.parametrize(
    ("suffix", "file_format"),
    [(".JPG", "JPEG"), (".JpEg", "JPEG"), (".PNG", "PNG"), (".WebP", "WEBP"), (".TIF", "TIFF")],
)
def test_suffixes_count_in_capitals_and_small_letters(folder, suffix, file_format):
    write(folder / "cat" / f"more{suffix}", saved(picture(77), file_format))
    assert sum(sizes(open_dataset(folder)).values()) == 26


def test_links_are_not_followed(folder, tmp_path):
    write_classes(tmp_path / "outside", {"secret": 9}, first_seed=500)
    os.symlink(tmp_path / "outside" / "secret", folder / "mouse", target_is_directory=True)
    os.symlink(tmp_path / "outside" / "secret" / "0.jpg", folder / "cat" / "linked.jpg")
    os.symlink(folder, folder / "cat" / "again", target_is_directory=True)
    dataset = open_dataset(folder)
    assert dataset.class_names == ("cat", "dog")
    assert sum(sizes(dataset).values()) == 25
    assert left_out(dataset) == {"mouse": "a link", "cat/linked.jpg": "a link", "cat/again": "a link"}


def test_pipe_called_as_a_picture_does_not_hang(folder):
    os.mkfifo(folder / "cat" / "pipe.jpg")
    assert left_out(open_dataset(folder)) == {"cat/pipe.jpg": "This is not a file."}


def test_classes_may_be_called_in_any_script(tmp_path):
    names = ["кошка", "小狗", "कुत्ता", "قطة", "🐭", "perro grande", "a.b", 'C\'est "un" chat & <b>']
    dataset = open_dataset(write_classes(tmp_path / "всё", dict.fromkeys(names, 5)))
    assert sorted(dataset.class_names) == sorted(unicodedata.normalize("NFC", name) for name in names)
    assert dataset.name == "всё"


def test_same_name_in_two_spellings_of_its_letters_is_one_class(tmp_path):
    composed, split = (unicodedata.normalize(form, "Épagneul") for form in ("NFC", "NFD"))
    assert composed != split
    write_classes(tmp_path / "pets", {composed: 4, "Beagle": 6})
    write_classes(tmp_path / "pets", {split: 3}, first_seed=100)
    dataset = open_dataset(tmp_path / "pets")
    assert dataset.class_names == ("Beagle", composed)
    assert sum(images.counts()[1] for images in dataset.splits.values()) == 7


def test_names_cannot_turn_the_text_around_them(tmp_path):
    dataset = open_dataset(write_classes(tmp_path / "pets", {"cat\u202egnp": 5, "do\tg": 5}))
    assert dataset.class_names == ("cat\ufffdgnp", "do\ufffdg")


def test_duplicates_are_left_out_where_the_split_is_made_here(folder):
    write(folder / "cat" / "copy.jpg", jpeg(0))
    write(folder / "dog" / "cat.jpg", jpeg(1))
    assert left_out(open_dataset(folder)) == {
        "cat/copy.jpg": "the same picture as cat/0.jpg",
        "cat/1.jpg": "the same picture as dog/cat.jpg, which is in another class",
        "dog/cat.jpg": "the same picture as cat/1.jpg, which is in another class",
    }


def test_too_few_pictures_are_told_by_class(tmp_path):
    folder = write_classes(tmp_path / "pets", {"cat": 5, "dog": 3, "mouse": 4})
    write(folder / "mouse" / "4.jpg", b"broken")
    with pytest.raises(DatasetError, match="dog needs 2 more; mouse needs 1 more"):
        open_dataset(folder)


def test_one_class_or_none_is_told(tmp_path):
    with pytest.raises(DatasetError, match="only one, cat"):
        open_dataset(write_classes(tmp_path / "one", {"cat": 9}))
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="At least 2 classes"):
        open_dataset(tmp_path / "none")


def test_real_insects_have_their_given_split(shared):
    dataset = open_dataset(shared / "data" / "hymenoptera")
    assert dataset.class_names == ("ants", "bees")
    assert sizes(dataset) == {"train": 243, "validation": 153}
    assert not dataset.left_out


def test_real_magnetic_tiles_are_six_classes(shared):
    dataset = open_dataset(shared / "data" / "magnetic-tile")
    assert len(dataset.class_names) == 6
    assert sum(sizes(dataset).values()) == 507
    assert 99 <= len(dataset.splits["test"]) <= 103
