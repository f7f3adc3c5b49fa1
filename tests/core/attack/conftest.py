"""A photo, a network of the tests, and Chelsea as the shipped network sees her."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core import Classifier, load_backbone, read_image
from core.attack.victims import Victim


@pytest.fixture
def photo() -> Image.Image:
    """Noise, larger than any network's input."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 260, 3), dtype=np.uint8))


@pytest.fixture(params=["test_resnet", "test_efficientnet", "test_vit"])
def small(request, made_weights) -> Victim:
    """Networks of random weights and different kinds."""
    return Victim((Classifier(load_backbone(request.param)),))


@pytest.fixture(scope="session")
def shipped(classifier) -> Victim:
    """The real one."""
    return Victim((classifier,))


@pytest.fixture(scope="session")
def cat(chelsea) -> Image.Image:
    """A photo of a cat."""
    return read_image(chelsea)
