"""Reading pictures safely, and turning them into pixels.

A picture is a PIL image in mode RGB, upright. Pixels are `(N, 3, H, W)` float32 in [0, 1].
Knows nothing of networks: resizing to what a network wants is `Backbone.view`.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps

from core.errors import ImageError

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 100_000_000

# Formats that cameras, phones, browsers and drawing programs write. Pillow knows more, some of which start
# other programs (EPS) or have few readers and many faults; they are refused. JPEG includes MPO, of phones.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO", "TGA")

# Pillow's own reminder: JPEG scaling to at least twice the wanted size is nearly indistinguishable from full decoding.
_DRAFT_GAP = 2

Source = str | os.PathLike | bytes | BinaryIO


def read_image(source: Source, *, short_side_px: int | None = None) -> Image.Image:
    """Read a picture file as upright 8-bit RGB.

    Turns by the EXIF orientation, puts transparency on white, scales 16-bit and float to 8 bits, converts CMYK and
    Lab, takes the first frame of an animation.

    Args:
        source: path, bytes, or a binary file open for reading.
        short_side_px: the size that the picture is going to be shrunk to. A large JPEG is then decoded at a half, a
            quarter or an eighth, never below twice that size: a 12-megapixel photo opens several times faster.

    Raises:
        ImageError: empty, not a picture, truncated, over `MAX_PIXELS` (whatever the size of the file), SVG or HEIC.
    """
    data = _read_bytes(source)
    try:
        with warnings.catch_warnings():
            # Our own limit is checked below; Pillow's warning comes first, from 89 megapixels.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large()) from error
    except Exception as error:  # parsers of hostile bytes raise anything: struct.error, IndexError, SyntaxError, ...
        raise ImageError(_why_not_a_picture(data)) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_large(width, height))
    if width == 0 or height == 0:
        raise ImageError("This picture has no pixels: its width or height is 0.")
    try:
        if short_side_px is not None and picture.format in ("JPEG", "MPO"):
            shrink = _DRAFT_GAP * short_side_px / min(width, height)
            picture.draft(None, (round(width * shrink), round(height * shrink)))
        picture.load()
        return _to_rgb(ImageOps.exif_transpose(picture))
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(
            "This picture is damaged: the file ends too early or its content is broken. Save or download it again."
        ) from error


def to_pixels(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Stack RGB pictures of one size into pixels.

    Returns:
        `(N, 3, H, W)` float32 in [0, 1], in channels-last memory: that is how the bytes already lie.
    """
    stacked = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
    return stacked.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _read_bytes(source: Source) -> bytes:
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            if path.is_dir():
                raise ImageError("This is a folder, not a picture.")
            if not path.exists():
                raise ImageError("There is no such file.")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ImageError(_file_too_large())
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise ImageError("This file cannot be opened.") from error
    else:
        data = source.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(_file_too_large())
    if not data:
        raise ImageError("This file is empty. Save or download the picture again.")
    return data


def _to_rgb(picture: Image.Image) -> Image.Image:
    mode = picture.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        return Image.fromarray(_to_8_bits(np.asarray(picture), mode)).convert("RGB")
    if mode == "LAB":
        to_srgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        return ImageCms.applyTransform(picture, to_srgb)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def _to_8_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey values of more than 8 bits, to 8: 16-bit by its own range, others by the range that they use."""
    values = np.nan_to_num(values.astype(np.float64))
    low, high = 0.0, 65535.0
    if mode == "F" or values.min() < low or values.max() > high:
        low, high = values.min(), values.max()
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return np.round(scaled).astype(np.uint8)


def _why_not_a_picture(data: bytes) -> str:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) or b"<svg" in head:
        return "This is an SVG drawing, which has no pixels to look at. Export it as PNG first."
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"heim", b"heis"):
        return "This is a HEIC photo, as iPhones store them. Export it as JPEG first."
    known = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF"
    return f"This file is not a picture that can be opened here, or its beginning is damaged. Use {known}."


def _too_large(width: int | None = None, height: int | None = None) -> str:
    size = f" ({width} x {height} pixels)" if width and height else ""
    return f"This picture is too large{size}: at most {MAX_PIXELS // 1_000_000} megapixels. Make it smaller first."


def _file_too_large() -> str:
    return f"This file is too large: at most {MAX_FILE_BYTES // 1_000_000} MB. Make the picture smaller first."
