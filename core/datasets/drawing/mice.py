"""Mice: large round ears, a pointed nose, a long thin tail."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.bodies import POSES, Build, Head, posed
from core.datasets.drawing.curves import both_sides, ellipse, limb, smooth, symmetric
from core.datasets.drawing.figure import Figure, Layers, Line, area, mark


def mouse(rng: np.random.Generator) -> Figure:
    """A mouse in some pose."""
    pose = str(rng.choice(POSES, p=[0.28, 0.26, 0.14, 0.18, 0.14]))
    pale = rng.random() < 0.55
    profile = pose in ("sitting sideways", "standing", "lying") and rng.random() < 0.6
    head = (_profile if profile else _face)(pale, rng)
    build = Build(
        leg=rng.uniform(0.16, 0.26),
        thick=rng.uniform(0.15, 0.2),
        girth=rng.uniform(0.46, 0.6),
        length=rng.uniform(0.8, 0.95),
        head=rng.uniform(0.62, 0.78),
        tail=_tail(rng),
        chest=pale,
        hump=rng.uniform(0.2, 0.5),
        squat=rng.uniform(0.62, 0.8),
    )
    return posed(pose, head, build, rng)


def _face(pale: bool, rng: np.random.Generator) -> Head:
    wide = rng.uniform(0.8, 0.95)
    skull = symmetric(
        [(0, -0.72), (0.5 * wide, -0.62), (0.84 * wide, -0.12), (0.66 * wide, 0.36), (0.28, 0.68), (0, 0.78)]
    )
    size, x, y = rng.uniform(0.5, 0.68), rng.uniform(0.78, 0.95), -rng.uniform(0.6, 0.85)
    ear = ellipse(x, y, size, size * rng.uniform(0.92, 1.08))
    inner = ellipse(x * 1.0, y, size * 0.66, size * 0.66)
    behind: Layers = [area("coat", *both_sides(ear)), area("inner", *both_sides(inner), edge=0.5)]
    details: Layers = faces.whiskers(0.2, 0.42, rng.uniform(0.6, 0.85), rng, count=int(rng.integers(2, 4)))
    kind = str(rng.choice(faces.EYES, p=[0.5, 0.24, 0.08, 0.1, 0.08]))
    details += faces.eyes(kind, 0.34 * wide, -0.04, rng.uniform(0.14, 0.2), rng)
    if rng.random() < 0.6:
        details += faces.blush(0.5 * wide, 0.26, 0.13)
    mouth = str(rng.choice(["w", "smile", "open"], p=[0.5, 0.3, 0.2]))
    details += faces.mouth(mouth, 0, 0.54, 0.15)
    if rng.random() < 0.4:
        details += [area("teeth", ellipse(0, 0.68, 0.075, 0.09, steps=16), edge=0.5)]
    details += faces.button_nose(0, 0.45, rng.uniform(0.1, 0.15), kind="broad")
    marks = (mark("belly", ellipse(0, 0.6, 0.42, 0.36)),) if pale else ()
    return Head(behind, (skull,), details, marks, chin=0.78)


def _profile(pale: bool, rng: np.random.Generator) -> Head:
    tip = rng.uniform(1.05, 1.3)
    skull = smooth(
        [
            (-0.7, 0.1),
            (-0.5, -0.45),
            (0.05, -0.6),
            (0.6, -0.25),
            (tip, 0.14),
            (tip - 0.05, 0.32),
            (0.6, 0.5),
            (0, 0.62),
            (-0.5, 0.55),
        ]
    )
    size = rng.uniform(0.46, 0.6)
    ear, inner = ellipse(-0.28, -0.62, size, size), ellipse(-0.26, -0.6, size * 0.66, size * 0.66)
    kind = str(rng.choice(["dot", "round", "happy"], p=[0.65, 0.25, 0.1]))
    details: Layers = [area("coat", ear), area("inner", inner, edge=0.5)]
    details += faces.eye(kind, 0.42, -0.06, 0.16, gaze=(0.7, 0.2))
    details += faces.whiskers(0.9, 0.24, 0.5, rng, sides=(1,))
    details += [area("nose", ellipse(tip + 0.02, 0.18, 0.12, 0.11), edge=0.5)]
    details += [Line(smooth([(tip - 0.12, 0.36), (0.8, 0.42), (0.62, 0.32)], closed=False), width=0.7)]
    behind: Layers = [area("shade", ellipse(0.16, -0.68, size * 0.85, size * 0.9))]
    marks = (mark("belly", ellipse(0.7, 0.48, 0.6, 0.24)),) if pale else ()
    return Head(behind, (skull,), details, marks, profile=True, chin=0.62)


def _tail(rng: np.random.Generator) -> Layers:
    up = [(0.2, 0.1), (-0.4, 0.15), (-0.8, -0.1), (-0.75, -0.55), (-1.05, -0.8)]
    curl = [(0.2, 0.1), (-0.4, 0.12), (-0.95, 0.02), (-1.15, -0.35), (-0.9, -0.6), (-0.7, -0.38)]
    wave = [(0.2, 0.1), (-0.3, 0.15), (-0.6, 0.0), (-0.9, 0.14), (-1.2, 0.02), (-1.5, -0.15)]
    spine = np.array([up, curl, wave][rng.integers(3)]) * rng.uniform(0.85, 1.1)
    return [area("inner", limb(spine, [0.13, 0.1, 0.07, 0.04]), edge=0.8)]
