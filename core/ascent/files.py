"""Ideal images as files: a PNG that says how it was made, and the run as an animation."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, PngImagePlugin

from core.ascent.settings import AscentSettings
from core.errors import ImageError, SettingsError

_KEYWORD = "Pet Lens"
# An animation shows its last picture longer, so that one can look at it.
_LAST_FRAME_SECONDS = 1.5
_SECONDS = 5.0
_LONGEST_TEXT = 20_000
_MOST_NETWORKS = 100


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How an ideal image was made.

    Attributes:
        class_name: as the network calls it.
        backbone: the network's name.
        steps: that were taken.
        settings: all of them.
        by_hand: whether something was turned while it grew, or it was gone on with: the settings alone do not give the
            same picture then.
        beside: names of further networks that drew it together with that one.
    """

    class_name: str
    backbone: str
    steps: int
    settings: AscentSettings
    by_hand: bool = False
    beside: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Recipe:
        """The other way.

        Raises:
            SettingsError: something is missing, unknown, or outside its range.
        """
        try:
            settings = AscentSettings(**said["settings"])
            class_name, backbone, steps = said["class_name"], said["backbone"], said["steps"]
            by_hand = said.get("by_hand", False) is True
            beside = said.get("beside", ())
        except (KeyError, TypeError) as error:
            raise SettingsError("This picture's recipe is incomplete, or was written by another version.") from error
        if not (isinstance(class_name, str) and isinstance(backbone, str) and isinstance(steps, int)):
            raise SettingsError("This picture's recipe holds something else than names and numbers.")
        if not (isinstance(beside, list | tuple) and all(isinstance(name, str) for name in beside)):
            raise SettingsError("This picture's recipe holds something else than names of networks.")
        return cls(
            class_name[:200],
            backbone[:200],
            steps,
            settings,
            by_hand,
            tuple(name[:200] for name in beside[:_MOST_NETWORKS]),
        )


def to_png(picture: Image.Image, recipe: Recipe) -> bytes:
    """The picture as a PNG file, with its recipe in a text chunk."""
    info = PngImagePlugin.PngInfo()
    info.add_text(_KEYWORD, json.dumps(recipe.as_dict()))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def read_recipe(png: bytes) -> Recipe | None:
    """What a PNG file says of how it was made; None where it says nothing.

    Raises:
        ImageError: not a PNG.
        SettingsError: the recipe cannot be read.
    """
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
            said = picture.info.get(_KEYWORD)
    except Exception as error:  # parsers of hostile bytes raise anything
        raise ImageError("This file is not a PNG.") from error
    if not isinstance(said, str):
        return None
    try:
        parsed = json.loads(said[:_LONGEST_TEXT])
    except (ValueError, RecursionError) as error:
        raise SettingsError("This picture's recipe cannot be read.") from error
    if not isinstance(parsed, dict):
        raise SettingsError("This picture's recipe cannot be read.")
    return Recipe.from_dict(parsed)


def to_webp(frames: Sequence[Image.Image]) -> bytes:
    """The run as an animated WebP file of about five seconds that goes round; the last picture stays for a moment.

    Args:
        frames: one at least; brought to the size of the last.
    """
    size = frames[-1].size
    frames = [frame if frame.size == size else frame.resize(size, Image.Resampling.BICUBIC) for frame in frames]
    each = max(20, round(1000 * _SECONDS / len(frames)))
    durations = [each] * (len(frames) - 1) + [round(1000 * _LAST_FRAME_SECONDS)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=80)
    return buffer.getvalue()
