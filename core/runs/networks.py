"""Networks and heads as safetensors, and back: nothing is believed of a file before it was compared with the network.

A hostile file can do no more than give a network with other weights: its tensors must have the names, shapes and
number formats of the network that timm builds, which is first built without memory (on torch's "meta" device), so that
a record cannot ask for more memory than its file has bytes.
"""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from core.backbones.backbone import Backbone
from core.backbones.freezing import freeze
from core.errors import CheckpointError
from core.head import Head
from core.runs.record import BackboneRecord

# In `network.safetensors`; a network of timm may have a layer called "head" of its own.
HEAD_PREFIX = "head."
BACKBONE_PREFIX = "backbone."

_digests: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()


def fingerprint(backbone: Backbone) -> str:
    """32 hexadecimal digits that name a network's weights and wiring.

    Unlike `Backbone.fingerprint` the same on every machine: it leaves the number format of inference aside. It also
    leaves preprocessing aside, which a run keeps and puts back itself.
    """
    if backbone.model not in _digests:
        _digests[backbone.model] = _weights_digest(backbone.model)
    wiring = [backbone.architecture.split(".")[0], dict(backbone.create_kwargs), _digests[backbone.model]]
    return hashlib.blake2b(json.dumps(wiring, default=list, sort_keys=True).encode(), digest_size=16).hexdigest()


def describe_backbone(backbone: Backbone, *, weights: Literal["published", "here"]) -> BackboneRecord:
    """A network as a run remembers it.

    Args:
        backbone: as it was loaded, before `seen_through`.
        weights: whether it is loaded by its name, or its weights were trained and belong to the run.

    Raises:
        CheckpointError: it was made with an argument that runs do not keep.
    """
    return BackboneRecord(
        name=backbone.name,
        title=backbone.title,
        architecture=backbone.architecture,
        create_kwargs=backbone.create_kwargs,
        licence=backbone.licence,
        preprocessing=backbone.preprocessing,
        class_count=backbone.class_count,
        embedding_dim=backbone.embedding_dim,
        fingerprint=fingerprint(backbone),
        weights=weights,
    )


def head_tensors(head: Head) -> dict[str, torch.Tensor]:
    """What `head.safetensors` holds: `weight` `(K, D)` and `bias` `(K,)`."""
    return {"weight": head.weight.detach().cpu(), "bias": head.bias.detach().cpu()}


def backbone_tensors(backbone: Backbone) -> dict[str, torch.Tensor]:
    """What `backbone.safetensors` holds: the network's weights, under timm's names."""
    return backbone.model.state_dict()


