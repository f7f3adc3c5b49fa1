"""The loop: the class becomes more probable, every choice works, and what goes wrong is said."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from PIL import Image

from core import Classifier, load_backbone
from core.ascent.ascent import ascend
from core.ascent.picture import variation_of
from core.ascent.settings import OBJECTIVES, OPTIMISERS, PARAMETERIZATIONS, AscentSettings
from core.ascent.snapshot import Steering
from core.errors import BackboneError, SettingsError
from core.head import Head
from core.streams import last
from tests.core.ascent.conftest import bytes_of

ZEBRA = 340
QUICK = AscentSettings(steps=6, size_px=64)


def test_a_real_network_becomes_convinced(classifier):
    settings = AscentSettings(steps=25, learning_rate=0.1)
    snapshots = list(ascend(classifier, [ZEBRA], settings))
    assert [snapshot.step for snapshot in snapshots] == list(range(26))
    final = snapshots[-1]
    assert snapshots[0].drawn[0].probability < 0.05
    assert final.drawn[0].probability > 0.5
    assert final.stopped_by == "steps"
    assert final.gradients == 25
    assert final.history[-1].probability == final.drawn[0].probability


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_every_optimiser_with_every_storage_makes_the_loss_smaller(small, optimiser, parameterization):
    rates = {"sgd": 0.3, "momentum": 0.05, "adam": 0.02, "lbfgs": 1.0}
    scale = 1 if parameterization == "pixels" else 0.1
    settings = dataclasses.replace(
        QUICK, optimiser=optimiser, parameterization=parameterization, learning_rate=rates[optimiser] * scale
    )
    history = last(ascend(small, [3], settings)).history
    losses = [row.loss for row in history if row.loss is not None]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_makes_its_class_more_probable(classifier, objective):
    settings = AscentSettings(steps=8, objective=objective, learning_rate=0.1)
    history = last(ascend(classifier, [ZEBRA], settings)).history
    assert history[-1].probability > 10 * history[0].probability


def test_smoothness_makes_pictures_smoother(small):
    rough = last(ascend(small, [3], QUICK))
    smooth = last(ascend(small, [3], dataclasses.replace(QUICK, tv_weight=1000)))
    assert smooth.drawn[0].variation < 0.9 * rough.drawn[0].variation
    assert smooth.drawn[0].variation == variation_of(smooth.drawn[0].picture)


def test_the_prior_brings_statistics_nearer_to_those_of_training(classifier):
    from core.backbones.watching import watched
    from core.images import to_pixels
    from core.objectives import Look, batch_norm_prior

    def prior(settings):
        picture = last(ascend(classifier, [ZEBRA], settings)).drawn[0].picture
        twin, watch = watched(classifier.backbone)
        pixels = to_pixels([picture])
        twin.embed(pixels)
        return float(batch_norm_prior()(Look(pixels, torch.zeros(1, 1), watch.take())))

    without = AscentSettings(steps=12, learning_rate=0.1)
    assert prior(dataclasses.replace(without, prior_weight=20)) < 0.9 * prior(without)


def test_a_batch_norm_prior_without_batch_norm_is_refused_before_anything_runs(made_weights):
    classifier = Classifier(load_backbone("test_vit"))
    with pytest.raises(BackboneError, match="no batch norm"):
        next(ascend(classifier, [3], dataclasses.replace(QUICK, prior_weight=1)))


def test_a_network_that_takes_one_size_only_draws_coarse_pictures_too(made_weights):
    classifier = Classifier(load_backbone("test_vit"))
    settings = dataclasses.replace(QUICK, size_px=96, coarse_px=48)
    assert last(ascend(classifier, [3], settings)).drawn[0].picture.size == (96, 96)


def test_coarse_shapes_come_first_and_the_picture_ends_at_its_size(small):
    settings = dataclasses.replace(QUICK, size_px=64, coarse_px=32, coarse_share=0.5)
    sizes = [snapshot.drawn[0].picture.size[0] for snapshot in ascend(small, [3], settings)]
    assert sizes == [32] * 4 + [64] * 3


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small):
    settings = dataclasses.replace(QUICK, jitter=0.1, flip=True, noise=0.05, looks=2, prior_weight=1)
    one, two = (last(ascend(small, [3, 5], settings)) for _ in range(2))
    assert bytes_of(one) == bytes_of(two)
    assert bytes_of(one) != bytes_of(last(ascend(small, [3, 5], dataclasses.replace(settings, seed=1))))
    assert one.gradients == 12


@pytest.mark.parametrize(("optimiser", "prior"), [("sgd", 0.0), ("momentum", 0.0), ("adam", 0.0), ("adam", 1.0)])
def test_going_on_is_the_same_as_not_having_stopped(small, optimiser, prior):
    settings = dataclasses.replace(QUICK, optimiser=optimiser, schedule="constant", jitter=0.1, prior_weight=prior)
    whole = last(ascend(small, [3], dataclasses.replace(settings, steps=12)))
    half = last(ascend(small, [3], settings))
    rest = last(ascend(small, [3], settings, go_on=half))
    assert (rest.step, rest.total_steps, rest.gradients) == (12, 12, 12)
    assert bytes_of(rest) == bytes_of(whole)
    assert [row.step for row in rest.history] == list(range(13))


def test_several_looks_are_the_mean_of_their_gradients(small):
    one, four = (
        last(ascend(small, [3], dataclasses.replace(QUICK, steps=1, optimiser="sgd", learning_rate=1.0, looks=looks)))
        for looks in (1, 4)
    )
    # without random views all looks are the same
    assert bytes_of(one) == bytes_of(four)
    assert one.history[-1].loss == pytest.approx(four.history[-1].loss, rel=1e-5)


def test_the_first_step_sees_the_statistics_of_its_own_picture_only(small):
    settings = AscentSettings(
        steps=10, size_px=64, coarse_px=32, coarse_share=1, prior_weight=1, optimiser="sgd", learning_rate=1e-5
    )
    losses = [row.loss for row in last(ascend(small, [3], settings)).history[1:3]]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_who_goes_on_twice_from_one_snapshot_gets_the_same_twice(small):
    half = last(ascend(small, [3], QUICK))
    kept = bytes_of(half)
    assert bytes_of(last(ascend(small, [3], QUICK, go_on=half))) == bytes_of(
        last(ascend(small, [3], QUICK, go_on=half))
    )
    assert bytes_of(half) == kept


def test_smoothness_turned_while_it_grows_acts_on_the_next_step(small):
    settings = dataclasses.replace(QUICK, steps=20)
    steering = Steering(settings)
    turned = None
    for snapshot in ascend(small, [3], settings, steering=steering):
        if snapshot.step == 10:
            steering.steer(tv_weight=5000)
        turned = snapshot
    untouched = last(ascend(small, [3], settings))
    assert [row.variation for row in turned.history[:11]] == [row.variation for row in untouched.history[:11]]
    assert turned.drawn[0].variation < untouched.drawn[0].variation
    assert steering.turned
    with pytest.raises(SettingsError, match="tv_weight"):
        steering.steer(tv_weight=math.nan)
    with pytest.raises(SettingsError, match="All weights are 0"):
        Steering(AscentSettings(class_weight=0, tv_weight=1)).steer(tv_weight=0)
    assert steering.tv_weight == 5000


def test_a_photo_is_dreamt_into(classifier, chelsea):
    photo = Image.open(chelsea).convert("RGB")
    settings = AscentSettings(steps=3, size_px=96, start="photo", learning_rate=0.01)
    first, *_, final = ascend(classifier, [ZEBRA], settings, photo=photo)
    begun, ended = (np.asarray(one.drawn[0].picture, dtype=float) for one in (first, final))
    assert 0 < np.abs(begun - ended).mean() < 12
    with pytest.raises(SettingsError, match="no photo"):
        next(ascend(classifier, [ZEBRA], settings))


def test_candidates_differ_more_with_diversity(small):
    def likeness(weight):
        settings = dataclasses.replace(QUICK, candidates=2, diversity_weight=weight, steps=10, learning_rate=0.1)
        one, other = (np.asarray(d.picture.resize((16, 16))).ravel() for d in last(ascend(small, [3], settings)).drawn)
        return np.corrcoef(one, other)[0, 1]

    assert likeness(200.0) < likeness(0.0)


def test_a_class_of_a_trained_head_can_be_drawn(classifier):
    generator = torch.Generator().manual_seed(0)
    head = Head(torch.randn(3, 1280, generator=generator), torch.zeros(3), ("ant", "bee", "cat"))
    trained = Classifier(classifier.backbone, head)
    history = last(ascend(trained, [2], AscentSettings(steps=8, size_px=64))).history
    assert history[-1].probability > history[0].probability
    with pytest.raises(SettingsError, match="network's 3"):
        next(ascend(trained, [3], QUICK))


@pytest.mark.parametrize("labels", [[], [-1], [1000], [1.0], ["zebra"], [True]])
def test_a_class_that_the_network_does_not_know_is_refused(small, labels):
    with pytest.raises(SettingsError):
        next(ascend(small, labels, QUICK))


def test_a_picture_whose_numbers_run_away_keeps_the_last_good_one(small):
    # waves grow without bound where pixels are cut off
    settings = AscentSettings(steps=50, size_px=64, parameterization="fourier", optimiser="sgd", learning_rate=1000)
    endless = dataclasses.replace(settings, l2_weight=100_000, class_weight=1000)
    *_, before, final = ascend(_exploding(small), [3], endless)
    assert final.stopped_by == "diverged"
    assert "lower learning rate" in final.note
    assert bytes_of(final) == bytes_of(before)
    assert np.asarray(final.drawn[0].picture).std() > 0


def _exploding(classifier):
    """The same network, whose logits are no numbers from the fourth look with gradients on."""

    class Exploding(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model, self.looks = model, 0

        def forward(self, inputs):
            self.looks += torch.is_grad_enabled()
            return self.model(inputs) * (math.nan if self.looks > 3 else 1)

        def forward_features(self, inputs):
            return self.model.forward_features(inputs)

        def forward_head(self, features, **options):
            return self.model.forward_head(features, **options)

    backbone = dataclasses.replace(classifier.backbone, inference_model=Exploding(classifier.backbone.model))
    return Classifier(backbone)


def test_time_ends_it_between_two_steps_and_the_last_picture_is_seen(small):
    final = last(ascend(small, [3], dataclasses.replace(QUICK, steps=10_000), max_seconds=3))
    assert final.stopped_by == "time"
    assert 0 < final.step == final.looked_at < 10_000
    assert last(ascend(small, [3], QUICK, max_seconds=0)).step == 0


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_whoever_asks_may_be_in_another_grad_mode_and_keeps_it(small, mode):
    with mode():
        final = last(ascend(small, [3], QUICK))
        assert not torch.is_grad_enabled()
    assert bytes_of(final) == bytes_of(last(ascend(small, [3], QUICK)))


def test_nothing_stays_on_the_shared_network(classifier):
    stream = ascend(classifier, [ZEBRA], AscentSettings(steps=5, size_px=64, prior_weight=1))
    next(stream)
    next(stream)
    stream.close()
    for network in (classifier.backbone.model, classifier.backbone.inference_model):
        for module in network.modules():
            assert not module._forward_hooks
            assert not module._forward_pre_hooks
            assert not module.training
        assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_leaving_out_blocks_changes_the_picture_and_the_same_seed_gives_it_again(classifier, prior):
    thinned = dataclasses.replace(QUICK, skip_blocks=0.5, prior_weight=prior, looks=2, learning_rate=0.1)
    one, two = (last(ascend(classifier, [3, 5], thinned)) for _ in range(2))
    assert bytes_of(one) == bytes_of(two)
    assert bytes_of(one) != bytes_of(last(ascend(classifier, [3, 5], dataclasses.replace(thinned, skip_blocks=0))))


def test_blocks_cannot_be_left_out_of_a_network_without_any(small):
    plain = dataclasses.replace(small.backbone, inference_model=torch.nn.Conv2d(3, 1000, 1))
    classifier = dataclasses.replace(small, backbone=plain)
    with pytest.raises(BackboneError, match="no residual blocks"):
        next(ascend(classifier, [3], dataclasses.replace(QUICK, skip_blocks=0.2)))


def test_two_networks_draw_together(small, classifier):
    settings = AscentSettings(steps=25, learning_rate=0.1)
    alone = last(ascend(small, [ZEBRA], settings))
    together = last(ascend(small, [ZEBRA], settings, beside=[classifier]))
    assert (alone.gradients, together.gradients) == (25, 50)

    def of_the_other(snapshot):
        return float(classifier.predict([snapshot.drawn[0].picture])[0].probabilities[ZEBRA])

    assert of_the_other(alone) < 0.05
    assert of_the_other(together) > 0.5


def test_networks_that_know_different_classes_cannot_draw_together(small):
    dim = small.backbone.embedding_dim
    taught = dataclasses.replace(small, head=Head(torch.zeros(2, dim), torch.zeros(2), ("a", "b")))
    with pytest.raises(SettingsError, match="different classes"):
        next(ascend(small, [1], QUICK, beside=[taught]))
