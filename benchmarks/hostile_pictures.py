"""Files that are no good pictures, through the page's own upload, in a number that anybody can choose.

Each is uploaded to the running app and given to one of the tabs, as a browser does. It must be answered, with a result or
with words, within five seconds, without a traceback in the app's log, in bounded memory; and the app must read a good photo
afterwards as before.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gzip
import io
import random
import re
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from benchmarks import report
from benchmarks.running_app import App
from benchmarks.visitor import Visitor
from demo.examples import examples

SLOW_SECONDS = 5.0
MOST_MEMORY_GB = 1.0  # above what the app has at rest, at any moment
# Files that Pillow writes here; what it only reads begins with one of `_READ_ONLY`.
FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "WEBP",
    "TIFF",
    "ICO",
    "PPM",
    "TGA",
    "JPEG2000",
    "PCX",
    "SGI",
    "AVIF",
    "DDS",
    "MPO",
    "IM",
)
_READ_ONLY = {
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 64, 64, 8, 3),
    "fits": b"SIMPLE  =                    T" + b" " * 50,
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\nshowpage\n",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(40),
    "fli": struct.pack("<IHHHHH", 128, 0xAF11, 30000, 60000, 60000, 8) + bytes(120),
    "hdf": b"\x89HDF\r\n\x1a\n" + bytes(64),
    "blp": b"BLP2" + struct.pack("<i", 1) + bytes(140),
    "xbm": b"#define x_width 60000\n#define x_height 60000\nstatic char x_bits[] = {0x00};\n",
    "xpm": b'/* XPM */\nstatic char *x[] = {"60000 60000 2 1", "a c #000000", "b c #ffffff", "ab"};\n',
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><image href="file:///etc/passwd"/></svg>',
    "html": b"<!doctype html><script>alert(document.domain)</script>",
    "pickle": b"\x80\x04cos\nsystem\n(S'echo harm'\ntR.",
}


def corpus(number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents: first the made ones, then changes of good files of every format, for ever new by the seed."""
    chance = random.Random(seed)
    made = [*_made()]
    chance.shuffle(made)
    good = _good_files()
    for place in range(number):
        if place < min(len(made), number // 2):
            yield made[place]
            continue
        name, data = chance.choice(good)
        kind, change = chance.choice([*_CHANGES.items()])
        ending = name if chance.random() < 0.8 else chance.choice(["png", "jpg", "gif", "webp", "tiff"])
        yield f"{kind}-{place}.{ending}", change(bytearray(data), chance)


def _good_files() -> list[tuple[str, bytes]]:
    picture = Image.radial_gradient("L").resize((96, 64)).convert("RGB")
    ImageDraw.Draw(picture).ellipse((20, 10, 60, 50), fill=(200, 90, 30), outline=(0, 0, 0))
    files = []
    for kind in FORMATS:
        out = io.BytesIO()
        try:
            picture.save(out, kind)
        except (KeyError, OSError):  # not part of this Pillow
            continue
        files.append((kind.lower().replace("jpeg2000", "jp2"), out.getvalue()))
    moving = io.BytesIO()
    picture.save(moving, "GIF", save_all=True, append_images=[picture.rotate(turn) for turn in range(0, 360, 30)])
    with_exif = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "x" * 500
    picture.save(with_exif, "JPEG", exif=exif, icc_profile=bytes(300))
    return [*files, ("gif", moving.getvalue()), ("jpg", with_exif.getvalue())]


def _cut(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(len(data))])


