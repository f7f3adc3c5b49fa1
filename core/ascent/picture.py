"""Pictures in the making as people see them: 8 bits, and what the network says of exactly those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image

from core.classifier import Classifier
from core.images import to_pictures
from core.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Drawn:
    """One picture at one step.

    Attributes:
        label: the class that it is drawn for.
        picture: 8-bit RGB.
        prediction: what the network says of this very picture.
        variation: see `variation_of`.
    """

    label: int
    picture: Image.Image = field(repr=False)
    prediction: Prediction = field(repr=False)
    variation: float

    @property
    def probability(self) -> float:
        """Of the class that it is drawn for, in [0, 1]."""
        return float(self.prediction.probabilities[self.label])


def drawn(classifier: Classifier, pixels: torch.Tensor, labels: Sequence[int]) -> tuple[Drawn, ...]:
    """Pixels `(N, 3, H, W)` in [0, 1] as pictures, judged by the network that drew them."""
    pictures = to_pictures(pixels)
    predictions = classifier.predict(pictures)
    rows = zip(labels, pictures, predictions, strict=True)
    return tuple(Drawn(label, picture, prediction, variation_of(picture)) for label, picture, prediction in rows)


def variation_of(picture: Image.Image) -> float:
    """Mean absolute difference of neighbouring pixels in [0, 1] units, as `objectives.variation` measures it."""
    values = np.asarray(picture, dtype=np.float64) / 255
    parts = np.abs(np.diff(values, axis=0)), np.abs(np.diff(values, axis=1))
    return float(sum(part.sum() for part in parts) / sum(part.size for part in parts))
