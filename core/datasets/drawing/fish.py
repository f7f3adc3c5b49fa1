"""Fish: a tail fin, fins, scales; some with bubbles."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.curves import Curve, ellipse, limb, petal, smooth
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark, placed

PATTERNS = ("plain", "bands", "scales", "spots", "belly", "stripe")


def fish(rng: np.random.Generator) -> Figure:
    """A fish, swimming to the right."""
    high, long = rng.uniform(0.42, 0.85), rng.uniform(0.85, 1.1)
    snout = rng.uniform(-0.08, 0.12)
    body = smooth(
        np.array(
            [
                (1.0, snout),
                (0.62, -0.72),
                (0.0, -1.0),
                (-0.6, -0.5),
                (-1.0, -0.16),
                (-1.0, 0.16),
                (-0.6, 0.5),
                (0.0, 0.98),
                (0.62, 0.72),
            ]
        )
        * (long, high)
    )
    fin_paint = "marks" if rng.random() < 0.7 else "coat"
    layers: Layers = _tail(fin_paint, -0.92 * long, rng)
    layers += _fins(fin_paint, long, high, rng)
    layers += [area("coat", body, marks=_pattern(long, high, rng))]
    layers += [
        Line(smooth([(0.4 * long, -0.62 * high), (0.28 * long, 0), (0.4 * long, 0.62 * high)], closed=False), width=0.8)
    ]
    side_fin = limb(
        [(0.16 * long, 0.18 * high), (-0.12 * long, 0.36 * high), (-0.32 * long, 0.4 * high)], [0.1, 0.24, 0.2]
    )
    layers += [area(fin_paint, side_fin, edge=0.9)]
    layers += _face(long, high, snout, rng)
    return Figure(placed(layers + _bubbles(long, rng), turn=rng.uniform(-0.25, 0.25)), grounded=False)


def _tail(paint: str, x: float, rng: np.random.Generator) -> Layers:
    size = rng.uniform(0.5, 0.85)
    kind = rng.choice(["forked", "fan", "veil", "round"])
    if kind == "forked":
        curve = smooth(
            [
                (x + 0.1, 0),
                (x - 0.4, -0.8 * size),
                (x - 0.62, -0.95 * size),
                (x - 0.34, 0),
                (x - 0.62, 0.95 * size),
                (x - 0.4, 0.8 * size),
            ],
            steps=5,
        )
    elif kind == "fan":
        curve = petal([(x - 0.55, -0.8 * size), (x - 0.55, 0.8 * size)], (x + 0.1, 0), bulge=-0.06)
    elif kind == "veil":
        curve = smooth(
            [
                (x + 0.1, 0),
                (x - 0.45, -0.75 * size),
                (x - 0.95, -0.7 * size),
                (x - 0.75, -0.1),
                (x - 1.05, 0.55 * size),
                (x - 0.5, 0.8 * size),
            ]
        )
    else:
        curve = ellipse(x - 0.3, 0, 0.42, 0.75 * size)
    rays = [
        Line(smooth([(x - 0.06, 0.05 * s), (x - 0.24, 0.2 * s), (x - 0.42, 0.42 * s * size)], closed=False), width=0.6)
        for s in (-1, 0, 1)
    ]
    return [area(paint, curve), *rays]


def _fins(paint: str, long: float, high: float, rng: np.random.Generator) -> Layers:
    tall = rng.uniform(0.25, 0.6)
    top: list[Curve] = [
        smooth(
            [
                (0.5 * long, -0.7 * high),
                (0.1 * long, -high - tall),
                (-0.35 * long, -high - 0.75 * tall),
                (-0.6 * long, -0.4 * high),
                (0.0, -0.5 * high),
            ]
        )
    ]
    if rng.random() < 0.3:  # a spiny one
        top = [
            petal([(x + 0.16, -0.7 * high), (x - 0.16, -0.7 * high)], (x - 0.12, -high - tall * 0.9), bulge=0.02)
            for x in (0.3, 0.08, -0.14, -0.34)
        ]
    low = [limb([(0.0, 0.8 * high), (-0.2, high + 0.2), (-0.38, high + 0.3)], [0.3, 0.24, 0.08])]
    if rng.random() < 0.5:
        low.append(
            limb([(-0.5, 0.45 * high), (-0.68, 0.55 * high + 0.16), (-0.8, 0.55 * high + 0.24)], [0.22, 0.18, 0.06])
        )
    return [area(paint, *top), area(paint, *low)]


def _pattern(long: float, high: float, rng: np.random.Generator) -> list[Area]:
    kind = rng.choice(PATTERNS)
    if kind == "bands":
        return [
            mark(
                "marks",
                *(
                    limb([(x, -1.1), (x + 0.08, 0), (x, 1.1)], [0.2, 0.26, 0.2])
                    for x in (0.12 * long, -0.38 * long, -0.8 * long)
                ),
            )
        ]
    if kind == "scales":
        arcs = [
            limb([(x, y - 0.11), (x - 0.1, y), (x, y + 0.11)], [0.02, 0.05, 0.02], steps=3)
            for i, x in enumerate(np.arange(0.1, -0.8, -0.2)) for y in np.arange(-0.66, 0.7, 0.22) + 0.11 * (i % 2)
        ]  # fmt: skip
        return [mark("belly", ellipse(0.1, 0.95 * high, 1.0, 0.5 * high)), mark("marks", *arcs)]
    if kind == "spots":
        return [
            mark(
                "marks",
                *(
                    ellipse(
                        rng.uniform(-0.8, 0.2), rng.uniform(-0.8, 0.8) * high, *rng.uniform(0.06, 0.14, 2), steps=16
                    )
                    for _ in range(9)
                ),
            )
        ]
    if kind == "belly":
        return [mark("belly", ellipse(0.15, 0.95 * high, 1.05, 0.75 * high))]
    if kind == "stripe":
        return [mark("belly", limb([(1.0, 0.05), (0, 0.0), (-1.1, 0.05)], [0.16, 0.22, 0.14]))]
    return []


def _face(long: float, high: float, snout: float, rng: np.random.Generator) -> Layers:
    kind = str(rng.choice(["round", "dot", "iris", "happy"], p=[0.5, 0.25, 0.15, 0.1]))
    layers = faces.eye(
        kind, 0.62 * long, -0.2 * high, rng.uniform(0.12, 0.17), gaze=(rng.uniform(-0.5, 1), rng.uniform(-0.5, 0.5))
    )
    if rng.random() < 0.3:  # lips
        lips = [
            ellipse(0.98 * long, (snout + 0.02) * high - 0.04, 0.1, 0.06),
            ellipse(0.97 * long, (snout + 0.02) * high + 0.06, 0.09, 0.055),
        ]
        return [*layers, area("blush", *lips, edge=0.7)]
    smile = smooth(
        [(0.97 * long, snout * high + 0.1), (0.86 * long, snout * high + 0.17), (0.74 * long, snout * high + 0.12)],
        closed=False,
    )
    if rng.random() < 0.4:
        layers += [mark("blush", ellipse(0.56 * long, 0.12 * high, 0.1, 0.07))]
    return [*layers, Line(smile, width=0.9)]


def _bubbles(long: float, rng: np.random.Generator) -> Layers:
    if rng.random() < 0.5:
        return []
    x = 1.15 * long
    bubbles: Layers = []
    for size, rise in ((0.06, -0.1), (0.09, -0.4), (0.07, -0.7)):
        ring = ellipse(x + rng.uniform(-0.03, 0.15), rise, size, size, steps=20)
        bubbles.append(area("white", ring, edge=0.6))
    return bubbles[: int(rng.integers(1, 4))]
