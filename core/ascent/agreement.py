"""Do others agree? What networks that took no part say of an ideal image."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from core.backbones.loading import load_backbone
from core.backbones.sources import judges
from core.classifier import Classifier
from core.errors import PetLensError
from core.prediction import Prediction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Opinion:
    """One network's view of one picture.

    Attributes:
        network: its title.
        name: its timm name.
        place: of the class among all that it knows, from 1.
        probability: of the class, in [0, 1].
        prediction: all that it says.
    """

    network: str
    name: str
    place: int
    probability: float
    prediction: Prediction = field(repr=False)


def opinions(picture: Image.Image, label: int, makers: Collection[str] = ()) -> Iterator[Opinion]:
    """What each judge says of a picture, as soon as it does; a network may have to be loaded first.

    Args:
        picture: RGB, read from the very file that people take home.
        label: index of the ImageNet class that it is meant to show.
    """
    for listing in judges(makers):
        try:
            classifier = Classifier(load_backbone(listing.name))
        except PetLensError as error:  # a damaged file, for instance: the others can still be asked
            logger.info("%s is not asked: %s", listing.name, error)
            continue
        (prediction,) = classifier.predict([picture])
        yield Opinion(
            classifier.backbone.title,
            classifier.backbone.name,
            place_of(prediction, label),
            float(prediction.probabilities[label]),
            prediction,
        )


def place_of(prediction: Prediction, label: int) -> int:
    """1 for the most probable class, 2 for the next."""
    return 1 + int(np.count_nonzero(prediction.probabilities > prediction.probabilities[label]))
