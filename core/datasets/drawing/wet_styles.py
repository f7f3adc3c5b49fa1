"""Styles of wet paint: watercolour, and a soft painting with light and fur."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from core.datasets.drawing.figure import Area, Figure, Line, bounds, placed
from core.datasets.drawing.palettes import Palette, mixed
from core.datasets.drawing.scenes import scene
from core.datasets.drawing.textures import blurred, brightness, eight_bits, gradient, grain, noise, paper, unit
from core.datasets.drawing.tracing import SIZE_PX, Pen, trace

_CRISP = ("dot", "pupil", "iris", "white", "shine", "nose")
_STROKES = 1000
_FINE = 2  # supersampling of the brush


def watercolour(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """Washes that run, with dark rims where they dried; on most a fine pen line."""
    sheet = paper((253, 250, 243), rng, roughness=0.07)
    behind = scene(figure.grounded, feet, rng) if rng.random() < 0.6 else []
    pen = Pen(rng.uniform(1.3, 2.2), wobble_px=rng.uniform(0.4, 1.2), pressure=0.8)
    cel = trace(behind, figure.layers, palette, Image.new("RGB", (SIZE_PX, SIZE_PX), "white"), pen, rng)
    wash = _run(cel.flat, rng.uniform(2.0, 6.0), rng).filter(ImageFilter.BoxBlur(rng.uniform(0.7, 1.6)))
    rim = unit(ImageChops.difference(wash, wash.filter(ImageFilter.BoxBlur(4))).convert("L"))
    density = (
        0.55 + 0.45 * noise(7, rng) + 0.3 * noise(26, rng) + 2.4 * rim + 0.12 * (grain(rng) - 0.5) - rng.uniform(0, 0.2)
    )
    # what the water left of the white of the paper
    picture = ImageChops.multiply(
        sheet, Image.composite(wash, Image.new("RGB", wash.size, "white"), eight_bits(density))
    )
    deep = ImageChops.multiply(picture, wash)  # where more than one layer of paint lies
    picture = Image.composite(deep, picture, eight_bits(density - 1))
    penned = rng.random() < 0.7
    if not penned:  # eyes and noses are set in with a small brush at the end
        picture.paste(cel.flat, mask=eight_bits(2.4 * (0.4 - brightness(cel.flat))))
    picture.paste(palette["line"], mask=eight_bits((0.85 if penned else 0.3) * unit(cel.lines)))
    return picture


def _run(image: Image.Image, distance_px: float, rng: np.random.Generator) -> Image.Image:
    """Displace pixels by smooth noise, as wet paint runs."""
    places = np.arange(SIZE_PX)
    dx, dy = (((noise(9, rng) - 0.5) + 0.4 * (noise(26, rng) - 0.5)) * (2 * distance_px) for _ in range(2))
    rows = np.clip(places[:, None] + dy.astype(np.int32), 0, SIZE_PX - 1)
    columns = np.clip(places + dx.astype(np.int32), 0, SIZE_PX - 1)
    pixels = np.asarray(image.convert("RGBX")).view(np.uint32)[..., 0]  # a pixel in one number moves at once
    moved = pixels.ravel()[rows * SIZE_PX + columns]
    return Image.fromarray(np.ascontiguousarray(moved[..., None].view(np.uint8)[..., :3]))


def painted(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """No outlines: light from one side, and brush strokes that follow the fur."""
    wall = palette["wall"]
    behind = scene(figure.grounded, feet, rng)
    base = gradient(wall, mixed(wall, (70, 60, 70), rng.uniform(0.1, 0.5)))
    cel = trace(behind, figure.layers, palette, base, Pen(1.6), rng)
    cover = unit(cel.cover)
    tone = 0.9 + 0.15 * noise(5, rng)
    tone += cover * (_light(cover, unit(cel.lines), rng) - tone)
    lit = Image.merge("RGB", [eight_bits(unit(part) * tone) for part in cel.flat.split()])
    picture = _brushed(lit.filter(ImageFilter.BoxBlur(1)), cover, rng)
    picture.paste(palette["line"], mask=cel.lines.point(lambda value: value * 35 // 100))
    return _with_face(picture, figure, palette, rng)


def _with_face(picture: Image.Image, figure: Figure, palette: Palette, rng: np.random.Generator) -> Image.Image:
    """Eyes, nose and mouth once more, crisp: the brush went over them."""
    face = [layer for layer in figure.layers if _is_crisp(layer)]
    if not face:
        return picture
    low, high = bounds(face)
    left, top = np.floor(low).astype(int).tolist()
    right, bottom = np.ceil(high).astype(int).tolist()
    patch = picture.crop((left - 3, top - 3, right + 3, bottom + 3))
    cel = trace([], placed(face, at=(3 - left, 3 - top)), palette, patch, Pen(1.3), rng, fine=3)
    cel.flat.paste(palette["line"], mask=cel.lines)
    picture.paste(cel.flat, (left - 3, top - 3))
    return picture


def _is_crisp(layer: Area | Line) -> bool:
    return layer.paint in _CRISP if isinstance(layer, Area) else layer.paint == "line" and layer.width >= 0.9


def _light(cover: np.ndarray, lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How bright each point of a rounded body is: it falls off towards outlines, and away from the light."""
    height = 0.5 * blurred(cover * (1 - lines), 5) + 0.5 * blurred(cover, 16)
    side = 0.6 * float(rng.choice([-1, 1]))
    slope = np.zeros_like(height)
    slope[1:-1] = 0.7 * (height[2:] - height[:-2])
    slope[:, 1:-1] += side * (height[:, 2:] - height[:, :-2])
    return np.clip(0.72 + 0.42 * height + 3.2 * slope, 0.45, 1.3)


def _brushed(picture: Image.Image, cover: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Short strokes of the picture's own colours, outwards from the middle of the body."""
    canvas = picture.resize((SIZE_PX * _FINE, SIZE_PX * _FINE), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(canvas)
    spots = rng.integers(0, SIZE_PX, (_STROKES, 2))
    colours = np.asarray(picture)[spots[:, 1], spots[:, 0]].astype(np.float32)
    colours = np.clip(colours * rng.uniform(0.9, 1.09, (_STROKES, 1)), 0, 255).astype(int).tolist()
    places = np.arange(SIZE_PX)
    middle = np.array([cover.sum(0) @ places, cover.sum(1) @ places]) / max(cover.sum(), 1.0)
    angles = np.arctan2(spots[:, 1] - middle[1], spots[:, 0] - middle[0]) + rng.normal(0, 0.5, _STROKES)
    reach = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(2, 7, (_STROKES, 1))
    ends = (np.concatenate([spots - reach, spots + reach], 1) * _FINE).tolist()
    for end, colour in zip(ends, colours, strict=True):
        draw.line(end, fill=tuple(colour), width=2)
    return canvas.reduce(_FINE)
