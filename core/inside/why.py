"""Why this class? How much each place of a photo speaks for it or against it.

Where the network reads its last maps by their mean and one linear layer, the logit is the mean of such a map over the
places, plus a constant: the map is exact (CAM). Whether it is so is not read off the architecture but checked, by numbers.
Else each map counts with the mean slope of the logit (Grad-CAM), which is a guess: `occlusion` tests it.

References:
    Zhou et al. 2016, Learning Deep Features for Discriminative Localization, arXiv:1512.04150 (CAM)
    Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from core.backbones.tapping import visiting
from core.classifier import Classifier
from core.errors import BackboneError, SettingsError
from core.images import to_pixels
from core.inside.layers import Layer, layers_of
from core.inside.maps import twin_for
from core.inside.remembering import Remembered

# Relative to the largest logit. Rounding is below 1e-5; a head that is not linear differs by 1e-2 and more.
_TOLERANCE = 1e-3

Method = Literal["CAM", "Grad-CAM"]

_at_zero: Remembered[torch.Tensor | None] = Remembered()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which places of a photo speak for a class.

    Attributes:
        label: index of the class.
        method: "CAM": the mean of `raw` plus `bias` is the logit. "Grad-CAM": a weighted sum of maps, without that.
        layer: name of the layer whose maps these are.
        view: the 8-bit picture that the network saw.
        map: `(H, W)` float32 in [0, 1], of the view's size: what speaks for the class, over its largest value; all 0
            where nothing does.
        raw: `(h, w)` float32, one number for each place of the layer; negative where it speaks against the class.
        bias: what the logit would be if every place were 0; None with Grad-CAM.
        probability: of the class, in [0, 1].
        logit: of the class.
    """

    label: int
    method: Method
    layer: str
    view: Image.Image = field(repr=False)
    map: torch.Tensor = field(repr=False)
    raw: torch.Tensor = field(repr=False)
    bias: float | None
    probability: float
    logit: float


def why(classifier: Classifier, picture: Image.Image, label: int) -> Explanation:
    """Which places of an RGB picture speak for a class, by one forward pass and a little more.

    Raises:
        SettingsError: the classifier has no such class.
        BackboneError: the network has no maps that its answer follows from.
    """
    check_label(label, classifier)
    view = classifier.backbone.view(picture)
    # whoever calls may be in inference mode, whose tensors cannot take part in gradients
    with torch.inference_mode(False), torch.no_grad():
        read = _last_maps(classifier, to_pixels([view]), label) or _earlier_maps(classifier, to_pixels([view]), label)
        if read is None:
            raise BackboneError(
                "What {network} says does not follow from maps that can be shown, so this cannot be explained with it. "
                "Choose another network.",
                network=classifier.backbone.title,
            )
        weighed = [
            maps * slopes.mean((1, 2), keepdim=True) for maps, slopes in zip(read.maps, read.slopes, strict=True)
        ]
        raws = [part.sum(0) for part in weighed]
        # of a mirrored view the map lies mirrored
        raw = raws[0] + raws[1].flip(-1) if len(raws) > 1 else raws[0]
        raw = raw * raw.numel()
        logit = float(read.logits[label])
        exact = read.bias is not None and all(_is_even(slopes) for slopes in read.slopes)
        return Explanation(
            label=label,
            method="CAM" if exact else "Grad-CAM",
            layer=read.layer.name,
            view=view,
            map=at_size_of(view, raw),
            raw=raw.cpu(),
            bias=float(read.bias[label]) if exact else None,
            probability=float(read.logits.double().softmax(0)[label]),
            logit=logit,
        )


def check_label(label: int, classifier: Classifier) -> None:
    """Whether the classifier knows this class.

    Raises:
        SettingsError: it does not.
    """
    known = len(classifier.head.class_names) if classifier.head else classifier.backbone.class_count
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < known:
        raise SettingsError(
            "The class {label!r:.80} is not one of the network's {known}, which count from 0.",
            label=label,
            known=known,
        )


def at_size_of(view: Image.Image, raw: torch.Tensor) -> torch.Tensor:
    """What speaks for the class `(h, w)`, as `(H, W)` in [0, 1] of a picture's size."""
    positive = enlarged(view, raw).clamp(min=0)
    largest = positive.max()
    return positive / largest if largest > 0 else positive


def enlarged(view: Image.Image, raw: torch.Tensor) -> torch.Tensor:
    """Numbers for places `(h, w)` -> for pixels `(H, W)`, smoothly."""
    size = view.height, view.width
    return functional.interpolate(raw[None, None].cpu().float(), size=size, mode="bicubic", align_corners=False)[0, 0]


@dataclass(frozen=True, eq=False)
class _Read:
    """What a class's logit follows from.

    Attributes:
        layer: whose maps these are.
        maps, slopes: `(C, h, w)` of the picture and, where the classifier looks at it too, its mirror image; the slopes
            are those of the logit.
        logits: `(K,)`.
        bias: `(K,)`, with all maps 0; None where the logits are not a linear function of the maps.
    """

    layer: Layer
    maps: Sequence[torch.Tensor]
    slopes: Sequence[torch.Tensor]
    logits: torch.Tensor
    bias: torch.Tensor | None


