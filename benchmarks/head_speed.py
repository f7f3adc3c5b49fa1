"""How long a head trains on embeddings of Oxford pets that are ready: 100 epochs of ours, and scikit-learn's fit, in turns.

scikit-learn's regularisation is the one that cross-validation chose in `head`.
Needs scikit-learn: `pip install -r benchmarks/requirements.txt`.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks import report
from core.backbones.loading import load_backbone
from core.datasets.opening import open_dataset
from core.embeddings import embed
from core.streams import last
from core.training.examples import Examples
from core.training.head import train_head
from core.training.head_settings import HeadSettings

BEST_C = 0.01
LBFGS = HeadSettings(optimiser="lbfgs", epochs=100, weight_decay=0.03)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="timings of each (default: 7)")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    images = open_dataset("oxford-pets", data=report.PHOTOS, splits=("train",)).split("train")
    found = last(embed(load_backbone(), images)).embeddings
    train = Examples(found.vectors, found.images.labels)
    report.write("head_speed", {"pictures": len(train), **_timings(train, images.class_names, options.rounds)})


def _timings(train: Examples, names: tuple[str, ...], rounds: int) -> dict:
    scaled = StandardScaler().fit_transform(train.vectors)
    measured: dict[str, list[float]] = {
        "100 epochs, seconds": [],
        "100 epochs with validation curves, seconds": [],
        "L-BFGS, 100 iterations, seconds": [],
        "scikit-learn's fit, seconds": [],
    }
    ours, theirs = "100 epochs, seconds", "scikit-learn's fit, seconds"
    validation = train.take(np.arange(0, len(train), 7))
    for _ in range(rounds):
        settings = HeadSettings(epochs=100)
        measured[ours].append(_seconds(lambda s=settings: last(train_head(train, None, names, s))))
        measured["100 epochs with validation curves, seconds"].append(
            _seconds(lambda s=settings: last(train_head(train, validation, names, s)))
        )
        measured["L-BFGS, 100 iterations, seconds"].append(
            _seconds(lambda: last(train_head(train, None, names, LBFGS)))
        )
        regression = LogisticRegression(C=BEST_C, max_iter=2000)
        measured[theirs].append(_seconds(lambda r=regression: r.fit(scaled, train.labels)))
    return {
        "medians": {name: report.median(values, 3) for name, values in measured.items()},
        "100 epochs / scikit-learn's fit": report.median_ratio(measured[ours], measured[theirs]),
        "rounds measured": {name: [round(value, 3) for value in values] for name, values in measured.items()},
    }


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
