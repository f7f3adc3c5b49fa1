"""What is behind the animal: nothing, a sky, hills, a room, a pattern. The same choices for every animal."""

from __future__ import annotations

import numpy as np

from core.datasets.drawing.curves import ellipse, limb, petal, shifted, smooth
from core.datasets.drawing.figure import Layers, Line, area
from core.datasets.drawing.tracing import SIZE_PX

FLOATING = ("plain", "pattern", "sky", "plain")
GROUNDED = ("plain", "pattern", "hills", "meadow", "room", "sky")


def scene(grounded: bool, feet: tuple[float, float], rng: np.random.Generator, *, edge: float = 0.0) -> Layers:
    """Layers of a scene, in pixels.

    Args:
        grounded: whether the animal needs something to stand on.
        feet: x and y of the spot that it stands on, in pixels.
        rng: chooses.
        edge: thickness of outlines, in pens.
    """
    kind = str(rng.choice(GROUNDED if grounded else FLOATING))
    scenes = {"plain": _plain, "pattern": _pattern, "sky": _sky, "hills": _hills, "meadow": _meadow, "room": _room}
    layers = scenes[kind](feet, rng, edge)
    return layers + _shadow(feet, rng) if grounded and kind in ("plain", "pattern", "sky") else layers


def _plain(feet: tuple[float, float], rng: np.random.Generator, edge: float) -> Layers:
    return []


def _shadow(feet: tuple[float, float], rng: np.random.Generator) -> Layers:
    """The spot that it stands on."""
    if rng.random() < 0.4:
        return []
    return [area("pattern", ellipse(feet[0], feet[1] - 2, rng.uniform(70, 105), rng.uniform(8, 16)), edge=0.0)]


def _pattern(feet: tuple[float, float], rng: np.random.Generator, edge: float) -> Layers:
    kind = rng.choice(["dots", "disc", "stripes", "hearts"])
    step = rng.uniform(34, 60)
    places = [
        (x, y)
        for row, y in enumerate(np.arange(0, SIZE_PX + step, step))
        for x in np.arange(0, SIZE_PX + step, step) + step / 2 * (row % 2)
    ]
    if kind == "dots":
        return [area("pattern", *(ellipse(x, y, 0.16 * step, 0.16 * step, steps=14) for x, y in places), edge=0.0)]
    if kind == "hearts":
        heart = smooth([(0, 0.3), (-0.24, 0.0), (-0.16, -0.2), (0, -0.1), (0.16, -0.2), (0.24, 0.0)], steps=4) * step
        return [area("pattern", *(heart + place for place in places), edge=0.0)]
    if kind == "stripes":
        lean = rng.uniform(-120, 120)
        return [
            area(
                "pattern",
                *(
                    np.array([(x, 0), (x + 0.5 * step, 0), (x + lean + 0.5 * step, SIZE_PX), (x + lean, SIZE_PX)])
                    for x in np.arange(-120, 380, step)
                ),
                edge=0.0,
            )
        ]
    return [area("pattern", ellipse(SIZE_PX / 2, SIZE_PX / 2, 112, 112, steps=48), edge=0.0)]


def _cloud(x: float, y: float, size: float, edge: float) -> Layers:
    puffs = [
        ellipse(x + dx * size, y + dy * size, r * size, r * size, steps=20)
        for dx, dy, r in ((-0.9, 0.1, 0.5), (0, -0.2, 0.75), (0.9, 0.1, 0.55), (0.1, 0.25, 0.6))
    ]
    return [area("cloud", *puffs, edge=edge)]


def _sky(feet: tuple[float, float], rng: np.random.Generator, edge: float) -> Layers:
    layers: Layers = [area("sky", _rectangle(0), edge=0.0)]
    if rng.random() < 0.5:
        layers += _sun(rng, edge)
    for _ in range(int(rng.integers(1, 4))):
        layers += _cloud(rng.uniform(20, 236), rng.uniform(22, 120), rng.uniform(14, 26), edge)
    return layers


