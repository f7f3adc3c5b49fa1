"""Why this class? Exact where the network pools, said to be a guess elsewhere, and nothing left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import timm
import torch

from core import Classifier, Head
from core.errors import SettingsError
from core.images import to_pixels
from core.inside.why import why
from tests.core.inside.conftest import made

EXACT = {"test_byobnet", "test_coatnet", "test_efficientnet", "test_efficientnet_evos", "test_efficientnet_gn"}
EXACT |= {"test_efficientnet_ln", "test_maxvit", "test_nfnet", "test_resnet"}


def _head(backbone, classes=5):
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(classes, backbone.embedding_dim, generator=generator)
    return Head(weight, torch.randn(classes, generator=generator), tuple("abcdefgh"[:classes]))


def test_the_map_is_what_numpy_says(tiny, photo):
    explanation = why(Classifier(tiny), photo, 281)
    with torch.no_grad():
        maps = tiny.model.forward_features(to_pixels([explanation.view]))[0].double().numpy()
    weight, bias = (tensor.double().numpy() for tensor in (tiny.model.fc.weight, tiny.model.fc.bias))
    assert explanation.method == "CAM"
    assert explanation.layer == "second"
    np.testing.assert_allclose(explanation.raw.numpy(), np.tensordot(weight[281], maps, 1), atol=1e-5)
    assert explanation.bias == pytest.approx(bias[281], abs=1e-6)
    assert explanation.logit == pytest.approx(weight[281] @ maps.mean((1, 2)) + bias[281], abs=1e-5)


@pytest.mark.parametrize("name", timm.list_models("test_*"))
@pytest.mark.parametrize("kind", ["own", "head", "mirrored"])
def test_the_logit_is_that_of_the_classifier_and_the_mean_of_an_exact_map(name, kind, photo, unchanged):
    backbone = unchanged(made(name))
    classifier = Classifier(backbone, None if kind == "own" else _head(backbone), kind == "mirrored")
    explanation = why(classifier, photo, 3)
    with torch.no_grad():
        logits = classifier.logits(to_pixels([explanation.view]))[0]
    size = float(logits.abs().max())
    assert explanation.logit == pytest.approx(float(logits[3]), abs=1e-3 * size)
    assert explanation.probability == pytest.approx(float(logits.softmax(0)[3]), rel=1e-2)
    assert explanation.method == ("CAM" if name in EXACT else "Grad-CAM")
    if explanation.method == "CAM":
        assert float(explanation.raw.mean()) + explanation.bias == pytest.approx(explanation.logit, abs=1e-3 * size)
    else:
        assert explanation.bias is None
    assert explanation.map.shape == (160, 160)
    assert float(explanation.map.min()) >= 0
    assert float(explanation.map.max()) in (0, 1)
    assert (float(explanation.map.max()) == 0) <= bool((explanation.raw <= 0).any())


def test_a_head_that_is_linear_only_here_is_not_called_exact(photo):
    # MobileNetV3 bends what it pooled, but where all numbers are tiny that does not show
    torch.manual_seed(0)
    from tests.core.inside.conftest import frozen

    backbone = frozen(timm.create_model("mobilenetv3_small_050"), "mobilenetv3_small_050", size_px=64)
    assert why(Classifier(backbone), photo, 3).method == "Grad-CAM"


def test_a_mirrored_view_gives_a_mirrored_map(tiny, photo):
    classifier = Classifier(tiny, _head(tiny), mirrored=True)
    view = tiny.view(photo)
    there, back = why(classifier, view, 2), why(classifier, view.transpose(0), 2)
    torch.testing.assert_close(there.raw, back.raw.flip(-1))


def test_a_vision_transformer_is_asked_before_its_last_block(photo):
    explanation = why(Classifier(made("test_vit")), photo, 3)
    assert explanation.layer == "blocks.4"
    assert float(explanation.raw.abs().max()) > 0


def test_in_inference_mode_and_from_several_threads(photo, unchanged):
    backbone = unchanged(made("test_vit"))
    classifier = Classifier(backbone, _head(backbone), mirrored=True)
    alone = [why(classifier, photo, label).raw for label in range(5)]
    with torch.inference_mode():
        torch.testing.assert_close(why(classifier, photo, 1).raw, alone[1])
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda label: why(classifier, photo, label).raw, [0, 1, 2, 3, 4] * 4))
    for position, raw in enumerate(together):
        torch.testing.assert_close(raw, alone[position % 5], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("label", [-1, 1000, True, "cat"])
def test_a_class_that_there_is_not_is_refused_in_words(tiny, photo, label):
    with pytest.raises(SettingsError, match=r"is not one of the network's 1000, which count from 0"):
        why(Classifier(tiny), photo, label)
