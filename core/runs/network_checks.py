"""What a stored run may say of its network: names that timm knows, and arguments that ask for nothing else."""

from __future__ import annotations

import functools
import re
from typing import Any

import timm

from core.errors import CheckpointError
from core.runs.checks import list_of, object_of, one_of, real_of, whole_of

# What a network may be asked for; the same limit as `ViewSettings.size_px`.
MAX_SIDE_PX = 1024

# Plain arguments of `timm.create_model` that change what a network computes, with what they may be. None of them names
# a file, an address or a piece of code; sizes are bounded, so that nobody's record asks for hours of work.
_SHARES = (
    "drop_rate",
    "drop_path_rate",
    "drop_block_rate",
    "attn_drop_rate",
    "proj_drop_rate",
    "pos_drop_rate",
    "patch_drop_rate",
)
_SWITCHES = ("dynamic_img_size", "dynamic_img_pad", "strict_img_size", "qkv_bias", "class_token", "no_embed_class")
_NAMES = ("pad_type", "global_pool", "act_layer", "norm_layer")
_SMALL = ("bn_eps", "bn_momentum", "init_values")

_INTERPOLATIONS = ("bicubic", "bilinear", "nearest", "lanczos", "box", "hamming")
_CROP_MODES = ("center", "squash", "border")
_ARCHITECTURE = re.compile(r"[a-z0-9_]{1,80}(\.[a-z0-9_]{1,80})?")


def check_architecture(name: Any) -> None:
    """Is this the name of a network of timm, perhaps with a tag? No address, no path.

    Raises:
        CheckpointError: no.
    """
    if not isinstance(name, str) or not _ARCHITECTURE.fullmatch(name):
        raise CheckpointError("The network's architecture must be a name of timm.")
    if name not in _architectures():
        raise CheckpointError('timm has no network called "{name}". A newer timm may know it.', name=name)


def checked_kwargs(kwargs: Any) -> dict[str, Any]:
    """Arguments of `timm.create_model`, if all of them are harmless.

    Raises:
        CheckpointError: no; it names the one.
    """
    return {name: _checked_argument(name, value) for name, value in object_of(kwargs, "create_kwargs", 30).items()}


def checked_preprocessing(stored: Any) -> dict[str, Any]:
    """How a network is shown pictures, each value in its range; others are left aside.

    Raises:
        CheckpointError: one is not.
    """
    known = object_of(stored, "the preprocessing", 30)
    size = list_of(known.get("input_size"), "input_size", 3)
    mean, std = (list_of(known.get(name), name, 3) for name in ("mean", "std"))
    if len(size) != 3 or size[0] != 3 or len(mean) != 3 or len(std) != 3:
        raise CheckpointError("input_size, mean and std must be three numbers each, for colour pictures.")
    return {
        "input_size": (3, *(whole_of(side, "input_size", 16, MAX_SIDE_PX) for side in size[1:])),
        "interpolation": one_of(known.get("interpolation"), "interpolation", _INTERPOLATIONS),
        "mean": tuple(real_of(value, "mean", -1000, 1000) for value in mean),
        "std": tuple(real_of(value, "std", 1e-6, 1000) for value in std),
        "crop_pct": real_of(known.get("crop_pct"), "crop_pct", 0.1, 2),
        "crop_mode": one_of(known.get("crop_mode", "center"), "crop_mode", _CROP_MODES),
    }


def _checked_argument(name: str, value: Any) -> Any:
    if name in _SHARES:
        return real_of(value, name, 0, 1)
    if name in _SMALL:
        return real_of(value, name, 0, 10)
    if name in _SWITCHES and isinstance(value, bool):
        return value
    if name in _NAMES and isinstance(value, str) and re.fullmatch(r"[a-z0-9_]{0,30}", value):
        return value
    if name == "img_size" and isinstance(value, (list, tuple)) and len(value) == 2:
        return [whole_of(side, name, 16, MAX_SIDE_PX) for side in value]
    if name == "img_size":
        return whole_of(value, name, 16, MAX_SIDE_PX)
    if name == "num_classes":
        return whole_of(value, name, 0, 100_000)
    if name == "output_stride" and value in (8, 16, 32):
        return value
    raise CheckpointError(
        "A network cannot be made with {name} = {value} here.",
        name=name[:40],
        value=repr(value)[:40],
    )


@functools.cache
def _architectures() -> frozenset[str]:
    """All names that timm builds, with and without tags; to list them takes 10 ms."""
    return frozenset(timm.list_models() + timm.list_pretrained())
