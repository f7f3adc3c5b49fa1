"""Small pictures made from a seed, and folders of them: different seeds look different, from afar too."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, side: int = 64) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def saved(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def jpeg(seed: int) -> bytes:
    return saved(picture(seed))


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_classes(folder: Path, counts: Mapping[str, int], first_seed: int = 0) -> Path:
    """`counts` pictures in each class folder, each different: 0.jpg, 1.jpg, ..."""
    seed = first_seed
    for name, count in counts.items():
        for number in range(count):
            write(folder / name / f"{number}.jpg", jpeg(seed))
            seed += 1
    return folder


def sizes(dataset) -> dict[str, int]:
    return {split: len(images) for split, images in dataset.splits.items()}


def tree(folder: Path) -> set[str]:
    """All files under a folder, by their path in it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
