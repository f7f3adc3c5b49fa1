"""An adversarial picture as a file: a PNG that says how it was made; and the same change on the photo in its full size."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, PngImagePlugin

from core.attack.goals import Goal, Misclassify, fooled
from core.attack.measures import Measures, measure
from core.attack.settings import AttackSettings
from core.attack.snapshot import Attacked
from core.attack.victims import Victim
from core.errors import SettingsError
from core.prediction import Prediction

_KEYWORD = "Pet Lens attack"
# How much stronger the change may have to be on the full-size photo, tried in this order.
_FACTORS = (1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0)
_SHARPENINGS = 6
# In steps of a file: less is noise of the resizing, and would be dithered all over the photo.
_NOTHING = 0.02
# Rows of a photo that are computed at once.
_STRIP_PX = 256


def to_png(attacked: Attacked, victim: Victim, settings: AttackSettings) -> bytes:
    """The changed picture as a PNG file of the network's input size, with what was done in a text chunk."""
    goal = None if isinstance(attacked.goal, Misclassify) else victim.first.class_names[attacked.goal.label]
    said = {
        "networks": [one.backbone.name for one in victim.classifiers],
        "target": goal,
        "settings": dataclasses.asdict(settings),
    }
    info = PngImagePlugin.PngInfo()
    info.add_text(_KEYWORD, json.dumps(said))
    buffer = io.BytesIO()
    attacked.picture.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def change_of(attacked: Attacked) -> Image.Image:
    """The change alone as a picture that holds it exactly: 128 where there is none, else so many steps more or less."""
    difference = np.asarray(attacked.picture, np.int16) - np.asarray(attacked.original, np.int16)
    return Image.fromarray((128 + difference).clip(0, 255).astype(np.uint8))


def with_change(victim: Victim, photo: Image.Image, change: Image.Image, goal: Goal) -> Attacked:
    """The picture that a change makes of a photo, judged now.

    Args:
        change: as `change_of` gives it.

    Raises:
        SettingsError: it has another size than what the network sees.
    """
    original = victim.view(photo)
    if change.size != original.size:
        raise SettingsError(
            "The change has {width} x {height} pixels, and the network sees {wide} x {high}.",
            width=change.width,
            height=change.height,
            wide=original.width,
            high=original.height,
        )
    moved = np.asarray(original, np.int16) + np.asarray(change, np.int16) - 128
    picture = Image.fromarray(moved.clip(0, 255).astype(np.uint8))
    before, readings = victim.readings([original, picture])
    return Attacked(goal, original, before[0], picture, readings, measure(original, picture), fooled(readings, goal))


@dataclass(frozen=True, eq=False)
class FullSize:
    """The change, mapped back onto the whole photo.

    Attributes:
        picture: as large as the photo.
        factor: by which the enlarged change was multiplied, after it was sharpened against the shrinking.
        scale: by which the network resizes the photo to look at it: below 1 it shrinks it.
        prediction: what the network reads in it, through its own view.
        measures: against the photo.
        success: whether the goal is reached; where it is not, `factor` is the one that was tried last.
    """

    picture: Image.Image = field(repr=False)
    factor: float
    scale: float
    prediction: Prediction = field(repr=False)
    measures: Measures
    success: bool


def onto_full_size(victim: Victim, photo: Image.Image, attacked: Attacked) -> Iterator[FullSize]:
    """Enlarge the change, add it to the part of the photo that the network looks at, and see whether it still works.

    The network shrinks the photo again, which blurs the change, so that it is sharpened first and may have to be stronger.
    Parts of a step are dithered: some pixels move by a whole one and others do not, and shrinking takes their mean.

    Yields:
        After each strength that was tried, the weakest first; the last is the first that works, or the strongest.

    Raises:
        SettingsError: the network squeezes photos into its shape instead of looking at the middle.
    """
    change = np.asarray(attacked.picture, np.float32) - np.asarray(attacked.original, np.float32)
    shrunk, box = shrunk_and_cut(victim, photo.size)
    enlarged = _enlarged(change, photo.size, shrunk, box)
    for factor in _FACTORS:
        picture = _added(photo, enlarged, factor)
        (readings,) = victim.readings([picture])
        success = fooled(readings, attacked.goal)
        yield FullSize(picture, factor, min(shrunk) / min(photo.size), readings[0], measure(photo, picture), success)
        if success:
            return


def _added(photo: Image.Image, change: np.ndarray, factor: float) -> Image.Image:
    """A change `(height, width, 3)` added to a photo; strip by strip, as photos may have many millions of pixels."""
    changed = np.array(photo)
    generator = np.random.default_rng(0)
    for top in range(0, len(changed), _STRIP_PX):
        strip, part = changed[top : top + _STRIP_PX], change[top : top + _STRIP_PX].astype(np.float32)
        dither = generator.random(part.shape, dtype=np.float32)
        moved = np.floor(strip + factor * part + dither).clip(0, 255)
        # what does not change is not rounded either
        np.copyto(strip, moved, where=part != 0, casting="unsafe")
    return Image.fromarray(changed)


def shrunk_and_cut(victim: Victim, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """What the network's view does with a photo of that size (width, height): to which size it is brought, and which box
    (left, top, right, bottom) of that is looked at.

    Raises:
        SettingsError: the view is none of the middle.
    """
    backbone = victim.first.backbone
    said = backbone.preprocessing
    high, wide = backbone.input_size
    if size == (wide, high):
        return size, (0, 0, wide, high)
    if said.get("crop_mode", "center") != "center" or high != wide:
        raise SettingsError(
            "{title} squeezes photos into its shape, so that its change cannot be put onto the whole photo.",
            title=backbone.title,
        )
    # as timm and torchvision do it: the shorter side is brought to this many pixels, and the middle is looked at
    short, shorter = math.floor(wide / float(said.get("crop_pct", 1.0))), min(size)
    width, height = (int(short * side / shorter) for side in size)
    left, top = round((width - wide) / 2), round((height - high) / 2)
    return (width, height), (left, top, left + wide, top + high)


def _enlarged(
    change: np.ndarray, size: tuple[int, int], shrunk: tuple[int, int], box: tuple[int, int, int, int]
) -> np.ndarray:
    """A change `(H, W, 3)` of the view as one of the photo `(height, width, 3)`, such that shrinking brings it back."""
    enlarged = np.empty((size[1], size[0], 3), np.float16)
    for band in range(3):
        canvas = np.zeros((shrunk[1], shrunk[0]), np.float32)
        canvas[box[1] : box[3], box[0] : box[2]] = change[..., band]
        values = _resized(canvas, size)
        for _ in range(_SHARPENINGS if size != shrunk else 0):
            values += _resized(canvas - _resized(values, shrunk), size)
        values[np.abs(values) < _NOTHING] = 0
        enlarged[..., band] = values
    return enlarged


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """One band, as Pillow resizes pictures, with its blur against aliasing; a copy that may be written to."""
    return np.array(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC))
