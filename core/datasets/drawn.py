"""Drawn pets: eight animals in eight drawing styles, drawn by the project's own code from a seed.

A data set that needs neither a download nor disk space, so that there is something to train on where there is no
internet; and a first kind of image that a network trained on photos has hardly seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.datasets.drawing.styles import ANIMALS, DRAWING_VERSION, STYLES, drawing
from core.datasets.labelled import Dataset, LabelledImages, Split
from core.errors import SettingsError
from core.texts import mark

PER_CLASS_RANGE = (5, 10_000)
SEED_RANGE = (0, 2**31 - 1)

# Every fifth picture of a class is for the test. Styles take turns in eights, so that each style has its fifth as well.
_TEST_EVERY = 5


@dataclass(frozen=True)
class DrawnPet:
    """One picture, drawn when it is needed: equal choices draw equal bytes.

    Attributes:
        animal: one of `ANIMALS`.
        style: one of `STYLES`.
        seed: 0 or more. The same animal and seed have the same pose, place and colours in every style.

    Raises:
        SettingsError: an unknown animal or style, or a seed below 0.
    """

    animal: str
    style: str
    seed: int

    def __post_init__(self) -> None:
        for what, value, known in (("animal", self.animal, ANIMALS), ("style", self.style, STYLES)):
            if value not in known:
                raise SettingsError(
                    'There is no {what} "{value}" to draw. Choose one of: {names}.',
                    what=what,
                    value=value,
                    names=", ".join(known),
                )
        if not _is_whole(self.seed) or self.seed < 0:
            raise SettingsError("The seed of a drawing must be a whole number from 0, not {seed}.", seed=self.seed)

    @property
    def key(self) -> str:
        """Names the picture for ever."""
        return f"drawn pet {DRAWING_VERSION}: {self.animal}, {self.style}, {self.seed}"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.animal} {self.seed}, {self.style}"

    def draw(self) -> Image.Image:
        """The picture, RGB, 256 x 256."""
        return drawing(self.animal, self.style, self.seed)


def drawn_pets(*, per_class: int = 120, seed: int = 0) -> Dataset:
    """The data set "Drawn pets": cats, dogs, rabbits, mice, birds, fish, turtles, frogs.

    A fifth of each class is for the test, each style in equal shares. Two seeds share no picture, and a larger
    `per_class` adds pictures without changing those that were there.

    Args:
        per_class: pictures of each animal, 5 to 10,000.
        seed: 0 to 2^31 - 1.

    Raises:
        SettingsError: `per_class` or `seed` is out of range.
    """
    _check("per_class", per_class, PER_CLASS_RANGE)
    _check("seed", seed, SEED_RANGE)
    name, class_names, styles = "drawn-pets", tuple(ANIMALS), tuple(STYLES)

    def split(split_name: Split) -> LabelledImages:
        numbers = [n for n in range(per_class) if (n % _TEST_EVERY == _TEST_EVERY - 1) == (split_name == "test")]
        first = seed * PER_CLASS_RANGE[1]
        items = tuple(DrawnPet(animal, styles[n % len(styles)], first + n) for animal in class_names for n in numbers)
        labels = np.repeat(np.arange(len(class_names), dtype=np.int64), len(numbers))
        return LabelledImages(name, class_names, items, labels, split_name)

    return Dataset(
        name=name,
        title=mark("Drawn pets"),
        about=mark(
            "Eight animals in eight drawing styles, drawn by this app itself: nothing is downloaded. Free to use "
            "(Apache-2.0)."
        ),
        class_names=class_names,
        splits={"train": split("train"), "test": split("test")},
    )


def _check(what: str, value: int, limits: tuple[int, int]) -> None:
    low, high = limits
    if not _is_whole(value) or not low <= value <= high:
        raise SettingsError(
            "{what} must be a whole number from {low:,} to {high:,}, not {value}.",
            what=what,
            low=low,
            high=high,
            value=value,
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
