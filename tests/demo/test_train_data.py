"""Data sets as the page shows them, and classes of one's own."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DatasetError
from core.streams import last
from demo.data_cards import alt_text, data_card
from demo.opening import open_source
from demo.train_own import MAX_CLASSES, collect_own

TAG = "<b>bold"


def _png(seed: int) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def _files(folder: Path, name: str, count: int, *, first: int = 0) -> list[str]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{name} {number}.png" for number in range(count)]
    for number, path in enumerate(paths, start=first):
        path.write_bytes(_png(number))
    return [str(path) for path in paths]


def _values(*classes):
    """What the rows of the page give: names, then files."""
    rows = [*classes, *[("", None)] * (MAX_CLASSES - len(classes))]
    return [name for name, _ in rows] + [files for _, files in rows]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "visitor").mkdir()
    return tmp_path / "visitor"


def test_a_zip_is_shown_with_names_as_text_and_what_was_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for number in range(14):
            archive.writestr(f"{TAG if number % 2 else 'other'}/{number}.png", _png(number))
        archive.writestr("other/<i>broken.png", b"no picture")
    opened = last(open_source(tmp_path / "mine.zip"))
    card = data_card(opened)
    assert TAG not in card
    assert "&lt;b&gt;bold" in card
    assert "&lt;i&gt;broken.png" in card
    assert "What is left out (1)" in card
    assert opened.sheet.width > 0
    assert alt_text(opened.dataset).startswith("Some pictures of mine")


def test_the_data_set_can_be_trained_on_before_it_is_inspected(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    steps = list(open_source("drawn-pets"))
    ready = next(number for number, step in enumerate(steps) if step.dataset is not None)
    assert steps[ready].inspection is None
    assert steps[-1].inspection is not None
    assert steps[-1].text == ""


def test_own_pictures_are_copied_so_that_they_outlive_the_upload(tmp_path, folder):
    uploads = _files(tmp_path / "uploads", "cat", 6), _files(tmp_path / "uploads", "dog", 6, first=50)
    values = _values(("cat", uploads[0]), ("dog", uploads[1]))
    dataset = last(collect_own(folder, values, max_pictures=100)).dataset
    assert dataset.class_names == ("cat", "dog")
    items = [item for images in dataset.splits.values() for item in images.items]
    assert len(items) == 12
    assert all(item.is_relative_to(folder) for item in items)


def test_shots_of_the_camera_count_as_pictures(tmp_path, folder):
    _files(folder / "shots-1", "shot", 5, first=80)
    values = _values(("cat", _files(tmp_path / "uploads", "cat", 5)), ("dog", None))
    dataset = last(collect_own(folder, values, max_pictures=100)).dataset
    assert sum(images.counts() for images in dataset.splits.values()).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ((("cat", 5),), "At least 2 classes are needed"),
        ((("cat", 5), ("dog", 3)), "dog needs 2 more"),
        ((("cat", 5), ("", 5)), "Class 2 has no name"),
        ((("cat", 5), ("cat", 5)), "Two classes are called cat"),
        ((("cat", 5), ("CAT", 5)), "are both called"),
        ((("cat", 15), ("dog", 16)), "These are 31 pictures; the host of this page allows 30"),
        ((), "At least 2 classes are needed"),
    ],
)
def test_what_own_classes_lack_is_said(tmp_path, folder, classes, said):
    rows = [
        (name, _files(tmp_path / f"uploads-{number}", "x", count, first=100 * number))
        for number, (name, count) in enumerate(classes)
    ]
    with pytest.raises(DatasetError, match=said):
        last(collect_own(folder, _values(*rows), max_pictures=30))


def test_an_upload_that_is_gone_is_told_without_a_path(tmp_path, folder):
    files = _files(tmp_path / "uploads", "cat", 5)
    Path(files[2]).unlink()
    with pytest.raises(DatasetError, match="is no longer on the server") as raised:
        last(collect_own(folder, _values(("cat", files), ("dog", files)), max_pictures=100))
    assert str(tmp_path) not in str(raised.value)
