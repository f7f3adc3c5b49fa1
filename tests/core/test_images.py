"""Reading pictures: every orientation, mode and format; refusing everything else in one clear sentence."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, features

from core import images, limits, runtime
from core.errors import ImageError
from core.images import read_image, to_pixels

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
needs_jpeg2000 = pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow was built without JPEG 2000")
AVIF = pytest.param("AVIF", marks=needs_avif)
JPEG2000 = pytest.param("JPEG2000", marks=needs_jpeg2000)
ALL_FORMATS = ["JPEG", "MPO", "PNG", "WEBP", AVIF, "GIF", "BMP", "TIFF", JPEG2000, "ICO", "TGA"]


# Files, made here


def saved(picture: Image.Image, file_format: str, **options) -> bytes:
    """`picture` as a file; where the format allows it without loss."""
    lossless = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}
    fine = {"JPEG": {"quality": 95, "subsampling": 0}, "MPO": {"quality": 95, "subsampling": 0, "save_all": True}}
    options = {**lossless.get(file_format, {}), **fine.get(file_format, {}), **options}
    if file_format == "MPO":
        options.setdefault("append_images", [Image.new("RGB", (8, 8), BLUE)])
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, bits: int, colour: int, rows: bytes = b"", *chunks: bytes, packed=None) -> bytes:
    """A PNG from its rows, each with its filter byte; `colour` is 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows) if packed is None else packed)
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


@functools.cache
def packed_zeros(count: int) -> bytes:
    """`count` zeros, compressed a thousandfold."""
    packer = zlib.compressobj()
    megabytes = [packer.compress(bytes(1_000_000)) for _ in range(count // 1_000_000)]
    return b"".join([*megabytes, packer.compress(bytes(count % 1_000_000)), packer.flush()])


def page(width: int, height: int, data: bytes, *, bits=8, channels=1, kind=1, sample_format=1, **more) -> dict:
    """The tags of one TIFF page, as (type, values), and its strip. `kind` is PhotometricInterpretation.

    Tags given by number, as `t338=(3, [2])`, replace or add; a value of None leaves the tag out.
    """
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [1]), 262: (3, [kind])}
    tags |= {277: (3, [channels]), 278: (4, [height]), 279: (4, [len(data)]), 339: (3, [sample_format] * channels)}
    tags |= {int(name[1:]): tag for name, tag in more.items()}
    return {"tags": {number: tag for number, tag in tags.items() if tag is not None}, "data": data}


def tiff(*pages: dict, order: str = "<") -> bytes:
    """A TIFF of pages, little ("<") or big (">") endian. A tag may be (type, values, count) to lie about its count."""
    letters = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 11: "f", 12: "d"}
    file = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    pointer = 4
    for one in pages:
        tags = {273: (4, [len(file)]), **one["tags"]}
        file += one["data"]
        entries = b""
        for number, (kind, values, *count) in sorted(tags.items()):
            value = struct.pack(f"{order}{len(values)}{letters.get(kind, 'I')}", *values)
            if len(value) > 4:
                where, value = len(file), file.extend(value)
                value = struct.pack(order + "I", where)
            entries += struct.pack(order + "HHI", number, kind, *(count or [len(values)])) + value.ljust(4, b"\0")
        struct.pack_into(order + "I", file, pointer, len(file))
        file += struct.pack(order + "H", len(tags)) + entries + bytes(4)
        pointer = len(file) - 4
    return bytes(file)


def icon(inside: bytes) -> bytes:
    """An ICO of one entry, which says 256 x 256."""
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(inside), 22) + inside


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(content)) + content for name, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def exif(*entries: bytes) -> bytes:
    """EXIF, big-endian, from raw 12-byte entries."""
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + b"".join(entries) + bytes(4)


ORIENTATION_6 = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Something like a photo: waves of several lengths, and noise."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, 8, (height, width)).astype(np.float32)
    waves = [np.sin(x / 37 + channel) + np.sin(y / 91) + np.sin((x + y) / (7 + channel)) for channel in range(3)]
    return Image.fromarray(np.clip(np.stack([128 + 40 * wave + noise for wave in waves], -1), 0, 255).astype(np.uint8))


def flags() -> np.ndarray:
    """24 x 16 pixels that look different from every side: red and green above, blue and white below."""
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[:8, :8], picture[:8, 8:], picture[8:, :16], picture[8:, 16:] = RED, GREEN, BLUE, WHITE
    return picture


def row_of(colours, mode: str = "RGB") -> Image.Image:
    """A picture one pixel high."""
    picture = Image.new(mode, (len(colours), 1))
    picture.putdata(colours)
    return picture


# What is asked of every answer


def pixels(source, **options) -> np.ndarray:
    picture = read_image(source, **options)
    assert isinstance(picture, Image.Image)
    assert picture.mode == "RGB"
    values = np.asarray(picture)
    assert values.shape == (picture.height, picture.width, 3)
    assert values.dtype == np.uint8
    return values


def first_row(source) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in pixel) for pixel in pixels(source)[0]]


def refusal(source, **options) -> str:
    """The message of the `ImageError` that `source` must raise: sentences for people, nothing of the machine."""
    with pytest.raises(ImageError) as caught:
        read_image(source, **options)
    message = str(caught.value)
    assert re.fullmatch(r"[A-Z][^\n]+\.", message)
    own = ("Traceback", "PIL", "Pillow", "Unidentified", "BytesIO", "Bomb", "Errno", "0x", "/", "\\", "tmp", "pytest")
    assert not [word for word in own if word in message]
    if isinstance(source, (str, Path)) and Path(source).name:
        assert Path(source).name not in message
    return message


def is_read_or_refused(source) -> bool:
    """True for a picture, False for a clean refusal; anything else fails the test."""
    try:
        pixels(source)
    except ImageError:
        refusal(source)
        return False
    return True


@contextlib.contextmanager
def memory_grows_by_less_than(megabytes: int):
    """The peak of this process, what Pillow and its C libraries take included: `tracemalloc` does not see that."""

    def peak() -> float:
        return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000

    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from /proc, which only Linux has")
    runtime.configure()  # the allocator of the app keeps pages, and fills what would come empty from the kernel
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = peak()
    yield
    assert peak() - before < megabytes


# Orientation

STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("file_format", ["JPEG", "MPO", "PNG", "WEBP", AVIF, "TIFF"])
def test_every_exif_orientation_ends_upright(file_format, orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](flags())))
    difference = np.abs(pixels(saved(stored, file_format, exif=tags)).astype(int) - flags())
    assert difference.mean() < (3 if file_format in ("JPEG", "MPO", "AVIF") else 1e-9)


def test_orientation_turns_16_bit_grey():
    turned = png(1, 2, 16, 0, struct.pack(">BHBH", 0, 0, 0, 65535), chunk(b"eXIf", exif(ORIENTATION_6)[6:]))
    assert first_row(turned) == [WHITE, BLACK]


def test_orientation_after_the_pixels_of_a_png_counts():
    data = png(1, 2, 8, 0, b"\0\0\0\xff")
    end = data.index(b"IEND") - 4
    assert first_row(data[:end] + chunk(b"eXIf", exif(ORIENTATION_6)[6:]) + data[end:]) == [WHITE, BLACK]


def test_orientation_in_xmp_counts():
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    assert first_row(saved(row_of([RED, BLUE]), "WEBP", xmp=packet)) == [BLUE, RED]


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientation_that_does_not_exist_leaves_the_picture_as_it_is(orientation):
    tags = exif(struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0))
    assert np.array_equal(pixels(saved(Image.fromarray(flags()), "PNG", exif=tags)), flags())


def test_read_picture_is_not_turned_a_second_time():
    picture = read_image(saved(row_of([RED, GREEN]), "PNG", exif=exif(ORIENTATION_6)))
    assert picture.getexif().get(0x0112, 1) == 1


BROKEN_EXIF = {
    "empty": b"",
    "two letters": b"Exif\0\0MM",
    "not EXIF": b"Exif\0\0 what is this?",
    "no entries": b"Exif\0\0MM\0*" + b"\xff" * 30,
    "orientation is a text": exif(struct.pack(">HHI", 0x0112, 2, 4) + b"6abc"),
    "orientation is far away": exif(struct.pack(">HHII", 0x0112, 5, 1, 80)),
    "orientation four thousand million times": exif(struct.pack(">HHII", 0x0112, 3, 2**32 - 1, 80)),
    "unknown type": exif(struct.pack(">HHII", 0x0112, 99, 1, 6)),
}


@pytest.mark.parametrize("name", BROKEN_EXIF)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_not_break_reading(file_format, name):
    picture = Image.fromarray(flags())
    whole = pixels(saved(picture, file_format))
    if file_format == "PNG":
        data = saved(picture, "PNG")
        data = data[:33] + chunk(b"eXIf", BROKEN_EXIF[name].removeprefix(b"Exif\0\0")) + data[33:]
    else:
        data = saved(picture, file_format, exif=BROKEN_EXIF[name])
    assert np.array_equal(pixels(data), whole)


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack(">HHII", 0x0113, 3, 0xFFFFFF, 6),
        struct.pack(">HHII", 0x8769, 4, 1, 8),
        struct.pack(">HHII", 0x8769, 4, 1, 8000),
        struct.pack(">HHII", 0x8825, 2, 4, 8000),
        struct.pack(">HHII", 0x927C, 7, 400, 8),
        struct.pack(">HHI", 0x010F, 2, 4) + b"\xff\xfe\xfd\xfc",
    ],
    ids=["too many values", "own sub-folder", "sub-folder far away", "GPS is a text", "maker note", "not UTF-8"],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_orientation_beside_broken_entries_counts(file_format, entry):
    stored = Image.fromarray(np.ascontiguousarray(STORED[6](flags())))
    data = saved(stored, file_format, exif=exif(ORIENTATION_6, entry))
    assert np.abs(pixels(data).astype(int) - flags()).mean() < 3


# Transparency, palettes, depths and colour spaces: values by hand

# Red and blue, as palettes are stored.
PALETTE = chunk(b"PLTE", bytes([*RED, *BLUE]))
TIFF_PALETTE = [65535, 0, *[0] * 254, 0, 0, *[0] * 254, 0, 65535, *[0] * 254]  # all reds, all greens, all blues

