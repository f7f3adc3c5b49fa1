"""What the tests of ideal images share."""

from __future__ import annotations

import numpy as np
import pytest

from core import Classifier, load_backbone


@pytest.fixture
def small(made_weights):
    """A small network of random weights."""
    return Classifier(load_backbone("test_resnet"))


def bytes_of(snapshot):
    """The pixels of each picture of a snapshot."""
    return [np.asarray(one.picture).tobytes() for one in snapshot.drawn]
