"""From a figure to a cel: flat colours, pen lines, and what is covered, as the animators of film painted them.

Everything is drawn as polygons on a finer canvas, then shrunk: that gives smooth edges and lines of
any width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from core.datasets.drawing.curves import Curve, limb, outward_normals, wobble
from core.datasets.drawing.figure import Area, Layers, Line
from core.datasets.drawing.palettes import Palette

SIZE_PX = 256


@dataclass(frozen=True)
class Pen:
    """How lines are drawn.

    Attributes:
        width_px: of a line of width 1.
        wobble_px: how far a trembling hand strays from the curve.
        pressure: how much a line swells and thins, 0 to 1.
    """

    width_px: float = 3.0
    wobble_px: float = 0.0
    pressure: float = 0.0


@dataclass(frozen=True, eq=False)
class Cel:
    """A traced figure.

    Attributes:
        flat: RGB, what is covered in flat colours, on the given base.
        lines: L, 255 where a pen drew and nothing was painted over it.
        cover: L, 255 where the figure is, lines included; the scene does not count.
    """

    flat: Image.Image
    lines: Image.Image
    cover: Image.Image


def trace(
    scene: Layers, figure: Layers, palette: Palette, base: Image.Image, pen: Pen, rng: np.random.Generator, *,
    fine: int = 2, shrunk: bool = True,
) -> Cel:  # fmt: skip
    """Draw a scene and a figure before it (curves in pixels of the base) over a base.

    Args:
        scene: layers behind the figure, back to front.
        figure: layers, back to front.
        palette: a colour for each paint.
        base: RGB; stays as it is.
        pen: for outlines and lines.
        rng: moves the pen.
        fine: supersampling.
        shrunk: whether the cel has the size of the base, or stays `fine` times as large.
    """
    size = (base.width * fine, base.height * fine)
    flat = base.resize(size, Image.Resampling.NEAREST)
    lines, cover = Image.new("L", size), Image.new("L", size)
    tracer = _Tracer(flat, lines, cover, palette, pen, rng, fine)
    tracer.draw(scene, 0)
    tracer.draw(figure, 255)
    if shrunk and fine > 1:
        flat, lines, cover = (image.reduce(fine) for image in (flat, lines, cover))
    return Cel(flat, lines, cover)


class _Tracer:
    def __init__(self, flat, lines, cover, palette: Palette, pen: Pen, rng: np.random.Generator, fine: int) -> None:
        self.flat, self.on_flat = flat, ImageDraw.Draw(flat)
        self.on_lines, self.on_cover = ImageDraw.Draw(lines), ImageDraw.Draw(cover)
        self.palette, self.pen, self.rng, self.fine, self.covering = palette, pen, rng, fine, 0

    def draw(self, layers: Layers, covering: int) -> None:
        self.covering = covering
        for layer in layers:
            if isinstance(layer, Line):
                self._stroke(layer)
            else:
                self._fill(layer)

    def _fill(self, layer: Area) -> None:
        curves = [self._by_hand(curve) for curve in layer.curves]
        colour = self.palette[layer.paint]
        if layer.edge:
            inner = []
            for curve in curves:
                half = 0.5 * layer.edge * self._widths(len(curve), curve)[:, None] * outward_normals(curve)
                _polygon(self.on_lines, curve + half, 255)
                _polygon(self.on_cover, curve + half, self.covering)
                inner.append(curve - half)
            for curve in inner:
                _polygon(self.on_lines, curve, 0)
        for curve in curves:
            _polygon(self.on_flat, curve, colour)
            _polygon(self.on_cover, curve, self.covering)
        if layer.marks:
            self._mark(layer.marks, curves)

    def _stroke(self, layer: Line) -> None:
        curve = self._by_hand(layer.curve, closed=False)
        width = max(layer.width * self.pen.width_px, 0.8) * self.fine
        outline = limb(curve, [width * 0.55, width, width * 0.5], steps=1)
        if layer.paint == "line":
            _polygon(self.on_lines, outline, 255)
        else:
            _polygon(self.on_flat, outline, self.palette[layer.paint])
        _polygon(self.on_cover, outline, self.covering)

    def _mark(self, marks: Iterable[Area], curves: list[Curve]) -> None:
        """Paint marks where they lie on the curves."""
        points = np.concatenate(curves)
        low = np.maximum(np.floor(points.min(0)).astype(int), 0)
        high = np.minimum(np.ceil(points.max(0)).astype(int) + 1, self.flat.size)
        if (high <= low).any():
            return
        box = (*low.tolist(), *high.tolist())
        mask, patch = Image.new("L", tuple((high - low).tolist())), self.flat.crop(box)
        on_mask, on_patch = ImageDraw.Draw(mask), ImageDraw.Draw(patch)
        for curve in curves:
            _polygon(on_mask, curve - low, 255)
        for layer in marks:
            for curve in layer.curves:
                _polygon(on_patch, self._by_hand(curve) - low, self.palette[layer.paint])
        self.flat.paste(patch, box, mask)

    def _by_hand(self, curve: Curve, *, closed: bool = True) -> Curve:
        """In fine pixels, as the hand draws it."""
        curve = curve * self.fine
        if not self.pen.wobble_px:
            return curve
        extent = (curve.max(0) - curve.min(0)).max()
        stray = min(self.pen.wobble_px * self.fine, 0.035 * extent)
        waves = 3 + int(extent / (40 * self.fine))
        offsets = np.stack([wobble(len(curve), self.rng, waves=waves), wobble(len(curve), self.rng, waves=waves)], 1)
        if not closed:
            offsets *= 0.6
        return curve + stray * offsets

    def _widths(self, count: int, curve: Curve) -> np.ndarray:
        """Width of the pen at each point, in fine pixels: small shapes are drawn with a finer one."""
        extent = (curve.max(0) - curve.min(0)).min()
        width = min(self.pen.width_px * self.fine, max(0.3 * extent, 0.8 * self.fine))
        if not self.pen.pressure:
            return np.full(count, width)
        return width * np.clip(1 + 0.5 * self.pen.pressure * wobble(count, self.rng, waves=3), 0.2, 2.0)


def _polygon(draw: ImageDraw.ImageDraw, curve: Curve, fill) -> None:
    draw.polygon(curve.ravel().tolist(), fill=fill)