def _sun(rng: np.random.Generator, edge: float) -> Layers:
    x, y, size = (
        float(rng.choice([rng.uniform(18, 60), rng.uniform(196, 238)])),
        rng.uniform(18, 50),
        rng.uniform(14, 24),
    )
    layers: Layers = [area("sun", ellipse(x, y, size, size), edge=edge)]
    if rng.random() < 0.6:
        angles = np.arange(0, 2 * np.pi, np.pi / 5)
        layers += [
            Line(
                np.array([(x + r * size * np.cos(a), y + r * size * np.sin(a)) for r in (1.25, 1.5, 1.75)]), paint="sun"
            )
            for a in angles
        ]
    return layers


def _hills(feet: tuple[float, float], rng: np.random.Generator, edge: float) -> Layers:
    layers = _sky(feet, rng, edge)
    for paint, rise in (("far", rng.uniform(50, 90)), ("ground", rng.uniform(14, 40))):
        top = feet[1] - rise
        xs = np.linspace(-20, SIZE_PX + 20, 5)
        ridge = smooth([(x, top + rng.uniform(-16, 16)) for x in xs], closed=False)
        layers += [area(paint, np.concatenate([ridge, [(SIZE_PX + 20, SIZE_PX + 9), (-20, SIZE_PX + 9)]]), edge=edge)]
    return layers


def _meadow(feet: tuple[float, float], rng: np.random.Generator, edge: float) -> Layers:
    top = feet[1] - rng.uniform(12, 60)
    layers = _sky(feet, rng, edge)
    layers += [area("ground", _rectangle(top), edge=edge)]
    for _ in range(int(rng.integers(5, 11))):
        x, y, high = rng.uniform(4, 252), rng.uniform(top + 6, SIZE_PX - 4), rng.uniform(8, 18)
        if rng.random() < 0.65:
            layers += [
                area(
                    "plant",
                    *(
                        petal([(x - 2, y), (x + 2, y)], (x + lean, y - high), bulge=0.02, steps=4)
                        for lean in (-6, 0, 6)
                    ),
                    edge=0.0,
                )
            ]
        else:
            layers += [area("plant", limb([(x, y), (x, y - high)], [2, 2]), edge=0.0)]
            layers += [
                area(
                    "flower",
                    *(
                        ellipse(x + 3.5 * np.cos(a), y - high + 3.5 * np.sin(a), 2.6, 2.6, steps=10)
                        for a in np.arange(5) * 2 * np.pi / 5
                    ),
                    edge=0.0,
                )
            ]
            layers += [area("sun", ellipse(x, y - high, 2.2, 2.2, steps=10), edge=0.0)]
    return layers


def _room(feet: tuple[float, float], rng: np.random.Generator, edge: float) -> Layers:
    top = feet[1] - rng.uniform(14, 56)
    layers: Layers = []
    if rng.random() < 0.5:
        layers += _window(rng, edge)
    layers += [area("floor", _rectangle(top), edge=edge)]
    if rng.random() < 0.6:
        layers += [area("flower", ellipse(feet[0], feet[1] - 3, rng.uniform(84, 118), rng.uniform(14, 24)), edge=edge)]
    return layers


def _window(rng: np.random.Generator, edge: float) -> Layers:
    x, y, wide, high = rng.uniform(20, 150), rng.uniform(14, 40), rng.uniform(54, 80), rng.uniform(60, 84)
    frame = shifted(np.array([(0, 0), (wide, 0), (wide, high), (0, high)]), x, y)
    pane = (frame - frame.mean(0)) * 0.86 + frame.mean(0)
    upright = limb([(x + wide / 2, y + 4), (x + wide / 2, y + high - 4)], [5, 5])
    across = limb([(x + 4, y + high / 2), (x + wide - 4, y + high / 2)], [5, 5])
    return [area("cloud", frame, edge=edge), area("pane", pane, edge=edge), area("cloud", upright, across, edge=0.0)]


def _rectangle(top: float) -> np.ndarray:
    return np.array([(-9, top), (SIZE_PX + 9, top), (SIZE_PX + 9, SIZE_PX + 9), (-9, SIZE_PX + 9)])
