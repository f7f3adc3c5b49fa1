"""A drawing from its three choices: which animal, which style, which seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from core.datasets.drawing.birds import bird
from core.datasets.drawing.cats import cat
from core.datasets.drawing.dogs import dog
from core.datasets.drawing.dry_styles import chalk, crayon, ink
from core.datasets.drawing.figure import Figure, bounds, placed
from core.datasets.drawing.fish import fish
from core.datasets.drawing.flat_styles import cartoon, pixel, silhouette
from core.datasets.drawing.frogs import frog
from core.datasets.drawing.mice import mouse
from core.datasets.drawing.palettes import Palette, animal_palette, scene_palette
from core.datasets.drawing.rabbits import rabbit
from core.datasets.drawing.tracing import SIZE_PX
from core.datasets.drawing.turtles import turtle
from core.datasets.drawing.wet_styles import painted, watercolour

# Raise it whenever the same choices draw another picture: what is kept under the old version is then not used.
DRAWING_VERSION = 1

Draw = Callable[[np.random.Generator], Figure]
Style = Callable[[Figure, tuple[float, float], Palette, np.random.Generator], Image.Image]

ANIMALS: dict[str, Draw] = {
    "cat": cat,
    "dog": dog,
    "rabbit": rabbit,
    "mouse": mouse,
    "bird": bird,
    "fish": fish,
    "turtle": turtle,
    "frog": frog,
}
STYLES: dict[str, Style] = {
    "cartoon": cartoon,
    "crayon": crayon,
    "ink": ink,
    "watercolour": watercolour,
    "silhouette": silhouette,
    "chalk": chalk,
    "pixel": pixel,
    "painted": painted,
}

# The pen and a trembling hand stay inside, and so do the animals when a network crops 7 of 8 from the middle.
_MARGIN_PX = 18


def drawing(animal: str, style: str, seed: int) -> Image.Image:
    """The picture, RGB, `SIZE_PX` square. The same animal and seed have the same pose and colours in every style."""
    rng = np.random.default_rng([seed, list(ANIMALS).index(animal)])
    palette = {**scene_palette(rng), **animal_palette(animal, rng)}
    figure, feet = _composed(ANIMALS[animal](rng), rng)
    return STYLES[style](figure, feet, palette, rng)


def _composed(figure: Figure, rng: np.random.Generator) -> tuple[Figure, tuple[float, float]]:
    """The figure somewhere on the canvas, in pixels, and the spot that it stands on."""
    tilt = rng.normal(0, 0.05 if figure.grounded else 0.14)
    layers = placed(figure.layers, turn=float(np.clip(tilt, -0.35, 0.35)), mirror=bool(rng.random() < 0.5))
    low, high = bounds(layers)
    room = SIZE_PX - 2 * _MARGIN_PX
    scale = room * rng.uniform(0.66, 1.0) / (high - low).max()
    free = room - scale * (high - low)
    shift = np.clip(rng.normal(0.5, 0.18, 2), 0, 1)
    if figure.grounded:
        shift[1] = 1 - 0.5 * rng.random() ** 2
    at = _MARGIN_PX + free * shift - scale * low
    feet = at + scale * np.array([(low[0] + high[0]) / 2, high[1]])
    return Figure(placed(layers, at=at, scale=scale), figure.grounded), (float(feet[0]), float(feet[1]))
