"""Paper, grain, hatching, light: `(SIZE_PX, SIZE_PX)` float32 fields from 0 to 1, and painting through them.

Random fields are cut out of a few large ones, each made once: a new one for each picture would take longer than the
drawing.
"""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageFilter

from core.datasets.drawing.palettes import Colour
from core.datasets.drawing.tracing import SIZE_PX

Field = np.ndarray
_SHEET_PX = 2 * SIZE_PX


def noise(cells: int, rng: np.random.Generator) -> Field:
    """Smooth noise with features of a `cells`-th of the picture."""
    return _cut(_noise_sheet(cells), rng)


def grain(rng: np.random.Generator) -> Field:
    """The tooth of a paper: fine noise, half of which spans two to three pixels."""
    return _cut(_grain_sheet(), rng)


def hatching(spacing_px: float, angle: float, rng: np.random.Generator, *, tremble: float = 0.5) -> Field:
    """Parallel strokes: 1 on them, 0 halfway between two. `tremble` is how much they stray, in spacings."""
    steps = np.arange(SIZE_PX, dtype=np.float32) * np.float32(2 * np.pi / spacing_px)
    phase = (np.float32(2 * np.pi * tremble) * noise(8, rng)) + np.float32(np.cos(angle)) * steps
    phase += np.float32(np.sin(angle)) * steps[:, None]
    np.cos(phase, out=phase)
    phase *= 0.5
    phase += 0.5
    return phase


def blurred(field: Field, radius_px: float) -> Field:
    """A field, blurred (in 8 bits, at a quarter of the size)."""
    small = Image.fromarray((field * 255).astype(np.uint8)).reduce(4).filter(ImageFilter.GaussianBlur(radius_px / 4))
    return unit(small.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC))


def unit(image: Image.Image) -> np.ndarray:
    """8 bits -> 0 to 1; `(H, W)` or `(H, W, 3)`."""
    return np.asarray(image) * np.float32(1 / 255)


def brightness(image: Image.Image) -> Field:
    """Luma of an RGB picture."""
    return unit(image.convert("L"))


def eight_bits(values: np.ndarray) -> Image.Image:
    """0 to 1 -> an 8-bit picture: L from `(H, W)`, RGB from `(H, W, 3)`. What is outside is clipped."""
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def paper(colour: Colour, rng: np.random.Generator, *, roughness: float = 0.05) -> Image.Image:
    """RGB: a sheet of that colour with a little tooth and unevenness."""
    tone = np.clip(_tone(grain(rng), noise(4, rng), roughness), 0, 255)
    return Image.merge(
        "RGB", [Image.fromarray(np.minimum(tone * (part / 255), 255).astype(np.uint8)) for part in colour]
    )


def _tone(tooth: Field, uneven: Field, roughness: float) -> Field:
    return 255 * (1 + roughness * (tooth - 0.5) + 0.6 * roughness * (uneven - 0.5))


def gradient(top: Colour, bottom: Colour) -> Image.Image:
    """RGB from one colour down to another."""
    share = np.linspace(0, 1, SIZE_PX, dtype=np.float32)[:, None]
    column = np.array(top, dtype=np.float32) * (1 - share) + np.array(bottom, dtype=np.float32) * share
    return Image.fromarray(np.repeat(column[:, None].round().astype(np.uint8), SIZE_PX, axis=1))


def _cut(sheet: Field, rng: np.random.Generator) -> Field:
    top, left = rng.integers(0, _SHEET_PX - SIZE_PX, 2)
    field = sheet[top : top + SIZE_PX, left : left + SIZE_PX]
    return field[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]


@functools.lru_cache(maxsize=16)
def _noise_sheet(cells: int) -> Field:
    coarse = np.random.default_rng(cells).random((2 * cells, 2 * cells), dtype=np.float32)
    sheet = Image.fromarray(coarse).resize((_SHEET_PX, _SHEET_PX), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(sheet), 0, 1)


@functools.lru_cache(maxsize=1)
def _grain_sheet() -> Field:
    fine = np.random.default_rng(0).random((_SHEET_PX, _SHEET_PX), dtype=np.float32)
    return (0.5 * fine + 0.5 * _noise_sheet(SIZE_PX * 2 // 5)).astype(np.float32)
