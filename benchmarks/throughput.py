"""End-to-end images a second of classifying files: ours, the plain loop, and our network alone on ready tensors.

Also the bound of a machine that never waits: (network + decoding) processor time of a picture, over all processors.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import report
from core import Classifier, load_backbone, predict_files, runtime, to_pixels
from core.classifier import CHUNK


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=480, help="photos a round (default: 480)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    paths = report.photos("oxford-iiit-pet/images", every=6)[: options.files]
    classifier = Classifier(load_backbone())
    # `backbone.view` does not decode lazily: these are ready pictures
    pixels = to_pixels([classifier.backbone.view(classifier.read(path)) for path in paths[:CHUNK]])
    measured: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        measured.setdefault(name, []).append(value)

    list(predict_files(classifier, paths[:32]))
    for _ in range(options.rounds):
        note("plain loop", _plain_loop(paths))
        note("ours", _rate(len(paths), lambda: list(predict_files(classifier, paths))))
        note(
            "ready tensors, a thread a chunk",
            _rate(len(paths), lambda: _ready_in_workers(classifier, pixels, len(paths))),
        )
        note(
            "ready tensors, all threads on one chunk", _rate(len(paths), lambda: _ready(classifier, pixels, len(paths)))
        )
        network = _processor_seconds(lambda: _ready_in_workers(classifier, pixels, len(paths))) / len(paths)
        decoding = _processor_seconds(lambda: [classifier.backbone.view(classifier.read(p)) for p in paths]) / len(
            paths
        )
        note("network, processor ms a picture", network * 1000)
        note("decoding, processor ms a picture", decoding * 1000)
        note("bound", runtime.processor_count() / (network + decoding))
    ready = max(
        measured["ready tensors, a thread a chunk"],
        measured["ready tensors, all threads on one chunk"],
        key=statistics.median,
    )
    report.write(
        "throughput",
        {
            "photos": len(paths),
            "rounds": options.rounds,
            "medians": {name: report.median(values, 2) for name, values in measured.items()},
            "ours / plain loop": report.median_ratio(measured["ours"], measured["plain loop"]),
            "ours / the better of ready tensors": report.median_ratio(measured["ours"], ready),
            "ours / bound": report.median_ratio(measured["ours"], measured["bound"]),
            "rounds measured": {name: [round(value, 2) for value in values] for name, values in measured.items()},
        },
    )


def _plain_loop(paths: list[Path]) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(map(str, paths)))
        file.flush()
        command = [sys.executable, "-m", "benchmarks.plain_loop", file.name]
        ran = subprocess.run(command, cwd=report.PROJECT, env=environment, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def _ready(classifier: Classifier, pixels, count: int) -> None:
    for _ in range(count // len(pixels)):
        classifier.backbone.fast_outputs(pixels)


def _ready_in_workers(classifier: Classifier, pixels, count: int) -> None:
    chunks = range(count // len(pixels))
    list(runtime.workers().map(lambda _: classifier.backbone.fast_outputs(pixels), chunks))


def _rate(count: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def _processor_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