BY_HAND = {
    # transparency: alpha 128 of black on white is 255 - 128 = 127
    "PNG RGBA": (png(3, 1, 8, 6, bytes([0, 9, 9, 9, 0, 0, 0, 0, 128, 255, 0, 0, 255])), [WHITE, (127,) * 3, RED]),
    "PNG RGBA 16 bits": (png(1, 1, 16, 6, b"\0" + b"\0\0" * 3 + b"\x80\x80"), [(127,) * 3]),
    "PNG LA": (png(3, 1, 8, 4, bytes([0, 9, 0, 0, 128, 64, 255])), [WHITE, (127,) * 3, (64,) * 3]),
    "PNG LA 16 bits": (png(1, 1, 16, 4, b"\0\0\0\x80\x80"), [(127,) * 3]),
    "PNG palette, tRNS": (png(2, 1, 8, 3, b"\0\0\1", PALETTE, chunk(b"tRNS", b"\0")), [WHITE, BLUE]),
    "PNG palette, half": (png(2, 1, 8, 3, b"\0\0\1", PALETTE, chunk(b"tRNS", b"\x80\xff")), [(255, 127, 127), BLUE]),
    "PNG grey, tRNS": (png(2, 1, 8, 0, b"\0\x10\x20", chunk(b"tRNS", b"\0\x10")), [WHITE, (32,) * 3]),
    "PNG 1 bit, tRNS": (png(2, 1, 1, 0, b"\0\x40", chunk(b"tRNS", b"\0\0")), [WHITE, WHITE]),
    "PNG RGB, tRNS": (png(2, 1, 8, 2, b"\0\1\2\3\4\5\6", chunk(b"tRNS", b"\0\1\0\2\0\3")), [WHITE, (4, 5, 6)]),
    "GIF transparent": (saved(row_of([0, 1], "P"), "GIF", transparency=0, palette=bytes([*RED, *BLUE])), [WHITE, BLUE]),
    "WebP RGBA": (saved(row_of([(9, 9, 9, 0), (0, 0, 0, 128)], "RGBA"), "WEBP"), [WHITE, (127,) * 3]),
    "TGA RGBA": (saved(row_of([(9, 9, 9, 0), (0, 0, 0, 128)], "RGBA"), "TGA"), [WHITE, (127,) * 3]),
    "ICO RGBA": (saved(Image.new("RGBA", (16, 16), (0, 0, 0, 128)), "ICO"), [(127,) * 3] * 16),
    "ICO RGBA, as BMP": (
        saved(Image.new("RGBA", (16, 16), (0, 0, 0, 128)), "ICO", bitmap_format="bmp"),
        [(127,) * 3] * 16,
    ),
    "TIFF RGBA": (tiff(page(1, 1, b"\0\0\0\x80", channels=4, kind=2, t338=(3, [2]))), [(127,) * 3]),
    "TIFF RGBA, premultiplied": (
        tiff(page(1, 1, bytes([128, 0, 0, 128]), channels=4, kind=2, t338=(3, [1]))),
        [(255, 127, 127)],
    ),
    "TIFF palette, alpha": (
        tiff(page(2, 1, bytes([0, 128, 1, 255]), channels=2, kind=3, t320=(3, TIFF_PALETTE), t338=(3, [2]))),
        [(255, 127, 127), BLUE],
    ),
    # few bits, palettes, grey
    "PNG 1 bit": (png(3, 1, 1, 0, b"\0\x40"), [BLACK, WHITE, BLACK]),
    "PNG 2 bits": (png(4, 1, 2, 0, b"\0\x1b"), [BLACK, (85,) * 3, (170,) * 3, WHITE]),
    "PNG 4 bits": (png(2, 1, 4, 0, b"\0\x3f"), [(51,) * 3, WHITE]),
    "PNG palette": (png(2, 1, 8, 3, b"\0\1\0", PALETTE), [BLUE, RED]),
    "PNG palette, 1 bit": (png(2, 1, 1, 3, b"\0\x80", PALETTE), [BLUE, RED]),
    "PNG grey": (png(2, 1, 8, 0, b"\0\7\xff"), [(7,) * 3, WHITE]),
    "GIF": (saved(row_of([RED, BLUE]).convert("P", palette=Image.Palette.ADAPTIVE), "GIF"), [RED, BLUE]),
    "BMP 1 bit": (saved(row_of([0, 255], "1"), "BMP"), [BLACK, WHITE]),
    "TIFF 1 bit": (tiff(page(2, 1, b"\x40", bits=1)), [BLACK, WHITE]),
    "TIFF 1 bit, white is 0": (tiff(page(2, 1, b"\x40", bits=1, kind=0)), [WHITE, BLACK]),
    "TIFF palette": (tiff(page(2, 1, b"\1\0", kind=3, t320=(3, TIFF_PALETTE))), [BLUE, RED]),
    # 16 bits: 32896 = 128 * 257
    "PNG 16 bits": (
        png(4, 1, 16, 0, struct.pack(">BHHHH", 0, 0, 257, 32896, 65535)),
        [BLACK, (1,) * 3, (128,) * 3, WHITE],
    ),
    "PNG 16 bits, rounds": (
        png(3, 1, 16, 0, struct.pack(">BHHH", 0, 32896 + 128, 32896 + 129, 32896 - 129)),
        [(128,) * 3, (129,) * 3, (127,) * 3],
    ),
    "PNG RGB 16 bits": (png(1, 1, 16, 2, struct.pack(">BHHH", 0, 32896, 65535, 0)), [(128, 255, 0)]),
    "TIFF 16 bits, little": (tiff(page(2, 1, struct.pack("<HH", 32896, 257), bits=16)), [(128,) * 3, (1,) * 3]),
    "TIFF 16 bits, big": (
        tiff(page(2, 1, struct.pack(">HH", 32896, 257), bits=16), order=">"),
        [(128,) * 3, (1,) * 3],
    ),
    "TIFF RGB 16 bits, little": (
        tiff(page(1, 1, struct.pack("<HHH", 32896, 65535, 0), bits=16, channels=3, kind=2)),
        [(128, 255, 0)],
    ),
    "TIFF RGB 16 bits, big": (
        tiff(page(1, 1, struct.pack(">HHH", 32896, 65535, 0), bits=16, channels=3, kind=2), order=">"),
        [(128, 255, 0)],
    ),
    # 32 bits: within 16 bits as those, else by their own range
    "TIFF int, 16-bit range": (
        tiff(page(2, 1, struct.pack("<ii", 32896, 257), bits=32, sample_format=2)),
        [(128,) * 3, (1,) * 3],
    ),
    "TIFF int, wide": (
        tiff(page(3, 1, struct.pack("<iii", -100_000, 0, 100_000), bits=32, sample_format=2)),
        [BLACK, (128,) * 3, WHITE],
    ),
    "TIFF int, extremes": (
        tiff(page(2, 1, struct.pack("<ii", -(2**31), 2**31 - 1), bits=32, sample_format=2)),
        [BLACK, WHITE],
    ),
    "TIFF 16 bits, signed": (
        tiff(page(2, 1, struct.pack("<hh", -5, 250), bits=16, sample_format=2)),
        [BLACK, WHITE],
    ),
    "TIFF float": (
        tiff(page(3, 1, struct.pack("<fff", -1, 0.2, 1.55), bits=32, sample_format=3)),
        [BLACK, (120,) * 3, WHITE],
    ),
    "TIFF float, big": (
        tiff(page(2, 1, struct.pack(">ff", 0.0, 1e-30), bits=32, sample_format=3), order=">"),
        [BLACK, WHITE],
    ),
    "TIFF float, all the same": (
        tiff(page(2, 1, struct.pack("<ff", 7, 7), bits=32, sample_format=3)),
        [BLACK, BLACK],
    ),
    "TIFF float, extremes": (
        tiff(page(3, 1, struct.pack("<fff", -3.4e38, 0, 3.4e38), bits=32, sample_format=3)),
        [BLACK, (128,) * 3, WHITE],
    ),
    "TIFF float, NaN": (
        tiff(page(3, 1, struct.pack("<fff", 5, float("nan"), 6), bits=32, sample_format=3)),
        [BLACK, BLACK, WHITE],
    ),
    "TIFF float, infinite": (
        tiff(page(4, 1, struct.pack("<ffff", 0, float("inf"), -float("inf"), 1), bits=32, sample_format=3)),
        [BLACK, WHITE, BLACK, WHITE],
    ),
    "TIFF float, nothing known": (
        tiff(page(2, 1, struct.pack("<ff", float("nan"), float("inf")), bits=32, sample_format=3)),
        [BLACK, BLACK],
    ),
    # colour spaces
    "TIFF CMYK": (tiff(page(2, 1, bytes([0, 255, 255, 0, 0, 0, 0, 255]), channels=4, kind=5)), [RED, BLACK]),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_values_by_hand(name):
    data, expected = BY_HAND[name]
    assert first_row(data) == expected


def test_grey_of_16_bits_keeps_its_range():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.round(values / 257).astype(np.uint8)
    assert np.array_equal(pixels(saved(Image.fromarray(values), "PNG")), np.stack([expected] * 3, -1))


@needs_jpeg2000
def test_grey_of_16_bits_in_jpeg_2000_keeps_its_range():
    values = np.full((16, 16), 32896, np.uint16)
    values[:8] = 65535
    read = pixels(saved(Image.fromarray(values), "JPEG2000"))
    assert read[0, 0, 0] == 255
    assert read[-1, -1, 0] == 128


@needs_avif
def test_half_transparent_avif_blends_with_white():
    picture = Image.new("RGBA", (16, 16), (0, 0, 0, 128))
    assert np.abs(pixels(saved(picture, "AVIF")).astype(int) - 127).max() <= 2


def test_cmyk_jpeg_shows_its_colours():
    # Pillow writes CMYK as Photoshop does: inverted, with an Adobe marker.
    data = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert b"Adobe" in data
    assert np.abs(pixels(data).astype(int) - RED).max() <= 2


def test_ycck_jpeg_shows_its_colours():
    # The same file, whose Adobe marker says YCCK: stored (55, 128, 128, 255) is luma 55, no colour, no ink in K.
    # The inks are then 255 - 55 = 200 inverted, which is 55 of 255 each, and the paper shows 200.
    data = saved(Image.new("CMYK", (16, 16), (200, 127, 127, 0)), "JPEG")
    data = patched(data, data.index(b"Adobe") + 11, b"\2")
    assert np.abs(pixels(data).astype(int) - 200).max() <= 2


def test_ycbcr_and_rgb_jpegs_show_their_colours():
    for options in ({}, {"keep_rgb": True}, {"progressive": True}, {"subsampling": 2}):
        data = saved(Image.new("RGB", (16, 16), (200, 20, 30)), "JPEG", **options)
        assert np.abs(pixels(data).astype(int) - (200, 20, 30)).max() <= 2, options


def test_lab_tiff_shows_its_colours():
    # CIE L*a*b* (D50) of black, of grey 128, of white, and of the red of sRGB: 54.3, 80.8, 69.9.
    stored = bytes([0, 0, 0, 137, 0, 0, 255, 0, 0, 138, 81, 70])
    expected = np.array([BLACK, (128,) * 3, WHITE, RED])
    assert np.abs(pixels(tiff(page(4, 1, stored, channels=3, kind=8)))[0] - expected).max() <= 5


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", AVIF, "TIFF", "MPO"])
def test_first_of_several_pictures_is_taken(file_format):
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    data = saved(first, file_format, save_all=True, append_images=[second])
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.n_frames == 2
    assert np.abs(pixels(data).astype(int) - RED).max() <= 2


@pytest.mark.parametrize("file_format", ALL_FORMATS)
def test_every_format_opens(file_format):
    picture = Image.fromarray(flags()).resize((48, 32), Image.Resampling.NEAREST)
    read = pixels(saved(picture, file_format, **({"sizes": [(48, 32)]} if file_format == "ICO" else {})))
    assert np.abs(read.astype(int) - np.asarray(picture)).mean() < 3


@needs_jpeg2000
def test_bare_jpeg_2000_stream_opens():
    read = pixels(saved(Image.fromarray(flags()), "JPEG2000", no_jp2=True))
    assert np.array_equal(read, flags())


def test_compressed_and_tiled_tiffs_open():
    picture = photo(40, 30)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        assert np.array_equal(pixels(saved(picture, "TIFF", compression=compression)), picture), compression
    tile = photo(16, 16)
    tags = {"t322": (4, [16]), "t323": (4, [16]), "t324": (4, [8]), "t325": (4, [768])}
    tiled = page(16, 16, tile.tobytes(), channels=3, kind=2, t278=None, t279=None, **tags)
    assert np.array_equal(pixels(tiff(tiled)), tile)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_odd_shapes_are_read(size):
    for file_format in ("PNG", "JPEG", "WEBP"):
        assert read_image(saved(Image.new("RGB", size, RED), file_format), short_side_px=224).size == size


# Colour profiles


def swapped_profile() -> bytes:
    """A valid profile that says that red is blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", AVIF, "TIFF"])
def test_colours_are_taken_as_stored_whatever_the_profile(file_format):
    picture = Image.fromarray(flags())
    plain = pixels(saved(picture, file_format))
    for profile in (swapped_profile(), b"", b"no profile at all", swapped_profile()[:200]):
        assert np.array_equal(pixels(saved(picture, file_format, icc_profile=profile)), plain)


def test_profile_of_a_png_that_does_not_unpack_is_ignored():
    assert first_row(png(1, 1, 8, 0, b"\0\7", chunk(b"iCCP", b"name\0\0not zlib"))) == [(7, 7, 7)]


# Sources


def test_every_kind_of_source_gives_the_same_picture(tmp_path):
    data = saved(Image.fromarray(flags()), "PNG")
    path = tmp_path / "Ein Bild, größer: 日本 🐱.png"
    path.write_bytes(data)
    for source in (str(path), path, data, io.BytesIO(data)):
        assert np.array_equal(pixels(source), flags())
    with path.open("rb") as file:
        assert np.array_equal(pixels(file), flags())
        assert not file.closed


def test_name_of_the_file_does_not_matter(tmp_path):
    for name in ("picture.jpg", "picture.txt", "picture.eps", "picture"):
        (tmp_path / name).write_bytes(saved(Image.fromarray(flags()), "PNG"))
        assert np.array_equal(pixels(tmp_path / name), flags())


def test_picture_outlives_its_file(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(saved(Image.fromarray(flags()), "PNG"))
    picture = read_image(path)
    path.unlink()
    assert np.array_equal(np.asarray(picture.resize(picture.size)), flags())


def test_missing_file_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "not-here.png")
    assert "no such file" in refusal(str(tmp_path / "not-here.png" / "deeper.png"))


def test_folder_is_refused(tmp_path):
    assert "folder" in refusal(tmp_path)


def test_device_is_refused():
    assert "not a file" in refusal(os.devnull)


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 300, "x/" * 3000, "", "\ud800.png"])
def test_name_that_no_file_can_have_is_refused(tmp_path, name):
    refusal(f"{tmp_path}/{name}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may read every file")
def test_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(saved(Image.fromarray(flags()), "PNG"))
    path.chmod(0)
    assert "cannot be opened" in refusal(path)


def test_file_over_the_size_limit_is_refused(tmp_path, monkeypatch):
    data = saved(Image.fromarray(flags()), "PNG")
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    monkeypatch.setattr(images, "MAX_FILE_BYTES", len(data))
    for source in (path, data, io.BytesIO(data)):
        assert np.array_equal(pixels(source), flags())
    monkeypatch.setattr(images, "MAX_FILE_BYTES", len(data) - 1)
    for source in (path, data, io.BytesIO(data)):
        assert "too large" in refusal(source)


def test_endless_stream_is_read_no_further_than_the_limit(monkeypatch):
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size=-1):
            assert size >= 0
            self.asked += size
            return bytes(size)

    monkeypatch.setattr(images, "MAX_FILE_BYTES", 1000)
    stream = Endless()
    assert "too large" in refusal(stream)
    assert stream.asked <= 1001


# Not a picture


@pytest.mark.parametrize("source", [b"", io.BytesIO()], ids=["bytes", "stream"])
def test_empty_file_is_refused(source):
    assert "empty" in refusal(source)


def test_empty_file_on_disk_is_refused(tmp_path):
    (tmp_path / "picture.jpg").touch()
    assert "empty" in refusal(tmp_path / "picture.jpg")


NO_PICTURES = {
    "text": b"This is my homework.\n" * 100,
    "one byte": b"\xff",
    "zeros": bytes(4096),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <</Type /Catalog>>\nendobj\n",
    "ZIP, DOCX": b"PK\3\4\x14\0\6\0\x08\0\0\0!\0" + bytes(200),
    "HTML": b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>",
    "HTML with a drawing inside": b"<!DOCTYPE html>\n<html><body><svg width='9' height='9'></svg></body></html>",
    "HTML that is XML": b"<?xml version='1.0'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'></html>",
    "XML": b"<?xml version='1.0'?><rss version='2.0'></rss>",
    "JSON": b'{"error": "not found"}',
    "MP4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(200),
    "MOV of a live photo": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(200),
    "MP3": b"ID3\4\0\0\0\0\0\x23TSSE" + bytes(200),
    "WAV": b"RIFF\x24\0\0\0WAVEfmt " + bytes(200),
    "program": b"\x7fELF\2\1\1" + bytes(200),
    "Python pickle": b"\x80\4cos\nsystem\n(S'echo'\ntR.",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3" + bytes(200),
    "Photoshop": b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x10\0\0\0\x10\0\x08\0\3" + bytes(200),
    "JPEG XL": b"\xff\x0a" + bytes(200),
    "JPEG, its first bytes only": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "PNG, its first bytes only": b"\x89PNG\r\n\x1a\n",
    "PNG as a text transfer breaks it": saved(Image.fromarray(flags()), "PNG").replace(b"\r\n", b"\n"),
    "data URL": b"data:image/png;base64,iVBORw0KGgo=",
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_file_that_is_no_picture_is_refused(name):
    message = refusal(NO_PICTURES[name])
    assert "not a picture" in message
    assert "SVG" not in message


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_refused(seed):
    assert not is_read_or_refused(random.Random(seed).randbytes(2000))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>'


@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + SVG,
        b"\xef\xbb\xbf" + SVG,
        b"\xef\xbb\xbf<?xml version='1.0'?>" + SVG,
        b"  \r\n\t" + SVG,
        b"<!-- drawn <b>here</b> -->\n<!-- twice -->" + SVG,
        b"<?xml version='1.0'?>\n<!-- a licence: " + b"words " * 300 + b"-->\n" + SVG,
        b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">\n' + SVG,
        b'<!DOCTYPE svg [ <!ENTITY lol "lol"> <!ENTITY lol2 "&lol;&lol;"> ]>' + SVG,
        SVG.replace(b"<svg", b"<svg:svg").replace(b"</svg", b"</svg:svg"),
        SVG.upper(),
    ],
)
def test_svg_is_called_by_its_name(data):
    assert "SVG" in refusal(data)


def test_search_for_svg_is_quick_in_endless_comments():
    assert "not a picture" in refusal(b"<!--" * 100_000)
    assert "not a picture" in refusal(b"<!-- -->" * 100_000)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1", b"msf1"])
def test_heic_is_called_by_its_name(brand):
    message = refusal(b"\0\0\0\x24ftyp" + brand + b"\0\0\0\0mif1heicMiHEmiaf" + bytes(500))
    assert "HEIC" in message
    assert "JPEG" in message


def test_eps_is_refused_and_no_program_started(tmp_path, monkeypatch):
    program, started = tmp_path / "gs", tmp_path / "started"
    program.write_text(f"#!/bin/sh\ntouch '{started}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    drawing = saved(Image.fromarray(flags()), "EPS")
    (tmp_path / "drawing.eps").write_bytes(drawing)
    for source in (drawing, tmp_path / "drawing.eps", b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 32, 900) + drawing):
        assert "not a picture" in refusal(source)
    assert not started.exists()


@pytest.mark.parametrize("file_format", ["PCX", "SGI", "IM", "DDS", "PDF", "ICNS", "SPIDER"])
def test_formats_that_nobody_uploads_are_refused(file_format):
    picture = Image.new("F" if file_format == "SPIDER" else "RGB", (16, 16))
    assert "not a picture" in refusal(saved(picture, file_format))


# Damaged


@pytest.mark.parametrize("file_format", ALL_FORMATS)
def test_file_that_ends_too_early_is_read_or_refused(file_format):
    data = saved(photo(64, 48), file_format)
    cuts = {1, 2, 3, 4, 8, 12, 16, 20, 24, 32, 64, 100, len(data) - 12, len(data) - 2, len(data) - 1}
    cuts |= {len(data) * share // 40 for share in range(1, 40)}
    results = {cut: is_read_or_refused(data[:cut]) for cut in sorted(cuts) if cut < len(data)}
    assert not any(read for cut, read in results.items() if cut <= 12)


@pytest.mark.parametrize("file_format", ["JPEG", "MPO", "PNG", "WEBP", AVIF, "GIF", "BMP", "TIFF", "ICO", "TGA"])
@pytest.mark.parametrize("share", [0.2, 0.4])
def test_less_than_half_a_file_is_called_damaged(file_format, share):
    data = saved(photo(64, 48), file_format)
    assert "damaged" in refusal(data[: int(len(data) * share)])


def test_broken_list_of_pictures_in_an_mpo_leaves_the_first():
    data = saved(Image.fromarray(flags()), "MPO")
    start = data.index(b"MPF\0") + 4
    assert np.array_equal(pixels(patched(data, start, b"II*\0" + b"\xff" * 12)), pixels(data))


def test_bytes_behind_the_picture_do_not_matter():
    for file_format in ("JPEG", "PNG", "GIF", "WEBP"):
        data = saved(photo(64, 48), file_format)
        assert np.array_equal(pixels(data + b"PK\3\4" + bytes(1000)), pixels(data))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Flipped bytes, a cut, a slice twice, a slice left out, or a slice of zeros or ones."""
    kind = chance.randrange(5)
    start, length = chance.randrange(len(data)), chance.randrange(1, 64)
    if kind == 0:
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 9)):
            # Headers say more than pixels: half of the flips go there.
            changed[chance.randrange(min(len(data), chance.choice([200, len(data)])))] = chance.randrange(256)
        return bytes(changed)
    if kind == 1:
        return data[:start]
    if kind == 2:
        return data[:start] + data[start : start + length] * 2 + data[start + length :]
    if kind == 3:
        return data[:start] + data[start + length :]
    return patched(data, start, chance.choice([b"\0", b"\xff"]) * min(length, 8, len(data) - start))


