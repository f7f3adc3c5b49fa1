"""Embeddings: right, remembered by content, and never lost to a damaged cache."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core import load_backbone, runtime, to_pixels
from core.backbones.freezing import seen_through
from core.backbones.views import ViewSettings
from core.datasets.labelled import LabelledImages
from core.embedding_cache import EmbeddingCache
from core.embeddings import embed
from core.errors import DatasetError
from core.streams import last
from tests.conftest import PROJECT


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))


@pytest.fixture
def backbone(made_weights):
    return load_backbone("test_resnet")


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (180, 200, 3), dtype=np.uint8))


@pytest.fixture
def images(tmp_path) -> LabelledImages:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(9):
        picture(number).save(folder / f"{number}.png")
    items = tuple(sorted(folder.iterdir()))
    return LabelledImages("made", ("a", "b"), items, np.arange(9) % 2, "train")


@dataclass(frozen=True)
class Drawn:
    seed: int

    @property
    def key(self):
        return f"noise {self.seed}"

    @property
    def name(self):
        return self.key

    def draw(self):
        return picture(self.seed)


def rounding() -> float:
    """How far our fast path may be from single precision: bfloat16 keeps three digits."""
    return 1e-4 if runtime.inference_dtype() == torch.float32 else 5e-3


def one_by_one(backbone, items) -> np.ndarray:
    """What timm computes, a picture at a time, without our fast path."""
    rows = []
    for item in items:
        view = backbone.view(Image.open(item).convert("RGB"))
        with torch.no_grad():
            rows.append(backbone.embed(to_pixels([view])).numpy()[0])
    return np.stack(rows)


def test_embeddings_are_what_the_networks_own_head_reads(backbone, images):
    found = last(embed(backbone, images)).embeddings
    assert found.vectors.shape == (9, backbone.embedding_dim)
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(found.vectors, one_by_one(backbone, images.items), atol=rounding())
    with torch.no_grad():
        own_head = backbone.model.get_classifier()(torch.from_numpy(found.vectors))
        whole = backbone.model(backbone.normalise(to_pixels([backbone.view(Image.open(images.items[0]))])))
    torch.testing.assert_close(own_head[:1], whole, atol=1e-3, rtol=1e-3)


def test_the_second_time_nothing_is_computed(backbone, images, monkeypatch):
    first = last(embed(backbone, images)).embeddings
    monkeypatch.setattr("core.embeddings.fast_embeddings", lambda *_, **__: pytest.fail("computed again"))
    second = last(embed(backbone, images)).embeddings
    np.testing.assert_array_equal(first.vectors, second.vectors)


def test_content_counts_not_the_name_of_the_file(backbone, images, tmp_path, monkeypatch):
    last(embed(backbone, images))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(images.items[0].parent, elsewhere)
    moved = LabelledImages("moved", ("a", "b"), tuple(sorted(elsewhere.iterdir())), images.labels, "test")
    monkeypatch.setattr("core.embeddings.fast_embeddings", lambda *_, **__: pytest.fail("computed again"))
    assert last(embed(backbone, moved)).embeddings.images is moved


def test_a_changed_file_is_computed_again(backbone, images):
    before = last(embed(backbone, images)).embeddings.vectors
    picture(99).save(images.items[4])
    after = last(embed(backbone, images)).embeddings.vectors
    changed = np.flatnonzero((before != after).any(axis=1))
    assert changed.tolist() == [4]
    np.testing.assert_allclose(after, one_by_one(backbone, images.items), atol=rounding())


def test_each_network_and_each_view_has_embeddings_of_its_own(backbone, images):
    views = [ViewSettings(), ViewSettings(input_scaling=False), ViewSettings(size_px=128)]
    found = [last(embed(seen_through(backbone, view), images)).embeddings.vectors for view in views]
    found.append(last(embed(backbone, images, mirrored=True)).embeddings.vectors)
    found.append(last(embed(load_backbone("test_efficientnet.mine"), images)).embeddings.vectors)
    for one in range(len(found)):
        for other in range(one):
            assert found[one].shape != found[other].shape or not np.allclose(found[one], found[other])


def test_what_was_computed_in_another_way_is_left_alone(backbone, images, monkeypatch):
    last(embed(backbone, images))
    assert next(embed(backbone, images)).embeddings or last(embed(backbone, images)).remembered == len(images)
    monkeypatch.setattr("core.embeddings._VERSION", 0)
    computed = [snapshot for snapshot in embed(backbone, images) if snapshot.embeddings is None]
    assert computed[-1].remembered == 0


def test_a_mirrored_view_does_not_tell_left_from_right(backbone, images, tmp_path):
    before = last(embed(backbone, images, mirrored=True)).embeddings.vectors
    for item in images.items:
        Image.open(item).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(item)
    after = last(embed(backbone, images, mirrored=True)).embeddings.vectors
    np.testing.assert_allclose(before, after, atol=1e-3)


def test_drawables_are_embedded_like_files(backbone, images):
    drawn = LabelledImages("drawn", ("a", "b"), tuple(Drawn(seed) for seed in range(9)), images.labels, "train")
    found = last(embed(backbone, drawn)).embeddings.vectors
    np.testing.assert_allclose(found, last(embed(backbone, images)).embeddings.vectors, atol=1e-5)


def test_unreadable_files_are_left_out_with_their_reason(backbone, images):
    images.items[2].write_bytes(b"")
    images.items[5].unlink()
    found = last(embed(backbone, images)).embeddings
    assert [item.name for item in found.images.items] == [f"{n}.png" for n in (0, 1, 3, 4, 6, 7, 8)]
    assert found.images.labels.tolist() == [0, 1, 1, 0, 0, 1, 0]
    assert {left.name: left.reason for left in found.left_out} == {
        "2.png": "This file is empty. Save or download the picture again.",
        "5.png": "There is no such file.",
    }
    np.testing.assert_allclose(found.vectors, one_by_one(backbone, found.images.items), atol=rounding())


def test_nothing_readable_is_an_error(backbone, images):
    for item in images.items:
        item.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="Not one of the 9 train pictures"):
        last(embed(backbone, images))


def test_a_stopped_embedding_keeps_what_was_written_and_goes_on(backbone, images, monkeypatch):
    monkeypatch.setattr("core.embeddings._WRITE_EVERY_SECONDS", 0.0)
    stream = embed(backbone, images)
    for snapshot in stream:
        if snapshot.done >= 4:
            break
    stream.close()
    remembered = next(s.remembered for s in embed(backbone, images) if s.done)
    assert 4 <= remembered < 9


def test_two_at_once_get_the_same(backbone, images):
    found = {}

    def work(name):
        found[name] = last(embed(backbone, images)).embeddings.vectors

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for vectors in found.values():
        np.testing.assert_allclose(vectors, one_by_one(backbone, images.items), atol=rounding())


def _cache_file(tmp_path) -> Path:
    (file,) = (tmp_path / "home" / "embeddings").glob("*.sqlite")
    return file


def test_a_flipped_bit_is_noticed_and_computed_again(backbone, images, tmp_path):
    right = last(embed(backbone, images)).embeddings.vectors
    file = _cache_file(tmp_path)
    with sqlite3.connect(file) as connection:
        (vector, key) = connection.execute("SELECT vector, key FROM embeddings").fetchone()
        flipped = bytes([vector[0] ^ 64]) + vector[1:]
        connection.execute("UPDATE embeddings SET vector = ? WHERE key = ?", (flipped, key))
    np.testing.assert_array_equal(last(embed(backbone, images)).embeddings.vectors, right)


@pytest.mark.parametrize("damage", [b"", b"garbage" * 100, None])
def test_a_damaged_cache_is_thrown_away(backbone, images, tmp_path, damage, caplog):
    right = last(embed(backbone, images)).embeddings.vectors
    file = _cache_file(tmp_path)
    file.write_bytes(file.read_bytes()[:5000] if damage is None else damage)
    np.testing.assert_array_equal(last(embed(backbone, images)).embeddings.vectors, right)
    assert next(s.remembered for s in embed(backbone, images) if s.done) == 9


def test_a_cache_that_cannot_be_written_is_done_without(backbone, images, tmp_path, caplog):
    (tmp_path / "home").write_text("a file where the folder should be")
    assert len(last(embed(backbone, images)).embeddings.vectors) == 9
    assert "cannot be made" in caplog.text


def test_the_folder_stays_within_its_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_EMBEDDINGS_MB", "1")
    row = np.ones(25_000, np.float32)
    import os

    for number in range(6):
        cache = EmbeddingCache(f"way{number}", len(row), folder=tmp_path)
        cache.write({bytes([number, other]) * 8: row for other in range(4)})
        os.utime(tmp_path / f"way{number}.sqlite", (number, number))
        cache.make_room()
    left = sorted(file.name for file in tmp_path.glob("*.sqlite"))
    assert left == ["way4.sqlite", "way5.sqlite"]


def test_a_killed_process_leaves_a_whole_cache(tmp_path):
    code = f"""
import os, sys
import numpy as np
sys.path.insert(0, {str(PROJECT)!r})
from pathlib import Path
from core.embedding_cache import EmbeddingCache
cache = EmbeddingCache("way", 1000, folder=Path({str(tmp_path)!r}))
for number in range(10**6):
    cache.write({{number.to_bytes(16, "little"): np.full(1000, number, np.float32)}})
    print(number, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) >= 20:
            break
    process.kill()
    process.wait()
    cache = EmbeddingCache("way", 1000, folder=tmp_path)
    found = cache.read([number.to_bytes(16, "little") for number in range(100)])
    assert len(found) >= 21
    for key, vector in found.items():
        assert (vector == int.from_bytes(key, "little")).all()
    cache.write({b"x" * 16: np.zeros(1000, np.float32)})
    assert cache.read([b"x" * 16])
