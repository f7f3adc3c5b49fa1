"""ImageNet references: made, stored, and given to the network that they belong to only."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import save_file

from core import load_backbone
from core.backbones.freezing import seen_through
from core.backbones.views import ViewSettings
from core.errors import BackboneError
from core.transfer.reference import (
    AXES,
    FOLDER,
    identity_of,
    make_reference,
    no_reference,
    reference_of,
    save_reference,
)


@pytest.fixture
def embeddings():
    """Of 300 pictures, for a network of 256 numbers a picture: wide in few directions."""
    generator = np.random.default_rng(0)
    return generator.normal(size=(300, 256)) * np.geomspace(10, 0.1, 256) + 5


@pytest.fixture
def backbone(made_weights):
    return load_backbone("test_resnet")


@pytest.fixture
def vectors(backbone, embeddings):
    return embeddings[:, : backbone.embedding_dim]


def test_reference_holds_the_mean_the_main_axes_and_their_variances(backbone, vectors):
    reference = make_reference(backbone, vectors)
    covariance = np.cov(vectors, rowvar=False)
    assert reference.mean == pytest.approx(vectors.mean(axis=0), rel=1e-5)
    assert reference.axes.shape == (AXES, backbone.embedding_dim)
    assert reference.axes @ reference.axes.T == pytest.approx(np.eye(AXES), abs=1e-5)
    along = reference.axes @ covariance @ reference.axes.T
    assert along == pytest.approx(np.diag(reference.variances), abs=1e-3)
    assert reference.share == pytest.approx(reference.variances.sum() / np.trace(covariance), rel=1e-4)


def test_reference_comes_back_from_the_disk(backbone, vectors, tmp_path):
    made = make_reference(backbone, vectors)
    path = save_reference(made, folder=tmp_path)
    found = reference_of(backbone, folder=tmp_path)
    assert path.stat().st_size < 200_000
    assert (found.backbone_name, found.identity, found.pictures) == (made.backbone_name, made.identity, made.pictures)
    assert (found.mean == made.mean).all()
    assert (found.variances == made.variances).all()
    assert found.axes == pytest.approx(made.axes, abs=1e-3)


def test_another_network_of_the_same_name_has_no_reference(backbone, vectors, tmp_path):
    save_reference(make_reference(backbone, vectors), folder=tmp_path)
    other = load_backbone("test_vit")
    assert reference_of(other, folder=tmp_path) is None
    assert reference_of(dataclasses.replace(other, name=backbone.name), folder=tmp_path) is None
    assert "its distance cannot be told; its accuracy can" in no_reference(other)


@pytest.mark.parametrize("view", [ViewSettings(input_scaling=False), ViewSettings(size_px=128)])
def test_the_same_network_seeing_otherwise_has_no_reference(backbone, vectors, tmp_path, view):
    save_reference(make_reference(backbone, vectors), folder=tmp_path)
    assert reference_of(seen_through(backbone, view), folder=tmp_path) is None


def test_identity_leaves_the_name_aside(backbone):
    assert identity_of(dataclasses.replace(backbone, name="mine")) == identity_of(backbone)


def test_too_few_pictures_make_no_reference(backbone, vectors):
    with pytest.raises(BackboneError, match="64 pictures are too few"):
        make_reference(backbone, vectors[:64])


@pytest.mark.parametrize("damage", ["cut", "shape", "numbers", "metadata"])
def test_a_damaged_reference_is_told(backbone, vectors, tmp_path, damage):
    path = save_reference(make_reference(backbone, vectors), folder=tmp_path)
    tensors = {
        "mean": np.zeros(5, np.float32),
        "axes": np.eye(5, dtype=np.float16),
        "variances": np.ones(5, np.float32),
    }
    said = {"backbone": "test_resnet", "identity": identity_of(backbone), "pictures": "9", "share": "0.5"}
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "shape":
        save_file({**tensors, "mean": np.zeros(4, np.float32)}, path, metadata=said)
    elif damage == "numbers":
        save_file({**tensors, "variances": np.full(5, np.nan, np.float32)}, path, metadata=said)
    else:
        save_file(tensors, path)
    with pytest.raises(BackboneError, match=r"reference test_resnet\.safetensors is damaged"):
        reference_of(backbone, folder=tmp_path)


def test_the_shipped_network_has_its_reference(classifier):
    reference = reference_of(classifier.backbone)
    assert reference.pictures == 1000
    assert reference.axes.shape == (AXES, classifier.backbone.embedding_dim)
    assert reference.axes @ reference.axes.T == pytest.approx(np.eye(AXES), abs=2e-3)
    assert (np.diff(reference.variances) <= 0).all()


@pytest.mark.parametrize("name", ["mobilenetv2_100.tf_in1k", "regnetx_002.in1k"])
def test_the_other_references_fit_their_networks(shared_weights, name):
    assert reference_of(load_backbone(name)).backbone_name == name


def test_references_are_small_statistics():
    assert all(path.stat().st_size < 200_000 for path in FOLDER.iterdir())
