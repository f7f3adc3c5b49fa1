"""Reading pictures safely, and turning them into pixels.

A picture is a PIL image in mode RGB, upright. Pixels are `(N, 3, H, W)` float32 in [0, 1].
Knows nothing of networks: resizing to what a network wants is `Backbone.view`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import IcoImagePlugin, Image, ImageCms, ImageOps

from core import limits
from core.errors import ImageError

MAX_FILE_BYTES = 100_000_000

# Formats that cameras, phones, browsers and drawing programs write. Pillow knows more, some of which start
# other programs (EPS), take minutes for a large file (PPM) or have few readers; they are refused. JPEG includes MPO.
# Icons (ICO) are read as well: see `_open`.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "TGA")

# Pillow's own reminder: JPEG scaling to at least twice the wanted size is nearly indistinguishable from full decoding.
_DRAFT_GAP = 2

# The first four letters that HEIC files of phones and cameras carry (ISO/IEC 23008-12, annex B).
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")

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
        ImageError: empty, not a picture, truncated, over `PETLENS_MAX_MEGAPIXELS` (whatever the size of the file), SVG or HEIC.
    """
    data = _read_bytes(source)
    with warnings.catch_warnings():
        # Pillow warns of sizes from 89 megapixels, where our own limit is lower, and of metadata that nobody reads here.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return _decode(data, short_side_px)


def to_pixels(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Stack RGB pictures of one size into pixels.

    Returns:
        `(N, 3, H, W)` float32 in [0, 1], in channels-last memory: that is how the bytes already lie.
    """
    stacked = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
    return stacked.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def to_pictures(pixels: torch.Tensor) -> list[Image.Image]:
    """Pixels `(N, 3, H, W)` in [0, 1] -> pictures, rounded to 8 bits."""
    rows = pixels.detach().clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(row) for row in rows]


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
            if not path.is_file():  # a pipe or a device: reading it may never end
                raise ImageError("This is not a file.")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise _file_too_large()
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise ImageError("This file cannot be opened.") from error
    else:
        data = source.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise _file_too_large()
    if not data:
        raise ImageError("This file is empty. Save or download the picture again.")
    return data


def _decode(data: bytes, short_side_px: int | None) -> Image.Image:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        # Opening one sets its canvas aside twice, in memory that the app's allocator may fill: 2 GB for 40 bytes.
        _refuse_too_large(*_webp_size(data))
    try:
        picture = _open(data)
    except Image.DecompressionBombError as error:
        raise ImageError(
            "This picture is too large: at most {most} megapixels. Make it smaller first.",
            most=limits.max_picture_pixels() // 1_000_000,
        ) from error
    except Exception as error:  # parsers of hostile bytes raise anything: struct.error, IndexError, SyntaxError, ...
        raise _not_a_picture(data) from error
    _refuse_too_large(*picture.size)
    try:
        if short_side_px is not None and picture.format in ("JPEG", "MPO"):
            picture.draft(None, (_DRAFT_GAP * short_side_px, _DRAFT_GAP * short_side_px))
        picture.load()
        with contextlib.suppress(Exception):  # broken EXIF says nothing about the pixels
            ImageOps.exif_transpose(picture, in_place=True)
        return _to_rgb(picture)
    except Exception as error:
        raise ImageError(
            "This picture is damaged: the file ends too early or its content is broken. Save or download it again."
        ) from error


def _open(data: bytes) -> Image.Image:
    """The first picture of the file: its size is known, its pixels are not decoded yet."""
    if data.startswith(b"\0\0\1\0"):
        # Image.open decodes an icon at once, and an icon can hold a PNG of any size.
        return IcoImagePlugin.IcoFile(io.BytesIO(data)).frame(0)
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height as its first chunk says them: extended, lossless or lossy (RFC 9649, sections 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _to_rgb(picture: Image.Image) -> Image.Image:
    mode = picture.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        return Image.fromarray(_to_8_bits(np.asarray(picture), mode)).convert("RGB")
    if mode == "LAB":
        to_srgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        return ImageCms.applyTransform(picture, to_srgb)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture)
        return white
    return picture.convert("RGB")


def _to_8_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey values of more than 8 bits, to 8: 16-bit by its own range, others by the range that they use."""
    values = values.astype(np.float64)  # the one copy, changed in place: 50 megapixels take 400 MB
    low, high = 0.0, 65535.0
    if mode == "F" or values.min() < low or values.max() > high:
        known = np.isfinite(values)
        if not known.any():
            return np.zeros(values.shape, np.uint8)
        low, high = values.min(where=known, initial=np.inf), values.max(where=known, initial=-np.inf)
        np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    values -= low
    values *= 255 / ((high - low) or 1.0)
    return np.round(values, out=values).astype(np.uint8)


def _not_a_picture(data: bytes) -> ImageError:
    head = re.sub(rb"<\?.*?\?>|<!--.*?-->", b"", data[:4096].removeprefix(b"\xef\xbb\xbf"), flags=re.DOTALL)
    if head.lstrip().lower().startswith((b"<svg", b"<!doctype svg")):
        return ImageError("This is an SVG drawing, which has no pixels to look at. Export it as PNG first.")
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return ImageError("This is a HEIC photo, as iPhones store them. Export it as JPEG first.")
    return ImageError(
        "This file is not a picture that can be opened here, or its beginning is damaged. Use JPEG, PNG, WebP, AVIF, GIF, "
        "BMP or TIFF."
    )


def _refuse_too_large(width: int, height: int) -> None:
    most = limits.max_picture_pixels()
    if width * height > most:
        raise ImageError(
            "This picture is too large ({width} x {height} pixels): at most {most} megapixels. Make it smaller first.",
            width=width,
            height=height,
            most=most // 1_000_000,
        )


def _file_too_large() -> ImageError:
    return ImageError(
        "This file is too large: at most {most} MB. Make the picture smaller first.", most=MAX_FILE_BYTES // 1_000_000
    )
