"""Distances as the definitions say, checked by hand and against the library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from core.attack.measures import magnified, measure


def _pictures():
    rng = np.random.default_rng(0)
    first = rng.integers(20, 230, (32, 40, 3), dtype=np.uint8)
    second = first.copy()
    second[3, 4, 1] += 5
    second[10, 20, 0] -= 12
    return Image.fromarray(first), Image.fromarray(second)


def test_two_pixels_that_moved():
    first, second = _pictures()
    measures = measure(first, second)
    assert measures.l2 == pytest.approx(13 / 255)
    assert measures.linf == pytest.approx(12 / 255)
    assert measures.touched == pytest.approx(2 / (32 * 40))
    assert measures.psnr == pytest.approx(peak_signal_noise_ratio(np.asarray(first), np.asarray(second)))
    assert 0.9 < measures.ssim < 1


def test_nothing_moved():
    first, _ = _pictures()
    measures = measure(first, first)
    assert (measures.l2, measures.linf, measures.touched) == (0, 0, 0)
    assert measures.psnr == math.inf
    assert measures.ssim == pytest.approx(1)


def test_the_magnified_change_fills_the_range_and_says_by_how_much():
    first, second = _pictures()
    shown, factor = magnified(first, second)
    values = np.asarray(shown)
    assert factor == pytest.approx(127 / 12)
    assert values[10, 20, 0] == 1
    assert values[3, 4, 1] == 128 + round(5 * factor)
    assert (values == 128).sum() == values.size - 2
    assert magnified(first, first)[1] == 1
