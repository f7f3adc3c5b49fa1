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

    The network shrinks the photo again, which blurs the change, so that it may have to be stronger. Parts of a step are
    dithered: some pixels move by a whole one and others do not, and shrinking takes their mean.

    Raises:
        SettingsError: the network squeezes photos into its shape instead of looking at the middle.
    """
    box = looked_at(victim, photo)
    size = box[2] - box[0], box[3] - box[1]
    change = np.asarray(attacked.picture, np.float32) - np.asarray(attacked.original, np.float32)
    bands = [np.asarray(Image.fromarray(change[..., band]).resize(size, Image.Resampling.BICUBIC)) for band in range(3)]
    enlarged = np.stack(bands, axis=2)
    dither = np.random.default_rng(0).random(enlarged.shape, dtype=np.float32)
    original = np.asarray(photo)
    part = original[box[1] : box[3], box[0] : box[2]].astype(np.float32)
    for factor in _FACTORS:
        changed = original.copy()
        changed[box[1] : box[3], box[0] : box[2]] = np.floor(part + factor * enlarged + dither).clip(0, 255)
        picture = Image.fromarray(changed)
        (prediction,) = victim.predict([picture])
        success = all(reached([prediction.top(1)[0].index], [attacked.goal]))
        if success:
            break
    return FullSize(picture, factor, prediction, measure(photo, picture), success)


def looked_at(victim: Victim, photo: Image.Image) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of the photo, in its pixels, that the network's view shows.

    Raises:
        SettingsError: the view is none of the middle.
    """
    backbone = victim.first.backbone
    said = backbone.preprocessing
    if said.get("crop_mode", "center") != "center":
        raise SettingsError(
            f"{backbone.title} squeezes photos into its shape, so that its change cannot be put onto the whole photo."
        )
    height, width = backbone.input_size
    if photo.size == (width, height):
        return 0, 0, width, height
    share = float(said.get("crop_pct", 1.0))
    # as timm does it: the shorter side is brought to this many pixels, and the middle is looked at
    scale = min(photo.width / math.floor(width / share), photo.height / math.floor(height / share))
    wide, high = min(photo.width, round(width * scale)), min(photo.height, round(height * scale))
    left, top = (photo.width - wide) // 2, (photo.height - high) // 2
    return left, top, left + wide, top + high
