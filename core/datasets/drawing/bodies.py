"""How four-legged animals sit, stand and lie. Everything looks to the right, and the ground is at y = 1."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.datasets.drawing.curves import Curve, both_sides, ellipse, limb, shifted, smooth, symmetric
from core.datasets.drawing.figure import Area, Figure, Layers, Line, area, mark, placed

POSES = ("face", "sitting", "sitting sideways", "standing", "lying")

# Who has shorter legs does not stand but crouches.
LOW_LEG = 0.4


@dataclass(frozen=True, eq=False)
class Head:
    """A head of radius about 1 around (0, 0), not yet on a body.

    Attributes:
        behind: what the skull hides, a far ear for instance.
        skull: curves of the head itself; a profile grows out of the body without a line between them.
        details: what lies on the skull: eyes, nose, near ears.
        marks: stripes and patches on the skull.
        profile: seen from the side, looking to the right; else it looks out of the picture.
        chin: y of its lowest point.
    """

    behind: Layers
    skull: tuple[Curve, ...]
    details: Layers
    marks: tuple[Area, ...] = ()
    profile: bool = False
    chin: float = 0.8

    def layers(self, *, at: tuple[float, float] = (0.0, 0.0), scale: float = 1.0, turn: float = 0.0) -> Layers:
        """The head by itself."""
        whole = [*self.behind, Area(self.skull, "coat", self.marks), *self.details]
        return placed(whole, at=at, scale=scale, turn=turn)


@dataclass(frozen=True, eq=False)
class Build:
    """Proportions of a body, in units of half a torso.

    Attributes:
        leg: length of the legs.
        thick: width of a leg.
        girth: half the height of the torso.
        length: half its length.
        head: size of the head.
        tail: layers whose root is (0, 0), pointing to the left and up.
        marks: stripes and patches for any torso; they show where they lie on it.
        chest: whether breast and belly have a paint of their own.
        paws: whether paws have it.
        hump: how much the back rises, as a rabbit's does.
        squat: how low it sits, as a share of a cat's height.
        collar: whether it wears one.
    """

    leg: float = 0.75
    thick: float = 0.27
    girth: float = 0.42
    length: float = 1.0
    head: float = 0.7
    tail: Layers = field(default_factory=list)
    marks: tuple[Area, ...] = ()
    chest: bool = False
    paws: bool = False
    hump: float = 0.0
    squat: float = 1.0
    collar: bool = False


def posed(pose: str, head: Head, build: Build, rng: np.random.Generator) -> Figure:
    """The animal in one of `POSES`."""
    if pose == "face":
        return Figure(head.layers(), grounded=False)
    poses = {"sitting": _sitting, "sitting sideways": _sitting_sideways, "standing": _standing, "lying": _lying}
    return Figure(poses[pose](head, build, rng), grounded=True)


def _sitting(head: Head, build: Build, rng: np.random.Generator) -> Layers:
    wide = rng.uniform(0.85, 1.1) * (0.75 + 0.6 * build.girth)
    half = np.array([(0, -0.85), (0.36, -0.75), (0.46, -0.2), (0.62, 0.4), (0.66, 0.85), (0, 1.0)])
    torso = symmetric(half * (wide, build.squat) + (0, 1 - build.squat))
    haunch = ellipse(0.56 * wide, 1 - 0.32 * build.squat, 0.3, 0.34 * build.squat, turn=0.3)
    feet = ellipse(0.62 * wide, 0.96, 0.26, 0.11)
    spread = 0.21 * wide
    paw = ellipse(spread, 0.96, build.thick * 0.62, 0.1)
    chest = [mark("belly", ellipse(0, 1 - 0.95 * build.squat, 0.3 * wide, 0.62 * build.squat))] if build.chest else []
    paw_paint = "belly" if build.paws else "coat"
    side = rng.choice([-1, 1])
    layers = placed(build.tail, at=(side * -0.5 * wide, 0.85), scale=0.9, mirror=side < 0)
    layers += [area("coat", torso, *both_sides(haunch), marks=[*build.marks, *chest])]
    layers += [area(paw_paint, *both_sides(feet), edge=0.9)]
    for edge in (0.5, -0.5):
        leg = [(spread + edge * build.thick, y) for y in (1 - 0.65 * build.squat, 0.7, 0.92)]
        layers += [Line(curve, width=0.8) for curve in both_sides(smooth(leg, closed=False))]
    layers += [area(paw_paint, paw, edge=0.9), area(paw_paint, paw * (-1, 1), edge=0.9)]
    neck = 1 - 1.72 * build.squat
    layers += _collar(build, 0.0, neck - 0.02, 0.4 * wide)
    return layers + head.layers(
        at=(0, neck - 0.62 * build.head * head.chin), scale=build.head * 1.12, turn=rng.uniform(-0.16, 0.16)
    )


def _collar(build: Build, x: float, y: float, half: float) -> Layers:
    if not build.collar:
        return []
    band = limb([(x - half, y), (x, y + 0.1), (x + half, y)], [0.12, 0.14, 0.12])
    return [area("accent", band, edge=0.7), area("gold", ellipse(x, y + 0.2, 0.085, 0.085, steps=20), edge=0.7)]


def _sitting_sideways(head: Head, build: Build, rng: np.random.Generator) -> Layers:
    fat = 0.75 + 0.6 * build.girth
    torso = smooth(
        np.array([(0.2, -0.95), (0.42, -0.45), (0.46, 0.1), (0.4, 0.6), (0.2, 0.97), (-0.6, 0.98), (-0.86, 0.7),
                  (-0.74, 0.1), (-0.42, -0.5), (-0.2, -0.95)]) * (fat, build.squat) + (0, 1 - build.squat)
    )  # fmt: skip
    lean = rng.uniform(-0.03, 0.06)
    legs = [
        limb(
            [(0.28 * fat + dx, 1 - 1.1 * build.squat), (0.36 * fat + lean + dx, 0.45), (0.38 * fat + lean + dx, 0.92)],
            [build.thick * 1.2, build.thick, build.thick * 0.9],
        )
        for dx in (0.0, 0.16)
    ]
    paws = [ellipse(0.38 * fat + lean + dx + 0.06, 0.95, build.thick * 0.62, 0.09) for dx in (0.0, 0.16)]
    paw_paint = "belly" if build.paws else "coat"
    foot = ellipse(-0.05, 0.96, 0.3, 0.095)
    thigh = smooth(np.array([(0.02, 0.72), (-0.02, 0.4), (-0.3, 0.28), (-0.58, 0.5)]) * (fat, 1), closed=False)
    chest = [mark("belly", ellipse(0.42 * fat, 1 - 1.2 * build.squat, 0.2, 0.55, turn=-0.08))] if build.chest else []
    drop = 1.9 * (1 - build.squat)
    above = -0.85 - 0.5 * build.head if head.profile else -0.75 - 0.62 * build.head * head.chin
    at = (0.12 * fat, above + drop)
    layers = placed(build.tail, at=(-0.68 * fat, 0.82), scale=0.9)
    layers += [area("shade", legs[1], edge=0.9), area(paw_paint, paws[1], edge=0.9)]
    front = [area("coat", foot, edge=0.9), Line(thigh, width=0.8), area(paw_paint, paws[0], edge=0.9)]
    return layers + _with_head(head, build, [torso, legs[0]], chest, front, at=at, rng=rng)


def _standing(head: Head, build: Build, rng: np.random.Generator) -> Layers:
    if build.leg < LOW_LEG:
        return _crouching(head, build, rng)
    length, girth, top = build.length, build.girth, 1.0 - build.leg - build.girth
    back = top - girth
    torso = smooth([
        (length * 1.02, top - 0.35 * girth), (0.7 * length, back), (0, back + 0.08 * girth - build.hump * girth),
        (-0.75 * length, back), (-length * 1.02, top - 0.2 * girth), (-0.85 * length, top + 0.8 * girth),
        (0, top + rng.uniform(0.75, 1.05) * girth), (0.75 * length, top + girth),
    ])  # fmt: skip
    step = rng.choice([-1, 1]) * rng.uniform(0.05, 0.3) * build.leg

    def leg(x: float, swing: float, *, hind: bool) -> tuple[Curve, Curve]:
        knee = (x + 0.5 * swing + (-0.05 if hind else 0.02), 1.0 - 0.5 * build.leg)
        foot = (x + swing, 0.95)
        wide = build.thick * (1.4 if hind else 1.15)
        return limb([(x, top + 0.2 * girth), knee, foot], [wide, 0.85 * build.thick, 0.75 * build.thick]), ellipse(
            foot[0] + 0.07, 0.94, build.thick * 0.66, 0.09
        )

    near = [leg(0.7 * length, step, hind=False), leg(-0.74 * length, -step, hind=True)]
    far = [leg(0.4 * length, -step, hind=False), leg(-0.38 * length, step, hind=True)]
    paw_paint = "belly" if build.paws else "coat"
    layers: Layers = []
    for curve, paw in far:
        layers.append(area("shade", curve, paw))
    layers += placed(build.tail, at=(-0.93 * length, top - 0.35 * girth))
    under = [mark("belly", ellipse(0.0, top + 1.05 * girth, 0.56 * length, 0.32 * girth))] if build.chest else []
    lift = rng.uniform(0.45, 0.75) if head.profile else rng.uniform(0.25, 0.5)
    at = (length * 1.0 + 0.22 * build.head, back - lift * build.head)
    neck = limb([(0.72 * length, top), at], [1.5 * girth, 1.0 * build.head])
    paws = [area(paw_paint, paw, edge=0.9) for _, paw in near]
    return layers + _with_head(head, build, [torso, neck, near[0][0], near[1][0]], under, paws, at=at, rng=rng)


def _crouching(head: Head, build: Build, rng: np.random.Generator) -> Layers:
    """On all fours with a round back, as rabbits and mice are seen."""
    high = 1.0 - 1.9 * build.girth * rng.uniform(0.9, 1.05)
    torso = smooth(
        [
            (0.95, 0.6),
            (0.6, high + 0.22),
            (-0.1, high - 0.25 * build.hump),
            (-0.8, high + 0.25),
            (-1.08, 0.62),
            (-0.85, 0.96),
            (0.0, 0.98),
            (0.7, 0.95),
        ]
    )
    paw_paint = "belly" if build.paws else "coat"
    haunch = smooth([(-0.1, 0.9), (-0.08, 0.52), (-0.4, 0.3), (-0.78, 0.44)], closed=False)
    foot, paw = ellipse(-0.22, 0.94, 0.36, 0.09), ellipse(0.68, 0.94, 0.2, 0.085)
    arm = limb([(0.6, 0.6), (0.66, 0.8), (0.66, 0.92)], [build.thick, build.thick, build.thick])
    chest = [mark("belly", ellipse(0.3, 1.0, 0.8, 0.2))] if build.chest else []
    at = (0.85, high + (0.1 if head.profile else -0.02) * build.head)
    layers = placed(build.tail, at=(-0.98, 0.7))
    layers += [area("shade", shifted(paw, 0.2, -0.03), shifted(foot, 0.15, -0.04), edge=0.9)]
    front = [area(paw_paint, foot, edge=0.9), Line(haunch, width=0.8), area(paw_paint, paw, edge=0.9)]
    return layers + _with_head(head, build, [torso, arm], chest, front, at=at, rng=rng)


def _lying(head: Head, build: Build, rng: np.random.Generator) -> Layers:
    girth = 0.75 + 0.6 * build.girth
    high = 1.0 - 0.95 * girth * rng.uniform(0.85, 1.05)
    torso = smooth(
        [
            (1.0, 0.7),
            (0.75, high + 0.18),
            (0.0, high - 0.25 * build.hump),
            (-0.85, high + 0.12),
            (-1.2, 0.65),
            (-1.1, 0.97),
            (0.0, 1.0),
            (0.9, 0.98),
        ]
    )
    arm = limb([(0.6, 0.8), (1.0, 0.9), (1.35, 0.93)], [build.thick * 1.2, build.thick, build.thick * 0.8])
    other = shifted(arm, 0.16, -0.05)
    tip = ellipse(1.38, 0.92, 0.14, 0.1)
    paw_paint = "belly" if build.paws else "coat"
    haunch = smooth([(-0.25, 0.95), (-0.35, 0.6), (-0.7, 0.45), (-1.0, 0.6)], closed=False)
    foot = ellipse(-0.35, 0.94, 0.28, 0.09)
    at = (0.72, high - 0.3 * build.head)
    layers = placed(build.tail, at=(-1.1, 0.85), scale=0.9)
    layers += [area("shade", other), area(paw_paint, shifted(tip, 0.16, -0.05), edge=0.9)]
    front = [area("coat", foot, edge=0.9), Line(haunch, width=0.8), area("coat", arm), area(paw_paint, tip, edge=0.9)]
    neck = limb([(0.55, 0.6), at], [0.8, 0.9 * build.head])
    return layers + _with_head(head, build, [torso, neck], [], front, at=at, rng=rng)


def _with_head(
    head: Head, build: Build, torso: list[Curve], chest: list[Area], front: Layers, *, at: tuple[float, float],
    rng: np.random.Generator,
) -> Layers:  # fmt: skip
    """A profile grows out of the torso; a face lies before it."""
    turn = rng.uniform(-0.18, 0.14)
    scale = build.head * (1.0 if head.profile else 1.05)
    if not head.profile:
        whole = area("coat", *torso, marks=[*build.marks, *chest])
        collar = _collar(build, at[0], at[1] + 0.85 * scale * head.chin, 0.5 * scale)
        return [whole, *front, *collar, *head.layers(at=at, scale=scale, turn=turn)]
    skull, *rest = placed([Area(head.skull, "coat", head.marks)], at=at, scale=scale, turn=turn)
    assert not rest
    behind = placed(head.behind, at=at, scale=scale, turn=turn)
    whole = area("coat", *torso, *skull.curves, marks=[*build.marks, *chest, *skull.marks])
    collar = placed(_collar(build, 0.0, 0.0, 0.46 * scale), at=(at[0] - 0.12, at[1] + 0.66 * scale), turn=0.25)
    return [*behind, whole, *front, *collar, *placed(head.details, at=at, scale=scale, turn=turn)]
