"""Birds: a beak, wings, two thin legs."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.curves import both_sides, ellipse, limb, petal, shifted, smooth, symmetric, turned
from core.datasets.drawing.figure import Figure, Layers, Line, area, mark, placed

POSES = ("side", "front", "flying", "owl")


def bird(rng: np.random.Generator) -> Figure:
    """A bird in some pose."""
    pose = str(rng.choice(POSES, p=[0.46, 0.22, 0.16, 0.16]))
    return Figure(
        {"side": _side, "front": _front, "flying": _flying, "owl": _owl}[pose](rng), grounded=pose != "flying"
    )


def _side(rng: np.random.Generator) -> Layers:
    plump = rng.uniform(0.85, 1.15)
    body = smooth(
        np.array([(0.55, -0.5), (0.66, 0.1), (0.3, 0.58), (-0.3, 0.55), (-0.95, 0.2), (-0.7, -0.1), (-0.2, -0.35)])
        * (1, plump)
    )
    head = ellipse(0.42, -0.58, 0.46, 0.44)
    long = rng.uniform(0.3, 1.0)
    tails = [
        limb([(-0.7, 0.12), (-1.1 - 0.5 * long, 0.2 + dy)], [0.26, 0.2 - 0.05 * long]) for dy in (-0.06, 0.14, 0.34)
    ]
    chest = mark("belly", ellipse(0.55, 0.3, 0.5, 0.55 * plump, turn=0.3))
    layers = _legs(0.08, 0.5 * plump, rng)
    layers += [area("marks", *tails)]
    if rng.random() < 0.35:
        layers += [
            area(
                "marks",
                *(
                    petal([(0.2, -0.92), (0.45, -0.95)], (0.2 + 0.18 * i - rng.uniform(0.0, 0.2), -1.4), bulge=0.1)
                    for i in range(3)
                ),
            )
        ]
    cap = [mark("marks", ellipse(0.38, -1.0, 0.55, 0.3))] if rng.random() < 0.3 else []
    layers += _beak_sideways(0.8, -0.55, rng)
    layers += [area("coat", body, head, marks=[chest, *cap])]
    layers += _wing(0.0, 0.05, rng)
    layers += faces.eye(
        str(rng.choice(["dot", "round", "iris", "happy"], p=[0.5, 0.3, 0.1, 0.1])), 0.52, -0.66, 0.14, gaze=(0.8, 0)
    )
    if rng.random() < 0.3:
        layers += [mark("blush", ellipse(0.46, -0.38, 0.12, 0.09))]
    return layers


def _beak_sideways(x: float, y: float, rng: np.random.Generator) -> Layers:
    kind = rng.choice(["cone", "long", "hooked", "open"], p=[0.4, 0.2, 0.25, 0.15])
    if kind == "hooked":
        hook = smooth(
            [
                (x - 0.05, y - 0.2),
                (x + 0.22, y - 0.14),
                (x + 0.33, y + 0.12),
                (x + 0.24, y + 0.3),
                (x + 0.14, y + 0.14),
                (x - 0.05, y + 0.2),
            ]
        )
        return [area("beak", hook)]
    reach = {"cone": 0.36, "long": 0.65, "open": 0.42}[str(kind)]
    upper = petal(
        [(x - 0.05, y - 0.15), (x - 0.05, y + 0.1)], (x + reach, y + 0.06 - (0.16 if kind == "open" else 0)), bulge=0.08
    )
    lower = petal(
        [(x - 0.05, y + 0.0), (x - 0.05, y + 0.17)],
        (x + 0.8 * reach, y + 0.12 + (0.12 if kind == "open" else 0)),
        bulge=0.04,
    )
    return [area("beak", lower), area("beak", upper)]


def _wing(x: float, y: float, rng: np.random.Generator) -> Layers:
    tip = (x - rng.uniform(0.75, 1.0), y + rng.uniform(0.1, 0.3))
    wing = smooth(
        [
            (x + 0.3, y - 0.15),
            (x + 0.22, y + 0.2),
            (x - 0.15, y + 0.34),
            (x - 0.5, y + 0.3),
            tip,
            (x - 0.4, y - 0.12),
            (x, y - 0.26),
        ]
    )
    feathers = [
        Line(
            smooth(
                [(x + 0.1 - d, y + 0.05 + 0.02 * d), (x - 0.2 - d, y + 0.18), (x - 0.42 - d, y + 0.16)], closed=False
            ),
            width=0.6,
        )
        for d in (0.0, 0.22)
    ]
    return [area("marks", wing), *feathers]


def _legs(x: float, y: float, rng: np.random.Generator) -> Layers:
    layers: Layers = []
    for dx in (-0.14, 0.16):
        foot = y + rng.uniform(0.34, 0.44)
        layers += [
            area(
                "beak",
                limb([(x + dx, y - 0.1), (x + dx, foot)], [0.08, 0.08]),
                *_toes(x + dx, foot, sideways=True),
                edge=0.6,
            )
        ]
    return layers


def _toes(x: float, y: float, *, sideways: bool) -> list[np.ndarray]:
    ends = (0.2, 0.1, -0.12) if sideways else (-0.14, 0.0, 0.14)
    return [limb([(x, y), (x + end, y + 0.07)], [0.08, 0.06]) for end in ends]


def _front(rng: np.random.Generator) -> Layers:
    """A round bird, a chick or a robin, that looks at you."""
    wide, high = rng.uniform(0.72, 0.95), rng.uniform(0.82, 1.05)
    body = symmetric(np.array([(0, -0.95), (0.5, -0.8), (0.86, 0.0), (0.74, 0.65), (0, 0.95)]) * (wide, high))
    spread = rng.uniform(0.0, 0.9)
    wing = turned(limb([(0, 0), (0.12, 0.32), (0.04, 0.72)], [0.26, 0.4, 0.12]), -spread)
    wing = shifted(wing, 0.72 * wide, -0.1)
    layers: Layers = []
    for side in (-1, 1):
        layers += [
            area(
                "beak",
                limb([(side * 0.25, 0.8 * high), (side * 0.26, 1.1 * high)], [0.09, 0.08]),
                *_toes(side * 0.26, 1.1 * high, sideways=False),
                edge=0.6,
            )
        ]
    if rng.random() < 0.5:
        layers += [
            area(
                "coat",
                *(
                    petal([(-0.1, -0.85 * high), (0.1, -0.85 * high)], (lean, -1.25 * high), bulge=0.1)
                    for lean in (-0.2, 0.02, 0.22)
                ),
            )
        ]
    layers += [area("coat", body, marks=[mark("belly", ellipse(0, 0.42, 0.56 * wide, 0.5 * high))])]
    layers += [area("marks", wing), area("marks", wing * (-1, 1))]
    y = rng.uniform(-0.35, -0.2)
    layers += faces.eyes(str(rng.choice(faces.EYES)), rng.uniform(0.28, 0.38), y - 0.08, rng.uniform(0.12, 0.17), rng)
    if rng.random() < 0.5:
        layers += faces.blush(0.5 * wide, y + 0.16, 0.12)
    size = rng.uniform(0.12, 0.2)
    layers += [area("beak", petal([(-size, y + 0.12), (size, y + 0.12)], (0, y + 0.12 + 1.9 * size), bulge=0.08))]
    layers += [
        Line(
            smooth(
                [(-0.8 * size, y + 0.16 + 0.4 * size), (0, y + 0.2 + 0.5 * size), (0.8 * size, y + 0.16 + 0.4 * size)],
                closed=False,
            ),
            width=0.6,
        )
    ]
    return layers


def _flying(rng: np.random.Generator) -> Layers:
    body = smooth([(0.75, -0.1), (0.4, 0.3), (-0.3, 0.28), (-1.0, 0.0), (-0.4, -0.2), (0.35, -0.3)])
    head = ellipse(0.72, -0.2, 0.32, 0.31)
    tails = [limb([(-0.8, 0.0), (-1.35, dy)], [0.22, 0.14]) for dy in (-0.16, 0.06, 0.26)]
    up = rng.uniform(0.75, 1.2)
    lean = rng.uniform(-0.7, 0.1)

    def wing(x: float) -> np.ndarray:
        return smooth(
            [
                (x + 0.32, -0.1),
                (x + 0.3 + 0.5 * lean, -0.55 * up),
                (x + 0.1 + lean, -1.15 * up),
                (x - 0.25 + lean, -0.9 * up),
                (x - 0.42 + 0.6 * lean, -0.55 * up),
                (x - 0.42, -0.08),
            ]
        )

    feathers = [
        Line(
            smooth(
                [(d, -0.12), (d - 0.04 + 0.5 * lean, -0.45 * up), (d - 0.1 + 0.75 * lean, -0.72 * up)], closed=False
            ),
            width=0.6,
        )
        for d in (-0.12, 0.08)
    ]
    layers: Layers = [area("shade", wing(0.3)), area("marks", *tails), *_beak_sideways(0.98, -0.18, rng)]
    layers += [area("coat", body, head, marks=[mark("belly", ellipse(0.35, 0.3, 0.7, 0.25))])]
    layers += [area("marks", wing(0.0)), *feathers]
    return layers + faces.eye(str(rng.choice(["dot", "round", "happy"])), 0.8, -0.26, 0.11, gaze=(0.8, 0))


def _owl(rng: np.random.Generator) -> Layers:
    wide = rng.uniform(0.72, 0.9)
    body = symmetric(np.array([(0, -0.86), (0.6, -0.95), (0.82, -0.4), (0.84, 0.4), (0.5, 0.9), (0, 1.0)]) * (wide, 1))
    tufts = both_sides(petal([(0.3 * wide, -0.85), (0.8 * wide, -0.6)], (0.78 * wide, -1.3), bulge=0.05))
    wing = limb([(0.74 * wide, -0.2), (0.86 * wide, 0.25), (0.64 * wide, 0.72)], [0.2, 0.44, 0.14])
    feet = [limb([(x + d, 0.95), (x + d, 1.06)], [0.11, 0.09]) for x in (-0.28, 0.28) for d in (-0.1, 0.0, 0.1)]
    layers: Layers = [area("beak", *feet, edge=0.6)]
    layers += [
        area(
            "coat",
            body,
            *(tufts if rng.random() < 0.75 else ()),
            marks=[mark("belly", ellipse(0, 0.5, 0.55 * wide, 0.55))],
        )
    ]
    chevrons = [
        Line(smooth([(x - 0.09, y), (x, y + 0.08), (x + 0.09, y)], closed=False), paint="marks", width=0.9)
        for y, xs in ((0.25, (-0.2, 0, 0.2)), (0.48, (-0.1, 0.1)), (0.7, (0,)))
        for x in xs
    ]
    layers += [*chevrons, area("marks", wing), area("marks", wing * (-1, 1))]
    size = rng.uniform(0.26, 0.34)
    layers += [area("belly", *both_sides(ellipse(0.34 * wide, -0.4, 0.4 * wide, 0.38)), edge=0.7)]
    layers += faces.eyes(
        str(rng.choice(["round", "iris", "dot", "happy"], p=[0.3, 0.4, 0.15, 0.15])),
        0.35 * wide,
        -0.4,
        size * 0.75,
        rng,
    )
    layers += [area("beak", petal([(-0.11, -0.3), (0.11, -0.3)], (0, -0.02), bulge=0.1), edge=0.8)]
    return placed(layers, turn=rng.uniform(-0.08, 0.08))
