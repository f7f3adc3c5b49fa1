from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from core import BackboneError, Classifier, ImageError, load_backbone, predict_files, read_image, runtime, to_pixels
from core.classifier import CHUNK


def _hash(model: torch.nn.Module) -> list[float]:
    return [float(tensor.double().sum()) for tensor in model.state_dict().values()]


def test_a_cat_is_a_cat(classifier, chelsea):
    prediction = classifier.predict([read_image(chelsea)])[0]
    assert prediction.species.cat > 0.85
    assert prediction.breed.label in ("tabby", "tiger cat", "Egyptian cat")
    assert not prediction.unsure


def test_probabilities_are_a_distribution(classifier, chelsea):
    probabilities = classifier.predict([read_image(chelsea)])[0].probabilities
    assert probabilities.shape == (1000,)
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1)


def test_the_same_picture_gives_the_same_bytes(classifier, chelsea):
    first, second = (classifier.predict([read_image(chelsea)])[0].probabilities.tobytes() for _ in range(2))
    assert first == second


def test_gradients_reach_the_pixels_and_leave_nothing_behind(classifier, chelsea):
    before = _hash(classifier.backbone.model)
    pixels = to_pixels([classifier.backbone.view(read_image(chelsea))]).requires_grad_(True)
    (gradient,) = torch.autograd.grad(classifier.logits(pixels)[0, 282], pixels)
    assert gradient.abs().max() > 0
    assert all(parameter.grad is None for parameter in classifier.backbone.model.parameters())
    assert _hash(classifier.backbone.model) == before


def test_predicting_changes_nothing_in_the_network(classifier, chelsea):
    backbone = classifier.backbone
    before = _hash(backbone.model) + _hash(backbone.inference_model)
    classifier.predict([read_image(chelsea)] * 3)
    assert _hash(backbone.model) + _hash(backbone.inference_model) == before
    assert not backbone.model.training
    assert torch.is_grad_enabled()


def test_a_network_without_classes_cannot_classify(tmp_path, monkeypatch):
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / "test_resnet.safetensors")
    (tmp_path / "weights.json").write_text('[{"file": "test_resnet.safetensors", "create_kwargs": {"num_classes": 0}}]')
    monkeypatch.setenv("PETLENS_WEIGHTS", str(tmp_path))
    with pytest.raises(BackboneError, match="does not name ImageNet's 1000 classes"):
        Classifier(load_backbone("test_resnet"))


@pytest.fixture
def files(tmp_path):
    """Eleven pictures, each of one colour, so that answers can be told apart."""
    paths = []
    for number in range(11):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (60 + number, 50), (number * 20, 255 - number * 20, number * 7)).save(paths[-1])
    return paths


def test_results_come_in_the_order_of_the_files(classifier, files):
    alone = [classifier.predict([read_image(path)])[0].probabilities for path in files]
    results = list(predict_files(classifier, files))
    assert [result.source for result in results] == files
    for result, expected in zip(results, alone, strict=True):
        assert np.allclose(result.prediction.probabilities, expected, atol=1e-4)
        assert result.seconds > 0


def test_a_file_that_cannot_be_read_does_not_stop_the_others(classifier, files, tmp_path):
    (tmp_path / "empty.png").touch()
    mixed = [tmp_path / "missing.png", *files[:3], tmp_path / "empty.png", files[4]]
    results = list(predict_files(classifier, mixed))
    assert [result.source for result in results] == mixed
    assert [result.prediction is None for result in results] == [True, False, False, False, True, False]
    assert all(isinstance(result.error, ImageError) for result in results if result.prediction is None)


def test_no_files_give_no_results(classifier):
    assert list(predict_files(classifier, [])) == []


def test_closing_the_iterator_ends_the_work(classifier, files):
    """Most of 400 files must never be opened: each is a generator of its own bytes that counts."""
    opened = []

    class Counting:
        def read(self, _limit):
            opened.append(1)
            return files[0].read_bytes()

    results = predict_files(classifier, [Counting() for _ in range(400)])
    next(results)
    results.close()
    ended = threading.Barrier(runtime.processor_count())
    list(runtime.workers().map(lambda _: ended.wait(20), range(runtime.processor_count())))  # all workers are free
    assert len(opened) <= (2 * runtime.processor_count() + 1) * CHUNK


def test_rounding_does_not_decide_between_close_classes(classifier, chelsea, monkeypatch):
    """In bfloat16, a picture whose best two classes are close gets the logits of float32, another one its own."""
    pixels = to_pixels([classifier.backbone.view(read_image(chelsea))])
    exact = classifier.backbone.fast_outputs(pixels)  # the best two are 0.1 apart
    monkeypatch.setattr(runtime, "inference_dtype", lambda: torch.bfloat16)
    assert torch.allclose(classifier.backbone.fast_outputs(pixels), exact, atol=1e-3)
    monkeypatch.setattr("core.backbones.backbone.CLOSE_LOGITS", 0.0)
    rounded = classifier.backbone.fast_outputs(pixels)
    assert not torch.allclose(rounded, exact, atol=1e-3)
    assert torch.allclose(rounded, exact, atol=0.5)


def test_real_photos_are_read_right(shared_weights, shared, classifier):
    """Each network names most of 100 ImageNet photos, as it does by timm's own evaluation (0.83, 0.78, 0.75)."""
    paths = sorted((shared / "data/imagenet-samples").glob("*.jpg"))[::10]
    for name, least in (("tf_efficientnet_lite0", 0.80), ("mobilenetv2_100", 0.75), ("regnetx_002", 0.72)):
        results = predict_files(Classifier(load_backbone(name)), paths)
        right = [r.prediction.top(1)[0].label.replace(" ", "_") == r.source.stem.split("_", 1)[1] for r in results]
        assert np.mean(right) >= least, name
