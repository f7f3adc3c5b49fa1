"""Names, sources and preprocessing of real networks."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.data import create_transform

from core import BackboneError, SettingsError, check_can_classify, load_backbone, needs_fetching, to_pixels


def _picture(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


# --- names ---


@pytest.mark.parametrize(
    "name",
    [
        "hf-hub:timm/resnet18",
        "local-dir:/etc",
        "https://example.org/x",
        "../weights/resnet18",
        "/etc/passwd",
        "resnet18/../x",
        "",
        "a" * 500,
        "resnet18.a1.b2",
        "${alert(1)}",
        "RESNET18",
        None,
        ["resnet18"],
    ],
)
def test_prefixes_paths_and_addresses_are_refused(name):
    with pytest.raises(BackboneError, match="is not the name of a network"):
        load_backbone(name)


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(BackboneError, match=r"no network called \"resnet51\"\. Did you mean resnet50"):
        load_backbone("resnet51")


def test_what_is_not_here_is_said_at_once_when_fetching_is_off(monkeypatch):
    monkeypatch.setenv("PETLENS_FETCH", "0")
    assert needs_fetching("resnet50")
    with pytest.raises(BackboneError, match=r"switched fetching off\. Here now: EfficientNet-Lite0\."):
        load_backbone("resnet50")


def test_weights_in_another_format_than_safetensors_are_refused():
    jax_only = next(name for name in timm.list_pretrained("*augreg*") if timm.get_pretrained_cfg(name).custom_load)
    with pytest.raises(BackboneError, match="safetensors"):
        load_backbone(jax_only)


def test_white_space_around_a_name_is_forgiven(made_weights):
    assert load_backbone(" test_resnet\n") is load_backbone("test_resnet")


def test_a_network_without_imagenets_classes_is_refused_before_anything_is_fetched():
    for name in ("vit_small_patch14_dinov2", "resnetv2_50x1_bit.goog_in21k"):
        with pytest.raises(BackboneError, match="does not name ImageNet's 1000 classes"):
            check_can_classify(name)
    check_can_classify("resnet50")


# --- loading ---


def test_a_network_made_for_another_size_sees_the_size_it_is_created_with(tmp_path, monkeypatch):
    """DINOv2's own 518 px would be five times as many patches: the catalogue asks for 224."""
    torch.manual_seed(0)
    made = timm.create_model("vit_small_patch14_dinov2", img_size=224)
    save_file(made.state_dict(), tmp_path / "vit_small_patch14_dinov2.safetensors")
    monkeypatch.setenv("PETLENS_WEIGHTS", str(tmp_path))
    backbone = load_backbone("vit_small_patch14_dinov2")
    assert (backbone.input_size, backbone.class_count) == ((224, 224), 0)
    assert backbone.fast_outputs(to_pixels([backbone.view(_picture(300, 250))])).shape == (1, 384)


def test_a_network_that_hands_several_maps_to_its_head_works(tmp_path, monkeypatch):
    save_file(timm.create_model("crossvit_tiny_240").state_dict(), tmp_path / "crossvit_tiny_240.safetensors")
    monkeypatch.setenv("PETLENS_WEIGHTS", str(tmp_path))
    backbone = load_backbone("crossvit_tiny_240")
    pixels = to_pixels([backbone.view(_picture(300, 250))])
    exact = backbone.model(backbone.normalise(pixels))
    assert torch.allclose(backbone.fast_outputs(pixels), exact, atol=1e-3)


