"""Turtles: a shell with plates, short legs, a small head."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.curves import both_sides, ellipse, limb, smooth, symmetric
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark, placed

POSES = ("side", "above", "front")


def turtle(rng: np.random.Generator) -> Figure:
    """A turtle in some pose."""
    pose = str(rng.choice(POSES, p=[0.56, 0.22, 0.22]))
    return Figure({"side": _side, "above": _above, "front": _front}[pose](rng), grounded=pose != "above")


def _plates(rng: np.random.Generator, *, x: float, y: float, rx: float, ry: float) -> tuple[Area, ...]:
    """The pattern of a shell around (x, y): plates, rings or spots."""
    kind = rng.choice(["plates", "spots", "rings"], p=[0.6, 0.25, 0.15])
    if kind == "spots":
        return (
            mark(
                "belly",
                *(
                    ellipse(x + rx * dx, y + ry * dy, 0.13 * rx, 0.13 * rx, steps=18)
                    for dx, dy in (
                        (-0.55, 0.1),
                        (0, -0.35),
                        (0.5, 0.1),
                        (-0.2, 0.35),
                        (0.2, 0.4),
                        (-0.35, -0.45),
                        (0.4, -0.4),
                        (0, 0.05),
                    )
                ),
            ),
        )
    if kind == "rings":
        return tuple(
            mark(paint, ellipse(x, y, rx * s, ry * s))
            for s, paint in ((0.78, "coat"), (0.55, "marks"), (0.32, "belly"))
        )
    hexagon = np.array([(np.cos(a), np.sin(a)) for a in np.arange(6) * np.pi / 3])
    size = rng.uniform(0.26, 0.31)
    centres = [(0, 0), *((0.62 * np.cos(a), 0.62 * np.sin(a)) for a in np.arange(6) * np.pi / 3 + np.pi / 6)]
    return (
        mark(
            "belly" if rng.random() < 0.5 else "coat",
            *(hexagon * (size * rx, size * ry) + (x + rx * cx, y + ry * cy) for cx, cy in centres),
        ),
    )


def _side(rng: np.random.Generator) -> Layers:
    high = rng.uniform(0.7, 1.0)
    shell = smooth(
        [
            (0.98, 0.3),
            (0.9, -0.05),
            (0.55, 0.3 - 0.82 * high),
            (0, 0.3 - high),
            (-0.55, 0.3 - 0.82 * high),
            (-0.92, -0.05),
            (-1.0, 0.3),
            (0, 0.42),
        ]
    )
    rim = limb([(-1.06, 0.34), (0, 0.43), (1.04, 0.34)], [0.16, 0.2, 0.16])
    step = rng.uniform(-0.14, 0.14)
    legs = [
        limb([(x, 0.4), (x + dx, 0.72), (x + 1.6 * dx, 0.84)], [0.34, 0.3, 0.32])
        for x, dx in ((0.58, 0.06 + step), (-0.58, -0.06 - step))
    ]
    far = [
        limb([(x, 0.4), (x + dx, 0.7), (x + dx, 0.8)], [0.3, 0.27, 0.28])
        for x, dx in ((0.26, 0.02 - step), (-0.28, 0.02 + step))
    ]
    up = rng.uniform(-0.35, 0.25)
    head_at = np.array([1.42, up - 0.18])
    neck = limb([(0.75, 0.3), (1.12, 0.2 + 0.5 * up), tuple(head_at)], [0.34, 0.28, 0.34])
    head = smooth(
        np.array([(-0.3, -0.12), (0.02, -0.31), (0.34, -0.16), (0.42, 0.06), (0.24, 0.25), (-0.12, 0.26)]) + head_at
    )
    tail = limb([(-0.9, 0.42), (-1.2, 0.5), (-1.36, 0.62)], [0.2, 0.12, 0.04])
    kind = str(rng.choice(["dot", "round", "iris", "happy", "asleep"], p=[0.4, 0.32, 0.08, 0.12, 0.08]))
    layers: Layers = [area("shade", *far), area("coat", *legs, tail), area("coat", neck, head)]
    layers += [Line(smooth(np.array([(0.4, 0.1), (0.22, 0.14), (0.08, 0.06)]) + head_at, closed=False), width=0.8)]
    layers += faces.eye(kind, head_at[0] + 0.1, head_at[1] - 0.08, 0.11, gaze=(0.8, 0.2))
    if rng.random() < 0.4:
        layers += [mark("blush", ellipse(head_at[0] - 0.04, head_at[1] + 0.1, 0.08, 0.06))]
    layers += [
        area("marks", shell, marks=_plates(rng, x=0, y=0.34 - 0.5 * high, rx=0.95, ry=0.62 * high)),
        area("belly", rim),
    ]
    return layers


def _above(rng: np.random.Generator) -> Layers:
    wide, high = rng.uniform(0.75, 0.92), rng.uniform(0.85, 1.0)
    shell = symmetric(np.array([(0, -1), (0.6, -0.8), (0.95, -0.1), (0.75, 0.7), (0, 1)]) * (wide, high))
    swing = rng.uniform(-0.15, 0.2)
    flipper = limb(
        [(0.6 * wide, -0.55 * high), (1.1 * wide, -0.85 - swing), (1.42 * wide, -0.7 - 2 * swing)], [0.34, 0.36, 0.14]
    )
    hind = limb([(0.5 * wide, 0.7 * high), (0.78 * wide, 0.98 * high), (0.95 * wide, 1.15 * high)], [0.3, 0.26, 0.14])
    tail = limb([(0, 0.9 * high), (0.03, 1.25 * high)], [0.16, 0.04])
    neck = limb([(0, -0.8 * high), (0, -1.15 * high)], [0.36, 0.36])
    head = ellipse(0, -1.26 * high, 0.27, 0.32)
    layers: Layers = [area("coat", *both_sides(flipper), *both_sides(hind), tail, neck, head)]
    layers += faces.eyes("dot", 0.15, -1.34 * high, 0.085, rng)
    layers += [area("marks", shell, marks=_plates(rng, x=0, y=0, rx=0.95 * wide, ry=high))]
    return placed(layers, turn=rng.uniform(-np.pi, np.pi))


def _front(rng: np.random.Generator) -> Layers:
    """It looks at you, with its shell behind it."""
    high = rng.uniform(0.95, 1.15)
    shell = symmetric([(0, 0.4 - high), (0.62, 0.48 - 0.85 * high), (1.05, 0.2), (1.02, 0.55), (0, 0.66)])
    rim = limb([(-1.08, 0.5), (0, 0.66), (1.08, 0.5)], [0.14, 0.18, 0.14])
    legs = both_sides(limb([(0.6, 0.6), (0.72, 0.8), (0.74, 0.95)], [0.36, 0.34, 0.36]))
    size, y = rng.uniform(0.46, 0.56), rng.uniform(0.1, 0.3)
    head = symmetric(np.array([(0, -0.9), (0.65, -0.7), (0.98, 0.0), (0.8, 0.6), (0, 0.85)]) * size + (0, y))
    neck = limb([(0, y), (0, 0.62)], [1.1 * size, 1.2 * size])
    layers: Layers = [
        area("marks", shell, marks=_plates(rng, x=0, y=-0.05, rx=1.0, ry=0.85 * high)),
        area("coat", *legs),
        area("belly", rim),
    ]
    layers += [area("coat", neck), area("coat", head)]
    kind = str(rng.choice(faces.EYES, p=[0.4, 0.3, 0.08, 0.14, 0.08]))
    layers += faces.eyes(kind, 0.5 * size, y - 0.12 * size, 0.24 * size, rng)
    layers += faces.mouth(str(rng.choice(["smile", "flat", "open"], p=[0.6, 0.2, 0.2])), 0, y + 0.22 * size, 0.4 * size)
    layers += [mark("line", *(ellipse(s * 0.09 * size, y + 0.12 * size, 0.02, 0.02, steps=8) for s in (-1, 1)))]
    if rng.random() < 0.6:
        layers += faces.blush(0.72 * size, y + 0.24 * size, 0.16 * size)
    return layers
