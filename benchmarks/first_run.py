"""Ten epochs of a new head on Oxford pets: our first run, our second run, and the lesson's way.

The lesson runs every picture through the network in each epoch: one of its epochs is measured (`lesson_epoch`), and
counts ten times. Ours looks at each picture once, keeps the embeddings, and trains on them; both runs are timed from
the start of the run until the head is trained, reading files, hashing, curves and the final fit on all pictures
included. Neither counts imports, the loading of the network, or the test pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from core.backbones.loading import load_backbone
from core.datasets.labelled import Dataset
from core.datasets.opening import open_dataset
from core.runs.pipeline import train_run
from core.runs.plan import Plan, split_for_training
from core.training.head_settings import HeadSettings

EPOCHS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="first runs and epochs of the lesson (default: 3)")
    options = parser.parse_args()
    dataset = open_dataset("oxford-pets", data=report.PHOTOS)
    load_backbone()
    lesson, first, second = [], [], []
    for _ in range(options.rounds):
        lesson.append(EPOCHS * _lesson_epoch(dataset))
        with tempfile.TemporaryDirectory() as home:
            os.environ["PETLENS_HOME"] = home
            first.append(_our_run(dataset))
            second.append(statistics.median(_our_run(dataset) for _ in range(3)))
    report.write(
        "first_run",
        {
            "pictures": len(dataset.split("train")),
            "epochs": EPOCHS,
            "seconds, medians": {
                "the lesson's way": report.median(lesson, 1),
                "our first run": report.median(first, 2),
                "our second run": report.median(second, 2),
            },
            "the lesson's way / our first run": report.median_ratio(lesson, first),
            "the lesson's way / our second run": report.median_ratio(lesson, second),
            "rounds measured": {
                "the lesson's way": [round(value, 1) for value in lesson],
                "our first run": [round(value, 2) for value in first],
                "our second run, the median of three": [round(value, 2) for value in second],
            },
        },
    )


def _our_run(dataset: Dataset) -> float:
    start = time.perf_counter()
    stream = train_run(Plan(head=HeadSettings(epochs=EPOCHS)), dataset)
    for snapshot in stream:
        if snapshot.phase == "testing":
            break
    seconds = time.perf_counter() - start
    stream.close()
    return seconds


def _lesson_epoch(dataset: Dataset) -> float:
    parts = dict(zip(("train", "validation"), split_for_training(dataset, HeadSettings()), strict=True))
    rows = {
        name: [(str(item), int(label)) for item, label in zip(images.items, images.labels, strict=True)]
        for name, images in parts.items()
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        file.write_text(json.dumps(rows))
        command = [sys.executable, "-m", "benchmarks.lesson_epoch", str(file)]
        ran = subprocess.run(command, cwd=report.PROJECT, env=environment, capture_output=True, text=True, check=True)
    return float(ran.stdout)


if __name__ == "__main__":
    main()
