"""Networks and pictures for tests of training: timm's test networks with made weights, and noise in the colour of its
class, drawn from a seed."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import timm
from PIL import Image
from timm.data import resolve_model_data_config

from core.backbones.backbone import Backbone
from core.backbones.freezing import freeze
from core.datasets.labelled import LabelledImages, Split
from core.training.randomness import drawn_from, generator_of

COLOURS = ((200, 60, 60), (60, 60, 200), (60, 200, 60))


# name: the side of the pictures that it sees; a vision transformer takes its own only
NETWORKS = {"test_resnet": 64, "test_vit": 160, "test_efficientnet": 64}


@functools.cache
def made(name: str) -> Backbone:
    """A test network with made weights, the same in every process."""
    with drawn_from(generator_of(0)):
        model = timm.create_model(name)
    preprocessing = {**resolve_model_data_config(model), "input_size": (3, NETWORKS[name], NETWORKS[name])}
    return freeze(
        model,
        name=name,
        title=name,
        licence="made in a test",
        architecture=name,
        create_kwargs={},
        preprocessing=preprocessing,
    )


@dataclass(frozen=True)
class Tinted:
    """Noise around a colour; a drawable."""

    label: int
    seed: int

    @property
    def key(self) -> str:
        return f"tinted/{self.label}/{self.seed}"

    @property
    def name(self) -> str:
        return f"tinted {self.label}-{self.seed}"

    def draw(self) -> Image.Image:
        noise = np.random.default_rng([self.label, self.seed]).integers(-50, 51, (40, 50, 3))
        return Image.fromarray((noise + COLOURS[self.label]).astype(np.uint8))


def tinted(per_class: int, *, classes: int = 2, split: Split = "train", first: int = 0) -> LabelledImages:
    """`per_class` pictures of each colour, class after class."""
    items = tuple(Tinted(label, first + seed) for label in range(classes) for seed in range(per_class))
    labels = np.repeat(np.arange(classes), per_class).astype(np.int64)
    return LabelledImages("tinted", ("red", "blue", "green")[:classes], items, labels, split)
