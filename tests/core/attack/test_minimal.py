"""The smallest perturbation: it works as claimed, gets smaller, and leaves the network as it was."""

from __future__ import annotations

import pytest
import torch

from core import Classifier, load_backbone
from core.attack.goals import Become, Misclassify, margins
from core.attack.minimal import Minimal
from core.norms import norm_of

NORMS = pytest.mark.parametrize("norm", ["l2", "linf"])


class Plane(torch.nn.Module):
    """A network of two classes whose boundary is a plane."""

    def __init__(self, normal, offset):
        super().__init__()
        self.normal, self.offset = normal, offset

    def forward(self, pixels):
        score = (pixels * self.normal).sum((1, 2, 3)) - self.offset
        return torch.stack([score, torch.zeros_like(score)], dim=1)


def _grey(count=2, side=8):
    return torch.full((count, 3, side, side), 128 / 255)


def _plane(distance):
    """A plane at that L2 distance from grey."""
    normal = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    normal /= normal.norm()
    return Plane(normal, float((_grey(1)[0] * normal).sum()) - distance)


def test_a_plane_is_met_at_its_distance_with_one_normal():
    plane = _plane(0.3)
    attack = Minimal(plane, _grey(), [Misclassify(0)] * 2, "l2", eight_bits=False)
    for _ in range(4):
        attack.step()
    assert attack.sizes.tolist() == pytest.approx([0.3] * 2, rel=0.06)
    assert (margins(plane(attack.best), [Misclassify(0)] * 2) < 0).all()


def test_whole_steps_meet_a_plane_hardly_farther_off():
    plane = _plane(0.3)
    attack = Minimal(plane, _grey(), [Misclassify(0)] * 2, "l2", eight_bits=True)
    for _ in range(6):
        attack.step()
    assert 0.3 <= attack.sizes.max() < 0.33
    assert (margins(plane(attack.best), [Misclassify(0)] * 2) < 0).all()


def test_two_networks_are_both_fooled_where_that_is_nearest():
    normals = torch.linalg.qr(torch.randn(192, 2, generator=torch.Generator().manual_seed(0)))[0].T.view(2, 3, 8, 8)
    ways = (0.3, 0.4)
    planes = [
        Plane(normal, float((_grey(1)[0] * normal).sum()) - way) for normal, way in zip(normals, ways, strict=True)
    ]

    def both(pixels):
        return torch.stack([plane(pixels) for plane in planes], dim=1)

    attack = Minimal(both, _grey(1), [Misclassify(0)], "l2", eight_bits=False)
    for _ in range(40):
        attack.step()
    assert (both(attack.best)[0].argmax(1) == 1).all()
    assert 0.5 <= float(attack.sizes[0]) < 0.56  # at right angles to each other: 3, 4, 5


def test_a_judge_that_sees_less_is_convinced_too_or_nothing_counts():
    plane = _plane(0.3)
    asked = []

    def judge(pixels):
        asked.append(len(pixels))
        return plane(pixels) + torch.tensor([0.1, 0.0])  # as if the goal were a tenth farther off

    attack = Minimal(plane, _grey(), [Misclassify(0)] * 2, "l2", eight_bits=False, judge=judge)
    for _ in range(12):
        attack.step()
    assert asked
    assert all(0.4 <= size < 0.5 for size in attack.sizes.tolist())  # the lead is doubled until it is enough
    assert (margins(judge(attack.best), [Misclassify(0)] * 2) < 0).all()
    never = Minimal(
        plane, _grey(), [Misclassify(0)] * 2, "l2", eight_bits=False, judge=lambda pixels: 9 - plane(pixels)
    )
    for _ in range(12):
        never.step()
    assert never.sizes.isinf().all()


def test_a_goal_that_nothing_reaches_is_looked_for_without_end_or_overflow():
    flat = Plane(torch.full((3, 8, 8), 1e-6), -100.0)
    attack = Minimal(flat, _grey(1), [Misclassify(0)], "l2", eight_bits=True)
    for _ in range(700):
        attack.step()
    assert attack.sizes.isinf().all()
    assert 0 <= attack.best.min() <= attack.best.max() <= 1


def test_of_equal_largest_changes_the_one_with_fewer_pixels_counts():
    plane = _plane(0.05)
    attack = Minimal(plane, _grey(1), [Misclassify(0)], "linf", eight_bits=True)
    counts = []
    for _ in range(12):
        attack.step()
        if attack.sizes.isfinite().all():
            counts.append((round(float(attack.sizes) * 255), int((attack.best != _grey(1)).sum())))
    assert counts
    assert counts == sorted(counts, reverse=True)


@pytest.fixture(params=["test_resnet", "test_efficientnet", "test_vit"])
def classifier(request, made_weights):
    return Classifier(load_backbone(request.param))


def _noise(classifier, count=3):
    side = classifier.backbone.input_size[0]
    levels = torch.randint(0, 256, (count, 3, side, side), generator=torch.Generator().manual_seed(3))
    return levels / 255


@NORMS
@pytest.mark.parametrize("eight_bits", [False, True])
def test_it_works_as_claimed_on_real_networks_which_stay_as_they_were(classifier, norm, eight_bits):
    start = _noise(classifier)
    before = {name: tensor.clone() for name, tensor in classifier.backbone.model.state_dict().items()}
    said = classifier.logits(start)
    goals = [Misclassify(int(said[0].argmax())), Become(int(said[1].argmin())), Become(int(said[2].topk(2).indices[1]))]
    # networks of random weights tell all classes nearly the same
    attack = Minimal(classifier.logits, start, goals, norm, eight_bits=eight_bits, lead=1e-5)
    sizes = []
    for _ in range(24):
        attack.step()
        sizes.append(attack.sizes.clone())
    assert attack.gradients == 24
    assert torch.stack(sizes).nan_to_num(posinf=1e9).diff(dim=0).max() <= 0, "what was found is never lost"
    found = attack.sizes.isfinite()
    assert found[[0, 2]].all()
    assert (margins(classifier.logits(attack.best), goals)[found] < 0).all()
    assert torch.allclose(norm_of(attack.best - start, norm)[found], attack.sizes[found])
    assert torch.equal(attack.best.clamp(0, 1), attack.best)
    if eight_bits:
        assert torch.equal((attack.best.double() * 255).round().div(255).float(), attack.best)
    assert classifier.backbone.model.training is False
    assert all(torch.equal(before[name], tensor) for name, tensor in classifier.backbone.model.state_dict().items())
    assert torch.equal(classifier.logits(start), said)
