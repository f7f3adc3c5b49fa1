"""Embedding files end to end, against the bare network on tensors that are ready; and the memory that it takes.

The memory is that of a process of its own (`--memory FOLDER`), which does nothing but load the network and embed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import report
from core import Backbone, load_backbone, runtime, to_pixels
from core.classifier import CHUNK
from core.datasets.labelled import LabelledImages
from core.datasets.opening import open_dataset
from core.embeddings import embed
from core.streams import last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=480, help="photos a round (default: 480)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--distinct", type=int, default=7349, help="files for the memory (default: 7,349)")
    parser.add_argument("--memory", type=Path, metavar="FOLDER", help="embed these files and print the memory taken")
    options = parser.parse_args()
    backbone = load_backbone()
    if options.memory:
        print(json.dumps(_memory_taken(backbone, options.memory)))
        return
    images = open_dataset("oxford-pets", data=report.PHOTOS, splits=("train",)).split("train")
    some = images.take(np.linspace(0, len(images) - 1, options.files).astype(int))
    pixels = to_pixels([backbone.view(Image.open(item).convert("RGB")) for item in some.items[:CHUNK]])
    measured: dict[str, list[float]] = {"end to end": [], "ready tensors": [], "end to end with the cache": []}
    for _ in range(options.rounds + 1):
        start = time.perf_counter()
        last(embed(backbone, some, cache=False))
        measured["end to end"].append(len(some) / (time.perf_counter() - start))
        start = time.perf_counter()
        list(runtime.workers().map(lambda _: backbone.fast_embeddings(pixels), range(len(some) // len(pixels))))
        measured["ready tensors"].append(len(some) / (time.perf_counter() - start))
        with tempfile.TemporaryDirectory() as home, _home(home):
            start = time.perf_counter()
            last(embed(backbone, some))
            measured["end to end with the cache"].append(len(some) / (time.perf_counter() - start))
    measured = {name: values[1:] for name, values in measured.items()}  # the first round warms up
    ready = measured["ready tensors"]
    report.write(
        "embedding",
        {
            "photos": len(some),
            "rounds": options.rounds,
            "images a second, medians": {name: report.median(values, 1) for name, values in measured.items()},
            "end to end / ready tensors": report.median_ratio(measured["end to end"], ready),
            "with the cache written / ready tensors": report.median_ratio(measured["end to end with the cache"], ready),
            "rounds measured": {name: [round(value, 1) for value in values] for name, values in measured.items()},
            "memory": _memory(options.distinct),
        },
    )


def _memory(count: int) -> dict:
    """How much a fresh process grows while it embeds `count` distinct files."""
    with tempfile.TemporaryDirectory() as folder:
        _write_distinct_files(Path(folder), count)
        command = [sys.executable, "-m", "benchmarks.embedding", "--memory", folder]
        ran = subprocess.run(command, cwd=report.PROJECT, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def _memory_taken(backbone: Backbone, folder: Path) -> dict:
    before = _resident_mb()
    items = tuple(sorted(folder.glob("*.jpg")))
    images = LabelledImages("distinct", ("a", "b"), items, np.arange(len(items)) % 2, "train")
    with _Peak() as peak, _home(str(folder)):
        last(embed(backbone, images))
    return {
        "files": len(items),
        "MB before, network loaded": round(before),
        "MB at most": round(peak.mb),
        "MB above the network": round(peak.mb - before),
        "MB of the embeddings themselves": round(len(items) * backbone.embedding_dim * 4 / 1e6),
    }


def _write_distinct_files(folder: Path, count: int) -> None:
    """The photos that are present, encoded again at varied quality until there are enough."""
    sources = report.photos("oxford-iiit-pet/images")
    for number in range(count):
        with Image.open(sources[number % len(sources)]) as picture:
            quality = 60 + number // len(sources) * 12 + number % 7
            picture.convert("RGB").save(folder / f"{number:05}.jpg", quality=quality)


class _home:
    """`PETLENS_HOME` for a while."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._before = os.environ.get("PETLENS_HOME")
        os.environ["PETLENS_HOME"] = self._folder

    def __exit__(self, *raised: object) -> None:
        if self._before is None:
            del os.environ["PETLENS_HOME"]
        else:
            os.environ["PETLENS_HOME"] = self._before


class _Peak:
    """The largest resident size, looked at twenty times a second."""

    def __enter__(self) -> _Peak:
        self.mb = _resident_mb()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            self.mb = max(self.mb, _resident_mb())


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


if __name__ == "__main__":
    main()
