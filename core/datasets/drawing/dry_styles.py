"""Styles of lines on a rough ground: ink and pencil, crayon, chalk."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.datasets.drawing.figure import Figure
from core.datasets.drawing.palettes import Colour, Palette, luminance, mixed
from core.datasets.drawing.scenes import scene
from core.datasets.drawing.textures import brightness, eight_bits, grain, hatching, paper, unit
from core.datasets.drawing.tracing import SIZE_PX, Pen, trace

_PAPERS = ((255, 255, 252), (250, 244, 230), (244, 236, 214), (238, 240, 240), (232, 220, 196))
_INKS = ((30, 28, 32), (62, 46, 36), (34, 52, 120), (70, 70, 74))
_BOARDS = ((44, 74, 62), (38, 42, 44), (34, 54, 84), (58, 50, 46))
_DARK = ("dot", "pupil", "nose", "mouth", "line")


def ink(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """A pen or a pencil on paper; dark parts are hatched, the darker the denser."""
    sheet = paper(_PAPERS[rng.integers(len(_PAPERS))], rng)
    ink_colour = _INKS[rng.integers(len(_INKS))]
    pencil = rng.random() < 0.4
    pale = rng.uniform(0.25, 0.8)
    tones = {
        paint: mixed(colour, (255, 255, 255), 0.0 if paint in _DARK else pale) for paint, colour in palette.items()
    }
    tones["sky"] = (255, 255, 255)
    behind = scene(figure.grounded, feet, rng, edge=0.6) if rng.random() < 0.5 else []
    pen = Pen(rng.uniform(1.7, 2.8), wobble_px=rng.uniform(0.3, 1.2), pressure=0.7)
    cel = trace(behind, figure.layers, tones, Image.new("RGB", (SIZE_PX, SIZE_PX), "white"), pen, rng)
    dark = 1 - brightness(cel.flat)
    angle = rng.uniform(0.5, 1.1)
    strokes = hatching(rng.uniform(3.5, 6.0), angle, rng, tremble=0.8)
    crossing = hatching(rng.uniform(3.5, 6.0), angle + rng.uniform(0.9, 1.4), rng, tremble=0.8)
    # a stroke is as broad as the tone is dark
    tone = np.maximum(strokes - 1.11 + 0.9 * dark, crossing - 1.4 + 0.9 * dark) * 4
    tone = np.maximum(tone, (dark - 0.75) * 6)
    marks = np.maximum(0.8 * np.clip(tone, 0, 1), unit(cel.lines))
    if pencil:
        marks = marks * (1.5 * grain(rng) + 0.1)
    sheet.paste(ink_colour, mask=eight_bits(marks))
    return sheet


def crayon(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """A child's drawing: wobbly wax lines, colours scribbled in, paper that shows through."""
    sheet = paper(_PAPERS[rng.integers(3)], rng)
    waxes = {paint: _bold(colour) for paint, colour in palette.items()}
    behind = scene(figure.grounded, feet, rng, edge=0.8) if rng.random() < 0.8 else []
    pen = Pen(rng.uniform(3.2, 5.0), wobble_px=rng.uniform(1.2, 2.8), pressure=0.6)
    cel = trace(behind, figure.layers, waxes, sheet, pen, rng)
    tooth = grain(rng)
    scribble = hatching(rng.uniform(5, 9), rng.uniform(0, np.pi), rng, tremble=1.2)
    wax = np.minimum(0.7 * scribble + 1.25 * tooth + 0.08, rng.uniform(0.85, 1.0))
    sheet.paste(cel.flat, mask=eight_bits(wax))
    line = _bold(mixed(palette["line"], palette["marks"], rng.choice([0.0, 0.6])))
    sheet.paste(line, mask=eight_bits(unit(cel.lines) * np.clip(2.4 * tooth, 0, 0.95)))
    return sheet


def chalk(figure: Figure, feet: tuple[float, float], palette: Palette, rng: np.random.Generator) -> Image.Image:
    """Coloured or white chalk on a blackboard that was wiped before."""
    board_colour = _BOARDS[rng.integers(len(_BOARDS))]
    board = paper(board_colour, rng, roughness=0.22)
    white = rng.random() < 0.4
    if white:  # pressed harder where it is brighter
        chalks = {
            paint: mixed(board_colour, (240, 238, 230), 0.25 + 0.75 * luminance(c)) for paint, c in palette.items()
        }
    else:
        chalks = {paint: mixed(colour, (255, 250, 240), 0.3) for paint, colour in palette.items()}
    for paint in ("pupil", "shine", "mouth"):
        chalks[paint] = board_colour
    for paint in ("dot", "white", "teeth"):
        chalks[paint] = (250, 248, 240)
    behind = scene(figure.grounded, feet, rng, edge=0.7) if rng.random() < 0.5 else []
    behind = [layer for layer in behind if layer.paint not in ("sky", "cloud")]
    pen = Pen(rng.uniform(2.6, 4.2), wobble_px=rng.uniform(0.6, 1.6), pressure=0.6)
    cel = trace(behind, figure.layers, chalks, Image.new("RGB", (SIZE_PX, SIZE_PX), board_colour), pen, rng)
    tooth = grain(rng)
    strokes = 0.4 + 0.6 * hatching(rng.uniform(4, 8), rng.uniform(0.4, 1.2), rng, tremble=0.9)
    fill = (rng.uniform(0.3, 0.7) if white else 0.75) * strokes * (0.4 + tooth)
    fill = fill + np.clip(4 * brightness(cel.flat) - 3.3, 0, 0.2)  # eyes and teeth are filled in
    board.paste(cel.flat, mask=eight_bits(fill))
    line = (244, 242, 234) if white or rng.random() < 0.7 else mixed(chalks["coat"], (255, 255, 255), 0.4)
    board.paste(line, mask=eight_bits(unit(cel.lines) * np.clip(2.4 * tooth - 0.25, 0, 0.95)))
    return board


def _bold(colour: Colour) -> Colour:
    """A wax colour: more saturated."""
    values = np.array(colour, dtype=np.float64)
    red, green, blue = np.clip(values.mean() + 1.35 * (values - values.mean()), 0, 255).astype(int).tolist()
    return red, green, blue
