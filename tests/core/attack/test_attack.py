"""The loop: every method keeps its promises, on files, and leaves the network as it was, also after Stop."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from core import Classifier, read_image
from core.attack.attack import attack
from core.attack.bounded import Bounded
from core.attack.files import to_png
from core.attack.goals import Become, Misclassify, goal_of
from core.attack.measures import measure
from core.attack.settings import METHODS, USED_BY, AttackSettings, usual
from core.attack.victims import Victim
from core.errors import ImageError, SettingsError
from core.head import Head
from core.images import to_pixels
from core.norms import norm_of
from core.streams import last

SIAMESE = 284


def _label(victim, picture):
    return victim.predict([picture])[0].top(1)[0].index


def _weights(victim):
    return {name: tensor.clone() for name, tensor in victim.first.backbone.model.state_dict().items()}


def _same(victim, before):
    model = victim.first.backbone.model
    hooks = sum(len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules())
    same = all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    return same and not hooks and not model.training and all(p.grad is None for p in model.parameters())


# Networks of different kinds, and seeds.
SMALL_AND_SEED = [("test_resnet", 0), ("test_resnet", 1), ("test_efficientnet", 0), ("test_vit", 0)]
# Each method with the distances that it knows.
WAYS = [(method, norm) for method in METHODS for norm in ("l2", "linf") if norm == "l2" or "norm" in USED_BY[method]]


@pytest.mark.parametrize(("method", "norm"), WAYS)
@pytest.mark.parametrize(("small", "seed"), SMALL_AND_SEED, indirect=["small"])
def test_every_method_keeps_its_bounds_its_grid_and_the_network(small, photo, method, norm, seed):
    settings = dataclasses.replace(
        usual(method, norm), steps=4, seed=seed, restarts=2, epsilon=2 / 255 if norm == "linf" else 0.6
    )
    weights = _weights(small)
    goals = [Misclassify(_label(small, photo)), Become(7)]
    snapshots = list(attack(small, [photo, photo], goals, settings))
    final = snapshots[-1]
    assert [snapshot.step for snapshot in snapshots] == list(range(settings.total_steps + 1))
    assert final.stopped_by == "steps"
    assert final.gradients == settings.total_steps
    assert _same(small, weights)
    for one in final.attacked:
        file = read_image(io.BytesIO(to_png(one, small, settings)))
        assert file.size == one.original.size == small.first.backbone.input_size[::-1]
        assert file.tobytes() == one.picture.tobytes(), "the file is the picture that was judged"
        again = small.predict([file])[0]
        assert np.allclose(again.probabilities, one.prediction.probabilities, atol=1e-6)
        read = again.top(1)[0].index
        assert one.success == ((read == one.goal.label) == isinstance(one.goal, Become))
        assert one.measures == measure(one.original, file)
        if settings.bounded:
            assert getattr(one.measures, norm) <= settings.epsilon * (1 + 1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        usual("minimal"),
        usual("minimal", "linf"),
        AttackSettings(method="pgd", norm="linf", epsilon=2 / 255, steps=12),
        AttackSettings(method="pgd", norm="l2", epsilon=1.5, steps=12, momentum=0.7),
        dataclasses.replace(usual("descent"), steps=12),
        dataclasses.replace(usual("cw"), steps=40),
    ],
    ids=lambda settings: f"{settings.method}-{settings.norm}",
)
def test_a_real_photo_becomes_a_siamese_cat(shipped, cat, settings):
    settings = dataclasses.replace(settings, steps=min(settings.steps, 30))
    (one,) = last(attack(shipped, [cat], [Become(SIAMESE)], settings)).attacked
    assert one.before.top(1)[0].index != SIAMESE
    assert one.success
    assert one.prediction.top(1)[0].index == SIAMESE
    assert 0 < one.measures.l2 < math.inf


def test_the_smallest_change_is_smaller_than_any_other(shipped, cat):
    goal = [Become(SIAMESE)]
    smallest = last(attack(shipped, [cat], goal, usual("minimal"))).attacked[0]
    bounded = AttackSettings(method="pgd", norm="l2", epsilon=2.0, steps=20)
    assert smallest.success
    assert smallest.measures.l2 < last(attack(shipped, [cat], goal, bounded)).attacked[0].measures.l2
    assert smallest.measures.ssim > 0.99
    assert smallest.measures.touched < 1


def test_one_step_takes_one_gradient_and_moves_all_alike(shipped, cat):
    settings = dataclasses.replace(usual("fgsm"), epsilon=4 / 255)
    final = last(attack(shipped, [cat], [Misclassify(_label(shipped, cat))], settings))
    moved = np.abs(np.asarray(final.attacked[0].picture, int) - np.asarray(final.attacked[0].original, int))
    assert final.gradients == 1
    assert set(np.unique(moved)) <= {0, 4} | set(range(4))  # fewer at the ends of the range
    assert (moved == 4).mean() > 0.9


def test_a_patch_changes_nothing_outside_its_square(shipped, cat):
    settings = AttackSettings(method="patch", steps=6, patch_side=0.25, patch_x=0.0, patch_y=1.0, momentum=0.9)
    (one,) = last(attack(shipped, [cat], [Become(SIAMESE)], settings)).attacked
    changed = np.any(np.asarray(one.picture) != np.asarray(one.original), axis=2)
    rows, columns = np.nonzero(changed)
    side = one.original.width
    assert rows.min() >= side - side // 4
    assert columns.max() < side // 4
    assert changed[-side // 4 :, : side // 4].mean() > 0.9


def test_hidden_in_texture_smooth_places_change_less(shipped):
    rng = np.random.default_rng(1)
    picture = np.full((224, 224, 3), 120, np.uint8)
    picture[:, 112:] = rng.integers(0, 256, (224, 112, 3))
    picture[:, :112] += rng.integers(0, 2, (224, 112, 1), dtype=np.uint8)
    settings = AttackSettings(method="pgd", norm="linf", epsilon=16 / 255, steps=6, texture=True)
    (one,) = last(attack(shipped, [Image.fromarray(picture)], [Become(SIAMESE)], settings)).attacked
    moved = np.abs(np.asarray(one.picture, float) - np.asarray(one.original, float))
    assert moved[:, :100].max() < 4 < moved[:, 124:].mean()


def test_a_price_on_roughness_makes_the_change_smoother(shipped, cat):
    def roughness(weight):
        settings = dataclasses.replace(usual("descent"), steps=8, tv_weight=weight)
        (one,) = last(attack(shipped, [cat], [Become(SIAMESE)], settings)).attacked
        moved = np.asarray(one.picture, float) - np.asarray(one.original, float)
        return np.abs(np.diff(moved, axis=0)).mean() / np.abs(moved).mean()

    assert roughness(300.0) < 0.9 * roughness(0.0)


def test_the_same_seed_gives_the_same_file(small, photo):
    settings = AttackSettings(method="pgd", norm="linf", steps=3, restarts=2, views=0.5, seed=5)

    def made():
        return last(attack(small, [photo], [Become(7)], settings)).attacked[0].picture.tobytes()

    assert made() == made()


@pytest.mark.parametrize("steps", [1, 4, 9, 10, 25])
@pytest.mark.parametrize("small", ["test_resnet"], indirect=True)
def test_carlini_and_wagner_move_however_few_steps_they_have(small, photo, steps):
    settings = dataclasses.replace(usual("cw"), steps=steps, learning_rate=0.2)
    (one,) = last(attack(small, [photo], [Become(7)], settings)).attacked
    assert one.measures.touched > 0


@pytest.mark.parametrize("method", ["minimal", "pgd", "descent", "cw", "patch"])
def test_going_on_is_as_if_it_had_never_stopped(small, photo, method):
    half = dataclasses.replace(usual(method), steps=10, step_size=0.25)
    first = last(attack(small, [photo], [Become(7)], half))
    second = last(attack(small, [photo], [Become(7)], half, go_on=first))
    assert (second.step, second.total_steps, second.gradients) == (20, 20, 20)
    assert [row.step for row in second.history][-1] == 20
    if method != "cw":  # whose rounds are as long as the steps that it was given
        once = last(attack(small, [photo], [Become(7)], dataclasses.replace(half, steps=20)))
        assert second.attacked[0].picture.tobytes() == once.attacked[0].picture.tobytes()


@pytest.mark.parametrize("method", ["pgd", "descent", "patch"])
@pytest.mark.parametrize("small", ["test_resnet"], indirect=True)
def test_going_on_draws_the_views_that_would_have_come_next(small, photo, method):
    half = dataclasses.replace(usual(method), steps=6, step_size=0.25, views=0.5)
    first = last(attack(small, [photo], [Become(7)], half))
    second = last(attack(small, [photo], [Become(7)], half, go_on=first))
    once = last(attack(small, [photo], [Become(7)], dataclasses.replace(half, steps=12)))
    # where it stopped, it also looked at the picture itself: what is best may differ
    assert torch.equal(second.state.memory["_perturbation"], once.state.memory["_perturbation"])


def test_a_stopped_attack_leaves_the_network_alone_and_can_be_gone_on_with(small, photo):
    weights = _weights(small)
    stream = attack(small, [photo], [Become(7)], usual("minimal"), look_every_seconds=0)
    for _ in range(4):
        stopped = next(stream)
    stream.close()
    assert _same(small, weights)
    assert next(attack(small, [photo], [Become(7)], usual("minimal"), go_on=stopped)).step == 3


def test_time_ends_it_with_a_result(small, photo):
    final = last(attack(small, [photo], [Become(7)], AttackSettings(steps=2000), max_seconds=0.2))
    assert final.stopped_by == "time"
    assert final.step == final.looked_at < 2000


def test_a_head_of_ones_own_is_fooled_too(made_weights, photo):
    from core import load_backbone

    backbone = load_backbone("test_resnet")
    generator = torch.Generator().manual_seed(0)
    head = Head(torch.randn(3, backbone.embedding_dim, generator=generator), torch.zeros(3), ("a", "b", "c"))
    victim = Victim((Classifier(backbone, head),))
    present = _label(victim, photo)
    goal = goal_of(present, (present + 1) % 3, victim.first.class_names)
    (one,) = last(attack(victim, [photo], [goal], usual("minimal"))).attacked
    assert one.success


def test_an_average_and_a_blur_are_victims_as_well(made_weights, photo):
    from core import load_backbone

    first, second = (Classifier(load_backbone(name)) for name in ("test_resnet", "test_vit"))
    average = Victim((first, second), several="mean")
    with torch.no_grad():
        pixels = torch.rand(2, 3, *first.backbone.input_size)
        said = average.logits(pixels)
        assert said.shape == (2, 1000)
        assert torch.allclose(said, (first.logits(pixels) + second.logits(pixels)) / 2, atol=1e-4)
    assert len(average.readings([photo])[0]) == 1
    assert last(attack(average, [photo], [Become(7)], AttackSettings(steps=3))).step == 3
    blurred = Victim((first,), smoothing_px=1.0)
    assert not np.allclose(
        blurred.predict([photo])[0].probabilities, Victim((first,)).predict([photo])[0].probabilities
    )
    assert last(attack(blurred, [photo], [Become(7)], AttackSettings(steps=3))).step == 3


def test_several_networks_are_fooled_only_where_each_is(made_weights, photo):
    from core import load_backbone

    names = ("test_resnet", "test_vit")
    each = Victim(tuple(Classifier(load_backbone(name)) for name in names))
    with torch.no_grad():
        assert each.logits(torch.rand(2, 3, *each.first.backbone.input_size)).shape == (2, 2, 1000)
    final = last(attack(each, [photo], [Become(7)], AttackSettings(steps=60)))
    (one,) = final.attacked
    assert final.gradients == 2 * 60
    read = [Classifier(load_backbone(name)).predict([one.picture])[0].top(1)[0].index for name in names]
    assert [said.top(1)[0].index for said in one.readings] == read
    assert one.success == (read == [7, 7])
    early = last(attack(each, [photo], [Become(7)], AttackSettings(steps=1))).attacked[0]
    assert early.success == all(said.top(1)[0].index == 7 for said in early.readings)


def test_networks_of_different_classes_have_no_average(made_weights):
    from core import load_backbone

    backbone = load_backbone("test_resnet")
    head = Head(torch.zeros(2, backbone.embedding_dim), torch.zeros(2), ("a", "b"))
    with pytest.raises(SettingsError, match="know different classes"):
        Victim((Classifier(backbone), Classifier(backbone, head)))


@pytest.mark.parametrize(
    ("size", "said"), [((16, 16), "16 x 16 pixels: too small"), ((400, 31), "too small"), ((64, 64), "one colour only")]
)
def test_pictures_that_cannot_be_attacked_are_refused(small, size, said):
    picture = Image.new("RGB", size)
    if said != "one colour only":
        picture.putpixel((0, 0), (255, 0, 0))
    with pytest.raises(ImageError, match=said):
        next(attack(small, [picture], [Become(7)], AttackSettings()))


@pytest.mark.parametrize("goals", [[Become(1000)], [Misclassify(-1)], [], [Become(1), Become(2)]])
def test_goals_that_do_not_fit_are_refused(small, photo, goals):
    with pytest.raises(SettingsError, match=r"but the network knows 1000|each photo needs its own"):
        next(attack(small, [photo], goals, AttackSettings()))
    with pytest.raises(SettingsError, match="no photo"):
        next(attack(small, [], [], AttackSettings()))


@pytest.mark.parametrize("small", ["test_resnet"], indirect=True)
def test_a_second_attempt_begins_elsewhere_also_in_whole_steps(small, photo):
    settings = AttackSettings(method="pgd", norm="l2", epsilon=0.3, steps=1, restarts=2, texture=True)
    start = to_pixels([small.view(photo)])
    method = Bounded(small.logits, start, [Become(7)], settings)
    method._begin(at_random=True)
    moved = (method._pixels() - start).abs() * 255
    assert set(moved.round().unique().tolist()) == {0, 1}
    assert float(norm_of(method._pixels() - start, "l2")) == pytest.approx(0.3, rel=0.02)
