"""What one may choose of how a network is shown pictures. Imports no torch: a page is built from it."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings import Checked, switch, whole


@dataclass(frozen=True)
class ViewSettings(Checked):
    """How a network is shown a picture, where that differs from how it was trained."""

    size_px: int = whole(
        0,
        0,
        1024,
        title="Picture size",
        about="Side of the square that the network sees, in pixels; 0: the size that it was trained with.",
    )
    mirrored: bool = switch(
        False, title="Look twice", about="Look at each picture and at its mirror image, and take the mean of both."
    )
    input_scaling: bool = switch(
        True,
        title="Input scaling",
        about="Scale pixels as the network was trained. Off is the classic bug: it gets 0 to 255 instead.",
    )
