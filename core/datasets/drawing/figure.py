"""What a drawing consists of: areas and lines, back to front, each with the name of its paint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.datasets.drawing.curves import Curve, turned

# coat, marks, belly and shade are the animal's fur, feathers or skin; inner is the inside of an ear.
# dot is an eye without white; line is what the pen draws with. The others say what they are.
Paint = Literal[
    "coat", "marks", "belly", "shade", "inner", "nose", "dot", "pupil", "iris", "white", "shine", "mouth", "tongue",
    "blush", "beak", "accent", "rust", "gold", "teeth", "line",
    "sky", "pane", "ground", "far", "sun", "cloud", "plant", "flower", "floor", "pattern",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Area:
    """Closed curves that are seen as one shape.

    Attributes:
        curves: their union is the area.
        paint: its colour, by name.
        marks: areas of other paint that show only where they lie on this one (stripes, patches).
        edge: thickness of the outline, in pens; 0 for none.
    """

    curves: tuple[Curve, ...]
    paint: Paint
    marks: tuple[Area, ...] = ()
    edge: float = 1.0


@dataclass(frozen=True, eq=False)
class Line:
    """An open stroke, thinner at its ends; `width` in pens."""

    curve: Curve
    paint: Paint = "line"
    width: float = 1.0


Layers = list[Area | Line]


@dataclass(frozen=True, eq=False)
class Figure:
    """An animal: its layers, and whether it stands on the ground (else it is a face, or swims, or flies)."""

    layers: Layers
    grounded: bool


def area(paint: Paint, *curves: Curve, marks: Iterable[Area] = (), edge: float = 1.0) -> Area:
    """An area of those curves."""
    return Area(curves, paint, tuple(marks), edge)


def mark(paint: Paint, *curves: Curve) -> Area:
    """An area without an outline: a spot, a stripe, a shine."""
    return Area(curves, paint, (), 0.0)


def placed(
    layers: Iterable[Area | Line], *, at: Sequence[float] = (0.0, 0.0), scale: float = 1.0, turn: float = 0.0,
    mirror: bool = False,
) -> Layers:  # fmt: skip
    """The same layers, mirrored, then turned clockwise by `turn` radians, then scaled, then moved."""
    factors = np.array([-scale if mirror else scale, scale])

    def move(curve: Curve) -> Curve:
        return turned(curve * factors, turn) + np.asarray(at)

    return [_with_curves(layer, move) for layer in layers]


def bounds(layers: Iterable[Area | Line]) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest x and y, each `(2,)`. Marks lie inside their areas and do not count."""
    curves = [c for layer in layers for c in (layer.curves if isinstance(layer, Area) else (layer.curve,))]
    everything = np.concatenate(curves)
    return everything.min(0), everything.max(0)


def _with_curves(layer: Area | Line, move) -> Area | Line:
    if isinstance(layer, Line):
        return replace(layer, curve=move(layer.curve))
    curves = tuple(move(curve) for curve in layer.curves)
    return replace(layer, curves=curves, marks=tuple(_with_curves(inner, move) for inner in layer.marks))
