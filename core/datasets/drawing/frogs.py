"""Frogs: eyes on top of the head, a very wide mouth, folded legs."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.curves import both_sides, ellipse, limb, shifted, smooth, symmetric
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark, placed

POSES = ("face", "sitting", "side")


def frog(rng: np.random.Generator) -> Figure:
    """A frog in some pose."""
    pose = str(rng.choice(POSES, p=[0.3, 0.4, 0.3]))
    return Figure({"face": _face, "sitting": _sitting, "side": _side}[pose](rng), grounded=pose != "face")


def _spots(rng: np.random.Generator) -> tuple[Area, ...]:
    if rng.random() < 0.5:
        return ()
    return (
        mark("marks", *(ellipse(*rng.uniform(-0.9, 0.9, 2), *rng.uniform(0.07, 0.16, 2), steps=18) for _ in range(7))),
    )


def _face(rng: np.random.Generator) -> Layers:
    wide, high = rng.uniform(1.0, 1.2), rng.uniform(0.7, 0.84)
    head = symmetric(
        np.array([(0, -0.72), (0.6, -0.7), (1.0, -0.05), (0.9, 0.5), (0.45, 0.85), (0, 0.9)]) * (wide, high)
    )
    x, size = rng.uniform(0.46, 0.6) * wide, rng.uniform(0.26, 0.34)
    bumps = both_sides(ellipse(x, -0.72 * high, size * 1.25, size * 1.3))
    chin = mark("belly", ellipse(0, 0.95 * high, 0.85 * wide, 0.62 * high))
    layers: Layers = [area("coat", head, *bumps, marks=[*_spots(rng), chin])]
    kind = str(rng.choice(["round", "slit", "iris", "dot", "happy", "asleep"], p=[0.36, 0.18, 0.16, 0.14, 0.1, 0.06]))
    layers += faces.eyes(kind, x, -0.78 * high, size * 0.85, rng)
    layers += [mark("line", *(ellipse(s * 0.09, -0.1 * high, 0.035, 0.025, steps=8) for s in (-1, 1)))]
    layers += _wide_mouth(0.12 * high, 0.72 * wide, rng)
    if rng.random() < 0.6:
        layers += faces.blush(0.72 * wide, 0.05, 0.15)
    return layers


def _wide_mouth(y: float, half: float, rng: np.random.Generator) -> Layers:
    kind = rng.choice(["smile", "open", "tongue"], p=[0.6, 0.25, 0.15])
    if kind == "open":
        mouth = symmetric(
            [(0, y + 0.08), (0.6 * half, y + 0.04), (0.92 * half, y - 0.06), (0.6 * half, y + 0.36), (0, y + 0.5)]
        )
        return [area("mouth", mouth, marks=[mark("tongue", ellipse(0, y + 0.48, 0.45 * half, 0.2))], edge=0.8)]
    deep = rng.uniform(0.08, 0.28)
    smile = Line(
        smooth(
            [
                (-half, y - 0.08),
                (-0.5 * half, y + 0.7 * deep),
                (0, y + deep),
                (0.5 * half, y + 0.7 * deep),
                (half, y - 0.08),
            ],
            closed=False,
        )
    )
    if kind == "tongue":
        return [smile, *faces.tongue(0.35 * half, y + 0.8 * deep, 0.17)]
    return [smile]


def _sitting(rng: np.random.Generator) -> Layers:
    torso = symmetric([(0, -0.4), (0.5, -0.3), (0.62, 0.3), (0.55, 0.8), (0, 0.95)])
    thigh = ellipse(0.68, 0.56, 0.3, 0.44, turn=rng.uniform(0.1, 0.45))
    feet = [
        limb([(0.66, 0.92), (0.66 + reach, 0.92 + drop)], [0.16, 0.1])
        for reach, drop in ((0.42, -0.02), (0.36, 0.09), (0.16, 0.13))
    ]
    arm = limb([(0.36, 0.1), (0.36, 0.5), (0.26, 0.86)], [0.2, 0.19, 0.17])
    fingers = [limb([(0.26, 0.86), (0.26 + dx, 0.99)], [0.12, 0.08]) for dx in (-0.13, 0.0, 0.13)]
    layers: Layers = [area("coat", *both_sides(thigh), *(c for foot in feet for c in both_sides(foot)))]
    layers += [area("coat", torso, marks=[mark("belly", ellipse(0, 0.35, 0.4, 0.62))])]
    layers += [area("coat", arm, *fingers, edge=0.9), area("coat", *(c * (-1, 1) for c in (arm, *fingers)), edge=0.9)]
    head = placed(_face(rng), at=(0, -0.5), scale=rng.uniform(0.62, 0.78), turn=rng.uniform(-0.1, 0.1))
    return layers + head


def _side(rng: np.random.Generator) -> Layers:
    up = rng.uniform(-0.12, 0.12)
    body = smooth(
        [
            (0.95, -0.42 + up),
            (1.05, -0.12 + up),
            (0.75, 0.2),
            (0.45, 0.62),
            (-0.4, 0.8),
            (-0.95, 0.72),
            (-0.9, 0.4),
            (-0.3, -0.2),
            (0.35, -0.62 + up),
        ]
    )
    bump = ellipse(0.52, -0.6 + up, 0.25, 0.25)
    thigh = smooth([(-0.05, 0.45), (-0.3, 0.05), (-0.75, 0.2), (-0.95, 0.62), (-0.75, 0.88), (-0.2, 0.86)])
    shin = limb([(-0.75, 0.86), (-0.3, 0.86), (0.02, 0.9)], [0.18, 0.17, 0.15])
    toes = [limb([(0.0, 0.9), (0.26, 0.9 + dy)], [0.12, 0.08]) for dy in (-0.08, 0.01, 0.09)]
    arm = limb([(0.55, 0.2), (0.52, 0.55), (0.62, 0.88)], [0.22, 0.18, 0.15])
    fingers = [limb([(0.62, 0.88), (0.84, 0.9 + dy)], [0.11, 0.07]) for dy in (-0.08, 0.0, 0.08)]
    far = [shifted(curve, 0.2, -0.06) for curve in (arm, *fingers)]
    layers: Layers = [
        area("shade", *far),
        area(
            "coat",
            body,
            bump,
            marks=[*_spots(rng), mark("belly", smooth([(1.1, -0.05 + up), (0.6, 0.06), (0.2, 0.9), (0.9, 0.9)]))],
        ),
    ]
    kind = str(rng.choice(["round", "slit", "iris", "dot", "happy"], p=[0.4, 0.2, 0.15, 0.15, 0.1]))
    layers += faces.eye(kind, 0.57, -0.62 + up, 0.16, gaze=(0.8, 0.0))
    layers += [Line(smooth([(1.03, -0.17 + up), (0.75, -0.1 + up), (0.42, -0.2 + up)], closed=False))]
    if rng.random() < 0.4:
        layers += [mark("blush", ellipse(0.4, -0.06 + up, 0.12, 0.08))]
    return [*layers, area("coat", shin, *toes, edge=0.9), area("coat", thigh), area("coat", arm, *fingers, edge=0.9)]
