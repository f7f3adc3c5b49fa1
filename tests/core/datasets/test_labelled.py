"""Data sets as types: what holding out takes, what is enough, what names a content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.datasets.labelled import Dataset, LabelledImages, check_enough, content_key, hold_out, some_of
from core.errors import DatasetError, ImageError


def made(counts: list[int]) -> LabelledImages:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(f"class {label}" for label in range(len(counts)))
    items = tuple(Path(f"{label}-{number}.jpg") for number, label in enumerate(labels))
    return LabelledImages("made", names, items, labels.astype(np.int64), "train")


@pytest.mark.parametrize("counts", [[50, 50], [100, 20, 5], [7, 3, 2]])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_held_out_share_is_taken_from_each_class(counts, share):
    stays, taken = hold_out(made(counts), share, seed=0, split="test")
    assert taken.counts().tolist() == [min(max(1, round(share * n)), n - 1) for n in counts]
    assert (stays.counts() + taken.counts()).tolist() == counts
    assert not set(stays.items) & set(taken.items)
    assert (stays.split, taken.split) == ("train", "test")


def test_last_picture_of_a_class_stays():
    stays, taken = hold_out(made([1, 10]), 0.9, seed=0, split="validation")
    assert stays.counts().tolist() == [1, 1]
    assert taken.counts().tolist() == [0, 9]


def test_held_out_pictures_do_not_depend_on_their_order():
    images = made([30, 40])
    mixed = images.take(np.random.default_rng(1).permutation(70))
    assert set(hold_out(images, 0.2, seed=3, split="test")[1].items) == set(
        hold_out(mixed, 0.2, seed=3, split="test")[1].items
    )


def test_labels_stay_with_their_pictures():
    for part in hold_out(made([30, 40]), 0.2, seed=3, split="test"):
        assert [int(item.name.split("-")[0]) for item in part.items] == part.labels.tolist()


def test_another_seed_holds_others_out():
    one, other = (set(hold_out(made([100]), 0.2, seed=seed, split="test")[1].items) for seed in (0, 1))
    assert len(one & other) < 12


def test_one_picture_less_hardly_moves_the_others():
    images = made([200])
    _, before = hold_out(images, 0.2, seed=0, split="test")
    gone = images.items.index(before.items[0])
    _, after = hold_out(images.take([index for index in range(200) if index != gone]), 0.2, seed=0, split="test")
    assert len(set(before.items) ^ set(after.items)) <= 3


def test_some_are_each_as_likely_in_their_order_and_the_same_again():
    images = made([30, 10])
    few = some_of(images, 12)
    assert len(few) == 12
    places = [images.items.index(item) for item in few.items]
    assert places == sorted(set(places))
    assert few.labels.tolist() == [int(images.labels[place]) for place in places]
    assert some_of(images, 12).items == few.items
    assert some_of(images, 12, seed=1).items != few.items
    assert some_of(images, 40) is some_of(images, 99) is images
    times = np.zeros(40)
    for seed in range(400):
        for item in some_of(images, 10, seed=seed).items:
            times[images.items.index(item)] += 1
    assert times.sum() == 4000
    assert 60 < times.min() < times.max() < 150  # 100 +- five deviations


def test_enough_is_two_classes_of_five():
    check_enough(("cat", "dog"), [5, 5])
    with pytest.raises(DatasetError, match="cat needs 3 more; dog needs 1 more"):
        check_enough(("cat", "dog", "mouse"), [2, 4, 5])
    with pytest.raises(DatasetError, match="only one, cat"):
        check_enough(("cat",), [50])
    with pytest.raises(DatasetError, match="there is none"):
        check_enough((), [])


def test_message_about_many_lacking_classes_stays_short():
    with pytest.raises(DatasetError, match="and 95 classes more") as raised:
        check_enough([f"class {n}" for n in range(100)], [0] * 100)
    assert len(str(raised.value)) < 300


def test_content_key_follows_the_content_alone(tmp_path):
    for name, content in (("a.jpg", b"1"), ("b.png", b"1"), ("c.jpg", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (content_key(tmp_path / name) for name in ("a.jpg", "b.png", "c.jpg"))
    assert a == b != c
    assert len(a) == 16
    with pytest.raises(ImageError):
        content_key(tmp_path / "none.jpg")


def test_missing_split_is_named_with_those_there_are():
    dataset = Dataset("made", "Made", "", ("class 0",), {"train": made([5])})
    assert dataset.split("train") is dataset.splits["train"]
    with pytest.raises(DatasetError, match="Made has no test pictures; it has train"):
        dataset.split("test")
