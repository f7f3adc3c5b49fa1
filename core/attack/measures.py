"""How far two pictures are apart, as files: distances, and what people see of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

# The Gaussian window of Wang et al. 2004: 11 pixels a side.
_SIGMA_PX, _WINDOW_PX = 1.5, 11
# Rows that are compared at once: a photo may have many millions of pixels, and each takes dozens of numbers.
_STRIP_PX = 256


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

    first, second = np.asarray(before), np.asarray(after)
    height, reach = len(first), _WINDOW_PX // 2
    squares, largest, touched, similarity = 0, 0, 0, 0.0
    for top in range(0, height, _STRIP_PX):
        strip = slice(top, min(top + _STRIP_PX, height))
        steps = np.abs(second[strip].astype(np.int32) - first[strip])
        squares += int(np.sum(steps.astype(np.int64) ** 2))
        largest = max(largest, int(steps.max()))
        touched += int(np.count_nonzero(steps.any(axis=2)))
    # of the windows that lie inside the picture, each counted where its middle is
    for top in range(reach, height - reach, _STRIP_PX):
        bottom = min(top + _STRIP_PX, height - reach)
        around = slice(top - reach, bottom + reach)
        one, other = first[around], second[around]
        said = 1.0
        if not np.array_equal(one, other):
            said = structural_similarity(
                one / 255,
                other / 255,
                channel_axis=2,
                data_range=1.0,
                gaussian_weights=True,
                sigma=_SIGMA_PX,
                win_size=_WINDOW_PX,
                use_sample_covariance=False,
            )
        similarity += float(said) * (bottom - top)
    mean_square = squares / first.size / 255**2
    return Measures(
        l2=math.sqrt(squares) / 255,
        linf=largest / 255,
        psnr=-10 * math.log10(mean_square) if mean_square else math.inf,
        ssim=similarity / (height - 2 * reach),
        touched=touched / (first.shape[0] * first.shape[1]),
    )


def magnified(before: Image.Image, after: Image.Image) -> tuple[Image.Image, float]:
    """The change as a picture, grey where there is none, and by which factor it was multiplied to fill the range."""
    difference = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    largest = float(np.abs(difference).max())
    factor = 127 / largest if largest else 1.0
    return Image.fromarray((128 + factor * difference).round().clip(0, 255).astype(np.uint8)), factor
