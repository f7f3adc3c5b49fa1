"""Sizes and balls: inside is inside, twice is once, and nothing nearer exists."""

from __future__ import annotations

import pytest
import torch

from core.norms import norm_of, project, steepest

NORMS = pytest.mark.parametrize("norm", ["l2", "linf"])


def _some(seed, count=4, scale=1.0):
    return torch.randn(count, 3, 8, 9, generator=torch.Generator().manual_seed(seed)) * scale


def test_sizes_are_those_of_the_definitions():
    one = torch.zeros(2, 3, 4, 4)
    one[0, 0, 0, 0], one[0, 2, 3, 3], one[1, 1, 2, 2] = 3, -4, 0.5
    assert norm_of(one, "l2").tolist() == [5, 0.5]
    assert norm_of(one, "linf").tolist() == [4, 0.5]


@NORMS
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("radius", [1e-4, 0.3, 7.0])
def test_a_projection_lies_inside_and_to_project_twice_changes_nothing(norm, seed, radius):
    once = project(_some(seed), norm, radius)
    assert (norm_of(once, norm) <= radius * (1 + 1e-5)).all()
    assert torch.equal(project(once, norm, radius), once)


@NORMS
def test_what_is_inside_stays_as_it_is(norm):
    small = _some(1, scale=1e-3)
    assert torch.equal(project(small, norm, 1.0), small)


@NORMS
def test_nothing_inside_is_nearer_than_the_projection(norm):
    far, near = _some(2), _some(3, count=200)
    projected = project(far[:1], norm, 1.0)
    others = project(near, norm, 1.0)
    assert ((far[:1] - projected).norm() <= (far[:1] - others).flatten(1).norm(dim=1)).all()


@NORMS
def test_each_picture_may_have_a_radius_of_its_own(norm):
    radii = torch.tensor([0.0, 0.1, 1.0, 1e9])
    projected = project(_some(4), norm, radii)
    assert norm_of(projected, norm)[:3].tolist() == pytest.approx(radii[:3].tolist(), rel=1e-5)
    assert torch.equal(projected[3], _some(4)[3])


@NORMS
def test_the_steepest_direction_has_size_one_and_gains_most(norm):
    gradient = _some(5, count=1)
    direction = steepest(gradient, norm)
    assert norm_of(direction, norm).tolist() == pytest.approx([1.0])
    others = project(_some(6, count=300, scale=100), norm, 1.0)
    assert ((gradient * direction).sum() >= (gradient * others).sum((1, 2, 3))).all()


@NORMS
def test_no_gradient_has_no_direction(norm):
    assert not steepest(torch.zeros(1, 3, 2, 2), norm).any()
