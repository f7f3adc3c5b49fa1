"""Rabbits: two long ears, two front teeth, a tail like a ball of wool."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.bodies import POSES, Build, Head, posed
from core.datasets.drawing.curves import both_sides, ellipse, limb, smooth, symmetric, turned
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark

COATS = ("plain", "belly", "dutch", "spots")


def rabbit(rng: np.random.Generator) -> Figure:
    """A rabbit in some pose."""
    pose = str(rng.choice(POSES, p=[0.3, 0.26, 0.14, 0.16, 0.14]))
    coat = str(rng.choice(COATS))
    profile = pose in ("sitting sideways", "standing", "lying") and rng.random() < 0.55
    head = (_profile if profile else _face)(coat, rng)
    fluff = rng.uniform(0.16, 0.24)
    build = Build(
        leg=rng.uniform(0.22, 0.34),
        thick=rng.uniform(0.22, 0.28),
        girth=rng.uniform(0.5, 0.62),
        length=rng.uniform(0.8, 0.92),
        head=rng.uniform(0.6, 0.74),
        tail=[
            area(
                "belly",
                *(
                    ellipse(-0.12 + dx, -0.05 + dy, fluff, fluff, steps=24)
                    for dx, dy in ((0, 0), (0.06, -0.12), (0.08, 0.1))
                ),
            )
        ],
        marks=_torso_marks(coat, rng),
        chest=coat in ("belly", "dutch"),
        paws=coat == "dutch",
        hump=rng.uniform(0.2, 0.5),
        squat=rng.uniform(0.7, 0.85),
    )
    return posed(pose, head, build, rng)


def _ear(long: float, fat: float) -> tuple[np.ndarray, np.ndarray]:
    """An ear that stands on (0, 0), and its inside."""
    outside = limb([(0, 0.1), (0, -0.5 * long), (0, -long)], [0.5 * fat, fat, 0.85 * fat, 0.35 * fat])
    inside = limb([(0, -0.18), (0, -0.5 * long), (0, -0.9 * long)], [0.25 * fat, 0.55 * fat, 0.45 * fat, 0.15 * fat])
    return outside, inside


def _face(coat: str, rng: np.random.Generator) -> Head:
    wide = rng.uniform(0.84, 1.0)
    skull = symmetric([(0, -0.76), (0.5 * wide, -0.62), (0.8 * wide, -0.1), (0.84 * wide, 0.35), (0.5, 0.72), (0, 0.8)])
    long, fat, spread = rng.uniform(1.05, 1.5), rng.uniform(0.36, 0.5), rng.uniform(0.05, 0.4)
    behind: Layers = []
    for side in (-1, 1):
        outside, inside = _ear(long, fat)
        at = np.array([side * 0.36, -0.6])
        lop = side * spread + (side * rng.uniform(0.6, 1.9) if rng.random() < 0.12 else 0.0)
        behind += [area("coat", turned(outside, lop) + at), area("inner", turned(inside, lop) + at, edge=0.5)]
    details: Layers = []
    if rng.random() < 0.7:
        details += faces.whiskers(0.34, 0.3, rng.uniform(0.6, 0.8), rng, count=int(rng.integers(2, 4)))
    kind = str(rng.choice(faces.EYES, p=[0.42, 0.24, 0.16, 0.1, 0.08]))
    details += faces.eyes(kind, 0.42 * wide, -0.1, rng.uniform(0.15, 0.21), rng)
    teeth = smooth([(-0.13, 0.42), (0.13, 0.42), (0.13, 0.64), (0, 0.66), (-0.13, 0.64)], steps=4)
    details += [area("teeth", teeth, edge=0.6), Line(np.array([(0, 0.45), (0, 0.55), (0, 0.64)]), width=0.5)]
    puff = both_sides(ellipse(0.19, 0.34, 0.23, 0.18))
    details += [area("belly", *puff, edge=float(rng.choice([0.0, 0.5])))]
    if rng.random() < 0.6:
        details += faces.blush(0.58 * wide, 0.22, 0.15)
    details += [Line(smooth([(0, 0.18), (0, 0.26), (0, 0.38)], closed=False), width=0.7)]
    details += faces.button_nose(0, 0.17, rng.uniform(0.09, 0.13), kind=str(rng.choice(["triangle", "heart"])))
    return Head(behind, (skull,), details, _face_marks(coat, rng), chin=0.8)


def _face_marks(coat: str, rng: np.random.Generator) -> tuple[Area, ...]:
    if coat == "dutch":
        return (
            mark(
                "belly",
                smooth([(0, -0.85), (0.16, -0.3), (0.36, 0.3), (0.3, 0.95), (-0.3, 0.95), (-0.36, 0.3), (-0.16, -0.3)]),
            ),
        )
    if coat == "spots":
        return (mark("marks", ellipse(float(rng.choice([-0.45, 0.45])), -0.12, 0.3, 0.33)),)
    return ()


def _profile(coat: str, rng: np.random.Generator) -> Head:
    skull = smooth(
        [
            (-0.72, 0.15),
            (-0.55, -0.45),
            (0.05, -0.68),
            (0.58, -0.42),
            (0.9, 0.0),
            (0.9, 0.28),
            (0.55, 0.58),
            (0, 0.7),
            (-0.5, 0.6),
        ]
    )
    long, fat, lean = rng.uniform(1.1, 1.5), rng.uniform(0.36, 0.48), rng.uniform(-0.9, -0.15)
    outside, inside = _ear(long, fat)
    root = np.array([-0.22, -0.52])
    behind: Layers = [area("shade", turned(outside, lean + 0.3) + root + (0.2, -0.05))]
    kind = str(rng.choice(["dot", "round", "iris", "happy"], p=[0.5, 0.2, 0.2, 0.1]))
    details: Layers = [area("coat", turned(outside, lean) + root), area("inner", turned(inside, lean) + root, edge=0.5)]
    details += faces.eye(kind, 0.3, -0.14, 0.19, gaze=(0.6, 0.0))
    details += [area("nose", ellipse(0.9, 0.04, 0.09, 0.07, turn=0.6), edge=0.5)]
    details += [Line(smooth([(0.87, 0.16), (0.78, 0.28), (0.62, 0.28)], closed=False), width=0.8)]
    if rng.random() < 0.6:
        details += faces.whiskers(0.7, 0.22, 0.5, rng, sides=(1,))
    if rng.random() < 0.5:
        details += [mark("blush", ellipse(0.32, 0.24, 0.15, 0.1))]
    marks = (mark("belly", ellipse(0.75, 0.4, 0.4, 0.45)),) if coat == "dutch" else ()
    return Head(behind, (skull,), details, marks, profile=True, chin=0.7)


def _torso_marks(coat: str, rng: np.random.Generator) -> tuple[Area, ...]:
    if coat == "spots":
        spots = [
            ellipse(rng.uniform(-0.9, 0.5), rng.uniform(-0.3, 0.8), rng.uniform(0.15, 0.3), rng.uniform(0.12, 0.25))
            for _ in range(4)
        ]
        return (mark("marks", *spots),)
    return ()