def _last_maps(classifier: Classifier, pixels: torch.Tensor, label: int) -> _Read | None:
    """By the maps that the network's own head reads; None where these are none, or the logit does not move with them."""
    network = classifier.backbone.inference_model
    inputs = classifier.backbone.normalise(torch.cat([pixels, pixels.flip(-1)]) if classifier.mirrored else pixels)
    with torch.inference_mode():
        features = network.forward_features(inputs.contiguous(memory_format=torch.channels_last))
    layer = layers_of(classifier.backbone)[-1]
    if not isinstance(features, torch.Tensor) or not _is_output_of(features, layer):
        return None
    features = features.clone()  # one that may take part in gradients
    with torch.enable_grad():
        leaf = features.detach().requires_grad_()
        logits = _read_by_head(classifier, leaf)
        (slopes,) = torch.autograd.grad(logits[label], leaf)
    slopes = layer.maps(slopes)
    if not slopes.any():
        return None
    return _Read(layer, layer.maps(features), slopes, logits.detach(), _bias_if_linear(classifier, features))


def _bias_if_linear(classifier: Classifier, features: torch.Tensor) -> torch.Tensor | None:
    """`(K,)`, what the classifier says where all maps are 0, if it reads them by a linear function; else None."""
    network, embeds = classifier.backbone.inference_model, classifier.head is not None
    key = embeds, tuple(features.shape[1:])
    at_zero = _at_zero.get(network, key, lambda: _at_zero_if_linear(network, features[:1], embeds=embeds))
    if at_zero is None:
        return None
    return classifier.head.logits(at_zero)[0] if embeds else at_zero[0]


def _at_zero_if_linear(network: nn.Module, like: torch.Tensor, *, embeds: bool) -> torch.Tensor | None:
    """What a network's own head makes of maps that are 0, if what it makes of two is what it makes of both together."""
    generator = torch.Generator().manual_seed(0)
    probes = [torch.randn(like.shape, generator=generator).to(like) for _ in range(2)]
    read = partial(network.forward_head, pre_logits=embeds)
    at_zero = read(torch.zeros_like(like))
    apart = sum(read(probe) - at_zero for probe in probes)
    together = read(probes[0] + probes[1]) - at_zero
    return at_zero if (apart - together).abs().max() <= _TOLERANCE * together.abs().max() else None


def _read_by_head(classifier: Classifier, features: torch.Tensor) -> torch.Tensor:
    """What the last layers make of the features of one picture and, with a mirrored view, of its mirror image: `(K,)`."""
    network = classifier.backbone.inference_model
    if classifier.head is None:
        return network.forward_head(features)[0]
    embeddings = network.forward_head(features, pre_logits=True).mean(0, keepdim=True)
    return classifier.head.logits(embeddings)[0]


def _earlier_maps(classifier: Classifier, pixels: torch.Tensor, label: int) -> _Read | None:
    """By the last block's output that the logit moves with.

    Of a vision transformer only the class token is read after its last block, so that its patches count for the last time in
    what goes into that block.
    """
    backbone = classifier.backbone
    twin = twin_for(backbone)
    whole = dataclasses.replace(classifier, backbone=dataclasses.replace(backbone, model=twin))
    for layer in [layer for layer in reversed(layers_of(backbone)) if layer.kind in ("block", "stage", "patches")]:
        leaves: list[torch.Tensor] = []
        with torch.enable_grad(), visiting(_leaf_at(layer, leaves)):
            logits = whole.logits(pixels)[0]
            slopes = torch.autograd.grad(logits[label], leaves, allow_unused=True)
        if all(slope is not None and layer.maps(slope).any() for slope in slopes):
            maps = [layer.maps(leaf.detach())[0] for leaf in leaves]
            return _Read(layer, maps, [layer.maps(slope)[0] for slope in slopes], logits.detach(), None)
    return None


def _leaf_at(layer: Layer, leaves: list[torch.Tensor]) -> Callable[[str, tuple[Any, ...], Any], Any]:
    def visit(name: str, given: tuple[Any, ...], outputs: Any) -> Any:
        if name != layer.name:
            return outputs
        leaves.append(outputs.detach().requires_grad_())
        return leaves[-1].clone()  # which may be written over

    return visit


def _is_output_of(features: torch.Tensor, layer: Layer) -> bool:
    if features.ndim != (3 if layer.layout == "tokens" else 4):
        return False
    return layer.maps(features).shape[1:] == (layer.channels, layer.height, layer.width)


def _is_even(slopes: torch.Tensor) -> bool:
    """Whether each channel counts the same at every place."""
    spread = (slopes - slopes.mean((1, 2), keepdim=True)).abs().max()
    return bool(spread <= _TOLERANCE * slopes.abs().max())
