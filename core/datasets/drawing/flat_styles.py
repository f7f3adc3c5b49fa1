"""Styles of flat colours with clear edges: cartoon, silhouette, pixel art."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from core.datasets.drawing.figure import Area, Figure, Layers, placed
from core.datasets.drawing.palettes import Palette, mixed
from core.datasets.drawing.scenes import scene
from core.datasets.drawing.textures import gradient
from core.datasets.drawing.tracing import SIZE_PX, Pen, trace

_CUT_OUTS = ("white", "dot", "iris", "nose", "mouth", "teeth", "tongue")
# how dark the scene is, against the light: 1 is as dark as the animal
_SHADES = {
    "sky": 0.0,
    "pane": 0.25,
    "sun": 0.1,
    "cloud": 0.08,
    "pattern": 0.14,
    "far": 0.22,
    "floor": 0.3,
    "ground": 0.4,
    "flower": 0.45,
    "plant": 0.55,
}
_SKIES = (
    ((255, 214, 140), (238, 120, 92)), ((180, 224, 250), (248, 250, 240)), ((252, 232, 170), (250, 170, 120)),
    ((126, 96, 170), (250, 160, 150)), ((250, 250, 246), (226, 232, 236)), ((255, 244, 200), (180, 220, 170)),
    ((36, 48, 96), (120, 110, 176)),
)  # fmt: skip


def cartoon(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """Flat colours, a firm outline, and on some a shade on the side away from the light."""
    wall = palette["wall"]
    base = gradient(wall, mixed(wall, palette["pattern"], rng.choice([0.0, 0.9])))
    behind = scene(figure.grounded, feet, rng)
    cel = trace(behind, figure.layers, palette, base, Pen(rng.uniform(2.0, 4.5)), rng, fine=3)
    picture = cel.flat
    if rng.random() < 0.6:
        shift = (int(rng.choice([-1, 1])) * int(rng.integers(5, 10)), int(rng.integers(4, 9)))
        lit = ImageChops.offset(cel.cover, -shift[0], -shift[1])
        shade = ImageChops.subtract(cel.cover, lit).point(lambda value: value * 56 // 255)
        picture.paste(mixed(palette["line"], (60, 40, 110), 0.4), mask=shade)
    picture.paste(palette["line"], mask=cel.lines)
    return picture


def silhouette(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """One dark colour before a sky; on most, eyes and mouth are cut out."""
    top, bottom = _SKIES[rng.integers(len(_SKIES))]
    night = sum(top) < 300
    ink = (248, 240, 214) if night else mixed((28, 24, 32), palette["marks"], rng.uniform(0.0, 0.3))
    light = bottom if not night else top
    colours = dict.fromkeys(palette, ink)
    for paint in _CUT_OUTS:
        colours[paint] = light
    for paint, share in _SHADES.items():
        colours[paint] = mixed(light, ink, share)
    faceless = figure.grounded and rng.random() < 0.1
    layers = _against_light(figure.layers, faceless=faceless)
    behind = [layer for layer in scene(figure.grounded, feet, rng) if layer.paint != "sky"]
    cel = trace(behind, layers, colours, gradient(top, bottom), Pen(2.6), rng, fine=3)
    if rng.random() < 0.85:  # as in cut paper, a slit shows where ears, wings and legs begin
        inside = cel.cover.filter(ImageFilter.BoxBlur(3)).point(lambda value: 255 * (value > 245))
        cel.flat.paste(light, mask=ImageChops.multiply(cel.lines, inside).point(lambda value: value * 7 // 10))
    return cel.flat


def _against_light(layers: Layers, *, faceless: bool) -> Layers:
    """What one sees of a figure against the light: no marks, and lines of the face only, cut out."""
    seen: Layers = []
    for layer in layers:
        if isinstance(layer, Area):
            if not (faceless and layer.paint in (*_CUT_OUTS, "pupil", "shine")):
                seen.append(replace(layer, marks=()))
        elif layer.width < 0.7:  # whiskers stand out against the sky
            seen.append(replace(layer, paint="coat"))
        elif not faceless:
            seen.append(replace(layer, paint="white"))
    return seen


def pixel(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """Large square pixels in few colours, with an outline one pixel wide."""
    block = int(rng.choice([2, 3, 4]))
    count = -(-SIZE_PX // block)
    shrink = count / SIZE_PX
    behind = placed(scene(figure.grounded, feet, rng), scale=shrink)
    layers = placed(figure.layers, scale=shrink)
    fine = 4
    base = Image.new("RGB", (count, count), palette["wall"])
    cel = trace(behind, layers, palette, base, Pen(1.15), rng, fine=fine, shrunk=False)
    picture = cel.flat
    picture.paste(palette["line"], mask=cel.lines)
    picture = picture.resize((count, count), Image.Resampling.NEAREST)
    picture = picture.resize((count * block, count * block), Image.Resampling.NEAREST).crop((0, 0, SIZE_PX, SIZE_PX))
    if rng.random() < 0.25:  # the grid between the pixels of an old screen
        draw = ImageDraw.Draw(picture, "RGBA")
        for at in range(0, SIZE_PX, block):
            draw.line([(at, 0), (at, SIZE_PX)], fill=(0, 0, 0, 26))
            draw.line([(0, at), (SIZE_PX, at)], fill=(0, 0, 0, 26))
    return picture
