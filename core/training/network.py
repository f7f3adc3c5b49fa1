"""A trunk and a linear layer that are trained together, and what they become: a frozen backbone and a head."""

from __future__ import annotations

import copy
import dataclasses

import timm
import torch
from torch import nn

from core.backbones.backbone import Backbone, embed_with
from core.backbones.freezing import freeze
from core.classifier import Classifier
from core.errors import BackboneError
from core.head import Head
from core.training.randomness import drawn_from, generator_of
from core.training.tuning_settings import TuneSettings


class Network(nn.Module):
    """A trunk and a linear layer on its embeddings."""

    def __init__(self, trunk: nn.Module, embedding_dim: int, classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.linear = nn.Linear(embedding_dim, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, inputs: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Normalised inputs `(N, 3, H, W)` -> logits `(N, K)`.

        Args:
            kept: `(N, D)`, what embeddings are multiplied by: dropout, drawn outside.
        """
        embeddings = embed_with(self.trunk, inputs).float()
        if kept is not None:
            embeddings = embeddings * kept
        with torch.autocast(inputs.device.type, enabled=False):
            return self.linear(embeddings)


def start_network(backbone: Backbone, head: Head | None, classes: int, settings: TuneSettings) -> Network:
    """What a training starts from: a copy of the backbone with a head, or random weights from the seed.

    Raises:
        BackboneError: the network cannot be built anew.
    """
    scratch = settings.start == "scratch"
    with drawn_from(generator_of(settings.seed)):
        trunk = _fresh_trunk(backbone) if scratch else _copied_trunk(backbone)
        network = Network(trunk, backbone.embedding_dim, classes)
    if head is not None and not scratch:
        network.linear.weight.data.copy_(head.weight)
        network.linear.bias.data.copy_(head.bias)
    return network


def sharing(network: Network) -> Network:
    """A twin with the same weights, so that it learns along, but batch-norm statistics of its own."""
    return copy.deepcopy(network, {id(tensor): tensor for tensor in network.parameters()})


def classifier_of(
    network: Network, backbone: Backbone, class_names: tuple[str, ...], settings: TuneSettings
) -> Classifier:
    """A trained network, frozen like any other. Nobody may change it from now on."""
    weight, bias = network.linear.weight.detach(), network.linear.bias.detach()
    head = Head(weight.float().cpu().clone(), bias.float().cpu().clone(), class_names)
    scratch = settings.start == "scratch"
    frozen = freeze(
        network.trunk,
        name=backbone.name,
        title=f"{backbone.title}, {'trained from scratch' if scratch else 'fine-tuned'}",
        licence="your own" if scratch else backbone.licence,
        architecture=backbone.architecture,
        create_kwargs={**backbone.create_kwargs, "num_classes": 0},
        preprocessing=backbone.preprocessing,
    )
    # another size of pictures, or no input scaling: it saw pictures as `backbone` does
    seen_as = ("mean", "std", "input_size", "transform")
    return Classifier(dataclasses.replace(frozen, **{name: getattr(backbone, name) for name in seen_as}), head)


def _copied_trunk(backbone: Backbone) -> nn.Module:
    trunk = copy.deepcopy(backbone.model)
    trunk.reset_classifier(0)
    return trunk


def _fresh_trunk(backbone: Backbone) -> nn.Module:
    kwargs = {**backbone.create_kwargs, "num_classes": 0}
    try:
        return timm.create_model(backbone.architecture, pretrained=False, **kwargs)
    except Exception as error:  # whatever a network's own constructor says
        raise BackboneError(
            "{title} cannot be built anew, so that it cannot start from scratch.", title=backbone.title
        ) from error
