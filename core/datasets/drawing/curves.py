"""Smooth outlines from a few points.

A curve is `(N, 2)` float64: x to the right, y down, as on the canvas. Closed curves do not repeat their first point.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

Curve = np.ndarray
Points = Sequence[tuple[float, float]] | np.ndarray


def ellipse(x: float, y: float, rx: float, ry: float, *, turn: float = 0.0, steps: int = 36) -> Curve:
    """Around (x, y) with those half axes, turned clockwise by `turn` radians."""
    curve = _circle(steps) * (rx, ry)
    return (turned(curve, turn) if turn else curve) + (x, y)


def smooth(points: Points, *, closed: bool = True, steps: int = 6) -> Curve:
    """A curve through all points (Catmull and Rom 1974), `steps` points for each part between two of them."""
    points = np.asarray(points, dtype=np.float64)
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    count = len(padded) - 3
    neighbours = np.stack([padded[i : count + i] for i in range(4)], 1)  # (parts, 4, 2)
    curve = (_spline_weights(steps) @ neighbours).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def symmetric(points: Points, *, steps: int = 6) -> Curve:
    """A smooth closed curve from its right half, given from top to bottom; first and last lie on the axis x = 0."""
    points = np.asarray(points, dtype=np.float64)
    return smooth(np.concatenate([points, mirrored(points[-2:0:-1])]), steps=steps)


def petal(base: Points, tip: tuple[float, float], *, bulge: float = 0.15, steps: int = 8) -> Curve:
    """An ear, a beak, a flame: from one end of the base to a sharp tip and back to the other end.

    `bulge` bends both sides outwards, in lengths of a side; a negative one bends them inwards.
    """
    first, last, tip = (np.asarray(point, dtype=np.float64) for point in (*base, tip))
    centre = (first + last + tip) / 3
    t = np.linspace(0, 1, steps)[:, None]
    sides = []
    for start, end in ((first, tip), (tip, last)):
        along = end - start
        across = np.array([along[1], -along[0]])
        across *= np.sign(across @ ((start + end) / 2 - centre)) or 1.0
        control = (start + end) / 2 + 2 * bulge * across
        sides.append((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end)
    return np.concatenate([sides[0], sides[1][1:]])


def limb(spine: Points, widths: Sequence[float], *, steps: int = 6) -> Curve:
    """A leg, a tail, a stroke: a tube around a smooth spine, with round ends. `widths` are spread evenly along it."""
    curve = smooth(spine, closed=False, steps=steps)
    along = np.empty_like(curve)
    along[1:-1], along[0], along[-1] = curve[2:] - curve[:-2], curve[1] - curve[0], curve[-1] - curve[-2]
    along /= np.sqrt((along**2).sum(1, keepdims=True)) + 1e-9
    half = (
        np.interp(np.arange(len(curve)) * ((len(widths) - 1) / (len(curve) - 1)), np.arange(len(widths)), widths)[
            :, None
        ]
        / 2
    )
    across = along[:, ::-1] * (-1, 1)
    cos, sin = _CAP
    end = curve[-1] + half[-1] * (cos * along[-1] + sin * across[-1])
    start = curve[0] - half[0] * (cos * along[0] + sin * across[0])
    return np.concatenate([curve + half * across, end, (curve - half * across)[::-1], start])


def turned(curve: Points, angle: float, *, about: tuple[float, float] = (0.0, 0.0)) -> Curve:
    """Turned clockwise by `angle` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return (np.asarray(curve) - about) @ np.array([[cos, sin], [-sin, cos]]) + about


def shifted(curve: Curve, x: float, y: float) -> Curve:
    """Moved to the right by `x` and down by `y`."""
    return np.asarray(curve) + np.array([x, y])


def mirrored(curve: Points) -> Curve:
    """Seen in a mirror along the y axis."""
    return np.asarray(curve) * (-1.0, 1.0)


def both_sides(curve: Points) -> tuple[Curve, Curve]:
    """The curve and its mirror image."""
    return np.asarray(curve), mirrored(curve)


def outward_normals(curve: Curve) -> np.ndarray:
    """Unit normals of a closed curve, `(N, 2)`, pointing out of it."""
    ring = np.concatenate([curve[-1:], curve, curve[:1]])
    along = ring[2:] - ring[:-2]
    normals = along[:, ::-1] * (1, -1)
    normals /= np.sqrt((normals**2).sum(1, keepdims=True)) + 1e-9
    signed_area = curve[:, 0] @ ring[2:, 1] - curve[:, 1] @ ring[2:, 0]
    return normals if signed_area > 0 else -normals


def wobble(count: int, rng: np.random.Generator, *, waves: int = 4) -> np.ndarray:
    """A smooth closed random walk of `count` steps around 0 with standard deviation about 1."""
    sines, cosines = _waves(count, waves)
    phases = rng.uniform(0, 2 * np.pi, waves)
    return (sines @ np.cos(phases) + cosines @ np.sin(phases)) * np.sqrt(2 / waves)


# A half circle at the end of a limb, without its two ends: cosines and sines.
_CAP = tuple(part[:, None] for part in (np.cos(np.pi * np.arange(-2, 3) / 6), -np.sin(np.pi * np.arange(-2, 3) / 6)))


@functools.lru_cache(maxsize=64)
def _circle(steps: int) -> Curve:
    angles = np.arange(steps) * (2 * np.pi / steps)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


@functools.lru_cache(maxsize=32)
def _spline_weights(steps: int) -> np.ndarray:
    """`(steps, 4)`: how much each of four neighbouring points counts at each step between the middle two."""
    t = np.arange(steps)[:, None] / steps
    powers = np.concatenate([np.ones_like(t), t, t**2, t**3], 1)
    return powers @ (0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]))


@functools.lru_cache(maxsize=1024)
def _waves(count: int, waves: int) -> tuple[np.ndarray, np.ndarray]:
    """Sines and cosines of whole waves around a closed curve, each `(count, waves)`."""
    angles = np.outer(np.arange(count) * (2 * np.pi / count), np.arange(1, waves + 1))
    return np.sin(angles), np.cos(angles)
