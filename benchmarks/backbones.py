"""Every network that is present, on the same pets: accuracy against seconds, parameters and memory, and a chart of it.

Each runs in a process of its own (`--one NAME`), so that its memory is its own. Point PETLENS_WEIGHTS at a folder of
weights for more than the network that is shipped.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks import report
from core.backbones.loading import load_backbone
from core.backbones.sources import list_backbones
from core.datasets.opening import open_dataset
from core.embeddings import embed
from core.runs.pipeline import train_run
from core.runs.plan import Plan
from core.streams import last
from core.training.head_settings import HeadSettings

BEST = HeadSettings(optimiser="lbfgs", epochs=100, choose_weight_decay=True)
CHART = report.PROJECT / "docs" / "images" / "backbones.svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", metavar="NAME", help="measure this network and print the figures")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_measure(options.one)))
        return
    rows, failed = {}, {}
    for listing in list_backbones():
        if not listing.here:
            continue
        command = [sys.executable, "-m", "benchmarks.backbones", "--one", listing.name]
        ran = subprocess.run(command, cwd=report.PROJECT, capture_output=True, text=True)
        if ran.returncode:
            failed[listing.title] = ran.stderr.strip().splitlines()[-1]
            print(listing.title, "failed:", failed[listing.title], flush=True)
            continue
        rows[listing.title] = json.loads(ran.stdout.splitlines()[-1])
        print(listing.title, rows[listing.title], flush=True)
    report.write("backbones", {"data": "Oxford pets", "networks": rows, "could not be measured": failed})
    CHART.write_text(_chart(rows), encoding="utf-8")


def _measure(name: str) -> dict:
    backbone = load_backbone(name)
    dataset = open_dataset("oxford-pets", data=report.PHOTOS)
    some = dataset.split("test").take(range(0, 400))
    last(embed(backbone, some.take(range(32)), cache=False))
    start = time.perf_counter()
    last(embed(backbone, some, cache=False))
    rate = len(some) / (time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as home:
        os.environ["PETLENS_HOME"] = home
        final = last(train_run(Plan(name, head=BEST), dataset))
    evaluation = final.evaluation
    return {
        "trained on": len(dataset.split("train")),
        "tested on": evaluation.n,
        "accuracy": round(evaluation.accuracy, 4),
        "interval": [round(evaluation.accuracy_low, 4), round(evaluation.accuracy_high, 4)],
        "balanced": round(evaluation.balanced_accuracy, 4),
        "images a second": round(rate, 1),
        "seconds to embed 1,000 pictures": round(1000 / rate, 1),
        "millions of parameters": round(sum(tensor.numel() for tensor in backbone.model.parameters()) / 1e6, 2),
        "MB of the process at most": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }


def _chart(rows: dict[str, dict]) -> str:
    """Accuracy against seconds, a disc a network, its area the number of parameters."""
    width, height, left, bottom = 720, 400, 70, 60
    seconds = [row["seconds to embed 1,000 pictures"] for row in rows.values()]
    accuracies = [row["accuracy"] for row in rows.values()]
    longest = max(seconds) * 1.25
    low, high = min(accuracies) - 0.03, max(accuracies) + 0.02

    def x(value: float) -> float:
        return left + (width - left - 30) * value / longest

    def y(value: float) -> float:
        return height - bottom - (height - bottom - 30) * (value - low) / (high - low)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="14" role="img" aria-label="Accuracy of each network against the seconds that it takes">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for tick in range(int(low * 100) + 1, int(high * 100) + 1):
        lines.append(f'<path d="M{left} {y(tick / 100):.1f}H{width - 30}" stroke="#e2e8f0"/>')
        lines.append(
            f'<text x="{left - 8}" y="{y(tick / 100) + 5:.1f}" text-anchor="end" fill="#475569">{tick} %</text>'
        )
    step = max(1, round(longest / 6))
    for tick in range(0, int(longest) + 1, step):
        lines.append(f'<text x="{x(tick):.1f}" y="{height - 34}" text-anchor="middle" fill="#475569">{tick} s</text>')
    for title, row in rows.items():
        at_x, at_y = x(row["seconds to embed 1,000 pictures"]), y(row["accuracy"])
        radius = 5 * row["millions of parameters"] ** 0.5
        end = "end" if at_x > width * 0.7 else "start"
        shift = -radius - 6 if end == "end" else radius + 6
        words = f"{title}: {row['accuracy']:.1%}, {row['millions of parameters']:g} M"
        lines.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="{radius:.1f}" fill="#0d9488" fill-opacity="0.75"/>')
        lines.append(
            f'<text x="{at_x + shift:.1f}" y="{at_y + 5:.1f}" text-anchor="{end}" fill="#0f172a">{html.escape(words)}</text>'
        )
    lines.append(
        f'<text x="{(left + width) / 2:.0f}" y="{height - 10}" text-anchor="middle" fill="#0f172a">'
        "seconds for 1,000 pictures; accuracy on 37 breeds; area: parameters</text></svg>"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
