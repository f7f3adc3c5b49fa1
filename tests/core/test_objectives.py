"""Objectives: values by hand, gradients that point the right way, terms that add and scale."""

from __future__ import annotations

import math

import pytest
import torch

from core.backbones.watching import ChannelStatistics
from core.objectives import (
    Look,
    batch_norm_prior,
    cross_entropy,
    distance_from_grey,
    likeness,
    logit,
    margin,
    total_variation,
    variation,
)


def _look(logits, pixels=None, statistics=()):
    pixels = torch.zeros(len(logits), 3, 4, 4) if pixels is None else pixels
    return Look(pixels, torch.as_tensor(logits, dtype=torch.float32), statistics)


def test_class_terms_by_hand():
    look = _look([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0]])
    assert float(logit([1, 0])(look)) == -3.0
    assert float(margin([1, 2])(look)) == pytest.approx((2 - 3) + 0)
    expected = -math.log(math.exp(3) / sum(math.exp(x) for x in (1, 3, 2))) - math.log(1 / 3)
    assert float(cross_entropy([1, 0])(look)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("term", [logit, margin, cross_entropy])
def test_a_step_against_the_gradient_makes_the_class_more_probable(term):
    logits = torch.randn(2, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(term([3, 1])(_look(logits)), logits)
    before, after = (torch.softmax(values, 1) for values in (logits, logits - 0.1 * gradient))
    for row, label in enumerate((3, 1)):
        assert after[row, label] > before[row, label]


def test_total_variation_by_hand():
    pixels = torch.zeros(1, 3, 2, 2)
    pixels[0, 0, 0, 0] = 0.5
    # of the 12 differences (2 down and 2 across for each of 3 colours), one down and one across are 0.5
    assert float(variation(pixels)) == pytest.approx(2 * 0.5 / 12)
    assert float(variation(pixels, "l2")) == pytest.approx(2 * 0.25 / 12)
    assert float(variation(torch.rand(1, 3, 1, 1).expand(1, 3, 8, 8))) == 0


def test_total_variation_does_not_grow_with_the_picture():
    def stripes(side):
        return (torch.arange(side) % 2).float().expand(1, 3, side, side)

    assert float(variation(stripes(8))) == pytest.approx(float(variation(stripes(64))), rel=1e-6)


def test_distance_from_grey_by_hand():
    pixels = torch.stack([torch.full((3, 4, 4), 0.5), torch.ones(3, 4, 4)])
    assert float(distance_from_grey()(_look(torch.zeros(2, 3), pixels))) == pytest.approx(0.25)


def test_the_prior_is_zero_where_statistics_are_those_of_training_and_grows_on_both_sides():
    prior = batch_norm_prior()

    def value(mean, variance):
        layer = ChannelStatistics(torch.full((4,), mean), torch.full((4,), variance))
        return float(prior(_look(torch.zeros(1, 3), statistics=(layer, layer))))

    assert value(0.0, 1.0) == 0
    assert value(1.0, 1.0) == pytest.approx(0.5)
    assert value(0.0, 2.0) == pytest.approx((2 - 1 - math.log(2)) / 2)
    assert value(0.0, 0.5) > 0
    assert math.isfinite(value(0.0, 0.0))


def test_pictures_that_look_alike_cost_and_one_alone_does_not():
    generator = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 3, 32, 32, generator=generator)

    def value(labels, *pictures):
        return float(likeness(labels)(_look(torch.zeros(len(labels), 3), torch.stack(pictures))))

    assert value([1], one) == 0
    assert value([1, 1], one, one) == pytest.approx(2, abs=1e-4)
    assert value([1, 1], one, other) < 0.5
    assert value([1, 1], one, 1 - one) == pytest.approx(-2, abs=1e-4)
    assert value([1, 2], one, one) == 0
    assert value([1, 1, 1, 2], one, one, one, other) == pytest.approx(3, abs=1e-4)


def test_terms_add_and_scale_and_a_weight_may_change_while_it_is_used():
    look = _look([[1.0, 2.0]], torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
    weight = [0.0]
    objective = 10 * logit([0]) + total_variation() * (lambda: weight[0])
    assert float(objective(look)) == -10
    weight[0] = 5.0
    assert float(objective(look)) == pytest.approx(-10 + 5 * float(variation(look.pixels)))


def test_a_term_of_weight_zero_adds_nothing_even_where_it_is_no_number():
    look = _look([[float("nan"), 1.0]])
    assert float((0 * logit([0]))(look)) == 0
