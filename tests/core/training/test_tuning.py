"""Fine-tuning and training from scratch, with timm's test networks and made pictures."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from core import load_backbone, runtime
from core.datasets.drawn import drawn_pets
from core.datasets.labelled import LabelledImages
from core.distributed import World
from core.embeddings import embed
from core.errors import CheckpointError, DatasetError, SettingsError
from core.head import Head
from core.streams import last
from core.training.examples import Examples
from core.training.head import train_head
from core.training.head_settings import HeadSettings
from core.training.stages import stages_of, stages_that_learn
from core.training.trainee import Trainee, dropout_mask, dtype_of
from core.training.tuning import fine_tune
from core.training.tuning_settings import AUGMENTATIONS, TuneSettings, rate_at
from tests.core.training.tinted import NETWORKS, made, tinted

SETTINGS = TuneSettings(epochs=1, batch_size=4, stages=99, learning_rate=0.01)


def _settings(**changed) -> TuneSettings:
    return dataclasses.replace(SETTINGS, **changed)


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, tensor in after.items() if not torch.equal(before[name], tensor)}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("start", ["pretrained", "scratch"])
def test_the_shared_backbone_stays_as_it_is(network, start):
    backbone = made(network)
    before = _state(backbone.model), _state(backbone.inference_model)
    result = last(fine_tune(backbone, None, tinted(4), tinted(2, first=9), _settings(start=start)))
    assert not _changed(before[0], backbone.model.state_dict())
    assert not _changed(before[1], backbone.inference_model.state_dict())
    assert not any(module.training for module in backbone.model.modules())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in backbone.model.parameters())
    shared = {tensor.data_ptr() for tensor in backbone.model.state_dict().values()}
    assert not shared & {tensor.data_ptr() for tensor in result.classifier.backbone.model.state_dict().values()}


@pytest.mark.parametrize("start", ["pretrained", "scratch"])
def test_it_learns_what_new_pictures_are(start):
    settings = _settings(start=start, epochs=6, batch_size=8, averaging=False, augmentation="flip")
    result = last(fine_tune(made("test_resnet"), None, tinted(16, classes=3), tinted(4, classes=3, first=50), settings))
    unseen = tinted(4, classes=3, first=90)
    said = result.classifier.predict([item.draw() for item in unseen.items])
    right = [
        unseen.class_names[label] == answer.top(1)[0].label for label, answer in zip(unseen.labels, said, strict=True)
    ]
    assert np.mean(right) >= 0.9
    assert result.history.validation_accuracy[-1] >= 0.9
    assert result.history.train_loss[-1] < result.history.train_loss[1]


@pytest.mark.parametrize("network", NETWORKS)
def test_only_the_last_stages_change(network):
    backbone = made(network)
    result = last(fine_tune(backbone, None, tinted(6), None, _settings(stages=2)))
    trained = result.classifier.backbone.model.state_dict()
    changed = _changed(backbone.model.state_dict(), trained)
    stages = stages_of(result.classifier.backbone.model)
    assert changed
    assert changed <= {*stages[-1], *stages[-2]}


def test_without_stages_only_the_head_learns():
    backbone = made("test_resnet")
    result = last(fine_tune(backbone, None, tinted(4), None, _settings(stages=0)))
    assert not _changed(backbone.model.state_dict(), result.classifier.backbone.model.state_dict())
    assert result.classifier.head.weight.abs().max() > 0


def test_stages_cover_every_weight_once_from_the_first_layer_to_the_last():
    for network in ("test_resnet", "test_vit", "test_efficientnet", "test_convnext", "test_mambaout", "test_nfnet"):
        model = timm.create_model(network, num_classes=0)
        stages = stages_of(model)
        names = [name for stage in stages for name in stage]
        assert sorted(names) == sorted(name for name, _ in model.named_parameters())
        assert len(stages) >= 4
        assert next(model.named_parameters())[0] in stages[0]


def test_lower_stages_learn_at_lower_rates_and_biases_are_not_decayed():
    settings = _settings(stages=3, stage_decay=0.5, weight_decay=0.1)
    trainee = Trainee(made("test_resnet"), None, 2, settings, World())
    names = {id(parameter): name for name, parameter in trainee.network.named_parameters()}
    shares, decays = {}, {}
    for group in trainee.optimiser.param_groups:
        for parameter in group["params"]:
            shares[names[id(parameter)]] = group["share"]
            decays[names[id(parameter)]] = group["weight_decay"]
    assert shares["linear.weight"] == shares["trunk.layer4.0.conv1.weight"] == 1
    assert shares["trunk.layer3.0.conv1.weight"] == 0.5
    assert shares["trunk.layer2.0.conv1.weight"] == 0.25
    assert not any(name.startswith("trunk.layer1") for name in shares)
    assert decays["trunk.layer4.0.conv1.weight"] == 0.1
    assert decays["trunk.layer4.0.bn1.weight"] == decays["linear.bias"] == 0


def test_stages_join_one_by_one_until_half_of_the_run():
    for count in (1, 2, 5, 9):
        learning = [stages_that_learn(count, step, 100) for step in range(100)]
        assert learning == sorted(learning)
        assert learning[0] == 1
        assert set(learning) == set(range(1, count + 1))
        assert learning[50] == count
        assert count == 1 or learning[49] < count


def test_a_stage_does_not_change_before_its_turn():
    settings = _settings(stages=3, gradual=True, weight_decay=1.0)
    trainee = Trainee(made("test_resnet"), None, 2, settings, World())
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    torch.nn.init.normal_(trainee.network.linear.weight, generator=torch.Generator().manual_seed(0))
    joined = []
    for step in (0, 4, 8):
        before = _state(trainee.network)
        trainee.let_learn(step, 16)
        part = trainee.gradients(pixels, np.array([0, 1]), kept=None, batch_size=2)
        trainee.add(part, share=1.0)
        assert trainee.step(0.01, averaged_steps=1, step=step)
        joined.append(
            {name.split(".")[1] for name in _changed(before, trainee.network.state_dict())} - {"weight", "bias"}
        )
    assert joined == [{"layer4"}, {"layer3", "layer4"}, {"layer2", "layer3", "layer4"}]


def test_a_few_pictures_are_not_unlearned():
    backbone = load_backbone()
    drawn = drawn_pets(per_class=40)

    def some(split: str, each: int) -> LabelledImages:
        images = drawn.split(split)
        rows = np.concatenate([np.flatnonzero(images.labels == label)[:each] for label in range(3)])
        return dataclasses.replace(images.take(rows), class_names=images.class_names[:3])

    train, unseen = some("train", 8), some("test", 8)
    examples, others = (last(embed(backbone, images)).embeddings.vectors for images in (train, unseen))
    head = last(train_head(Examples(examples, train.labels), None, train.class_names, HeadSettings())).head
    right = int((head.logits(torch.from_numpy(others)).argmax(1).numpy() == unseen.labels).sum())
    # two steps: what is unlearned at the beginning, later ones may mend
    tuned = last(fine_tune(backbone, head, train, None, TuneSettings(epochs=2))).classifier
    vectors = last(embed(tuned.backbone, unseen, cache=False)).embeddings.vectors
    said = tuned.head.logits(torch.from_numpy(vectors)).argmax(1).numpy()
    assert right > len(unseen) * 3 / 4
    assert int((said == unseen.labels).sum()) >= right - 1


def test_it_goes_on_from_a_trained_head():
    backbone = made("test_resnet")
    head = Head(torch.randn(2, backbone.embedding_dim), torch.randn(2), ("red", "blue"))
    settings = _settings(learning_rate=1e-6)
    result = last(fine_tune(backbone, head, tinted(2), None, settings))
    assert torch.allclose(result.classifier.head.weight, head.weight, atol=1e-4)


def test_batch_norm_keeps_its_statistics_when_pretrained_and_learns_them_from_scratch():
    backbone = made("test_resnet")
    kept = last(fine_tune(backbone, None, tinted(4), None, _settings()))
    assert torch.equal(kept.classifier.backbone.model.bn1.running_mean, backbone.model.bn1.running_mean)
    learned = last(fine_tune(backbone, None, tinted(4), None, _settings(start="scratch")))
    assert learned.classifier.backbone.model.bn1.running_mean.abs().max() > 0
    assert learned.classifier.backbone.model.bn1.running_mean.isfinite().all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    backbone = made("test_resnet")
    for start in ("pretrained", "scratch"):
        settings = _settings(start=start, dropout=0.3, augmentation="randaugment")
        first, second, other = (
            last(fine_tune(backbone, None, tinted(4), None, dataclasses.replace(settings, seed=seed)))
            for seed in (1, 1, 2)
        )
        assert not _changed(first.classifier.backbone.model.state_dict(), second.classifier.backbone.model.state_dict())
        assert _changed(first.classifier.backbone.model.state_dict(), other.classifier.backbone.model.state_dict())


def test_two_visitors_at_once_get_what_each_would_get_alone():
    backbone = made("test_resnet")
    settings = [_settings(start="scratch", dropout=0.2, seed=seed) for seed in (3, 4)]
    alone = [last(fine_tune(backbone, None, tinted(4), None, each)) for each in settings]
    streams = [fine_tune(backbone, None, tinted(4), None, each) for each in settings]
    ends: list = [None, None]
    while any(end is None or end.classifier is None for end in ends):
        torch.rand(3)  # somebody else draws numbers
        ends = [next(stream, end) for stream, end in zip(streams, ends, strict=True)]
    for one, other in zip(alone, ends, strict=True):
        assert torch.equal(one.classifier.head.weight, other.classifier.head.weight)


def test_global_random_generators_are_left_alone():
    backbone = made("test_resnet")
    before = torch.get_rng_state()
    for _ in fine_tune(backbone, None, tinted(4), None, _settings(start="scratch", dropout=0.5)):
        assert torch.equal(torch.get_rng_state(), before)


def test_gradients_of_chunks_are_those_of_the_whole_batch():
    backbone = made("test_resnet")
    settings = _settings(dropout=0.4, label_smoothing=0.1)
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)
    labels = np.array([0, 1, 0, 1, 1, 0])
    kept = dropout_mask(settings, 0, (6, backbone.embedding_dim))
    whole, chunked = (Trainee(backbone, None, 2, settings, World()) for _ in range(2))
    for trainee in (whole, chunked):
        torch.nn.init.normal_(trainee.network.linear.weight, generator=torch.Generator().manual_seed(0))
    whole.add_directly(pixels, labels, kept=kept, batch_size=6, last=True)
    for rows in (slice(0, 4), slice(4, 6)):
        part = chunked.gradients(pixels[rows], labels[rows], kept=kept[rows], batch_size=6)
        chunked.add(part, share=1 / 2)
    pairs = list(zip(whole.network.parameters(), chunked.network.parameters(), strict=True))
    assert all(torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-6) for one, other in pairs)
    # residual branches begin at 0 and get no gradients yet
    assert sum(one.grad.abs().max() > 0 for one, _ in pairs) > len(pairs) / 2


def test_closing_ends_everything_that_runs():
    runtime.workers()
    threads = set(threading.enumerate())
    stream = fine_tune(made("test_resnet"), None, tinted(20), tinted(20), _settings(epochs=50))
    while next(stream).step < 2:
        pass
    stream.close()
    assert runtime.workers()._work_queue.empty()
    assert set(threading.enumerate()) == threads


def test_it_can_be_watched_on_changing_threads_and_without_gradients():
    stream = fine_tune(made("test_resnet"), None, tinted(4), tinted(2), _settings())
    seen = []

    def take() -> None:
        with torch.inference_mode():
            seen.append(next(stream, None))

    while not seen or seen[-1] is not None:
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    assert seen[-2].classifier is not None
    with torch.enable_grad():
        assert torch.is_grad_enabled()


def test_snapshots_tell_how_far_it_is():
    settings = _settings(epochs=2)
    snapshots = list(fine_tune(made("test_resnet"), None, tinted(5), tinted(3, first=20), settings))
    assert [one.step for one in snapshots] == sorted(one.step for one in snapshots)
    end = snapshots[-1]
    assert (end.step, end.total_steps, end.epoch, end.epochs, end.phase) == (5, 5, 2, 2, "ready")
    assert end.images_per_second > 0
    assert end.seconds_left == 0
    measured = [
        step for step, value in zip(end.history.step, end.history.validation_accuracy, strict=True) if value is not None
    ]
    assert measured == [0, 3, 5]
    assert {one.phase for one in snapshots} >= {"training", "measuring", "ready"}
    assert [one for one in snapshots if one.classifier] == [end]


def test_early_stopping_takes_the_best_weights_and_says_so():
    # what it is measured on contradicts what it learns: each epoch is worse than the one before
    against = dataclasses.replace(tinted(4, first=20), labels=np.array([1, 1, 1, 1, 0, 0, 0, 0]))
    end = last(fine_tune(made("test_resnet"), None, tinted(4), against, _settings(epochs=30, patience=2)))
    assert end.step < end.total_steps
    assert end.note == "stopped early after epoch 2; epoch 0 was the best"
    assert end.classifier.head.weight.abs().max() == 0


def test_a_training_that_diverges_says_so_and_keeps_what_was_best():
    settings = _settings(
        optimiser="sgd",
        learning_rate=10.0,
        clip_norm=0.0,
        epochs=40,
        augmentation="none",
        averaging=False,
    )
    end = last(fine_tune(made("test_resnet"), None, tinted(4), tinted(2, first=20), settings))
    assert "diverged" in end.note
    assert end.step < end.total_steps
    assert end.classifier.head.weight.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in end.classifier.backbone.model.state_dict().values())


def test_a_step_whose_weights_are_no_numbers_is_told_from_one_whose_gradients_are_not():
    # weight decay alone makes the weights a hundred times as large
    settings = _settings(learning_rate=10.0, weight_decay=10.0)
    for overflowing in (False, True):
        trainee = Trainee(made("test_resnet"), None, 2, settings, World())
        weight = trainee.network.trunk.layer4[0].conv1.weight
        weight.data.fill_(1e38 if overflowing else 1.0)
        weight.grad = torch.zeros_like(weight)
        assert trainee.step(settings.learning_rate, averaged_steps=1, step=0) is not overflowing


def test_a_training_whose_last_step_overflows_gives_the_network_that_it_began_with():
    settings = _settings(epochs=20, learning_rate=10.0, weight_decay=10.0, clip_norm=0.0, start="scratch")
    for epochs in range(16, 21):
        end = last(fine_tune(made("test_resnet"), None, tinted(2), None, dataclasses.replace(settings, epochs=epochs)))
        assert all(tensor.isfinite().all() for tensor in end.classifier.backbone.model.state_dict().values())
    assert "diverged" in end.note


@pytest.mark.parametrize("network", NETWORKS)
def test_the_result_is_a_network_like_any_other(network):
    backbone = made(network)
    classifier = last(fine_tune(backbone, None, tinted(3), None, _settings())).classifier
    trained = classifier.backbone
    assert classifier.class_names == ("red", "blue")
    assert (trained.input_size, trained.embedding_dim) == (backbone.input_size, backbone.embedding_dim)
    assert trained.fingerprint != backbone.fingerprint
    assert not any(parameter.requires_grad for parameter in trained.model.parameters())
    again = timm.create_model(trained.architecture, pretrained=False, **trained.create_kwargs)
    again.load_state_dict(trained.model.state_dict(), strict=True)
    pixels = torch.rand(2, 3, *trained.input_size, generator=torch.Generator().manual_seed(0))
    exact, fast = trained.embed(pixels), trained.fast_embeddings(pixels)
    rounding = 1e-3 if runtime.inference_dtype() == torch.float32 else 3e-2  # bfloat16 keeps three digits
    assert (fast - exact).norm() < rounding * exact.norm()


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("schedule", ["constant", "decay", "cosine", "one-cycle"])
def test_every_augmentation_and_schedule_trains(augmentation, schedule):
    settings = _settings(augmentation=augmentation, schedule=schedule, optimiser="sgd")
    assert last(fine_tune(made("test_resnet"), None, tinted(2), None, settings)).classifier is not None


def test_the_rate_warms_up_and_falls():
    settings = TuneSettings(schedule="cosine", learning_rate=1.0)
    rates = [rate_at(settings, step, 100, 10) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[0] < 0.1
    assert max(rates) > 0.9
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.01


def test_bfloat16_is_used_only_where_the_hardware_has_it():
    assert dtype_of("float32") is torch.float32
    assert dtype_of("bfloat16") is runtime.inference_dtype()
    assert dtype_of("auto") is torch.float32  # tests run on the processor


def test_what_does_not_fit_is_refused_in_words():
    backbone = made("test_resnet")
    other = Head(torch.zeros(2, backbone.embedding_dim), torch.zeros(2), ("cat", "dog"))
    with pytest.raises(CheckpointError, match="Train a head on these pictures"):
        next(fine_tune(backbone, other, tinted(2), None, SETTINGS))
    with pytest.raises(DatasetError, match="no pictures"):
        next(fine_tune(backbone, None, tinted(0), None, SETTINGS))
    with pytest.raises(DatasetError, match="other classes"):
        next(fine_tune(backbone, None, tinted(2), tinted(2, classes=3), SETTINGS))
    with pytest.raises(SettingsError, match="40"):
        last(fine_tune(made("test_vit"), None, tinted(2), None, _settings(train_size_px=40)))
    with pytest.raises(SettingsError, match="epochs"):
        TuneSettings(epochs=0)


def test_a_picture_that_went_missing_is_named(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "here.png")
    images = dataclasses.replace(
        tinted(1), items=(tmp_path / "here.png", tmp_path / "gone.png"), labels=np.array([0, 1], dtype=np.int64)
    )
    with pytest.raises(DatasetError, match=r"gone\.png"):
        last(fine_tune(made("test_resnet"), None, images, None, SETTINGS))
