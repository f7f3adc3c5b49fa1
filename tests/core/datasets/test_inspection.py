"""What is said about a data set before training, and the sheet of its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from core.datasets.inspection import Inspection, contact_sheet, inspect
from core.datasets.labelled import Dataset, LabelledImages, LeftOut
from core.datasets.near_duplicates import fingerprints, most_alike, thumbnail
from core.datasets.opening import open_dataset
from core.errors import DatasetError, SettingsError
from tests.core.datasets.pictures import picture, saved, write, write_classes


def inspected(dataset: Dataset) -> Inspection:
    *_, last = inspect(dataset)
    return last.inspection


class Drawn:
    """A drawable of one colour, as the drawn pets are."""

    def __init__(self, key: str) -> None:
        self.key = self.name = key

    def draw(self) -> Image.Image:
        return Image.new("RGB", (40, 60), tuple(hash(self.key) % m for m in (251, 241, 239)))


def drawn(counts: dict[str, list[int]], class_names=("cat", "dog", "mouse"), left_out=()) -> Dataset:
    """A data set of so many drawn pictures of each class in each split."""
    splits = {}
    for split, of_class in counts.items():
        labels = np.repeat(np.arange(len(of_class)), of_class).astype(np.int64)
        items = tuple(Drawn(f"{split}{number}") for number in range(len(labels)))
        splits[split] = LabelledImages("made", tuple(class_names[: len(of_class)]), items, labels, split)
    names = next(iter(splits.values())).class_names
    return Dataset("made", "Made", "", names, splits, tuple(left_out))


def only_warning(dataset: Dataset) -> str:
    (warning,) = inspected(dataset).warnings
    return warning


# Counts and warnings


def test_counts_are_those_of_each_split():
    counts = inspected(drawn({"train": [50, 60], "test": [70, 80]})).counts
    assert {split: of_split.tolist() for split, of_split in counts.items()} == {"train": [50, 60], "test": [70, 80]}


def test_nothing_is_said_where_all_is_well():
    assert inspected(drawn({"train": [50, 149], "test": [70, 80]})).warnings == ()


def test_imbalance_is_told_with_its_ratio():
    warning = only_warning(drawn({"train": [50, 150, 100], "test": [100, 100, 100]}))
    assert "dog has 3 times as many training pictures as cat (150 against 50)" in warning
    assert "balanced accuracy" in warning


def test_few_pictures_are_told_fewest_first():
    warning = only_warning(drawn({"train": [19, 30, 12], "test": [100, 100, 100]}))
    assert warning.startswith("Fewer than 20 training pictures of mouse (12) and cat (19)")


def test_missing_classes_are_told_by_split():
    warnings = inspected(drawn({"train": [0, 30, 30], "test": [100, 100, 0]})).warnings
    assert warnings == (
        "No train pictures of cat: what is not there cannot be learned.",
        "No test pictures of mouse: what is not there cannot be judged.",
    )


@pytest.mark.parametrize(("pictures", "points"), [(99, 10), (25, 20), (4, 50)])
def test_small_final_split_is_told_with_its_uncertainty(pictures, points):
    warning = only_warning(drawn({"train": [30, 30], "validation": [pictures - 2, 2]}))
    assert f"Only {pictures} validation pictures" in warning
    assert f"up to {points} points" in warning


def test_left_out_files_are_counted_by_reason():
    left_out = [
        LeftOut("Cat/1.jpg", "This file is empty."),
        LeftOut("Cat/2.jpg", "This file is empty."),
        LeftOut("Dog/3.jpg", "the same picture as Dog/4.jpg"),
        LeftOut("Dog/5.jpg", "the same picture as Cat/6.jpg, which is in another class"),
    ]
    warning = only_warning(drawn({"train": [30, 30], "test": [100, 100]}, left_out=left_out))
    assert warning == (
        "4 entries are left out (2: This file is empty; 1: there twice; 1: there twice, in two classes)."
    )


def test_data_set_of_one_split_is_inspected():
    assert inspected(drawn({"test": [100, 100]})).warnings == ()


def test_progress_ends_with_all_pictures(tmp_path):
    dataset = open_dataset(write_classes(tmp_path / "pets", {"cat": 60, "dog": 60}))
    snapshots = list(inspect(dataset))
    assert [one.done for one in snapshots] == sorted(one.done for one in snapshots)
    assert len({one.done for one in snapshots}) >= 3
    assert snapshots[-1].done == snapshots[-1].total == 120
    assert [one.inspection is not None for one in snapshots] == [False] * (len(snapshots) - 1) + [True]


def test_files_that_cannot_be_read_are_told(tmp_path):
    dataset = open_dataset(write_classes(tmp_path / "pets", {"cat": 130, "dog": 130}))
    dataset.splits["test"].items[3].write_bytes(b"broken since")
    inspection = inspected(dataset)
    assert [one.name for one in inspection.unreadable] == [dataset.splits["test"].items[3].name]
    assert any("1: cannot be read" in warning for warning in inspection.warnings)


# Near-duplicates


def altered(how: str, image: Image.Image) -> bytes:
    if how == "smaller":
        return saved(image.resize((image.width // 2, image.height // 2)), "PNG")
    if how == "saved again":
        return saved(image, "JPEG", quality=25)
    if how == "brighter":
        return saved(ImageEnhance.Brightness(image).enhance(1.3), "PNG")
    if how == "grey":
        return saved(image.convert("L"), "PNG")
    if how == "marked":
        marked = image.copy()
        marked.paste((255, 255, 255), (image.width - 70, image.height - 18, image.width - 10, image.height - 10))
        return saved(marked, "PNG")
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["smaller", "saved again", "brighter", "grey", "marked"])
def test_altered_copy_is_found(tmp_path, chelsea, how):
    folder = tmp_path / "pets"
    write_classes(folder / "train", {"cat": 8, "dog": 8})
    write_classes(folder / "test", {"cat": 8, "dog": 8}, first_seed=100)
    with Image.open(chelsea) as image:
        write(folder / "train" / "cat" / "chelsea.png", saved(image, "PNG"))
        write(folder / "test" / "dog" / "other.png", altered(how, image.convert("RGB")))
    dataset = open_dataset(folder)
    (pair,) = inspected(dataset).near_duplicates
    assert dataset.splits["test"].items[pair.index].name == "other.png"
    assert dataset.splits["train"].items[pair.train_index].name == "chelsea.png"
    assert (pair.split, pair.same_class) == ("test", False)
    assert 0.94 <= pair.correlation <= 1.0001
    warning = next(one for one in inspected(dataset).warnings if "nearly the same" in one)
    assert warning.startswith(
        "1 of the 17 test pictures is nearly the same as a training picture (1 of them in another"
    )


def test_different_pictures_are_no_duplicates(tmp_path):
    dataset = open_dataset(write_classes(tmp_path / "pets", {"cat": 150, "dog": 150}))
    assert inspected(dataset).near_duplicates == ()


def test_plain_pictures_are_not_compared(tmp_path):
    paths = [write(tmp_path / f"{n}.png", saved(Image.new("RGB", (50, 50), (n, n, n)), "PNG")) for n in (10, 10, 200)]
    prints = fingerprints([thumbnail(path) for path in paths])
    assert most_alike(prints, prints) == []
    assert not prints.thumbnails.any()


def test_most_alike_is_the_best_of_several():
    rng = np.random.default_rng(0)
    base = np.asarray(picture(1, 32).convert("L")).astype(int)
    near, nearer = (np.clip(base + rng.normal(0, sigma, base.shape), 0, 255).astype(np.uint8) for sigma in (6, 2))
    for among, expected in (([None, near, nearer], 2), ([nearer, near], 0)):
        found = most_alike(fingerprints([base.astype(np.uint8)]), fingerprints(among))
        assert [(index, other) for index, other, _ in found] == [(0, expected)]


def test_fingerprints_of_nothing_are_empty():
    prints = fingerprints([])
    assert prints.thumbnails.shape == (0, 1024)
    assert prints.hashes.shape == (0,)
    assert most_alike(prints, fingerprints([None])) == []


def test_correlation_is_that_of_numpy(tmp_path):
    a, b = (np.asarray(picture(seed, 32).convert("L")) for seed in (1, 2))
    prints = fingerprints([a, b])
    expected = np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]
    assert float(prints.thumbnails[0] @ prints.thumbnails[1]) == pytest.approx(expected, abs=1e-5)


def test_known_duplicates_of_real_pets_are_found_and_no_others(shared):
    dataset = open_dataset("oxford-pets", data=shared / "data")
    train, test = dataset.splits["train"], dataset.splits["test"]
    found = {
        (train.items[pair.train_index].stem, test.items[pair.index].stem) for pair in inspected(dataset).near_duplicates
    }
    assert found == {  # looked at by eye
        ("german_shorthaired_179", "german_shorthaired_19"),
        ("german_shorthaired_180", "german_shorthaired_20"),
        ("german_shorthaired_150", "german_shorthaired_3"),
        ("Egyptian_Mau_138", "Egyptian_Mau_219"),
        ("Egyptian_Mau_186", "Egyptian_Mau_6"),
        ("British_Shorthair_186", "British_Shorthair_271"),
        ("Abyssinian_151", "Abyssinian_99"),
    }


# The contact sheet


def coloured(tmp_path: Path, counts: list[int]) -> LabelledImages:
    """Pictures of one colour a class: red 10, 20, 30, ..."""
    items, labels = [], []
    for label, count in enumerate(counts):
        for number in range(count):
            content = saved(Image.new("RGB", (30, 50), (10 * (label + 1), 0, 0)), "PNG")
            items.append(write(tmp_path / f"{label}-{number}.png", content))
            labels.append(label)
    names = tuple(f"class {label}" for label in range(len(counts)))
    return LabelledImages("made", names, tuple(items), np.array(labels, np.int64), "train")


def shown(sheet: Image.Image, tile_px: int) -> list[int]:
    """The class of each tile, row by row; -1 where there is none."""
    middle = np.asarray(sheet)[tile_px // 2 :: tile_px, tile_px // 2 :: tile_px]
    return [-1 if r == g else int(r) // 10 - 1 for r, g, _ in middle.reshape(-1, 3)]


def test_sheet_shows_as_many_of_each_class(tmp_path):
    sheet = contact_sheet(coloured(tmp_path, [40, 3, 9]), columns=4, rows=3, tile_px=16)
    assert sheet.size == (64, 48)
    assert sheet.mode == "RGB"
    tiles = shown(sheet, 16)
    assert tiles == sorted(tiles)
    assert [tiles.count(label) for label in range(3)] in ([5, 3, 4], [4, 3, 5])


def test_sheet_of_more_classes_than_tiles_shows_different_ones(tmp_path):
    tiles = shown(contact_sheet(coloured(tmp_path, [3] * 12), columns=3, rows=3, tile_px=16), 16)
    assert len(set(tiles)) == 9


def test_sheet_of_few_pictures_is_smaller(tmp_path):
    images = coloured(tmp_path, [2, 3])
    assert contact_sheet(images, columns=8, rows=4, tile_px=16).size == (80, 16)
    sheet = contact_sheet(images, columns=4, rows=4, tile_px=16)
    assert sheet.size == (64, 32)
    assert shown(sheet, 16) == [0, 0, 1, 1, 1, -1, -1, -1]


def test_sheet_passes_over_what_cannot_be_read(tmp_path):
    images = coloured(tmp_path, [6, 6])
    for item in images.items[:4]:
        item.write_bytes(b"broken")
    assert shown(contact_sheet(images, columns=4, rows=2, tile_px=16), 16) == [0, 0, 1, 1, 1, 1, 1, 1]


def test_sheet_of_nothing_is_refused(tmp_path):
    images = coloured(tmp_path, [1])
    images.items[0].write_bytes(b"broken")
    with pytest.raises(DatasetError, match="no train pictures that can be read"):
        contact_sheet(images)


def test_sheet_depends_on_the_seed_alone(tmp_path):
    images = open_dataset(write_classes(tmp_path / "pets", {"cat": 30, "dog": 30})).splits["train"]
    one, same, other = (np.asarray(contact_sheet(images, columns=3, rows=2, seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_sheet_shows_the_middle_undistorted(tmp_path):
    wide = Image.new("RGB", (90, 30), (200, 0, 0))
    wide.paste((0, 200, 0), (30, 0, 60, 30))
    item = write(tmp_path / "wide.png", saved(wide, "PNG"))
    images = LabelledImages("made", ("one",), (item,), np.zeros(1, np.int64), "train")
    sheet = np.asarray(contact_sheet(images, tile_px=30))
    assert (sheet[3:-3, 3:-3] == (0, 200, 0)).all()


def test_sheet_shows_drawn_pictures():
    assert contact_sheet(drawn({"train": [20, 20]}).splits["train"]).size == (768, 384)


@pytest.mark.parametrize("size", [{"columns": 0}, {"rows": 0}, {"rows": 1000}, {"tile_px": 7}, {"tile_px": 513}])
def test_sheet_of_an_absurd_size_is_refused(tmp_path, size):
    with pytest.raises(SettingsError):
        contact_sheet(coloured(tmp_path, [1]), **size)
