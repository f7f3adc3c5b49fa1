"""An adversarial picture as a file: a PNG that says how it was made; and the same change on the photo in its full size."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, PngImagePlugin

from core.attack.goals import Misclassify, reached
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


@dataclass(frozen=True, eq=False)
class FullSize:
    """The change, mapped back onto the whole photo.

    Attributes:
        picture: as large as the photo.
        factor: how much stronger the change had to become.
        prediction: what the network reads in it, through its own view.
        measures: against the photo.
        success: whether the goal is reached; where it is not, `factor` is the largest that was tried.
    """

    picture: Image.Image = field(repr=False)
    factor: float
    prediction: Prediction = field(repr=False)
    measures: Measures
    success: bool


def onto_full_size(victim: Victim, photo: Image.Image, attacked: Attacked) -> FullSize:
    """Enlarge the change, add it to the part of the photo that the network looks at, and see whether it still works.

    The network shrinks the photo again, which blurs the change, so that it is sharpened first and may have to be stronger.
    Parts of a step are dithered: some pixels move by a whole one and others do not, and shrinking takes their mean.

    Raises:
        SettingsError: the network squeezes photos into its shape instead of looking at the middle.
    """
    change = np.asarray(attacked.picture, np.float32) - np.asarray(attacked.original, np.float32)
    enlarged = _enlarged(change, photo.size, *shrunk_and_cut(victim, photo.size))
    dither = np.random.default_rng(0).random(enlarged.shape, dtype=np.float32)
    original = np.asarray(photo)
    for factor in _FACTORS:
        # what does not change is not rounded either
        changed = np.where(enlarged == 0, original, np.floor(original + factor * enlarged + dither).clip(0, 255))
        picture = Image.fromarray(changed.astype(np.uint8))
        (prediction,) = victim.predict([picture])
        success = all(reached([prediction.top(1)[0].index], [attacked.goal]))
        if success:
            break
    return FullSize(picture, factor, prediction, measure(photo, picture), success)


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
    canvas = np.zeros((shrunk[1], shrunk[0], 3), np.float32)
    canvas[box[1] : box[3], box[0] : box[2]] = change
    enlarged = _resized(canvas, size)
    for _ in range(_SHARPENINGS if size != shrunk else 0):
        enlarged += _resized(canvas - _resized(enlarged, shrunk), size)
    enlarged[np.abs(enlarged) < _NOTHING] = 0
    return enlarged


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """As Pillow resizes pictures, with its blur against aliasing."""
    bands = [np.asarray(Image.fromarray(values[..., band]).resize(size, Image.Resampling.BICUBIC)) for band in range(3)]
    return np.stack(bands, axis=2)