@pytest.mark.parametrize("file_format", ALL_FORMATS)
def test_mutated_files_are_read_or_refused(file_format, monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_MEGAPIXELS", "1")  # what a mutated header says costs time otherwise
    picture = photo(40, 30)
    seeds = [saved(picture, file_format, **({"sizes": [(40, 30)]} if file_format == "ICO" else {}))]
    if file_format in ("PNG", "TIFF", "WEBP", "JPEG"):
        seeds.append(saved(picture, file_format, exif=exif(ORIENTATION_6), icc_profile=swapped_profile()))
    if file_format in ("GIF", "WEBP", "PNG"):
        seeds.append(saved(picture, file_format, save_all=True, append_images=[photo(40, 30, seed=1)]))
    if file_format == "TIFF":
        seeds.append(saved(picture, "TIFF", compression="tiff_lzw"))
    if file_format == "ICO":
        seeds.append(saved(picture.convert("RGBA"), "ICO", sizes=[(40, 30)], bitmap_format="bmp"))
    chance = random.Random(f"mutations of {file_format}")
    with memory_grows_by_less_than(200):
        results = [is_read_or_refused(mutated(chance.choice(seeds), chance)) for _ in range(300)]
    assert True in results
    assert False in results


def test_reading_leaves_no_warning_and_no_filter_behind():
    before = list(warnings.filters)
    files = [saved(Image.fromarray(flags()), "JPEG", exif=broken) for broken in BROKEN_EXIF.values()]
    for data in [*files, icon(saved(photo(30, 20), "PNG")), b"no picture"]:
        is_read_or_refused(data)
        assert list(warnings.filters) == before


# Too large


def claiming(width: int, height: int) -> dict[str, bytes]:
    """Small files that say they are `width` x `height`, each in its own way."""
    small = Image.new("RGB", (9, 9))
    jpeg, gif, bmp, lossless = (saved(small, name) for name in ("JPEG", "GIF", "BMP", "WEBP"))
    lossy = saved(small, "WEBP", lossless=False)
    canvas = b"".join(struct.pack("<i", side - 1)[:3] for side in (width, height))
    frame = bytes(6) + struct.pack("<I", 8)[:3] * 2 + bytes(4) + lossless[12:]
    files = {
        "PNG": png(width, height, 1, 0, packed=packed_zeros(1000)),
        "JPEG": patched(jpeg, jpeg.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width)),
        "GIF": patched(gif, 6, struct.pack("<HH", width, height)),
        "GIF frame": patched(gif, gif.index(b",", 13) + 5, struct.pack("<HH", width, height)),
        "BMP": patched(bmp, 18, struct.pack("<ii", width, height)),
        "BMP upside down": patched(bmp, 18, struct.pack("<ii", width, -height)),
        "WebP": patched(lossless, 21, struct.pack("<I", (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14)),
        "WebP lossy": patched(lossy, 26, struct.pack("<HH", width, height)),
        "WebP extended": webp((b"VP8X", bytes(4) + canvas), (lossless[12:16], lossless[20:])),
        "WebP animated": webp((b"VP8X", b"\2\0\0\0" + canvas), (b"ANIM", bytes(6)), (b"ANMF", frame)),
        "TIFF": tiff(page(width, height, b"\0\0")),
        "TIFF 1 bit": tiff(page(width, height, b"\0\0", bits=1)),
        "TIFF turned": tiff(page(width, height, b"\0\0", t274=(3, [6]))),
        "TGA": struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, width, height, 24, 0) + b"\xff\0\0\0" * 100,
        "ICO with a PNG": icon(png(width, height, 8, 6, packed=packed_zeros(1000))),
    }
    if features.check("jpg_2000"):
        boxed, bare = saved(small, "JPEG2000"), saved(small, "JPEG2000", no_jp2=True)
        grid = struct.pack(">8I", width, height, 0, 0, width, height, 0, 0)
        files["JPEG 2000"] = patched(boxed, boxed.index(b"ihdr") + 4, struct.pack(">II", height, width))
        files["JPEG 2000 stream"] = patched(bare, 8, grid)
    if features.check("avif"):
        avif = saved(small, "AVIF")
        files["AVIF"] = patched(avif, avif.index(b"ispe") + 8, struct.pack(">II", width, height))
    return files


