import json

import pytest
import timm
import torch
from safetensors.torch import save_file

from core import BackboneError, list_backbones
from core.backbones.sources import find_local, is_shipped


def _touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        save_file({"w": torch.zeros(2, 3)}, folder / f"{name}.safetensors")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PETLENS_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_a_local_file_is_found_by_architecture_or_full_name(folder):
    _touch(folder, "resnet18.in1k", "resnet18d.ra2_in1k", "vgg16")
    assert find_local("resnet18").name == "resnet18.in1k"
    assert find_local("resnet18.in1k").name == "resnet18.in1k"
    assert find_local("vgg16").architecture == "vgg16"


def test_another_architecture_or_tag_is_not_taken_for_the_one_asked_for(folder):
    _touch(folder, "resnet18d.ra2_in1k", "resnet50.a1_in1k")
    assert find_local("resnet18") is None
    assert find_local("resnet50.a2_in1k") is None


def test_the_exact_name_wins_over_a_tagged_one(folder):
    _touch(folder, "resnet18.a", "resnet18")
    assert find_local("resnet18").name == "resnet18"


def test_without_a_folder_nothing_is_local(monkeypatch):
    monkeypatch.delenv("PETLENS_WEIGHTS", raising=False)
    assert find_local("resnet18") is None
    assert {listing.source for listing in list_backbones()} == {"shipped", "hub"}


def test_a_folder_that_does_not_exist_is_said(folder):
    with pytest.raises(BackboneError, match="PETLENS_WEIGHTS names does not exist"):
        list_backbones()


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '[{"arch": "x"}]', "null"])
def test_a_broken_weights_json_is_said(folder, text):
    _touch(folder, "resnet18")
    (folder / "weights.json").write_text(text)
    with pytest.raises(BackboneError, match=r"weights\.json"):
        list_backbones()


def test_weights_json_brings_arguments_preprocessing_and_licence(folder):
    _touch(folder, "mobilenetv2_100.tf_in1k")
    entry = {"file": "mobilenetv2_100.tf_in1k.safetensors", "create_kwargs": {"pad_type": "same"}}
    entry |= {"mean": [0.5, 0.5, 0.5], "license": "Apache-2.0", "published_top1": 71.8}
    (folder / "weights.json").write_text(json.dumps([entry]))
    weights = find_local("mobilenetv2_100")
    assert weights.create_kwargs == {"pad_type": "same"}
    assert weights.preprocessing == {"mean": [0.5, 0.5, 0.5]}
    assert weights.licence == "Apache-2.0"


def test_the_list_says_what_is_here_and_where_it_comes_from(folder):
    _touch(folder, "resnet18.in1k")
    listings = {listing.name: listing for listing in list_backbones()}
    assert next(iter(listings)) == "tf_efficientnet_lite0"
    assert (listings["tf_efficientnet_lite0"].source, listings["tf_efficientnet_lite0"].here) == ("shipped", True)
    assert (listings["resnet18"].source, listings["resnet18"].here) == ("local folder", True)
    assert (listings["vgg16"].source, listings["vgg16"].here) == ("hub", False)
    assert not listings["vit_small_patch14_dinov2"].imagenet_head


def test_a_local_network_outside_the_catalogue_is_listed_with_its_size(made_weights):
    listings = {listing.name: listing for listing in list_backbones()}
    mine = listings["test_efficientnet.mine"]
    expected = sum(parameter.numel() for parameter in timm.create_model("test_efficientnet").parameters())
    assert (mine.parameters, mine.input_px, mine.licence) == (expected, 128, "made in a test")
    assert mine.imagenet_head


def test_a_damaged_local_file_does_not_hide_the_others(folder):
    _touch(folder, "resnet18")
    (folder / "mynet.safetensors").write_bytes(b"not safetensors at all")
    names = [listing.name for listing in list_backbones()]
    assert "resnet18" in names
    assert "mynet" not in names


def test_only_the_packages_network_is_shipped():
    assert is_shipped("tf_efficientnet_lite0")
    assert is_shipped("tf_efficientnet_lite0.in1k")
    assert not is_shipped("efficientnet_lite0")
