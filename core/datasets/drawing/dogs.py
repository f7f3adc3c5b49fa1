"""Dogs: a muzzle with a broad nose, ears that hang, fold or stand, a tongue, a collar."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.bodies import POSES, Build, Head, posed
from core.datasets.drawing.curves import Curve, both_sides, ellipse, limb, petal, smooth, symmetric
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark

EARS = ("hanging", "long", "folded", "pricked")
COATS = ("plain", "patch", "tan", "husky", "spots", "saddle", "blaze")


def dog(rng: np.random.Generator) -> Figure:
    """A dog in some pose."""
    pose = str(rng.choice(POSES, p=[0.3, 0.24, 0.16, 0.2, 0.1]))
    coat = str(rng.choice(COATS))
    ears = str(rng.choice(EARS, p=[0.4, 0.2, 0.22, 0.18]))
    dark_ears = coat in ("patch", "spots", "saddle", "husky") or rng.random() < 0.45
    profile = pose in ("sitting sideways", "standing") and rng.random() < 0.5
    head = (_profile if profile else _face)(coat, ears, "marks" if dark_ears else "coat", rng)
    build = Build(
        leg=rng.uniform(0.5, 0.95),
        thick=rng.uniform(0.24, 0.34),
        girth=rng.uniform(0.36, 0.52),
        length=rng.uniform(0.85, 1.15),
        head=rng.uniform(0.58, 0.74),
        tail=_tail(coat, rng),
        marks=_torso_marks(coat, rng),
        chest=coat in ("husky", "tan", "blaze", "saddle"),
        paws=coat in ("husky", "saddle", "blaze"),
        collar=rng.random() < 0.5,
    )
    return posed(pose, head, build, rng)


def _face(coat: str, ears: str, ear_paint: str, rng: np.random.Generator) -> Head:
    wide, jowl = rng.uniform(0.8, 0.95), rng.uniform(0.58, 0.76)
    skull = symmetric(
        [(0, -0.85), (0.5 * wide, -0.8), (0.86 * wide, -0.4), (0.88 * wide, 0.1), (jowl, 0.62), (0.4, 0.92), (0, 0.98)]
    )
    muzzle_y, muzzle_wide = rng.uniform(0.4, 0.5), rng.uniform(0.42, 0.56)
    details: Layers = []
    bare = coat == "plain" and ears != "pricked" and rng.random() < 0.3
    muzzle_paint = "coat" if bare else "belly"
    puffs = (
        ellipse(-0.5 * muzzle_wide, muzzle_y, 0.66 * muzzle_wide, 0.33),
        ellipse(0.5 * muzzle_wide, muzzle_y, 0.66 * muzzle_wide, 0.33),
    )
    nose_y = muzzle_y - rng.uniform(0.2, 0.28)
    kind = str(rng.choice(["dot", "round", "iris", "happy", "asleep"], p=[0.42, 0.24, 0.16, 0.12, 0.06]))
    details += faces.eyes(kind, 0.38 * wide, -0.2, rng.uniform(0.15, 0.2), rng, slant=rng.uniform(-0.05, 0.2))
    if coat == "tan" or rng.random() < 0.25:
        details += [mark("belly", *both_sides(ellipse(0.34 * wide, -0.52, 0.13, 0.08, turn=-0.3)))]
    details += _jaw(muzzle_y, rng)
    details += [area(muzzle_paint, *puffs, edge=rng.choice([0.0, 0.6]))]
    details += [Line(smooth([(0, nose_y), (0.005, muzzle_y), (0, muzzle_y + 0.22)], closed=False), width=0.8)]
    if rng.random() < 0.35:
        details += [
            mark(
                "line",
                *(
                    ellipse(s * muzzle_wide * a, muzzle_y + b, 0.028, 0.028, steps=8)
                    for s in (-1, 1)
                    for a, b in ((0.5, 0.02), (0.75, -0.04), (0.7, 0.12))
                ),
            )
        ]
    details += faces.button_nose(0, nose_y, rng.uniform(0.19, 0.25), kind="broad")
    if rng.random() < 0.2:
        details += faces.blush(0.6 * wide, 0.12, 0.14)
    behind, before = _front_ears(ears, ear_paint, wide, rng)
    return Head(behind, (skull,), details + before, _face_marks(coat, wide, rng), chin=0.95)


def _jaw(muzzle_y: float, rng: np.random.Generator) -> Layers:
    """The lower jaw with the mouth, below the muzzle: shut, open, or with the tongue out."""
    kind = rng.choice(["shut", "tongue", "open"], p=[0.35, 0.4, 0.25])
    if kind == "shut":
        return faces.mouth("w", 0, muzzle_y + 0.2, 0.3)
    if kind == "tongue":
        return faces.mouth("w", 0, muzzle_y + 0.2, 0.3) + faces.tongue(rng.uniform(-0.08, 0.08), muzzle_y + 0.2, 0.27)
    return faces.mouth("open", 0, muzzle_y + 0.08, 0.38)


def _front_ears(ears: str, paint: str, wide: float, rng: np.random.Generator) -> tuple[Layers, Layers]:
    out = rng.uniform(0.0, 0.2)
    if ears == "pricked":
        ear = petal(
            [(0.22 * wide, -0.72), (0.86 * wide, -0.35)], (0.76 * wide + out, -rng.uniform(1.3, 1.55)), bulge=0.08
        )
        inner = ear * 0.55 + (0.3 * wide, -0.38)
        return [area(paint, *both_sides(ear)), area("inner", *both_sides(inner), edge=0.4)], []
    if ears == "folded":
        ear = smooth(
            [
                (0.28 * wide, -0.84),
                (0.6 * wide, -1.02),
                (1.0 * wide + out, -0.8),
                (1.12 * wide + out, -0.36),
                (0.86 * wide, -0.46),
                (0.6 * wide, -0.62),
            ]
        )
        return [], [area(paint, *both_sides(ear))]
    low = rng.uniform(0.6, 1.0) if ears == "long" else rng.uniform(0.15, 0.5)
    spine = [
        (0.55 * wide, -0.68),
        (0.98 * wide + out, -0.45),
        (1.06 * wide + out, 0.5 * low - 0.15),
        (0.98 * wide + out, low),
    ]
    fat = rng.uniform(0.34, 0.46)
    ear = limb(spine, [0.3, fat, fat * 1.25, fat * 0.95])
    return [], [area(paint, *both_sides(ear))]


def _face_marks(coat: str, wide: float, rng: np.random.Generator) -> tuple[Area, ...]:
    if coat == "patch":
        side = rng.choice([-1, 1])
        return (mark("marks", ellipse(side * 0.42 * wide, -0.22, 0.34, 0.42)),)
    if coat == "husky":
        mask = smooth(
            [
                (0, -0.3),
                (0.3, -0.62),
                (0.62, -0.4),
                (0.7, 0.2),
                (0.5, 1.1),
                (-0.5, 1.1),
                (-0.7, 0.2),
                (-0.62, -0.4),
                (-0.3, -0.62),
            ]
        )
        return (mark("belly", mask),)
    if coat in ("blaze", "saddle"):
        return (
            mark(
                "belly",
                smooth([(0, -0.95), (0.14, -0.4), (0.5, 0.3), (0.5, 1.1), (-0.5, 1.1), (-0.5, 0.3), (-0.14, -0.4)]),
            ),
        )
    if coat == "spots":
        return (
            mark(
                "marks",
                *(
                    ellipse(
                        rng.uniform(-0.8, 0.8),
                        rng.uniform(-0.8, -0.3),
                        rng.uniform(0.07, 0.13),
                        rng.uniform(0.07, 0.12),
                        steps=14,
                    )
                    for _ in range(4)
                ),
            ),
        )
    return ()


def _profile(coat: str, ears: str, ear_paint: str, rng: np.random.Generator) -> Head:
    long = rng.uniform(0.0, 0.3)  # of the snout
    tip = 1.2 + long
    skull = smooth(
        [
            (-0.75, 0.1),
            (-0.58, -0.5),
            (-0.05, -0.74),
            (0.36, -0.6),
            (0.6, -0.22),
            (tip - 0.15, -0.12),
            (tip + 0.06, 0.06),
            (tip - 0.02, 0.3),
            (0.75, 0.46),
            (0.3, 0.64),
            (-0.3, 0.75),
        ]
    )
    kind = str(rng.choice(["dot", "round", "iris", "happy"], p=[0.5, 0.2, 0.15, 0.15]))
    details: Layers = faces.eye(kind, 0.34, -0.22, 0.17, gaze=(0.8, 0.0))
    lip = Line(
        smooth([(tip - 0.03, 0.26), (0.9 + 0.5 * long, 0.36), (0.62, 0.3), (0.54, 0.22)], closed=False), width=0.8
    )
    if rng.random() < 0.5:
        details += faces.tongue(0.86 + 0.5 * long, 0.32, 0.2)
    details += [lip, area("nose", ellipse(tip, -0.05, 0.16, 0.13, turn=0.3), edge=0.5)]
    behind: Layers = []
    if ears == "pricked":
        high = rng.uniform(1.2, 1.45)
        details += [area(ear_paint, petal([(-0.55, -0.45), (0.1, -0.66)], (-0.3, -high), bulge=0.06))]
        behind = [area("shade", petal([(-0.1, -0.6), (0.35, -0.6)], (0.2, -high * 0.95), bulge=0.06))]
    elif ears == "folded":
        flap = smooth([(-0.45, -0.58), (-0.18, -0.84), (0.12, -0.7), (0.08, -0.06), (-0.16, -0.22), (-0.36, -0.4)])
        details += [area(ear_paint, flap)]
    else:
        low = rng.uniform(0.7, 1.0) if ears == "long" else rng.uniform(0.3, 0.55)
        details += [
            area(
                ear_paint,
                limb([(-0.15, -0.55), (-0.35, -0.2), (-0.38, 0.3 * low), (-0.28, low)], [0.3, 0.46, 0.55, 0.4]),
            )
        ]
    marks: tuple[Area, ...] = ()
    if coat in ("husky", "blaze", "saddle", "tan"):
        marks = (mark("belly", ellipse(tip - 0.3, 0.35, 0.65, 0.34, turn=-0.1)),)
    elif coat == "patch":
        marks = (mark("marks", ellipse(0.3, -0.25, 0.3, 0.36)),)
    elif coat == "spots":
        marks = (
            mark(
                "marks",
                *(ellipse(rng.uniform(-0.5, 0.9), rng.uniform(-0.6, 0.4), 0.09, 0.08, steps=14) for _ in range(5)),
            ),
        )
    return Head(behind, (skull,), details, marks, profile=True, chin=0.75)


def _tail(coat: str, rng: np.random.Generator) -> Layers:
    kinds: list[tuple[list, list]] = [
        ([(0.15, 0.1), (-0.2, -0.1), (-0.45, -0.45), (-0.5, -0.8)], [0.24, 0.22, 0.14, 0.06]),  # sword
        (
            [(0.15, 0.1), (-0.15, -0.3), (0.0, -0.62), (0.28, -0.6), (0.25, -0.36)],
            [0.26, 0.32, 0.34, 0.3, 0.2],
        ),  # curled
        ([(0.12, 0.05), (-0.1, -0.1), (-0.22, -0.25)], [0.24, 0.22, 0.16]),  # stump
        ([(0.15, 0.05), (-0.3, -0.05), (-0.65, -0.35), (-0.85, -0.75)], [0.18, 0.3, 0.46, 0.1]),  # plume
    ]
    spine, widths = kinds[rng.integers(len(kinds))]
    marks = [mark("belly", ellipse(*spine[-1], 0.3, 0.22))] if coat in ("husky", "saddle", "blaze") else []
    return [area("coat", limb(spine, widths), marks=marks)]


def _torso_marks(coat: str, rng: np.random.Generator) -> tuple[Area, ...]:
    if coat == "spots":
        spots: list[Curve] = [
            ellipse(
                rng.uniform(-1.1, 1.0),
                rng.uniform(-0.7, 1.0),
                rng.uniform(0.07, 0.13),
                rng.uniform(0.06, 0.12),
                steps=14,
            )
            for _ in range(16)
        ]
        return (mark("marks", *spots),)
    if coat == "patch":
        return (
            mark(
                "marks",
                ellipse(rng.uniform(-0.6, 0.0), rng.uniform(-0.3, 0.3), rng.uniform(0.3, 0.5), rng.uniform(0.25, 0.45)),
            ),
        )
    if coat == "saddle":
        return (mark("marks", smooth([(-1.3, -0.9), (0.5, -0.9), (0.4, -0.05), (-0.3, 0.12), (-1.3, 0.05)])),)
    return ()