def test_a_network_is_loaded_once_even_when_several_ask_at_once(made_weights):
    found = []
    threads = [threading.Thread(target=lambda: found.append(load_backbone("test_resnet"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(backbone) for backbone in found}) == 1


def test_a_name_with_and_without_its_tag_is_one_network(made_weights):
    assert load_backbone("test_efficientnet") is load_backbone("test_efficientnet.mine")


def test_the_least_recently_used_network_leaves_memory_first(made_weights, monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_BACKBONES", "2")
    first, second = load_backbone("test_resnet"), load_backbone("test_vit")
    assert load_backbone("test_resnet") is first
    load_backbone("test_efficientnet")
    assert load_backbone("test_resnet") is first
    assert load_backbone("test_vit") is not second


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_senseless_number_of_networks_is_refused(made_weights, monkeypatch, text):
    monkeypatch.setenv("PETLENS_MAX_BACKBONES", text)
    with pytest.raises(SettingsError, match="PETLENS_MAX_BACKBONES"):
        load_backbone("test_resnet")


@pytest.mark.parametrize("damage", ["cut", "garbage", "other network"])
def test_a_damaged_weights_file_is_said(made_weights, damage):
    path = made_weights / "test_resnet.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "garbage":
        path.write_bytes(b"\x00" * 1000)
    else:
        path.write_bytes((made_weights / "test_vit.safetensors").read_bytes())
    with pytest.raises(BackboneError, match="test_resnet do not fit the network or are damaged") as caught:
        load_backbone("test_resnet")
    assert str(made_weights) not in str(caught.value)


def test_networks_are_frozen_and_in_evaluation_mode(made_weights, classifier):
    for backbone in (classifier.backbone, load_backbone("test_resnet")):
        for model in (backbone.model, backbone.inference_model):
            assert not model.training
            assert not any(parameter.requires_grad for parameter in model.parameters())
            assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_weights_json_decides_over_timms_defaults(made_weights):
    backbone = load_backbone("test_efficientnet")
    assert backbone.input_size == (128, 128)
    assert backbone.mean.flatten().tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert backbone.std.flatten().tolist() == pytest.approx([0.3, 0.2, 0.1])
    assert backbone.licence == "made in a test"


def test_creation_arguments_of_the_weights_are_used(shared_weights):
    """Without its `pad_type` the real MobileNetV2 is a different, much worse network: the pad is part of the weights."""
    backbone = load_backbone("mobilenetv2_100")
    assert type(backbone.model.conv_stem).__name__ == "Conv2dSame"


# --- preprocessing ---


@pytest.mark.parametrize("size", [(451, 300), (300, 451), (225, 224), (50, 60), (1000, 40), (256, 256), (1, 1)])
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "test_efficientnet", "test_resnet"])
def test_the_view_is_that_of_timms_evaluation(made_weights, name, size):
    backbone = load_backbone(name)
    picture = _picture(*size)
    config = {**timm.data.resolve_model_data_config(backbone.model)}
    if name == "test_efficientnet":
        config |= {"input_size": (3, 128, 128), "interpolation": "bilinear", "crop_pct": 1.0}
        config |= {"mean": (0.2, 0.4, 0.6), "std": (0.3, 0.2, 0.1)}
    expected = create_transform(**config, is_training=False)(picture)
    seen = backbone.normalise(to_pixels([backbone.view(picture)]))[0]
    assert torch.allclose(seen, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "test_efficientnet"])
def test_a_picture_of_exactly_the_input_size_is_used_as_it_is(made_weights, name):
    backbone = load_backbone(name)
    height, width = backbone.input_size
    picture = _picture(width, height)
    assert np.array_equal(np.asarray(backbone.view(picture)), np.asarray(picture))


@pytest.mark.parametrize("size", [(451, 300), (224, 225), (90, 90)])
def test_the_view_is_an_8_bit_picture_of_the_input_size(classifier, size):
    view = classifier.backbone.view(_picture(*size))
    assert (view.mode, view.size) == ("RGB", (224, 224))
    assert classifier.backbone.view(view) is view


# Logits of scikit-image's Chelsea by timm alone: create_transform, float32, default memory layout, nothing folded.
KNOWN_LOGITS = {
    "tf_efficientnet_lite0": {282: 9.2356, 285: 9.1381, 281: 8.3953, 287: 5.9227, 904: 3.4109},
    "mobilenetv2_100": {282: 9.7694, 285: 9.5879, 281: 8.8049, 287: 5.1846, 286: 4.1427},
    "regnetx_002": {282: 17.5768, 285: 17.4086, 281: 16.0931, 287: 13.5506, 897: 11.3072},
    "resnet18": {285: 13.5613, 282: 12.7473, 281: 12.0596, 287: 6.9578, 293: 4.592},
}


@pytest.mark.parametrize("name", KNOWN_LOGITS)
@pytest.mark.parametrize("path", ["exact", "fast"])
def test_known_logits_of_a_known_photo(request, chelsea, name, path):
    if name != "tf_efficientnet_lite0":  # that one needs nothing beside the installation
        request.getfixturevalue("shared_weights")
    from core import Classifier, read_image

    classifier = Classifier(load_backbone(name))
    pixels = to_pixels([classifier.backbone.view(read_image(chelsea))])
    logits = classifier.logits(pixels) if path == "exact" else classifier.backbone.fast_outputs(pixels)
    found = {int(index): float(value) for value, index in zip(*logits[0].topk(5), strict=True)}
    tolerance = 0.01 if path == "exact" or torch.finfo(_fast_dtype()).bits == 32 else 0.3
    assert found == pytest.approx(KNOWN_LOGITS[name], abs=tolerance)


def test_the_wrong_preprocessing_would_not_pass(shared_weights, chelsea):
    """The check above can fail: the classic bug, 0..255 or another network's mean and std, moves the logits by far."""
    from core import Classifier, read_image

    classifier = Classifier(load_backbone("resnet18"))
    pixels = to_pixels([classifier.backbone.view(read_image(chelsea))])
    right = classifier.logits(pixels)[0, 285]
    unscaled, other_mean = classifier.backbone.model(pixels)[0, 285], classifier.backbone.model(pixels * 2 - 1)[0, 285]
    assert abs(right - unscaled) > 0.1
    assert abs(right - other_mean) > 0.1


def test_local_weights_are_loaded_tensor_by_tensor(shared_weights):
    backbone = load_backbone("regnetx_002")
    stored = load_file(shared_weights / "regnetx_002.in1k.safetensors")
    assert all(
        torch.equal(value.cpu(), stored[key].to(value.dtype)) for key, value in backbone.model.state_dict().items()
    )


def _fast_dtype() -> torch.dtype:
    from core import runtime

    return runtime.inference_dtype()
