"""Twins that leave out blocks: by chance, by the given share, the same mean, and the network left alone."""

from __future__ import annotations

import pytest
import timm
import torch

from core.backbones.thinning import Thinning, thin
from core.backbones.twins import twin_of


def _thinning(share, seed=0):
    return Thinning(share, torch.Generator().manual_seed(seed))


def test_the_share_of_blocks_is_left_out_and_the_mean_stays():
    kept = _thinning(0.3).keeps(20_000)
    assert float((kept == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(kept.mean()) == pytest.approx(1, abs=0.02)


def test_samples_in_a_row_may_share_their_blocks():
    thinning = _thinning(0.5)
    thinning.alike = 4
    kept = thinning.keeps(400).view(100, 4)
    assert (kept == kept[:, :1]).all()
    assert 20 < int((kept[:, 0] == 0).sum()) < 80


@pytest.mark.parametrize("name", ["test_resnet", "mobilenetv2_035", "test_vit"])
def test_a_twin_differs_from_look_to_look_and_the_network_does_not(name):
    model = timm.create_model(name).eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # a new network's blocks may begin with a scale of 0
            module.weight.uniform_(1, 2)
            module.bias.normal_()
    pixels = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model(pixels)
        twin = twin_of(model)
        assert thin(twin, _thinning(0.5))
        looks = torch.stack([twin(pixels) for _ in range(8)])
        assert torch.equal(model(pixels), before)
        again = twin_of(model)
        thin(again, _thinning(0.5))
        assert torch.equal(torch.stack([again(pixels) for _ in range(8)]), looks)
    assert not torch.equal(looks[0], looks[1])
    assert all(parameter is own for parameter, own in zip(twin.parameters(), model.parameters(), strict=True))


def test_without_residual_blocks_there_is_nothing_to_leave_out():
    assert not thin(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1)), _thinning(0.5))
    assert not thin(
        timm.create_model("test_efficientnet"), _thinning(0.5)
    )  # its blocks have nothing that goes around them