JUST_OVER = claiming(10_000, 5_001)


@pytest.mark.parametrize("name", JUST_OVER)
def test_header_over_the_limit_is_refused_before_decoding(name):
    with memory_grows_by_less_than(30):
        message = refusal(JUST_OVER[name])
    assert "too large (10000 x 5001 pixels): at most 50 megapixels" in message or name == "TIFF turned"
    assert "too large" in message


FAR_OVER = claiming(16_000, 16_001)  # over 179 megapixels Pillow itself refuses


@pytest.mark.parametrize("name", FAR_OVER)
def test_header_far_over_the_limit_is_refused_before_decoding(name):
    with memory_grows_by_less_than(30):
        assert "too large" in refusal(FAR_OVER[name])


@pytest.mark.parametrize("wrap", [bytes, icon], ids=["PNG", "ICO"])
def test_small_file_of_169_real_megapixels_is_refused_before_decoding(wrap):
    data = wrap(png(13_000, 13_000, 1, 0, packed=packed_zeros(13_000 * 1626)))
    assert len(data) < 30_000
    with memory_grows_by_less_than(30):
        assert "too large (13000 x 13000 pixels)" in refusal(data)


def test_icon_of_64_real_megapixels_is_refused_before_decoding():
    data = icon(png(8_000, 8_000, 8, 0, packed=packed_zeros(8_000 * 8_001)))
    with memory_grows_by_less_than(30):
        assert "too large (8000 x 8000 pixels)" in refusal(data)