def _flip(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 4, 32, 256])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _flip_head(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 2, 8])):
        data[chance.randrange(min(64, len(data)))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
    return bytes(data)


def _blank(data: bytearray, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    length = chance.randrange(1, 200)
    data[start : start + length] = bytes([chance.choice([0, 255])]) * len(data[start : start + length])
    return bytes(data)


def _repeat(data: bytearray, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 400)]
    return bytes(data[:start] + piece * chance.randrange(2, 50) + data[start:])


def _drop(data: bytearray, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return bytes(data[:start] + data[start + chance.randrange(1, 60) :])


def _join(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data) + chance.randbytes(chance.randrange(1, 5000)) + bytes(data[: len(data) // 2])


_CHANGES: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "cut": _cut,
    "flipped": _flip,
    "flipped-head": _flip_head,
    "blank": _blank,
    "repeated": _repeat,
    "dropped": _drop,
    "joined": _join,
}


def _png(
    width: int, height: int, *, bits: int = 8, colour: int = 2, rows: bytes | None = None, more: bytes = b""
) -> bytes:
    """A PNG with whatever size its header claims."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = zlib.compress(bytes(1000)) if rows is None else rows
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _text_bomb() -> bytes:
    packed = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    return struct.pack(">I", len(packed)) + b"zTXt" + packed + struct.pack(">I", zlib.crc32(b"zTXt" + packed))


def _made() -> Iterator[tuple[str, bytes]]:
    """Bombs, huge headers, lies, and what is no picture at all."""
    yield "empty.png", b""
    yield "one-byte.jpg", b"\xff"
    yield "noise.png", random.Random(1).randbytes(20_000)
    yield "text.jpg", b"I am a dog. " * 1000
    for kind, content in _READ_ONLY.items():
        yield f"only-read.{kind}", content
        yield f"{kind}-as.png", content
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (1, 10_000_000), (0, 0), (0, 5), (100_000, 1)):
        yield f"huge-{width}x{height}.png", _png(width, height)
    yield "bomb-1-bit.png", _png(30_000, 30_000, bits=1, colour=0, rows=zlib.compress(bytes(3751 * 30_000), 9))
    yield "bomb-rgb.png", _png(12_000, 12_000, rows=zlib.compress(bytes(36_001 * 12_000), 9))
    yield "text-bomb.png", _png(8, 8, rows=zlib.compress(bytes(25 * 8)), more=_text_bomb())
    for bits, colour in ((3, 2), (16, 6), (8, 7), (255, 255), (1, 3)):
        yield f"strange-{bits}-{colour}.png", _png(32, 32, bits=bits, colour=colour, rows=zlib.compress(bytes(9000)))
    yield (
        "huge.bmp",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 2**31 - 1, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0),
    )
    yield (
        "huge.gif",
        b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0)
        + bytes(6)
        + b",\0\0\0\0\xff\xff\xff\xff\0\2\2D\1\0;",
    )
    yield "huge.ppm", b"P6\n100000 100000\n255\n"
    yield "lying.ppm", b"P6\n99999999999999999999 3\n255\n" + bytes(100)
    yield "plain.ppm", b"P3\n20 20\n255\n" + b"99999999999 " * 1200
    yield (
        "huge.webp",
        b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xff" * 6,
    )
    ring = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x0100, 3, 1, 64) + struct.pack("<I", 8)
    yield "ring.tiff", ring  # a directory that names itself as the next one
    many = b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + struct.pack("<HHII", 0x0111, 4, 2**31, 8) * 65535
    yield "many-tags.tiff", many
    exif = (
        b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 2, 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x0112, 3, 1, 999)
    )
    picture = io.BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "JPEG")
    for value in (exif, exif * 200, b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0"):
        marker = b"\xff\xe1" + struct.pack(">H", min(len(value) + 2, 65535)) + value
        yield "exif.jpg", picture.getvalue()[:2] + marker + picture.getvalue()[2:]
    for depth in (1, 8):
        inner = b"a picture"
        for _ in range(depth):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("../../cat.png", inner)
            inner = out.getvalue()
        yield f"zip-{depth}.png", inner
    yield "zeros.gz.png", gzip.compress(bytes(50_000_000))
    frames = io.BytesIO()
    first, *others = (Image.new("L", (64, 64), shade % 256) for shade in range(2000))
    first.save(frames, "GIF", save_all=True, append_images=others)
    yield "frames.gif", frames.getvalue()
    yield "gif-and-script.gif", b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//<script>alert(1)</script>"
    for name in (
        "../../escape.png",
        "a" * 300 + ".png",
        "名前.png",
        "con.png",
        "x.png.html",
        "; rm -rf ~.png",
        "<img src=x>.png",
    ):
        yield name, _png(8, 8, rows=zlib.compress(bytes(25 * 8)))


async def drive(
    app: App, files: Iterable[tuple[str, bytes]], good_photo: Path, *, slow_seconds: float = SLOW_SECONDS
) -> dict[str, Any]:
    """Give each file to a tab of the app, each tab in its turn."""
    answered: collections.Counter[str] = collections.Counter()
    problems: list[str] = []
    slowest = 0.0
    async with Visitor(app.address) as visitor:
        before = await good_answer(visitor, good_photo)
        resting = app.memory_gb
        for number, (name, content) in enumerate(files):
            tab = [*_GIVES][number % len(_GIVES)]
            began = time.perf_counter()
            try:
                uploaded = await visitor.upload(Path(name), content=content)
                shown = await asyncio.wait_for(_GIVES[tab](visitor, uploaded), 60)
            except Exception as error:
                problems.append(f"{name} ({tab}): {type(error).__name__}: {error!s:.300}")
            else:
                answered["with words" if 'role="alert"' in shown else "with a result"] += 1
                if re.search(r"Traceback|/tmp/|gradio/", re.sub(r'(src|href)="[^"]*"', "", shown)):
                    problems.append(f"{name} ({tab}): says too much")
            took = time.perf_counter() - began
            slowest = max(slowest, took)
            if took > slow_seconds:
                problems.append(f"{name} ({tab}): took {took:.1f} s")
        after = await good_answer(visitor, good_photo)
    if before != after:
        problems.append("A good photo is read in another way than before.")
    highest = app.peak_memory_gb
    if highest - resting > MOST_MEMORY_GB:
        problems.append(f"The app took {highest - resting:.2f} GB more at a time.")
    tracebacks = app.said.count("Traceback")
    if tracebacks:
        problems.append(app.said[app.said.index("Traceback") :][:2000])
    return {
        "files": sum(answered.values()),
        "answered": dict(answered),
        "tracebacks": tracebacks,
        "app alive": app.process.poll() is None,
        "slowest, seconds": round(slowest, 2),
        "memory before, GB": round(resting, 2),
        "memory at most, GB": round(highest, 2),
        "problems": problems,
    }


async def good_answer(visitor: Visitor, photo: Path) -> str:
    """The name that a good photo is given, once the network is awake."""
    visitor["photo"] = await visitor.upload(photo)
    while True:
        card = (await visitor.use("classify"))["result"]
        found = re.search(r'class="pl-name">([^<]*)<', card)
        if found:
            return found[1]
        await asyncio.sleep(0.5)


async def _to_classify(visitor: Visitor, uploaded: dict) -> str:
    visitor["photo"] = uploaded
    return (await visitor.use("classify"))["result"]


async def _to_several(visitor: Visitor, uploaded: dict) -> str:
    visitor["photos"] = [uploaded]
    shown = await visitor.use("classify-all")
    return shown.get("status", "") + shown.get("table", "")


async def _to_fool(visitor: Visitor, uploaded: dict) -> str:
    visitor["fool-photo"], visitor["fool-preset"] = uploaded, "one-step"
    await visitor.use("fool-preset", "input")
    return (await visitor.use("fool-go"))["fool-status"]


async def _to_inside(visitor: Visitor, uploaded: dict) -> str:
    visitor["inside-photo"], visitor["inside-layer"] = uploaded, None
    shown = await visitor.use("inside-photo", "change")
    explained = await visitor.use("inside-seen", "change")
    return shown.get("inside-said", "") + explained.get("why-said", "")


async def _to_train(visitor: Visitor, uploaded: dict) -> str:
    visitor["own-name-1"], visitor["own-name-2"] = "cats", "dogs"
    visitor["own-files-1"] = visitor["own-files-2"] = [uploaded]
    return (await visitor.use("use-own"))["data"]


_GIVES = {
    "Classify": _to_classify,
    "Several photos": _to_several,
    "Fool it": _to_fool,
    "Look inside": _to_inside,
    "Own classes": _to_train,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--seed", type=int, default=2026, help="of the changes (default: 2026)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hostile-") as home:
        app = App(["app.py"], Path(home))
        try:
            figures = asyncio.run(drive(app, corpus(options.files, options.seed), examples()[0].path))
        finally:
            app.stop()
    report.write("hostile_pictures", figures)


if __name__ == "__main__":
    main()
