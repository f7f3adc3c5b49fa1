"""Small changes between a picture in the making and what the network sees of it, drawn anew at each step.

A picture that only convinces in one exact place, size and light is a trick; one that does in all of them has what the
class looks like (Olah et al. 2017; Athalye et al. 2018, arXiv:1707.07397).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Views:
    """How far a view may lie from the picture. All 0: it is the picture.

    Attributes:
        jitter: largest shift, as a share of the side.
        zoom_in: smallest share of the side that a view shows, in (0, 1].
        zoom_out: largest share of the side that a view shows, from 1; beyond the edge the picture is mirrored.
        rotate_degrees: largest angle.
        flip: whether half of the views are mirrored.
        light: largest change of contrast and brightness, as a share.
        noise: standard deviation of the noise that is added, in [0, 1] units.
    """

    jitter: float = 0.0
    zoom_in: float = 1.0
    zoom_out: float = 1.0
    rotate_degrees: float = 0.0
    flip: bool = False
    light: float = 0.0
    noise: float = 0.0

    def __call__(
        self, pixels: torch.Tensor, side_px: int, generator: torch.Generator, *, alike: bool = False
    ) -> torch.Tensor:
        """A view of each picture.

        Args:
            pixels: `(N, 3, S, S)` in [0, 1].
            side_px: of the views.
            alike: whether all pictures are seen in the same way.

        Returns:
            `(N, 3, side_px, side_px)`, about [0, 1]; gradients flow back to the pixels.
        """
        if side_px < pixels.shape[-1]:  # sampling would skip pixels, which then nothing pulls
            pixels = functional.interpolate(pixels, size=(side_px, side_px), mode="bilinear", antialias=True)
        drawn = 1 if alike else len(pixels)
        if self._moves or side_px != pixels.shape[-1]:
            pixels = self._moved(pixels, side_px, drawn, generator)
        if self.light:
            contrast, brightness = (self._between(drawn, -self.light, self.light, generator) for _ in range(2))
            contrast, brightness = (part.view(-1, 1, 1, 1).to(pixels.device) for part in (contrast, brightness))
            pixels = (pixels - 0.5) * (1 + contrast) + 0.5 + brightness / 2
        if self.noise:
            noise = torch.randn((drawn, *pixels.shape[1:]), generator=generator).to(pixels.device)
            pixels = pixels + self.noise * noise
        return pixels

    @property
    def _moves(self) -> bool:
        return bool(self.jitter or self.rotate_degrees or self.flip or self.zoom_in < 1 or self.zoom_out > 1)

    def _moved(self, pixels: torch.Tensor, side_px: int, count: int, generator: torch.Generator) -> torch.Tensor:
        """One resampling for shift, zoom, turn and mirror, of which `count` are drawn: one for all, or one for each."""
        # factors are as likely as their inverses
        zoom = self._between(count, math.log(self.zoom_in), math.log(self.zoom_out), generator).exp()
        angle = self._between(count, -self.rotate_degrees, self.rotate_degrees, generator).deg2rad()
        # in units of half a side; a view that shows less may lie anywhere in the picture
        room = 2 * self.jitter + (1 - zoom).clamp(min=0)
        across, down = (self._between(count, -1, 1, generator) * room for _ in range(2))
        mirror = (
            torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0) if self.flip else torch.ones(count)
        )
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        matrix = torch.stack([cos * mirror, -sin, across, sin * mirror, cos, down], dim=1).view(count, 2, 3)
        matrix = matrix.to(pixels.device).expand(len(pixels), 2, 3)
        grid = functional.affine_grid(matrix, [len(pixels), 3, side_px, side_px], align_corners=False)
        return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def _between(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)
