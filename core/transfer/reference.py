"""What a network makes of ImageNet, in few numbers: mean, main directions, variances of its embeddings.

No picture and no embedding of one is kept: `assets/imagenet-reference/NAME.safetensors` holds statistics of 1,000
photos, one of each class, made by `python -m benchmarks.imagenet_reference`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from core.backbones.backbone import Backbone
from core.errors import BackboneError
from core.runs.networks import fingerprint
from core.texts import say

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "imagenet-reference"
# Directions that are kept. More would follow the thousand photos more closely than what they stand for.
AXES = 64

# What decides the numbers besides weights and wiring.
_PREPROCESSING = ("input_size", "interpolation", "crop_pct", "crop_mode")


@dataclass(frozen=True, eq=False)
class Reference:
    """Statistics of a network's embeddings of ImageNet photos.

    Attributes:
        backbone_name: the network.
        identity: 32 hexadecimal digits that name its weights, wiring and preprocessing; see `identity_of`.
        pictures: how many photos they are made from.
        mean: `(D,)` float32.
        axes: `(k, D)` float32: the principal axes, orthonormal, the one with the largest variance first.
        variances: `(k,)` float32, above 0: the variance along each; in these axes the covariance is diagonal.
        share: of the whole variance that the axes hold, in [0, 1].
    """

    backbone_name: str
    identity: str
    pictures: int
    mean: np.ndarray = field(repr=False)
    axes: np.ndarray = field(repr=False)
    variances: np.ndarray = field(repr=False)
    share: float


def reference_of(backbone: Backbone, *, folder: Path = FOLDER) -> Reference | None:
    """The reference that ships for this network; None where there is none, or it is that of other weights.

    Networks of one name may have other weights, from a local folder or the hub: their embeddings mean something else.

    Raises:
        BackboneError: the file is damaged.
    """
    path = folder / f"{backbone.name}.safetensors"
    if not path.is_file():
        return None
    reference = _read(path)
    return reference if reference.identity == identity_of(backbone) else None


def no_reference(backbone: Backbone) -> str:
    """What to say where `reference_of` finds none."""
    return say(
        "{network} with these weights ships no ImageNet reference: its distance cannot be told; its accuracy can.",
        network=backbone.title,
    )


def identity_of(backbone: Backbone) -> str:
    """32 hexadecimal digits for weights, wiring and preprocessing, the same on every machine.

    Unlike `Backbone.fingerprint` it leaves the number format of inference aside: bfloat16 moves a distance by less than
    a hundredth.
    """
    shown = {name: backbone.preprocessing.get(name) for name in _PREPROCESSING}
    scaling = [[round(float(value), 6) for value in part.flatten()] for part in (backbone.mean, backbone.std)]
    said = json.dumps([fingerprint(backbone), shown, scaling], default=list, sort_keys=True)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def make_reference(backbone: Backbone, embeddings: np.ndarray) -> Reference:
    """Statistics of embeddings.

    Args:
        embeddings: `(N, D)` float, of photos that the network learned from or might have.

    Raises:
        BackboneError: there are no more pictures than axes.
    """
    embeddings = np.asarray(embeddings, np.float64)
    axes_count = min(AXES, embeddings.shape[1])
    if len(embeddings) <= axes_count:
        raise BackboneError(
            "{count} pictures are too few for {axes} axes. Take some hundreds.", count=len(embeddings), axes=axes_count
        )
    mean = embeddings.mean(axis=0)
    _, spreads, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    variances = spreads**2 / (len(embeddings) - 1)
    return Reference(
        backbone_name=backbone.name,
        identity=identity_of(backbone),
        pictures=len(embeddings),
        mean=mean.astype(np.float32),
        axes=axes[:axes_count].astype(np.float32),
        variances=variances[:axes_count].astype(np.float32),
        share=float(variances[:axes_count].sum() / variances.sum()),
    )


def save_reference(reference: Reference, *, folder: Path = FOLDER) -> Path:
    """Write `NAME.safetensors`. Axes are kept in float16, which moves a distance by less than 0.0001."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{reference.backbone_name}.safetensors"
    tensors = {
        "mean": reference.mean,
        "axes": reference.axes.astype(np.float16),
        "variances": reference.variances,
    }
    said = {
        "backbone": reference.backbone_name,
        "identity": reference.identity,
        "pictures": str(reference.pictures),
        "share": f"{reference.share:.6f}",
    }
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path, metadata=said)
    return path


def _read(path: Path) -> Reference:
    try:
        with safe_open(path, framework="numpy") as file:
            said = file.metadata() or {}
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in ("mean", "axes", "variances")}
        reference = Reference(
            said["backbone"], said["identity"], int(said["pictures"]), **tensors, share=float(said["share"])
        )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise _damaged(path) from error
    count, dim = reference.axes.shape if reference.axes.ndim == 2 else (0, 0)
    whole = all(np.isfinite(tensor).all() for tensor in tensors.values())
    if (
        reference.mean.shape != (dim,)
        or reference.variances.shape != (count,)
        or not count
        or not whole
        or reference.variances.min() <= 0
    ):
        raise _damaged(path)
    return reference


def _damaged(path: Path) -> BackboneError:
    return BackboneError(
        "The ImageNet reference {name} is damaged. Get Pet Lens again, or delete the file.", name=path.name
    )
