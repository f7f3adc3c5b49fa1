"""Fine-tune EfficientNet-Lite0 on Oxford pets with the default settings: accuracy against time, everything included.

The settings were chosen on a fifth of the training split (`--trial`); the run that counts learns from all of it. The
curve is measured on every fourth test picture, and nothing is chosen by it; the figure is that of the whole test split.
Ends by itself: after `--minutes` no further step is taken.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time

import numpy as np

from benchmarks import report
from core.backbones.freezing import seen_through
from core.backbones.loading import load_backbone
from core.backbones.views import ViewSettings
from core.classifier import Classifier
from core.datasets.labelled import LabelledImages, hold_out
from core.datasets.opening import open_dataset
from core.embeddings import embed
from core.streams import last
from core.training.examples import Examples
from core.training.head import train_head
from core.training.head_settings import HeadSettings
from core.training.tuning import fine_tune
from core.training.tuning_settings import TuneSettings

VIEWS = {
    "224 px": ViewSettings(),
    "224 px, mirrored too": ViewSettings(mirrored=True),
    "256 px": ViewSettings(size_px=256),
    "256 px, mirrored too": ViewSettings(size_px=256, mirrored=True),
    "288 px, mirrored too": ViewSettings(size_px=288, mirrored=True),
}
_CURVE_EVERY = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="no step is taken after these (default: 20)")
    parser.add_argument(
        "--trial", action="store_true", help="learn from 4/5 of the training split, measure on the rest"
    )
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON of settings beside the defaults")
    parser.add_argument("--view", type=int, default=0, help="side that the network sees when it is measured")
    options = parser.parse_args()
    settings = TuneSettings(**options.settings)
    started = time.perf_counter()
    dataset = open_dataset("oxford-pets", data=report.PHOTOS)
    train, measured = dataset.split("train"), dataset.split("test")
    if options.trial:
        train, measured = hold_out(train, 0.2, seed=0, split="validation")
    backbone = seen_through(load_backbone(), ViewSettings(size_px=options.view))
    found = last(embed(backbone, train, cache=False)).embeddings
    head = last(train_head(Examples(found.vectors, train.labels), None, train.class_names, HeadSettings())).head
    head_seconds = time.perf_counter() - started
    linear = _accuracy(Classifier(backbone, head), ViewSettings(), measured)
    print(f"head: {head_seconds:.0f} s, accuracy {linear:.4f}", flush=True)

    curve: list[dict] = []
    shown = measured if options.trial else measured.take(np.arange(0, len(measured), _CURVE_EVERY))
    began, longest, before = time.perf_counter(), 0.0, time.perf_counter()
    enough = lambda: time.perf_counter() - started > 60 * options.minutes  # noqa: E731
    for snapshot in fine_tune(backbone, head, train, shown, settings, enough=enough):
        longest, before = max(longest, time.perf_counter() - before), time.perf_counter()
        history = snapshot.history
        if len(history) and history.validation_accuracy[-1] is not None and len(curve) <= snapshot.epoch:
            row = {
                "seconds": round(before - began + head_seconds, 1),
                "epoch": round(snapshot.epoch, 2),
                "train accuracy": history.train_accuracy[-1],
                "accuracy": round(history.validation_accuracy[-1], 4),
                "loss": round(history.validation_loss[-1], 4),
                "images/s": round(snapshot.images_per_second, 1),
            }
            curve.append(row)
            print(row, flush=True)
    seconds = before - began + head_seconds
    accuracies = {name: _accuracy(snapshot.classifier, view, measured) for name, view in VIEWS.items()}
    report.write(
        "finetune.trial" if options.trial else "finetune",
        {
            "training pictures": len(train),
            "pictures that it is measured on": len(measured),
            "split": measured.split,
            "settings": dataclasses.asdict(settings),
            "seconds": round(seconds, 1),
            "seconds of the head before": round(head_seconds, 1),
            "note": snapshot.note,
            "accuracy of the head alone": linear,
            "accuracy": accuracies,
            "longest wait for a snapshot, seconds": round(longest, 2),
            "curve": curve,
        },
    )


def _accuracy(classifier: Classifier, view: ViewSettings, images: LabelledImages) -> float:
    found = last(embed(seen_through(classifier.backbone, view), images, mirrored=view.mirrored, cache=False)).embeddings
    logits = found.vectors @ classifier.head.weight.numpy().T + classifier.head.bias.numpy()
    return round(float((logits.argmax(1) == images.labels).mean()), 4)


if __name__ == "__main__":
    main()