@needs_jpeg2000
@pytest.mark.parametrize("tile", [13_000, 60])
def test_jpeg_2000_stream_larger_than_its_header_is_refused_before_decoding(tile):
    data = saved(Image.new("RGB", (100, 100)), "JPEG2000")
    start = data.index(b"\xff\x4f\xff\x51") + 8
    data = patched(data, start, struct.pack(">8I", 13_000, 13_000, 0, 0, tile, tile, 0, 0))
    with memory_grows_by_less_than(100):
        refusal(data)


def test_picture_of_exactly_the_limit_is_read(monkeypatch):
    monkeypatch.setattr(limits, "max_picture_pixels", lambda: 200)
    assert read_image(saved(Image.new("RGB", (20, 10)), "PNG")).size == (20, 10)
    assert read_image(saved(Image.new("RGB", (1, 200)), "JPEG")).size == (1, 200)
    for size in ((201, 1), (3, 67)):
        assert f"{size[0]} x {size[1]}" in refusal(saved(Image.new("RGB", size), "PNG"))


DEEP = {
    "16 bits": (16, png(3000, 3000, 16, 0, packed=packed_zeros(3000 * 6001))),
    "transparent": (16, png(3000, 3000, 8, 6, packed=packed_zeros(3000 * 12_001))),
    "float": (24, saved(Image.new("F", (3000, 3000)), "TIFF", compression="tiff_adobe_deflate")),
}


