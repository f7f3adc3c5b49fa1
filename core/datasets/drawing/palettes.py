"""The colours of an animal and of the scene behind it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Colour = tuple[int, int, int]
Palette = Mapping[str, Colour]

# (coat, marks, belly) of real animals
_FURS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((224, 145, 62), (176, 96, 32), (250, 226, 190)),  # ginger
    ((142, 142, 148), (88, 88, 96), (226, 226, 230)),  # grey
    ((66, 62, 66), (38, 36, 40), (244, 242, 238)),  # black
    ((246, 240, 230), (150, 116, 88), (255, 250, 244)),  # white
    ((232, 210, 176), (98, 72, 58), (250, 240, 222)),  # cream
    ((156, 108, 70), (98, 62, 38), (232, 206, 172)),  # brown
    ((204, 170, 122), (122, 86, 54), (246, 232, 208)),  # sand
    ((112, 80, 62), (64, 44, 36), (214, 186, 158)),  # chocolate
)
_FEATHERS = (
    ((76, 146, 214), (38, 86, 158), (240, 236, 214)),
    ((240, 196, 48), (206, 140, 28), (252, 236, 166)),
    ((206, 74, 62), (132, 42, 44), (244, 214, 190)),
    ((110, 178, 84), (54, 118, 60), (246, 226, 110)),
    ((140, 108, 80), (88, 64, 48), (228, 140, 84)),
    ((104, 110, 122), (60, 64, 76), (232, 232, 232)),
    ((246, 240, 232), (188, 184, 190), (255, 252, 248)),
)
_SCALES = (
    ((240, 136, 40), (250, 246, 240), (252, 204, 120)),
    ((242, 186, 52), (224, 104, 44), (252, 232, 158)),
    ((72, 140, 206), (36, 76, 150), (206, 230, 240)),
    ((214, 72, 74), (250, 240, 232), (246, 190, 170)),
    ((120, 186, 178), (54, 118, 124), (226, 240, 220)),
    ((156, 112, 190), (98, 64, 144), (226, 206, 236)),
)
_GREENS = (
    ((112, 176, 76), (66, 122, 52), (222, 232, 164)),
    ((146, 190, 84), (88, 132, 50), (240, 238, 184)),
    ((84, 150, 104), (44, 96, 70), (208, 226, 178)),
    ((166, 170, 92), (112, 110, 52), (232, 224, 176)),
    ((142, 120, 80), (92, 74, 48), (220, 204, 160)),
)
# As children colour them in
_FANCY = (
    ((118, 168, 226), (70, 112, 186), (226, 238, 252)),
    ((238, 150, 176), (204, 92, 130), (254, 226, 234)),
    ((172, 140, 214), (122, 88, 172), (236, 226, 250)),
    ((132, 198, 160), (76, 146, 108), (228, 246, 232)),
    ((246, 206, 92), (220, 150, 50), (255, 244, 206)),
    ((236, 118, 92), (184, 70, 58), (252, 220, 204)),
)
_COATS = {"bird": _FEATHERS, "fish": _SCALES, "frog": _GREENS, "turtle": _GREENS}
_FANCY_SHARE = 0.16

_IRISES = ((122, 184, 84), (228, 182, 60), (92, 160, 206), (176, 120, 62), (88, 176, 160))
_BRIGHT = ((214, 60, 60), (52, 120, 200), (240, 180, 40), (90, 170, 90), (150, 90, 180), (240, 120, 60), (60, 170, 180))
_WALLS = (
    (250, 236, 214),
    (226, 238, 246),
    (246, 224, 224),
    (232, 244, 226),
    (240, 232, 248),
    (254, 246, 214),
    (222, 230, 232),
    (196, 220, 224),
    (244, 208, 176),
    (206, 200, 226),
    (188, 214, 178),
    (255, 255, 255),
)


def animal_palette(animal: str, rng: np.random.Generator) -> dict[str, Colour]:
    """Colours that suit the animal; now and then those of a child's pencil box."""
    natural = _COATS.get(animal, _FURS)
    choices = _FANCY if rng.random() < _FANCY_SHARE else natural
    coat, marks, belly = (_varied(colour, rng) for colour in choices[rng.integers(len(choices))])
    return {
        "coat": coat,
        "marks": marks,
        "belly": belly,
        "shade": mixed(coat, (40, 34, 50), 0.2),
        "inner": mixed((238, 168, 166), coat, 0.25),
        "nose": ((224, 122, 130), (58, 44, 46), (120, 80, 72))[rng.integers(3)],
        "dot": (40, 32, 36),
        "pupil": (30, 26, 32),
        "iris": _varied(_IRISES[rng.integers(len(_IRISES))], rng),
        "white": (255, 255, 255),
        "shine": (255, 255, 255),
        "mouth": (122, 48, 54),
        "tongue": (240, 134, 142),
        "blush": mixed((244, 130, 130), coat, 0.35),
        "beak": _varied((242, 160, 50), rng),
        "accent": _BRIGHT[rng.integers(len(_BRIGHT))],
        "rust": _varied((206, 128, 60), rng),
        "gold": (244, 204, 84),
        "teeth": (255, 253, 246),
        "line": mixed((44, 34, 36), marks, 0.15),
    }


def scene_palette(rng: np.random.Generator) -> dict[str, Colour]:
    """Colours of what is behind the animal."""
    wall = _varied(_WALLS[rng.integers(len(_WALLS))], rng)
    bright = _BRIGHT[rng.integers(len(_BRIGHT))]
    sky = _varied(((186, 222, 244), (214, 234, 246), (250, 218, 180), (202, 212, 240))[rng.integers(4)], rng)
    ground = _varied(
        ((150, 200, 104), (178, 212, 120), (226, 206, 150), (204, 222, 232), (126, 178, 120))[rng.integers(5)], rng
    )
    return {
        "sky": sky,
        "pane": sky,
        "ground": ground,
        "far": mixed(ground, sky, 0.45),
        "sun": (252, 214, 92),
        "cloud": (255, 255, 255),
        "plant": mixed(ground, (40, 96, 50), 0.45),
        "flower": bright,
        "wall": wall,
        "floor": mixed(
            _varied(((206, 166, 122), (186, 196, 204), (222, 200, 168), (170, 130, 110))[rng.integers(4)], rng),
            wall,
            0.2,
        ),
        "pattern": mixed(wall, bright, 0.22),
    }


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Brightness in [0, 1], by the weights of Rec. 601."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def _varied(colour: Colour, rng: np.random.Generator) -> Colour:
    shift = rng.normal(0, 7, 3) + rng.normal(0, 7)
    red, green, blue = np.clip(np.array(colour) + shift, 0, 255).astype(int).tolist()
    return red, green, blue
