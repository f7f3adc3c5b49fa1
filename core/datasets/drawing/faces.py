"""Eyes, mouths, whiskers and blush. A front face looks out of the picture, its head has a radius of about 1."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing.curves import ellipse, petal, smooth
from core.datasets.drawing.figure import Layers, Line, area, mark, placed

EYES = ("dot", "round", "iris", "happy", "asleep")


def eye(kind: str, x: float, y: float, size: float, *, gaze: tuple[float, float] = (0.0, 0.0)) -> Layers:
    """One eye of radius `size`. `gaze` is where it looks, each in -1 to 1."""
    look_x, look_y = x + 0.22 * size * gaze[0], y + 0.22 * size * gaze[1]
    shine = mark("shine", ellipse(look_x - 0.2 * size, look_y - 0.32 * size, 0.22 * size, 0.24 * size, steps=14))
    if kind == "dot":
        return [mark("dot", ellipse(x, y, 0.62 * size, 0.78 * size, steps=24)), shine]
    if kind == "round":
        white = area("white", ellipse(x, y, size, 1.1 * size), edge=0.7)
        return [white, mark("pupil", ellipse(look_x, look_y, 0.58 * size, 0.66 * size, steps=24)), shine]
    if kind == "iris":
        iris = area("iris", ellipse(x, y, size, size), edge=0.8)
        return [iris, mark("pupil", ellipse(look_x, look_y, 0.6 * size, 0.66 * size, steps=24)), shine]
    if kind == "slit":
        almond = smooth(
            [(x - 1.1 * size, y + 0.1 * size), (x, y - 0.9 * size), (x + 1.1 * size, y), (x, y + 0.9 * size)]
        )
        slit = mark("pupil", ellipse(look_x, look_y, 0.3 * size, 0.72 * size, steps=20))
        return [area("iris", almond, edge=0.8), slit, shine]
    bend = -0.75 if kind == "happy" else 0.6
    arc = [(x + size * t, y + size * bend * (0.6 - t * t)) for t in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    return [Line(smooth(arc, closed=False), width=1.2)]


def eyes(kind: str, x: float, y: float, size: float, rng: np.random.Generator, *, slant: float = 0.0) -> Layers:
    """Both eyes at (-x, y) and (x, y), now and then with a wink; `slant` lifts the outer corners, in radians."""
    gaze = (rng.uniform(-1, 1), rng.uniform(-0.6, 0.8))
    wink = kind in ("dot", "round", "iris") and rng.random() < 0.07
    left = placed(eye(kind, 0, 0, size, gaze=gaze), at=(-x, y), turn=slant)
    right = placed(eye("happy" if wink else kind, 0, 0, size, gaze=gaze), at=(x, y), turn=-slant)
    return left + right


def mouth(kind: str, x: float, y: float, size: float) -> Layers:
    """A mouth whose upper middle is (x, y) and whose half width is `size`."""
    if kind == "w":
        half = np.array([(0, 0), (0.2, 0.42), (0.62, 0.5), (1.0, 0.1)]) * size
        return [Line(smooth(half * (s, 1) + (x, y), closed=False), width=0.9) for s in (1, -1)]
    if kind == "open":
        outline = smooth(
            np.array([(-0.8, 0.1), (0, 0.22), (0.8, 0.1), (0.55, 0.85), (0, 1.1), (-0.55, 0.85)]) * size + (x, y)
        )
        tongue = mark("tongue", ellipse(x, y + 1.0 * size, 0.5 * size, 0.42 * size, steps=20))
        return [area("mouth", outline, marks=[tongue], edge=0.8)]
    depth = {"smile": 0.5, "flat": 0.08, "sad": -0.3}[kind]
    arc = np.array(
        [
            (-1, 0.3 - 0.2 * depth),
            (-0.5, 0.3 + 0.6 * depth),
            (0, 0.3 + depth),
            (0.5, 0.3 + 0.6 * depth),
            (1, 0.3 - 0.2 * depth),
        ]
    )
    return [Line(smooth(arc * size + (x, y), closed=False), width=0.9)]


def tongue(x: float, y: float, size: float) -> Layers:
    """A tongue that hangs down from (x, y)."""
    outline = smooth(np.array([(-0.5, 0), (0.5, 0), (0.55, 0.8), (0, 1.35), (-0.55, 0.8)]) * size + (x, y))
    groove = smooth(np.array([(0, 0.15), (0.02, 0.5), (0, 0.8)]) * size + (x, y), closed=False)
    return [area("tongue", outline, edge=0.7), Line(groove, width=0.4)]


def whiskers(x: float, y: float, length: float, rng: np.random.Generator, *, count: int = 3, sides=(-1, 1)) -> Layers:
    """`count` on each side, from (x, y) outwards; bent a little."""
    lines: Layers = []
    droop = rng.uniform(-0.12, 0.2)
    for side in sides:
        for slope in np.linspace(-0.28, 0.28, count) + droop:
            reach = length * rng.uniform(0.85, 1.1)
            root = np.array([side * x, y + 0.25 * slope])
            steps = np.array([(0, 0), (0.5, slope * 0.35), (1, slope + 0.08)]) * (side * reach, reach)
            lines.append(Line(smooth(root + steps, closed=False, steps=5), width=0.5))
    return lines


def blush(x: float, y: float, size: float) -> Layers:
    """Two red cheeks."""
    return [mark("blush", ellipse(side * x, y, size, 0.65 * size, steps=20)) for side in (-1, 1)]


def button_nose(x: float, y: float, size: float, *, kind: str = "triangle") -> Layers:
    """A nose that points down, a round one, or a broad one with a shine."""
    if kind == "triangle":
        return [
            area(
                "nose",
                smooth(
                    np.array([(-1, -0.55), (0, -0.7), (1, -0.55), (0.45, 0.35), (0, 0.7), (-0.45, 0.35)]) * size
                    + (x, y)
                ),
                edge=0.6,
            )
        ]
    if kind == "heart":
        return [
            area(
                "nose",
                petal([(x - size, y - 0.4 * size), (x + size, y - 0.4 * size)], (x, y + 0.9 * size), bulge=0.2),
                edge=0.6,
            )
        ]
    shine = mark("shine", ellipse(x - 0.3 * size, y - 0.35 * size, 0.25 * size, 0.15 * size, steps=12))
    return [area("nose", ellipse(x, y, size, 0.75 * size), edge=0.6), shine]