@pytest.mark.parametrize("name", DEEP)
def test_converting_takes_few_bytes_per_pixel(name):
    bytes_per_pixel, data = DEEP[name]
    with memory_grows_by_less_than(bytes_per_pixel * 9):  # the picture has 9 megapixels
        assert read_image(data).size == (3000, 3000)


def test_shrinking_does_not_lift_the_limit(monkeypatch):
    monkeypatch.setattr(limits, "max_picture_pixels", lambda: 600 * 600 - 1)
    assert "too large" in refusal(saved(photo(600, 600), "JPEG"), short_side_px=32)


def test_huge_second_page_of_a_tiff_does_not_matter():
    data = tiff(page(2, 1, b"\0\xff"), page(60_000, 60_000, b"\0"))
    with memory_grows_by_less_than(30):
        assert first_row(data) == [BLACK, WHITE]


def test_tiff_whose_pages_run_in_a_circle_is_read():
    data = bytearray(tiff(page(2, 1, b"\0\xff"), page(2, 1, b"\xff\0")))
    data[-4:] = data[4:8]
    assert first_row(bytes(data)) == [BLACK, WHITE]


@pytest.mark.parametrize(("width", "height"), [(0, 9), (9, 0), (0, 0)])
@pytest.mark.parametrize("name", sorted(JUST_OVER.keys() - {"WebP"}))  # a still WebP has no way to say 0
def test_picture_without_pixels_is_refused(name, width, height):
    data = claiming(width, height)[name]
    if name.startswith("GIF"):
        is_read_or_refused(data)  # a GIF says its size twice: the other one may hold pixels
    else:
        refusal(data)


# Bombs and absurdities beside the pixels


