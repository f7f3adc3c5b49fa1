"""Several ideal images on one sheet, each with its name below."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_COLUMNS = 4
_GAP_PX = 12
_PAPER, _INK = (255, 255, 255), (32, 32, 32)


def sheet_of(pictures: Sequence[Image.Image], names: Sequence[str]) -> Image.Image:
    """RGB, in rows of four.

    Args:
        pictures: RGB, one at least, all of one size.
        names: one for each; what is too long for the picture's width is cut.
    """
    width, height = pictures[0].size
    font = ImageFont.load_default(size=max(10, width // 14))
    line_px = math.ceil(font.size * 1.6)
    columns = min(_COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    across, down = width + _GAP_PX, height + line_px + _GAP_PX
    sheet = Image.new("RGB", (columns * across + _GAP_PX, rows * down + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        left, top = _GAP_PX + index % columns * across, _GAP_PX + index // columns * down
        sheet.paste(picture, (left, top))
        draw.text((left, top + height + 2), _fitting(name, font, width), font=font, fill=_INK)
    return sheet


def _fitting(name: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(f"{name}…") > width:
        name = name[:-1]
    return f"{name}…"
