"""From a timm network to a `Backbone`: frozen, on its device, with its preprocessing and its faster twin."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from timm.data import create_transform
from torch import nn

from core import runtime
from core.backbones.backbone import Backbone, embed_with
from core.backbones.folding import fold_batch_norm
from core.backbones.views import ViewSettings
from core.errors import BackboneError


def freeze(
    model: nn.Module,
    *,
    name: str,
    title: str,
    licence: str,
    architecture: str,
    create_kwargs: Mapping[str, object],
    preprocessing: Mapping[str, Any],
) -> Backbone:
    """Take over a timm network: evaluation mode, no gradients to its weights, channels-last, folded twin.

    Args:
        model: nobody else may change it from now on.
        preprocessing: what `timm.data.resolve_model_data_config` gives.
    """
    model = model.eval().requires_grad_(False).to(runtime.device(), memory_format=torch.channels_last)
    height, width = preprocessing["input_size"][-2:]
    sample = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0)).to(runtime.device())
    with torch.inference_mode():
        embedding_dim = embed_with(model, sample[:1]).shape[1]
    return Backbone(
        name=name,
        title=title,
        licence=licence,
        model=model,
        inference_model=fold_batch_norm(model, sample),
        mean=_per_channel(preprocessing["mean"]),
        std=_per_channel(preprocessing["std"]),
        input_size=(height, width),
        class_count=model.num_classes,
        embedding_dim=embedding_dim,
        device=runtime.device(),
        transform=create_transform(**preprocessing, is_training=False, normalize=False),
        architecture=architecture,
        create_kwargs=dict(create_kwargs),
        preprocessing=dict(preprocessing),
    )


def seen_through(backbone: Backbone, view: ViewSettings) -> Backbone:
    """The same network, sharing its weights, that sees pictures at another size or without input scaling.

    A larger size than in training often helps (Touvron et al. 2019, arXiv:1906.06423: objects look larger to a network
    in training than in evaluation); the whole middle square is then used, without the margin.

    Raises:
        BackboneError: the network takes pictures of one size only.
    """
    changed: dict[str, Any] = {}
    if view.size_px not in (0, *backbone.input_size):
        size = (view.size_px, view.size_px)
        _check_takes(backbone, size)
        preprocessing = {**backbone.preprocessing, "input_size": (3, *size), "crop_pct": 1.0}
        changed |= {
            "input_size": size,
            "preprocessing": preprocessing,
            "transform": create_transform(**preprocessing, is_training=False, normalize=False),
        }
    if not view.input_scaling:
        changed |= {"mean": _per_channel((0, 0, 0)), "std": _per_channel((1 / 255, 1 / 255, 1 / 255))}
    return dataclasses.replace(backbone, **changed) if changed else backbone


def _check_takes(backbone: Backbone, size: tuple[int, int]) -> None:
    try:
        with torch.inference_mode():
            backbone.model.forward_features(torch.zeros(1, 3, *size, device=backbone.device))
    except Exception as error:  # vision transformers assert, others fail at a concatenation of two sizes
        own = " x ".join(str(side) for side in backbone.input_size)
        raise BackboneError(
            "{title} cannot see pictures of {size} pixels; it needs {own}. Set the size to 0.",
            title=backbone.title,
            size=size[0],
            own=own,
        ) from error


def _per_channel(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=runtime.device()).view(3, 1, 1)