def prefixed(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The same tensors, all under a prefix."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def is_finite(backbone: Backbone) -> bool:
    """Whether all weights of a network are numbers: those of a training that diverged may not be."""
    tensors = backbone.model.state_dict().values()
    return all(bool(tensor.isfinite().all()) for tensor in tensors if tensor.is_floating_point())


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write a safetensors file.

    Raises:
        CheckpointError: a number is not finite: the training diverged.
    """
    written: dict[str, torch.Tensor] = {}
    memory = set()
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError("{name} holds numbers that are not finite: the training diverged.", name=name)
        tensor = tensor.detach().cpu().contiguous()
        # safetensors refuses tensors that share memory, which tied layers do
        written[name] = tensor.clone() if tensor.data_ptr() in memory else tensor
        memory.add(tensor.data_ptr())
    save_file(written, path)


def read_head(path: Path, record: BackboneRecord, class_names: tuple[str, ...], *, prefix: str = "") -> Head:
    """The head out of a file, if it fits its network and its classes.

    Raises:
        CheckpointError: it does not, or the file is damaged.
    """
    classes = len(class_names)
    wanted = {"weight": (classes, record.embedding_dim), "bias": (classes,)}
    with _Opened(path) as file:
        names = [name.removeprefix(prefix) for name in file.shapes if name.startswith(prefix)]
        if sorted(names) != sorted(wanted):
            raise CheckpointError("The file of the last layer must hold its weight and its bias, and nothing else.")
        for name, shape in wanted.items():
            file.check(f"{prefix}{name}", shape, torch.float32)
        return Head(file.read(f"{prefix}weight"), file.read(f"{prefix}bias"), class_names)


def check_network(path: Path, record: BackboneRecord, *, prefix: str = "") -> None:
    """Does a file hold this network, by the names, shapes and number formats in its header?

    Raises:
        CheckpointError: no.
    """
    with _Opened(path) as file:
        _check_network(file, record, prefix)


def build_backbone(path: Path, record: BackboneRecord, *, prefix: str = "") -> Backbone:
    """The network of a record with the weights of a file, frozen.

    Raises:
        CheckpointError: they do not belong together, or the file is damaged.
    """
    with _Opened(path) as file:
        _check_network(file, record, prefix)
        model = _create(record)
        model.load_state_dict({name: file.read(f"{prefix}{name}") for name in model.state_dict()}, strict=True)
    try:
        built = freeze(
            model,
            name=record.name,
            title=record.title,
            licence=record.licence,
            architecture=record.architecture,
            create_kwargs=record.create_kwargs,
            preprocessing=record.preprocessing,
        )
    except Exception as error:  # what layers say to a picture of a size that they do not take
        raise CheckpointError(
            "{title} cannot see pictures of the size that this run asks for.", title=record.title
        ) from error
    if built.embedding_dim != record.embedding_dim:
        raise CheckpointError(
            "This run says that {title} gives {embedding_dim} numbers, but it gives {embedding_dim_2}.",
            title=record.title,
            embedding_dim=record.embedding_dim,
            embedding_dim_2=built.embedding_dim,
        )
    return built


class _Opened:
    """A safetensors file, open for reading: header checked by the library, every error a `CheckpointError`."""

    def __init__(self, path: Path) -> None:
        self._what = path.name.lstrip(".")
        try:
            self._file = safe_open(path, framework="pt")
        except (SafetensorError, OSError) as error:
            raise CheckpointError(self._damaged()) from error

    def __enter__(self) -> _Opened:
        self._open = self._file.__enter__()
        self.shapes = {name: tuple(self._slice(name).get_shape()) for name in self._open.keys()}  # noqa: SIM118
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.__exit__(*raised)

    def check(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Is there a tensor of that name, shape and number format?"""
        if self.shapes.get(name) != tuple(shape) or self._slice(name).get_dtype() != _DTYPES.get(dtype):
            raise CheckpointError(
                "{what} does not fit the network that the run names: see {name}.",
                what=self._what,
                name=name[:80],
            )

    def read(self, name: str) -> torch.Tensor:
        """One tensor, in memory of its own."""
        try:
            tensor = self._open.get_tensor(name).clone()
        except (SafetensorError, OSError) as error:
            raise CheckpointError(self._damaged()) from error
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError("{what} holds numbers that are not finite.", what=self._what)
        return tensor

    def _slice(self, name: str) -> Any:
        return self._open.get_slice(name)

    def _damaged(self) -> str:
        return f"{self._what} of this run is not a safetensors file, or is cut short."


# Number formats of a network's weights and counters, as safetensors calls them.
_DTYPES = {torch.float32: "F32", torch.int64: "I64", torch.int32: "I32", torch.bool: "BOOL", torch.uint8: "U8"}


def _check_network(file: _Opened, record: BackboneRecord, prefix: str) -> None:
    with torch.device("meta"):
        wanted = _create(record).state_dict()
    names = {name.removeprefix(prefix) for name in file.shapes if name.startswith(prefix)}
    if names != set(wanted):
        odd = sorted(names ^ set(wanted))[0]
        raise CheckpointError("The stored weights do not fit {title}: see {odd}.", title=record.title, odd=odd[:80])
    for name, tensor in wanted.items():
        file.check(f"{prefix}{name}", tensor.shape, tensor.dtype)


def _create(record: BackboneRecord) -> nn.Module:
    try:
        kwargs = {**record.create_kwargs, "num_classes": record.class_count}
        return timm.create_model(record.architecture, pretrained=False, **kwargs)
    except Exception as error:  # an argument that this architecture does not know, or a value that it refuses
        raise CheckpointError(
            "timm cannot build {architecture} with this run's settings.",
            architecture=record.architecture,
        ) from error


def _weights_digest(model: nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()