CHUNKS = {
    "zTXt of 300 MB": chunk(b"zTXt", b"key\0\0" + packed_zeros(300_000_000)),
    "iTXt of 300 MB": chunk(b"iTXt", b"key\0\1\0\0\0" + packed_zeros(300_000_000)),
    "iCCP of 300 MB": chunk(b"iCCP", b"name\0\0" + packed_zeros(300_000_000)),
    "300 zTXt of 1 MB": chunk(b"zTXt", b"key\0\0" + packed_zeros(1_000_000)) * 300,
    "long tEXt": chunk(b"tEXt", b"key\0" + b"x" * 2_000_000),
    "empty tRNS": chunk(b"tRNS", b""),
    "empty gAMA": chunk(b"gAMA", b""),
    "short pHYs": chunk(b"pHYs", b"1"),
    "empty acTL": chunk(b"acTL", b""),
    "animation of no frames": chunk(b"acTL", struct.pack(">II", 0, 0)),
    "animation of 2000 million frames": chunk(b"acTL", struct.pack(">II", 2**31, 0)),
    "second, huge header": chunk(b"IHDR", struct.pack(">IIBBBBB", 13_000, 13_000, 1, 0, 0, 0, 0)),
    "empty second header": chunk(b"IHDR", b""),
    "chunk that says 2 GB": struct.pack(">I", 2**31 - 1) + b"tEXtkey\0",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_bombs_in_the_chunks_of_a_png_do_no_harm(name):
    with memory_grows_by_less_than(100):
        is_read_or_refused(png(2, 2, 8, 0, b"\0\1\2\0\3\4", CHUNKS[name]))


ABSURD_TAGS = {
    "private tag four thousand million times": {"t40000": (3, [1], 2**32 - 1)},
    "private tag far away": {"t40000": (12, [8], 2**20)},
    "unknown type": {"t40000": (99, [7])},
    "make that is endless": {"t271": (2, [65, 0, 0, 0], 2**31)},
    "resolution 0 of 0": {"t282": (5, [0, 0], 1)},
    "no width": {"t256": None},
    "no strips": {"t273": (4, [], 0), "t279": None},
    "strip far away": {"t273": (4, [2**32 - 1])},
    "strip that is endless": {"t279": (4, [2**32 - 1])},
    "strips of no rows": {"t278": (4, [0])},
    "strips of endless rows": {"t278": (4, [2**32 - 1])},
    "a million strips": {"t273": (4, [8], 2**20)},
    "0 bits": {"t258": (3, [0])},
    "65535 bits": {"t258": (3, [65535])},
    "65535 channels": {"t277": (3, [65535])},
    "unknown compression": {"t259": (3, [65000])},
    "LZW that is none": {"t259": (3, [5])},
    "JPEG that is none": {"t259": (3, [7])},
    "unknown colours": {"t262": (3, [99])},
    "unknown planes": {"t284": (3, [9])},
    "tiles of 4 million square": {"t322": (4, [2**22]), "t323": (4, [2**22]), "t324": (4, [8]), "t325": (4, [4])},
    "packed tiles of 60000 square": {
        "t259": (3, [5]),
        "t322": (4, [60_000]),
        "t323": (4, [60_000]),
        "t324": (4, [8]),
        "t325": (4, [4]),
    },
    "tiles of none": {"t322": (4, [0]), "t323": (4, [0]), "t324": (4, [8]), "t325": (4, [4])},
    "sub-folder in itself": {"t34665": (4, [8])},
    "orientation 77": {"t274": (3, [77])},
    "EXIF in the middle of nowhere": {"t34665": (4, [2**31])},
}


@pytest.mark.parametrize("name", ABSURD_TAGS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_absurd_tiff_tags_do_no_harm(name, order):
    data = tiff(page(2, 2, b"\0\1\2\3", **ABSURD_TAGS[name]), order=order)
    with memory_grows_by_less_than(100):
        is_read_or_refused(data)


@pytest.mark.parametrize("name", ["resolution 0 of 0", "orientation 77", "unknown type", "private tag far away"])
def test_absurd_tiff_tags_that_say_nothing_of_the_pixels_are_ignored(name):
    assert first_row(tiff(page(2, 2, b"\0\1\2\3", **ABSURD_TAGS[name]))) == [BLACK, (1, 1, 1)]


def test_tiff_that_says_65535_tags_is_read_or_refused():
    data = bytearray(tiff(page(2, 2, b"\0\1\2\3")))
    start = struct.unpack_from("<I", data, 4)[0]
    data[start : start + 2] = b"\xff\xff"
    is_read_or_refused(bytes(data))


def test_icon_that_says_65535_pictures_is_read_or_refused():
    is_read_or_refused(patched(saved(photo(32, 32), "ICO"), 4, b"\xff\xff"))
    refusal(patched(saved(photo(32, 32), "ICO"), 4, b"\0\0"))


def test_icon_inside_an_icon_is_refused():
    refusal(icon(icon(saved(photo(32, 32), "PNG"))))


# Shrinking while decoding


@pytest.fixture(scope="module")
def large() -> bytes:
    """A JPEG of 6 megapixels, taken with the phone upright: stored 3000 x 2000, seen 2000 x 3000."""
    return saved(photo(2000, 3000).transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif(ORIENTATION_6))


@pytest.mark.parametrize(("short_side_px", "expected"), [(100, 250), (224, 500), (256, 1000), (500, 1000), (501, 2000)])
def test_large_jpeg_comes_smaller_yet_never_under_twice_the_short_side(large, short_side_px, expected):
    picture = read_image(large, short_side_px=short_side_px)
    assert picture.size == (expected, expected * 3 // 2)
    assert expected >= 2 * short_side_px


def test_shrunk_jpeg_is_upright_and_looks_the_same(large):
    whole = read_image(large).resize((256, 384), Image.Resampling.BICUBIC)
    shrunk = read_image(large, short_side_px=256).resize((256, 384), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(whole).astype(int) - np.asarray(shrunk)).mean() < 2


@pytest.mark.parametrize("long_side", [2048, 2051, 2500, 9000])
def test_long_side_does_not_hinder_shrinking(long_side):
    data = saved(Image.new("RGB", (2048, long_side), RED), "JPEG")
    assert read_image(data, short_side_px=256).width == 512


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_jpegs_shrink_too(mode):
    data = saved(photo(1024, 800).convert(mode), "JPEG")
    assert read_image(data, short_side_px=100).size == (256, 200)


def test_picture_of_a_phone_with_two_inside_shrinks_too():
    picture = read_image(saved(photo(1024, 800), "MPO", exif=exif(ORIENTATION_6)), short_side_px=100)
    assert picture.size == (200, 256)


@pytest.mark.parametrize("size", [(300, 400), (511, 1023), (100, 4000)])
def test_small_jpegs_are_not_shrunk(size):
    data = saved(photo(*size), "JPEG")
    assert np.array_equal(pixels(data, short_side_px=256), pixels(data))


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "BMP", "TIFF", "GIF", "TGA"])
def test_other_formats_are_not_shrunk(file_format):
    data = saved(photo(200, 300), file_format)
    assert np.array_equal(pixels(data, short_side_px=10), pixels(data))


def test_truncated_jpeg_is_refused_when_shrunk_too(large):
    assert "damaged" in refusal(large[: len(large) // 2], short_side_px=224)


# Pixels


@pytest.fixture
def three() -> list[Image.Image]:
    return [photo(7, 5, seed) for seed in range(3)]


def test_pixels_have_the_shape_and_order_of_networks(three):
    stack = to_pixels(three)
    assert stack.shape == (3, 3, 5, 7)
    assert stack.dtype == torch.float32
    assert stack.is_contiguous(memory_format=torch.channels_last)
    assert stack.device.type == "cpu"


def test_pixels_are_exact_255ths():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    stack = to_pixels([Image.fromarray(np.stack([levels] * 3, -1))])
    assert np.array_equal(stack[0, 0].numpy(), levels.astype(np.float32) / np.float32(255))
    assert stack.min() == 0
    assert stack.max() == 1


def test_pixels_are_red_green_blue_from_left_to_right():
    stack = to_pixels([row_of([RED, GREEN, BLUE]), row_of([WHITE, BLACK, RED])])
    assert torch.equal(stack[0, :, 0], torch.eye(3))
    assert torch.equal(stack[1, :, 0, 1], torch.zeros(3))


def test_pixels_are_a_copy(three):
    before = np.asarray(three[0]).copy()
    to_pixels(three).zero_()
    assert np.array_equal(np.asarray(three[0]), before)


@pytest.mark.parametrize("pictures", [[], [Image.new("RGB", (2, 3)), Image.new("RGB", (3, 2))]], ids=["none", "sizes"])
def test_pictures_that_do_not_stack_raise(pictures):
    with pytest.raises(ValueError, match="array"):
        to_pixels(pictures)
