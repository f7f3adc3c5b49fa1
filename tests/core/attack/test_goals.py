"""Goals: margins change their sign exactly where the network changes its mind."""

from __future__ import annotations

import pytest
import torch

from core import imagenet
from core.attack.goals import Become, Misclassify, goal_of, log_probabilities, margins, reached, scores
from core.errors import SettingsError

NAMES = [known.title for known in imagenet.classes()]


@pytest.mark.parametrize("seed", range(5))
def test_a_margin_is_below_nought_exactly_where_the_goal_is_reached(seed):
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(seed))
    read = logits.argmax(1)
    away = margins(logits, [Misclassify(3)] * 50)
    there = margins(logits, [Become(3)] * 50)
    assert torch.equal(away < 0, read != 3)
    assert torch.equal(there < 0, read == 3)
    assert torch.equal(away, -there)


def test_of_several_networks_the_farthest_counts_and_all_pull_from_afar():
    logits = torch.tensor([[[1.0, 3.0], [5.0, 0.0], [0.0, 4.0]]])
    assert margins(logits, [Become(1)]).tolist() == [5.0]
    assert margins(logits, [Misclassify(1)]).tolist() == [4.0]
    assert scores(logits, [Become(1)]).tolist() == pytest.approx([-7 / 3])
    alone = [log_probabilities(logits[:, index], [Become(1)]) for index in range(3)]
    assert torch.allclose(log_probabilities(logits, [Become(1)]), sum(alone) / 3)


def test_goals_may_differ_from_picture_to_picture():
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert margins(logits, [Misclassify(1), Become(0)]).tolist() == [1.0, 2.0]


def test_no_target_means_anything_else():
    assert goal_of(3, None, NAMES) == Misclassify(3)
    assert goal_of(3, 284, NAMES) == Become(284)


@pytest.mark.parametrize("target", [-1, 1000, True, 2.0, "cat"])
def test_a_target_that_the_network_does_not_know_is_refused(target):
    with pytest.raises(SettingsError, match="not one of the network's 1000"):
        goal_of(3, target, NAMES)


def test_what_is_read_already_is_no_goal():
    with pytest.raises(SettingsError, match="reads Siamese cat already"):
        goal_of(284, 284, NAMES)


@pytest.mark.parametrize("fall", [log_probabilities, scores, margins])
def test_what_falls_takes_the_class_away_or_brings_it(fall):
    logits = torch.randn(2, 10, generator=torch.Generator().manual_seed(1)).requires_grad_()
    (slope,) = torch.autograd.grad(fall(logits, [Misclassify(3), Become(7)]).sum(), logits)
    assert slope[0, 3] > 0
    assert slope[1, 7] < 0


def test_reached_is_what_people_would_say():
    assert reached([5, 5, 5, 5], [Misclassify(5), Misclassify(4), Become(5), Become(4)]) == [False, True, True, False]
