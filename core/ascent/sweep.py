"""Six weights of smoothness side by side: the lesson's point in one view.

Without total variation the network is convinced by noise; with too much of it little is left to see.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from PIL import Image

from core.ascent.ascent import ascend
from core.ascent.settings import AscentSettings
from core.ascent.snapshot import AscentSnapshot, Steering
from core.classifier import Classifier
from core.errors import SettingsError

# From nothing, each about three times the one before, to far too much for the lesson's single pixels.
TV_WEIGHTS = (0.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0)


def sweep(
    classifier: Classifier,
    label: int,
    settings: AscentSettings,
    weights: Sequence[float] = TV_WEIGHTS,
    *,
    photo: Image.Image | None = None,
    max_seconds: float | None = None,
) -> Iterator[AscentSnapshot]:
    """Draw one class once a weight, all from the same noise and through the same views of it.

    The pictures are made in one batch: `snapshot.drawn` has them in the order of the weights. Candidates, diversity and
    the batch-norm prior, which look at a whole batch, are left out.

    Args:
        photo: RGB, to start from, when the settings say so.

    Raises:
        SettingsError: a weight is outside the range of `tv_weight`, or there is none.
    """
    if not weights:
        raise SettingsError("There is no weight of smoothness to try.")
    checked = tuple(dataclasses.replace(settings, tv_weight=weight).tv_weight for weight in weights)
    weightless = {"prior_weight": 0.0, "diversity_weight": 0.0}
    settings = dataclasses.replace(settings, candidates=1, looks=min(2, settings.looks), **weightless)
    steering = Steering(settings)
    steering.tv_weight = checked
    yield from ascend(
        classifier,
        [label] * len(checked),
        settings,
        photo=photo,
        steering=steering,
        max_seconds=max_seconds,
        starts="alike",
    )
