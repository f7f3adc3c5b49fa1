"""Networks to look into: timm's small ones with made weights, and one whose every number is known."""

from __future__ import annotations

import functools

import pytest
import timm
import torch
from PIL import Image
from torch import nn

from core.backbones.freezing import freeze


def frozen(model, name, *, size_px=160, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)):
    """A backbone of a network made in a test."""
    config = {"input_size": (3, size_px, size_px), "mean": mean, "std": std}
    config |= {"interpolation": "bilinear", "crop_pct": 1.0}
    return freeze(model, name=name, title=name, licence="", architecture=name, create_kwargs={}, preprocessing=config)


@functools.cache
def made(name):
    """One of timm's networks with made weights and with batch norms that are not as they begin; shared by the tests."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=1000)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.1)
    return frozen(model, name)


class Tiny(nn.Module):
    """Two convolutions without norms, the mean over the places, a linear layer: small enough to follow by hand."""

    num_classes = 1000

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 2, 2)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 5, 2, 2)
        self.fc = nn.Linear(5, 1000)

    def forward_features(self, inputs):
        return self.second(self.act(self.first(inputs)))

    def forward_head(self, maps, pre_logits=False):
        pooled = maps.mean((2, 3))
        return pooled if pre_logits else self.fc(pooled)

    def forward(self, inputs):
        return self.forward_head(self.forward_features(inputs))


@pytest.fixture(autouse=True)
def _one_thread():
    """So small networks gain nothing by two, which wait for each other where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny():
    """A backbone of `Tiny`, 16 pixels a side."""
    torch.manual_seed(3)
    return frozen(Tiny(), "tiny", size_px=16, mean=(0, 0, 0), std=(1, 1, 1))


@pytest.fixture(scope="session")
def photo(chelsea):
    """A cat."""
    return Image.open(chelsea).convert("RGB")


@pytest.fixture
def unchanged():
    """Check afterwards that a backbone's networks are as they were: numbers, hooks, classes, modes, gradients."""
    remembered = []

    def remember(backbone):
        remembered.append((backbone, _state(backbone)))
        return backbone

    yield remember
    for backbone, before in remembered:
        after = _state(backbone)
        assert after.keys() == before.keys()
        for name, value in before.items():
            same = torch.equal(value, after[name]) if isinstance(value, torch.Tensor) else value == after[name]
            assert same, name


def _state(backbone):
    state = {}
    for which in ("model", "inference_model"):
        network = getattr(backbone, which)
        state |= {f"{which}.{name}": tensor.clone() for name, tensor in network.state_dict().items()}
        for name, module in network.named_modules():
            hooks = len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
            inplace = getattr(module, "inplace", None)
            state[f"{which}.{name} kind"] = (type(module), module.training, hooks, inplace, sorted(vars(module)))
        for name, parameter in network.named_parameters():
            state[f"{which}.{name} gradient"] = (parameter.requires_grad, parameter.grad)
    return state
