"""A network that looks at pictures in the making, and what it would change."""

from __future__ import annotations

import dataclasses

import torch

from core.ascent.settings import AscentSettings
from core.backbones.backbone import Backbone
from core.backbones.thinning import Thinning, thin
from core.backbones.twins import twin_of
from core.backbones.watching import Watch, watched
from core.classifier import Classifier
from core.errors import BackboneError
from core.objectives import Look
from core.transforms import Views


class Onlooker:
    """One network, in the form that is fastest for what is asked of it. One thread at a time.

    Args:
        generator: what views and left out blocks are drawn from.

    Raises:
        BackboneError: the network has no batch norm or no residual blocks, and the settings ask for them.
    """

    def __init__(self, classifier: Classifier, settings: AscentSettings, generator: torch.Generator) -> None:
        self._generator = generator
        self._views = Views(
            settings.jitter,
            settings.zoom_in,
            settings.zoom_out,
            settings.rotate_degrees,
            settings.flip,
            settings.light,
            settings.noise,
        )
        self._network, self._watch, self._thinning = _for_gradients(classifier.backbone, settings, generator)
        self._seen_by = dataclasses.replace(classifier, backbone=self._network)
        self._takes_coarse = _takes(self._network, settings.coarse_px) if settings.coarse_px else False
        if self._watch:
            self._watch.take()  # of that trial

    def look(self, pictures: torch.Tensor, times: int, *, coarse: bool, alike: bool) -> Look:
        """What the network sees and says of views of `(N, 3, S, S)`: of each picture once, then of each once more.

        Args:
            coarse: whether the pictures have their first, smaller size. The network sees it as it is, where it can: that is
                faster, and large shapes come first. Else it always sees its own size.
            alike: whether all pictures are seen in the same way.
        """
        own = self._network.input_size[0]
        side_px = min(own, pictures.shape[-1]) if coarse and self._takes_coarse else own
        views = [self._views(pictures, side_px, self._generator, alike=alike) for _ in range(times)]
        seen = torch.cat(views) if times > 1 else views[0]
        if self._thinning:
            self._thinning.alike = len(pictures) if alike else 1
        logits = self._seen_by.logits(seen)
        return Look(seen, logits, self._watch.take() if self._watch else ())


def _for_gradients(
    backbone: Backbone, settings: AscentSettings, generator: torch.Generator
) -> tuple[Backbone, Watch | None, Thinning | None]:
    """The network as the settings want it; what watches its statistics, and what leaves out its blocks, if anything."""
    watch, thinning = None, None
    if settings.prior_weight:
        network, watch = watched(backbone)
    else:
        network = dataclasses.replace(backbone, model=backbone.inference_model)
    if settings.skip_blocks:
        if not settings.prior_weight:
            network = dataclasses.replace(network, model=twin_of(network.model))
        thinning = Thinning(settings.skip_blocks, generator)
        if not thin(network.model, thinning):
            raise BackboneError(
                "{title} has no residual blocks: without one of its layers nothing would come through. Set the "
                "share of blocks left out to 0, or choose another network.",
                title=backbone.title,
            )
    return network, watch, thinning


def _takes(backbone: Backbone, side_px: int) -> bool:
    """Whether the network also takes pictures of this size."""
    try:
        with torch.inference_mode():
            backbone.model.forward_features(torch.zeros(1, 3, side_px, side_px, device=backbone.device))
    except Exception:  # vision transformers assert, others fail at a concatenation of two sizes
        return False
    return True
