"""What networks compute in other threads ends between two layers."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass

import pytest
import torch
from PIL import Image
from torch import nn

from core.training.interruption import InterruptedComputation, Interruption
from core.training.tuning import fine_tune
from core.training.tuning_settings import TuneSettings
from tests.core.training.tinted import made, tinted


class _Wishing(nn.Module):
    """A layer in which somebody wishes the end."""

    def __init__(self, interruption: Interruption) -> None:
        super().__init__()
        self.interruption = interruption

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.interruption.wish()
        return inputs


def test_no_layer_begins_after_the_wish():
    interruption, begun = Interruption(), []
    layers = [nn.Linear(2, 2), _Wishing(interruption), nn.Linear(2, 2)]
    for number, layer in enumerate(layers):
        layer.register_forward_hook(lambda *_, number=number: begun.append(number))
    network = nn.Sequential(*layers)
    interruption.watch(network)
    with pytest.raises(InterruptedComputation):
        network(torch.ones(1, 2))
    assert begun == [0, 1]


def test_gradients_end_after_the_wish_and_are_the_usual_ones_without():
    interruption = Interruption()
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(inplace=True), nn.Linear(3, 1))
    inputs = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    usual = torch.autograd.grad(network(inputs).square().sum(), list(network.parameters()))
    with interruption.watched_backwards():
        watched = torch.autograd.grad(network(inputs).square().sum(), list(network.parameters()))
        loss = network(inputs).square().sum()
    assert all(torch.equal(one, other) for one, other in zip(usual, watched, strict=True))
    interruption.wish()
    with pytest.raises(InterruptedComputation):
        loss.backward()


@dataclass(frozen=True)
class _Endless:
    """A picture that is not drawn before `go`."""

    go: threading.Event
    key = name = "endless"

    def draw(self) -> Image.Image:
        assert self.go.wait(60)
        return Image.new("RGB", (64, 64))


@pytest.mark.parametrize("part", ["train", "validation"])
def test_who_closes_a_training_wishes_the_end_of_what_is_computed(monkeypatch, part):
    go, wish = threading.Event(), Interruption.wish
    monkeypatch.setattr(Interruption, "wish", lambda self: (wish(self), go.set()))
    pictures = {"train": tinted(4), "validation": tinted(4)}
    pictures[part] = dataclasses.replace(pictures[part], items=(_Endless(go),) * 8)
    stream = fine_tune(made("test_resnet"), None, *pictures.values(), TuneSettings())
    waited = {"train": lambda one: len(one.history) == 1, "validation": lambda one: one.phase == "measuring"}[part]
    seen = 0
    while seen < 5:
        seen += waited(next(stream))
    assert not go.is_set()
    stream.close()
    assert go.is_set()
