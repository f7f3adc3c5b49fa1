"""Cats: pointed ears, whiskers, a small nose, a long tail."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing import faces
from core.datasets.drawing.bodies import POSES, Build, Head, posed
from core.datasets.drawing.curves import both_sides, ellipse, limb, petal, smooth, symmetric
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark

COATS = ("plain", "tabby", "tuxedo", "points", "calico", "blaze")


def cat(rng: np.random.Generator) -> Figure:
    """A cat in some pose."""
    pose = str(rng.choice(POSES, p=[0.3, 0.24, 0.18, 0.16, 0.12]))
    coat = str(rng.choice(COATS))
    profile = pose in ("sitting sideways", "standing") and rng.random() < 0.4
    head = _profile(coat, rng) if profile else _face(coat, rng)
    build = Build(
        leg=rng.uniform(0.6, 0.8),
        thick=rng.uniform(0.2, 0.27),
        girth=rng.uniform(0.3, 0.44),
        length=rng.uniform(0.9, 1.1),
        head=rng.uniform(0.58, 0.76),
        tail=_tail(coat, rng),
        marks=_torso_marks(coat, rng),
        chest=coat in ("tuxedo", "calico", "blaze"),
        paws=coat in ("tuxedo", "blaze"),
        collar=rng.random() < 0.2,
    )
    return posed(pose, head, build, rng)


def _face(coat: str, rng: np.random.Generator) -> Head:
    wide, high = rng.uniform(0.95, 1.14), rng.uniform(0.92, 1.04)
    skull = symmetric(
        np.array([(0, -0.74), (0.5, -0.68), (0.93, -0.15), (0.96, 0.2), (0.7, 0.6), (0, 0.8)]) * (wide, high)
    )
    if rng.random() < 0.35:  # tufts of fur on the cheeks
        tuft = petal([(0.8 * wide, 0.0), (0.6 * wide, 0.55)], (1.16 * wide, 0.36), bulge=0.02)
        tufts = both_sides(tuft)
    else:
        tufts = ()
    tip = (rng.uniform(0.72, 0.95) * wide, -rng.uniform(1.2, 1.5))
    ear = petal([(0.2 * wide, -0.66), (0.92 * wide, -0.1)], tip, bulge=rng.uniform(0.02, 0.09))
    inner = petal([(0.42 * wide, -0.7), (0.82 * wide, -0.38)], (tip[0] * 0.97, tip[1] * 0.87), bulge=0.04)
    details: Layers = [area("inner", inner, edge=0.5), area("inner", inner * (-1, 1), edge=0.5)]
    kind = str(rng.choice(["slit", "round", "iris", "dot", "happy", "asleep"], p=[0.3, 0.16, 0.22, 0.18, 0.08, 0.06]))
    details += faces.whiskers(0.42, 0.28, rng.uniform(0.8, 1.0), rng, count=int(rng.integers(2, 4)))
    details += faces.eyes(kind, 0.43 * wide, -0.02, rng.uniform(0.19, 0.25), rng, slant=rng.uniform(-0.3, 0.0))
    if rng.random() < 0.4:
        details += faces.blush(0.66 * wide, 0.32, 0.15)
    details += faces.mouth("w", 0, 0.34, rng.uniform(0.2, 0.3))
    if rng.random() < 0.12:
        details += faces.tongue(0, 0.46, 0.13)
    details += [Line(smooth([(0, 0.2), (0, 0.28), (0, 0.36)], closed=False), width=0.7)]
    details += faces.button_nose(0, 0.22, rng.uniform(0.1, 0.14), kind=str(rng.choice(["triangle", "heart"])))
    return Head([], (skull, *both_sides(ear), *tufts), details, _face_marks(coat, wide, rng), chin=0.8)


def _face_marks(coat: str, wide: float, rng: np.random.Generator) -> tuple[Area, ...]:
    if coat == "tabby":
        brow = [limb([(x, -0.86), (x * 0.75, -0.6), (x * 0.5, -0.36)], [0.16, 0.1, 0.03]) for x in (-0.34, 0, 0.34)]
        cheek = [
            limb([(1.1 * wide, y), (0.85 * wide, y + 0.03), (0.66 * wide, y + 0.02)], [0.14, 0.09, 0.03])
            for y in (0.02, 0.26)
        ]
        return (mark("marks", *brow, *cheek, *(curve * (-1, 1) for curve in cheek)),)
    if coat in ("tuxedo", "blaze"):
        top = rng.uniform(-0.75, -0.1) if coat == "blaze" else 0.05
        white = smooth([(0, top), (0.2, 0.0), (0.55, 0.4), (0.45, 0.95), (-0.45, 0.95), (-0.55, 0.4), (-0.2, 0.0)])
        return (mark("belly", white),)
    if coat == "points":
        mask = ellipse(0, 0.3, 0.62, 0.5)
        ears = both_sides(ellipse(0.85 * wide, -1.0, 0.4, 0.5))
        return (mark("marks", mask, *ears),)
    if coat == "calico":
        side = rng.choice([-1, 1])
        return (
            mark("marks", ellipse(side * 0.6, -0.6, 0.55, 0.65)),
            mark("rust", ellipse(side * -0.75, -0.8, 0.45, 0.6)),
            mark("belly", ellipse(0, 0.55, 0.5, 0.42)),
        )
    if rng.random() < 0.4:
        return (mark("belly", *both_sides(ellipse(0.2, 0.42, 0.27, 0.22))),)
    return ()


def _profile(coat: str, rng: np.random.Generator) -> Head:
    skull = smooth([
        (-0.75, 0.1), (-0.62, -0.5), (-0.05, -0.78), (0.48, -0.6), (0.74, -0.2), (0.98, 0.04), (0.96, 0.28),
        (0.66, 0.54), (0.05, 0.72), (-0.5, 0.6),
    ])  # fmt: skip
    high = rng.uniform(1.2, 1.5)
    near = petal([(-0.6, -0.45), (0.12, -0.72)], (-0.34, -high), bulge=0.05)
    inner = petal([(-0.42, -0.66), (-0.02, -0.76)], (-0.3, -high * 0.88), bulge=0.03)
    far = petal([(-0.05, -0.6), (0.45, -0.6)], (0.3, -high * 0.97), bulge=0.05)
    kind = str(rng.choice(["slit", "iris", "dot", "happy", "round"]))
    details: Layers = [area("inner", inner, edge=0.5)]
    details += faces.eye(kind, 0.42, -0.12, 0.2, gaze=(rng.uniform(0, 1), 0.0))
    details += [Line(smooth([(0.93, 0.22), (0.8, 0.34), (0.6, 0.3)], closed=False), width=0.8)]
    details += [area("nose", ellipse(0.95, 0.06, 0.1, 0.08, turn=0.5), edge=0.5)]
    details += faces.whiskers(0.7, 0.26, 0.75, rng, sides=(1,))
    marks: tuple[Area, ...] = ()
    if coat == "tabby":
        marks = (
            mark(
                "marks",
                *(limb([(x - 0.1, -0.9), (x, -0.66), (x + 0.05, -0.4)], [0.15, 0.1, 0.03]) for x in (-0.1, 0.15, 0.4)),
            ),
        )
    elif coat in ("tuxedo", "blaze", "calico"):
        marks = (mark("belly", ellipse(0.75, 0.45, 0.5, 0.33)),)
    elif coat == "points":
        marks = (mark("marks", ellipse(0.85, 0.15, 0.42, 0.45), ellipse(-0.3, -1.1, 0.4, 0.45)),)
    return Head([area("shade", far)], (skull, near), details, marks, profile=True, chin=0.7)


def _tail(coat: str, rng: np.random.Generator) -> Layers:
    width = rng.uniform(0.14, 0.26)
    end = width * rng.uniform(0.7, 1.2)
    up = [(0.12, 0.05), (-0.3, 0.0), (-0.52, -0.4), (-0.45, -0.85), (-0.62, -1.15)]
    hook = [(0.12, 0.05), (-0.35, 0.05), (-0.62, -0.3), (-0.5, -0.75), (-0.2, -0.82), (-0.12, -0.62)]
    low = [(0.12, 0.0), (-0.4, 0.0), (-0.75, -0.12), (-1.0, -0.4), (-0.95, -0.62)]
    spine = np.array([up, hook, low][rng.integers(3)]) * rng.uniform(0.85, 1.15)
    marks: list[Area] = []
    if coat == "tabby":
        points = smooth(spine, closed=False)
        marks = [
            mark(
                "marks",
                *(
                    ellipse(x, y, 0.2, 0.055, turn=t)
                    for (x, y), t in zip(points[8::5], (0.4, 0.1, 0.2, 0.6, 1.0), strict=False)
                ),
            )
        ]
    elif coat in ("points", "tuxedo", "blaze"):
        tip = spine[-1]
        marks = [mark("marks" if coat == "points" else "belly", ellipse(tip[0], tip[1], 0.32, 0.32))]
    return [area("coat", limb(spine, [width, width, width, end]), marks=marks)]


def _torso_marks(coat: str, rng: np.random.Generator) -> tuple[Area, ...]:
    if coat == "tabby":
        xs = np.arange(-1.0, 0.8, rng.uniform(0.24, 0.34))
        stripes = [
            limb([(x, -1.0), (x + 0.03, -0.1), (x - 0.04, rng.uniform(0.1, 0.55))], [0.13, 0.1, 0.02]) for x in xs
        ]
        return (mark("marks", *stripes),)
    if coat == "calico":
        spots = [
            ellipse(rng.uniform(-0.9, 0.6), rng.uniform(-0.4, 0.6), rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.35))
            for _ in range(4)
        ]
        return (mark("marks", *spots[:2]), mark("rust", *spots[2:]))
    return ()
