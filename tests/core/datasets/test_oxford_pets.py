"""Oxford-IIIT Pet, from a folder that holds all of it, a part, or something else."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets.opening import open_dataset
from core.errors import DatasetError
from tests.core.datasets.pictures import jpeg, sizes, write

ROWS = {
    "trainval.txt": "Abyssinian_1 1 1 1\nEgyptian_Mau_2 12 1 6\nbeagle_3 5 2 4\nyorkshire_terrier_9 37 2 25\n",
    "test.txt": "Abyssinian_2 1 1 1\nbeagle_4 5 2 4\n",
}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "oxford-iiit-pet"
    for name, rows in ROWS.items():
        write(folder / "annotations" / name, rows.encode())
        for row in rows.splitlines():
            write(folder / "images" / f"{row.split()[0]}.jpg", jpeg(1))
    return tmp_path / "data"


def lists(data):
    return data / "oxford-iiit-pet" / "annotations"


def test_breeds_are_called_as_people_call_them(data):
    dataset = open_dataset("oxford-pets", data=data)
    assert len(dataset.class_names) == 37
    train = dataset.splits["train"]
    assert [dataset.class_names[label] for label in train.labels] == [
        "Abyssinian",
        "Egyptian Mau",
        "Beagle",
        "Yorkshire Terrier",
    ]
    assert [item.name for item in train.items][1:3] == ["Egyptian_Mau_2.jpg", "beagle_3.jpg"]


def test_official_lists_are_the_splits(data):
    assert sizes(open_dataset("oxford-pets", data=data)) == {"train": 4, "test": 2}


def test_species_are_the_third_column(data):
    dataset = open_dataset("oxford-pets-species", data=data)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.splits["train"].labels.tolist() == [0, 0, 1, 1]
    assert dataset.name == dataset.splits["test"].name == "oxford-pets-species"


def test_only_the_wanted_list_has_to_be_there(data):
    (lists(data) / "trainval.txt").unlink()
    dataset = open_dataset("oxford-pets", data=data, splits=("test",))
    assert sizes(dataset) == {"test": 2}
    assert len(dataset.class_names) == 37
    with pytest.raises(DatasetError, match=r"trainval\.txt is missing"):
        open_dataset("oxford-pets", data=data)


def test_absent_pictures_are_left_out_and_counted(data):
    (data / "oxford-iiit-pet" / "images" / "beagle_3.jpg").unlink()
    dataset = open_dataset("oxford-pets", data=data)
    assert sizes(dataset) == {"train": 3, "test": 2}
    assert dataset.splits["train"].labels.tolist() == [0, 11, 36]
    assert [(one.name, one.reason) for one in dataset.left_out] == [
        ("1 pictures listed in trainval.txt", "not in the folder images")
    ]


def test_list_whose_pictures_are_all_absent_is_an_error(data):
    for name in ("Abyssinian_2", "beagle_4"):
        (data / "oxford-iiit-pet" / "images" / f"{name}.jpg").unlink()
    assert sizes(open_dataset("oxford-pets", data=data, splits=("train",))) == {"train": 4}
    with pytest.raises(DatasetError, match=r"None of the 2 pictures that test\.txt lists"):
        open_dataset("oxford-pets", data=data)


@pytest.mark.parametrize(
    "line", ["../../etc/passwd 1 1 1", "a/b 1 1 1", "cat_1 38 1 1", "cat_1 0 1 1", "cat_1 1 3 1", "cat_1 1 1", "\x00"]
)
def test_line_that_is_none_is_named(data, line):
    write(lists(data) / "trainval.txt", f"# comment\n\nAbyssinian_1 1 1 1\n{line}\n".encode())
    with pytest.raises(DatasetError, match=r"Line 4 of trainval\.txt"):
        open_dataset("oxford-pets", data=data)


def test_list_that_is_no_text_is_an_error(data):
    write(lists(data) / "test.txt", b"\xff\xfe\x00\x80")
    with pytest.raises(DatasetError, match=r"test\.txt is missing or cannot be read"):
        open_dataset("oxford-pets", data=data)


def test_there_are_no_validation_pictures(data):
    with pytest.raises(DatasetError, match="no validation pictures"):
        open_dataset("oxford-pets", data=data, splits=("validation",))


def test_folder_is_known_by_its_layout(data):
    assert open_dataset(data / "oxford-iiit-pet").name == "oxford-pets"


def test_real_photos_have_all_breeds_in_both_splits(shared):
    dataset = open_dataset("oxford-pets", data=shared / "data")
    assert sizes(dataset) == {"train": 2193, "test": 1014}
    assert all(images.counts().min() > 0 for images in dataset.splits.values())
    species = open_dataset("oxford-pets-species", data=shared / "data")
    for split, images in dataset.splits.items():
        capital = [item.name[0].isupper() for item in images.items]  # cats are, in this set's file names
        assert np.array_equal(species.splits[split].labels == 0, capital)
        told = [item.name.rsplit("_", 1)[0].replace("_", " ").lower() for item in images.items]
        names = [dataset.class_names[label].lower() for label in images.labels]
        assert all(name.startswith(start) for name, start in zip(names, told, strict=True))
