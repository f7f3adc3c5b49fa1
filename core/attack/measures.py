"""How far two pictures are apart, as files: distances, and what people see of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

# The Gaussian window of Wang et al. 2004: 11 pixels a side.
_SIGMA_PX, _WINDOW_PX = 1.5, 11


@dataclass(frozen=True)
class Measures:
    """Of a changed 8-bit picture against the picture before.

    Attributes:
        l2: square root of the sum of squared differences, all channels, in [0, 1] units.
        linf: the largest difference of a channel of a pixel, in [0, 1] units: 1/255 is one step of a file.
        psnr: peak signal-to-noise ratio in dB; infinite where nothing changed.
        ssim: structural similarity, 1 where nothing changed (Wang et al. 2004, Gaussian window of 11 pixels, sigma 1.5).
        touched: share of the pixels that changed.
    """

    l2: float
    linf: float
    psnr: float
    ssim: float
    touched: float


def measure(before: Image.Image, after: Image.Image) -> Measures:
    """Compare two 8-bit RGB pictures of one size, of 11 pixels a side at least."""
    from skimage.metrics import structural_similarity

    first, second = (np.asarray(picture, dtype=np.float64) / 255 for picture in (before, after))
    difference = second - first
    mean_square = float(np.mean(difference**2))
    similarity = structural_similarity(
        first,
        second,
        channel_axis=2,
        data_range=1.0,
        gaussian_weights=True,
        sigma=_SIGMA_PX,
        win_size=_WINDOW_PX,
        use_sample_covariance=False,
    )
    return Measures(
        l2=math.sqrt(float(np.sum(difference**2))),
        linf=float(np.abs(difference).max()),
        psnr=-10 * math.log10(mean_square) if mean_square else math.inf,
        ssim=float(similarity),
        touched=float(np.mean(np.any(difference != 0, axis=2))),
    )


def magnified(before: Image.Image, after: Image.Image) -> tuple[Image.Image, float]:
    """The change as a picture, grey where there is none, and by which factor it was multiplied to fill the range."""
    difference = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    largest = float(np.abs(difference).max())
    factor = 127 / largest if largest else 1.0
    return Image.fromarray((128 + factor * difference).round().clip(0, 255).astype(np.uint8)), factor
