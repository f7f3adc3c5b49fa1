"""From a folder to a classifier: the same answers as before it was stored, or an error; never something else."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from core import load_backbone
from core.backbones.views import ViewSettings
from core.errors import BackboneError, CheckpointError
from core.runs import describe_backbone, load_run, read_record
from core.runs.files import BACKBONE_FILE, HEAD_FILE, RECORD_FILE, StoredFile, _digest
from core.runs.networks import fingerprint


def _rewritten(made, name: str, data: bytes):
    """Put other content into a run, with a record that vouches for it, as somebody hostile would."""
    path = made.folder / name
    path.write_bytes(data)
    record = read_record(made.folder)
    files = {**record.files, name: StoredFile(len(data), _digest(path))}
    (made.folder / RECORD_FILE).write_text(dataclasses.replace(record, files=files).to_json())


def _recorded(made, **changed):
    """Change what the record says of the network."""
    record = read_record(made.folder)
    stored = json.loads(record.to_json())
    stored["backbone"] |= changed
    (made.folder / RECORD_FILE).write_text(json.dumps(stored))


@pytest.mark.parametrize("network", ["test_resnet", "test_vit", "test_efficientnet.mine"])
@pytest.mark.parametrize("tuned", [False, True])
def test_a_run_answers_as_before(make_run, network, tuned):
    made = make_run(network, tuned=tuned)
    assert made.sameness(made.folder) == 0
    assert (made.folder / BACKBONE_FILE).exists() == tuned


@pytest.mark.parametrize(
    "view", [ViewSettings(mirrored=True), ViewSettings(size_px=96), ViewSettings(input_scaling=False)]
)
def test_a_run_sees_pictures_as_in_training(make_run, view):
    made = make_run(view=view)
    loaded = load_run(made.folder).classifier
    assert made.sameness(made.folder) == 0
    assert loaded.backbone.input_size == made.classifier.backbone.input_size
    assert torch.equal(loaded.backbone.std, made.classifier.backbone.std)


def test_an_untouched_network_is_shared_and_a_trained_one_kept(make_run):
    head, tuned = make_run(), make_run(tuned=True)
    assert load_run(head.folder).classifier.backbone.model is load_backbone("test_resnet").model
    first = load_run(tuned.folder).classifier.backbone.model
    assert load_run(tuned.folder).classifier.backbone.model is first
    assert first is not load_backbone("test_resnet").model


def test_few_trained_networks_stay_in_memory(make_run):
    from core.runs.loading import _MAX_NETWORKS, _networks

    made = make_run(tuned=True)
    for number in range(_MAX_NETWORKS + 2):
        _recorded(made, title=f"Network {number}")
        assert load_run(made.folder).classifier.backbone.title == f"Network {number}"
    assert len(_networks._networks) == _MAX_NETWORKS


def test_other_published_weights_are_told(make_run, made_weights):
    made = make_run()
    torch.manual_seed(1)
    save_file(timm.create_model("test_resnet").state_dict(), made_weights / "test_resnet.safetensors")
    _forget()
    with pytest.raises(CheckpointError, match="trained on other weights of test_resnet"):
        load_run(made.folder)


def test_weights_that_are_gone_are_told(make_run, made_weights, monkeypatch):
    made = make_run()
    monkeypatch.setenv("PETLENS_FETCH", "0")
    (made_weights / "test_resnet.safetensors").unlink()
    _forget()
    with pytest.raises(BackboneError, match="not on this machine"):
        load_run(made.folder)


def test_preprocessing_is_that_of_the_training_whatever_the_folder_says_now(make_run, made_weights):
    made = make_run("test_efficientnet.mine")
    (made_weights / "weights.json").unlink()
    _forget()
    assert load_backbone("test_efficientnet").input_size != (128, 128)
    loaded = load_run(made.folder).classifier.backbone
    assert loaded.input_size == (128, 128)
    assert loaded.preprocessing["interpolation"] == "bilinear"
    assert made.sameness(made.folder) == 0


def test_a_fingerprint_names_weights_and_wiring_not_the_machine(made_weights):
    backbone = load_backbone("test_resnet")
    assert fingerprint(backbone) == fingerprint(dataclasses.replace(backbone, title="x", input_size=(96, 96)))
    assert fingerprint(backbone) != fingerprint(dataclasses.replace(backbone, create_kwargs={"drop_rate": 0.5}))
    assert fingerprint(backbone) != fingerprint(load_backbone("test_vit"))
    assert describe_backbone(backbone, weights="published").fingerprint == fingerprint(backbone)


# --- hostile files ---


@pytest.mark.parametrize("name", [HEAD_FILE, BACKBONE_FILE, "history.json", "evaluation.json"])
def test_any_changed_cut_or_missing_file_is_noticed(make_run, name):
    made = make_run(tuned=True)
    path = made.folder / name
    data = path.read_bytes()
    for damaged in (data[:-1], data + b"\0", bytes([data[0] ^ 1]) + data[1:], data[:-1] + bytes([data[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged or missing"):
            load_run(made.folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(CheckpointError, match="damaged or missing"):
        load_run(made.folder)


def _heads(dim: int) -> dict[str, dict]:
    good = {"weight": torch.zeros(3, dim), "bias": torch.zeros(3)}
    return {
        "more": {**good, "extra": torch.zeros(1)},
        "less": {"weight": good["weight"]},
        "turned": {**good, "weight": torch.zeros(dim, 3)},
        "classes": {"weight": torch.zeros(4, dim), "bias": torch.zeros(4)},
        "half": {**good, "weight": good["weight"].half()},
        "whole numbers": {**good, "bias": torch.zeros(3, dtype=torch.int64)},
        "nan": {**good, "bias": torch.tensor([0, float("nan"), 0])},
        "infinite": {**good, "weight": torch.full((3, dim), float("inf"))},
        "overflow": {**good, "weight": torch.full((3, dim), 3e38)},
        "scalar": {**good, "bias": torch.zeros(())},
    }


@pytest.mark.parametrize("kind", _heads(1))
def test_a_head_of_another_kind_is_refused(make_run, kind, tmp_path):
    made = make_run()
    save_file(_heads(made.classifier.backbone.embedding_dim)[kind], tmp_path / "x")
    _rewritten(made, HEAD_FILE, (tmp_path / "x").read_bytes())
    with pytest.raises(CheckpointError):
        load_run(made.folder)


@pytest.mark.parametrize("kind", ["renamed", "reshaped", "half", "nan", "overflow", "more", "less", "other network"])
def test_a_network_of_another_kind_is_refused(make_run, kind, tmp_path):
    made = make_run(tuned=True)
    tensors = load_file(made.folder / BACKBONE_FILE)
    first = next(name for name, tensor in tensors.items() if tensor.ndim == 4)
    if kind == "renamed":
        tensors["evil"] = tensors.pop(first)
    elif kind == "reshaped":
        tensors[first] = tensors[first].flatten()
    elif kind == "half":
        tensors[first] = tensors[first].half()
    elif kind == "nan":
        tensors[first][0, 0, 0, 0] = float("nan")
    elif kind == "overflow":
        tensors = {name: torch.full_like(t, 3e38) if t.is_floating_point() else t for name, t in tensors.items()}
    elif kind == "more":
        tensors["evil"] = torch.zeros(1)
    elif kind == "less":
        del tensors[first]
    else:
        tensors = timm.create_model("test_vit", num_classes=0).state_dict()
    save_file(tensors, tmp_path / "x")
    _rewritten(made, BACKBONE_FILE, (tmp_path / "x").read_bytes())
    with pytest.raises(CheckpointError):
        load_run(made.folder)


@pytest.mark.parametrize("name", [HEAD_FILE, BACKBONE_FILE])
def test_no_damaged_header_raises_anything_else(make_run, name):
    made = make_run(tuned=True)
    data = (made.folder / name).read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    chance = random.Random(0)
    variants = [b"", data[:7], data[:8], data[:header], (1 << 63).to_bytes(8, "little") + data[8:], b"\x80\x04N."]
    for _ in range(40):
        flipped = bytearray(data)
        flipped[chance.randrange(header)] ^= 1 << chance.randrange(8)
        variants.append(bytes(flipped))
    loaded = 0
    for variant in variants:
        _rewritten(made, name, variant)
        try:
            load_run(made.folder)
            loaded += 1  # a flipped bit in the name of a number format, say, may be the same format
        except CheckpointError:
            continue
    assert loaded <= 3


@pytest.mark.parametrize(
    "changed",
    [
        {"architecture": "test_vit"},
        {"architecture": "vit_giant_patch14_dinov2"},  # 4 GB, which must not be set aside to find out
        {"create_kwargs": {"img_size": 96}},
        {"create_kwargs": {"act_layer": "no_such_layer"}},
        {"create_kwargs": {"norm_layer": "layernorm2d"}},
        {"class_count": 1000},
        {"embedding_dim": 97},
    ],
)
def test_a_record_of_another_network_than_the_stored_one_is_refused(make_run, changed):
    made = make_run(tuned=True)
    _recorded(made, **changed)
    with pytest.raises(CheckpointError):
        load_run(made.folder)


def test_a_size_that_the_network_does_not_take_is_refused(make_run):
    for tuned in (False, True):
        made = make_run("test_vit", tuned=tuned)
        preprocessing = {**made.record.backbone.preprocessing, "input_size": (3, 97, 97)}
        _recorded(made, preprocessing=preprocessing)
        with pytest.raises(CheckpointError, match="cannot see pictures of the size"):
            load_run(made.folder)


def _forget() -> None:
    from core.backbones import loading

    loading._loaded._backbones.clear()
