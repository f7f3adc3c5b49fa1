"""How pictures are stored while they are optimised: as pixels, as waves, or as the phases of waves.

The storage decides which changes are easy for the gradient. Each kind has the same four verbs: `pixels` draws the
pictures, `parameters` are the tensors to be optimised, `keep_inside` mends what a step broke, `at_size` goes on finer.

References:
    Olah et al. 2017, Feature Visualization, doi:10.23915/distill.00007 (waves, decorrelated colours)
    Fel et al. 2023, Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization,
        arXiv:2306.06805 (phases)
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch.nn import functional

from core.errors import SettingsError

Kind = Literal["pixels", "fourier", "phase"]
Start = Literal["noise", "grey", "photo"]

# Square root of the covariance of red, green and blue over 200 photos of ImageNet at 64 x 64, by columns: light to dark,
# warm to cold, green to purple. Measured for this project; what matters is that the three are far from equal.
_COLOURS = ((0.238, 0.085, 0.024), (0.247, 0.001, -0.047), (0.250, -0.082, 0.024))
# Spread of the start's waves: faint, so that the picture comes from the network.
_FAINT = 0.05
# Spread of the logits of brightness where the strength of waves is fixed: most values between a tenth and nine tenths.
_CONTRAST = 1.2


class Parameterization(Protocol):
    """Pictures in the making."""

    @property
    def parameters(self) -> list[torch.Tensor]:
        """What is optimised, with gradients."""

    def pixels(self) -> torch.Tensor:
        """The pictures `(N, 3, S, S)` in [0, 1]; gradients flow back to the parameters."""

    def keep_inside(self) -> None:
        """After a step: back to values that stand for pictures."""

    def at_size(self, side_px: int) -> Parameterization:
        """The same pictures at another size, in storage of their own."""


def parameterize(
    kind: Kind,
    start: torch.Tensor | Start,
    *,
    count: int,
    side_px: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Parameterization:
    """Pictures to begin with.

    Args:
        start: "noise", "grey", or a photo's pixels `(1 or count, 3, S, S)`.
        generator: on the processor, so that a seed means the same noise on every device.
        device: where the pictures are drawn: that of the network, or each step carries them over and back.

    Raises:
        SettingsError: phases of a fixed magnitude cannot hold a photo, or grey.
    """
    shape = (count, 3, side_px, side_px)
    if kind == "phase":
        if not (isinstance(start, str) and start == "noise"):
            raise SettingsError(
                "The parameterization phase draws every picture with the same strength of waves, so it can start from noise "
                "only. Choose pixels or fourier."
            )
        half = (count, 3, side_px, side_px // 2 + 1)
        return Phase(((2 * torch.rand(half, generator=generator) - 1) * torch.pi).to(device), side_px)
    if kind == "pixels":
        if isinstance(start, torch.Tensor):
            return Pixels(2 * start.expand(shape).clone().to(device) - 1)
        values = torch.randn(shape, generator=generator) if start == "noise" else torch.zeros(shape)
        return Pixels(values.to(device))
    if isinstance(start, torch.Tensor):
        return Fourier.of_pixels(start.expand(shape).to(device))
    spectrum = torch.randn((count, 3, side_px, side_px // 2 + 1, 2), generator=generator) * _FAINT
    return Fourier((spectrum if start == "noise" else spectrum * 0).to(device), side_px)


class Pixels:
    """Values in [-1, 1], one for each colour of each pixel; 0 is the middle grey.

    Args:
        values: `(N, 3, S, S)`; what lies outside is cut off. The lesson's start is N(0, 1).
    """

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values.clamp(-1, 1).contiguous().requires_grad_()

    @property
    def parameters(self) -> list[torch.Tensor]:  # noqa: D102
        return [self.values]

    def pixels(self) -> torch.Tensor:  # noqa: D102
        return ((self.values + 1) / 2).contiguous(memory_format=torch.channels_last)

    def keep_inside(self) -> None:  # noqa: D102
        self.values.data.clamp_(-1, 1)

    def at_size(self, side_px: int) -> Pixels:  # noqa: D102
        return Pixels(_resized(self.values.detach(), side_px))


class Fourier:
    """Strengths of waves in decorrelated colours; slow waves are stronger by 1 / frequency, as in photos.

    pixels = sigmoid(colours @ sum over waves of strength x 1/f). A step of the same length changes slow waves more than
    fast ones, and light more than colour.

    Args:
        spectrum: `(N, 3, S, S // 2 + 1, 2)`, real and imaginary parts over the scale.
    """

    def __init__(self, spectrum: torch.Tensor, side_px: int) -> None:
        self.spectrum = spectrum.detach().clone().requires_grad_()
        self._side_px = side_px
        self._scale = _one_over_frequency(side_px).to(self.spectrum.device)[..., None]

    @classmethod
    def of_pixels(cls, pixels: torch.Tensor) -> Fourier:
        """The waves that draw these pictures, but for black and white, which a sigmoid never reaches."""
        side = pixels.shape[-1]
        light = _from_colours(torch.logit(pixels.double(), eps=1 / 256))
        spectrum = torch.view_as_real(torch.fft.rfft2(light, norm="forward").contiguous())
        return cls((spectrum / _one_over_frequency(side).to(spectrum.device)[..., None]).float(), side)

    @property
    def parameters(self) -> list[torch.Tensor]:  # noqa: D102
        return [self.spectrum]

    def pixels(self) -> torch.Tensor:  # noqa: D102
        waves = torch.view_as_complex(self.spectrum * self._scale)
        return _to_colours(torch.fft.irfft2(waves, s=(self._side_px,) * 2, norm="forward")).sigmoid()

    def keep_inside(self) -> None:
        """Nothing to do: every spectrum is a picture."""

    def at_size(self, side_px: int) -> Fourier:  # noqa: D102
        with torch.no_grad():
            return Fourier.of_pixels(_resized(self.pixels(), side_px).clamp(0, 1))


class Phase:
    """Where each wave begins; how strong it is, is fixed: 1 / frequency, as in photos.

    So no picture of single harsh patterns can arise. MACO takes the mean magnitude of photos of ImageNet; the law
    1 / f (Field 1987) needs none.

    Args:
        angles: `(N, 3, S, S // 2 + 1)`, radians.
    """

    def __init__(self, angles: torch.Tensor, side_px: int) -> None:
        self.angles = angles.detach().clone().requires_grad_()
        self._side_px = side_px
        magnitude = _one_over_frequency(side_px)
        magnitude[0, 0] = 0  # a constant would make the picture dark or bright
        energy = 2 * magnitude.square().sum()  # each wave stands for itself and its mirror image
        self._magnitude = (magnitude * (_CONTRAST / energy.sqrt())).to(self.angles.device)

    @property
    def parameters(self) -> list[torch.Tensor]:  # noqa: D102
        return [self.angles]

    def pixels(self) -> torch.Tensor:  # noqa: D102
        waves = torch.polar(self._magnitude.expand_as(self.angles), self.angles)
        return _to_colours(torch.fft.irfft2(waves, s=(self._side_px,) * 2, norm="forward")).sigmoid()

    def keep_inside(self) -> None:
        """Nothing to do: angles go round."""

    def at_size(self, side_px: int) -> Phase:
        """Slow waves keep their phases; those that are new begin at phases of their own, drawn from the old."""
        half, old = side_px // 2 + 1, self._side_px
        generator = torch.Generator().manual_seed(int(self.angles.detach().abs().sum()))
        angles = (2 * torch.rand((*self.angles.shape[:2], side_px, half), generator=generator) - 1) * torch.pi
        kept = min(old, side_px) // 2
        angles = angles.to(self.angles.device)
        angles[..., :kept, :kept] = self.angles.detach()[..., :kept, :kept]
        angles[..., -kept:, :kept] = self.angles.detach()[..., -kept:, :kept]
        return Phase(angles, side_px)


def _one_over_frequency(side_px: int) -> torch.Tensor:
    """`(S, S // 2 + 1)`: 1 / (waves across the picture), 1 for the constant."""
    down, across = torch.fft.fftfreq(side_px, 1 / side_px), torch.fft.rfftfreq(side_px, 1 / side_px)
    return 1 / torch.hypot(down[:, None], across[None, :]).clamp(min=1)


def _to_colours(light: torch.Tensor) -> torch.Tensor:
    """Decorrelated channels `(N, 3, H, W)` -> logits of red, green, blue; the strongest direction has length 4 times its
    share, so that a unit change is a visible one."""
    return torch.einsum("oc,nchw->nohw", _colour_matrix(light), light)


def _from_colours(colours: torch.Tensor) -> torch.Tensor:
    return torch.einsum("oc,nchw->nohw", torch.linalg.inv(_colour_matrix(colours)), colours)


def _colour_matrix(like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor(_COLOURS) * 4


def _resized(values: torch.Tensor, side_px: int) -> torch.Tensor:
    return functional.interpolate(values, size=(side_px, side_px), mode="bicubic", antialias=side_px < values.shape[-1])
