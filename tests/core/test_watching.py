"""Batch-norm statistics of a twin: those of the network itself, with their gradient, and the network left alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import timm
import torch

from core import load_backbone
from core.backbones.freezing import freeze
from core.backbones.watching import _WithStatistics, has_batch_norm, watched
from core.errors import BackboneError


def _made(name):
    torch.manual_seed(0)
    model = timm.create_model(name)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.1)
    return freeze(
        model,
        name=name,
        title=name,
        licence="",
        architecture=name,
        create_kwargs={},
        preprocessing=timm.data.resolve_model_data_config(model),
    )


def _expected(backbone, inputs):
    """Means and variances of what each batch norm sees, by hooks on the network itself, which go again."""
    seen, handles = [], []
    for module in backbone.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):

            def see(module, arguments):
                values = arguments[0].detach().double().permute(1, 0, 2, 3).flatten(1).numpy()
                mean, variance = values.mean(1), values.var(1)
                expected = module.running_var.double().numpy() + module.eps
                seen.append(((mean - module.running_mean.numpy()) / np.sqrt(expected), variance / expected))

            handles.append(module.register_forward_pre_hook(see))
    with torch.no_grad():
        backbone.model(inputs)
    for handle in handles:
        handle.remove()
    return seen


# a convolution before each norm; and norms that come before their convolution, which cannot be folded
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_byobnet", "densenet121"])
def test_statistics_are_those_of_the_network_in_units_of_its_training(name):
    backbone = _made(name)
    inputs = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    twin, watch = watched(backbone)
    with torch.no_grad():
        outputs = twin.model(inputs)
    assert torch.allclose(outputs, backbone.model(inputs), rtol=1e-3, atol=1e-3)
    statistics, expected = watch.take(), _expected(backbone, inputs)
    assert watch.take() == ()
    assert len(statistics) == len(expected)
    for layer, (mean, variance) in zip(statistics, expected, strict=True):
        np.testing.assert_allclose(layer.mean.numpy(), mean, rtol=1e-2, atol=2e-3)
        np.testing.assert_allclose(layer.variance.numpy(), variance, rtol=2e-2, atol=2e-3)


def test_the_gradient_of_statistics_is_autograds():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(_WithStatistics.apply, inputs)


def test_the_network_itself_carries_no_hook_and_has_not_changed():
    backbone = load_backbone()
    before = backbone.fingerprint
    twin, watch = watched(backbone)
    pixels = torch.rand(1, 3, 64, 64).requires_grad_()
    value = sum(layer.mean.square().sum() for layer in (twin.embed(pixels), watch.take())[1])
    assert torch.autograd.grad(value, pixels)[0].abs().sum() > 0
    for module in backbone.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module.training
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in backbone.model.parameters())
    fresh = dataclasses.replace(backbone)  # a fingerprint is kept by its backbone
    assert fresh.fingerprint == before


def test_a_network_without_batch_norm_is_refused_in_words():
    backbone = _made("test_vit")
    assert not has_batch_norm(backbone)
    with pytest.raises(BackboneError, match="no batch norm"):
        watched(backbone)
