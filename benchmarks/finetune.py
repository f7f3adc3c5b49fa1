"""Fine-tune EfficientNet-Lite0 on Oxford pets: accuracy against time, everything included; or from random weights.

Settings and view were chosen by a training on 4/5 of the training split, measured on the rest (`--trial`); the run that
counts learns from all of it. The curve is measured on every fourth test picture, and nothing is chosen by it; the figure
is that of the whole test split. `--scratch` trains the same network for the same time as if it had never seen a photo.
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
from core.training.tuning_settings import FROM_SCRATCH, TuneSettings

# Smaller pictures in training than in use: faster, and things look as large as in use, since training cuts pieces out
# (Touvron et al. 2019, arXiv:1906.06423).
FINETUNE = {"train_size_px": 208, "epochs": 6}
SCRATCH = {**FROM_SCRATCH, "start": "scratch", "train_size_px": 128}
VIEW_PX = 256
SCRATCH_VIEW_PX = 160
_CURVE_EVERY = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="no step is taken after these (default: 20)")
    parser.add_argument(
        "--trial", action="store_true", help="learn from 4/5 of the training split, measure on the rest"
    )
    parser.add_argument("--scratch", action="store_true", help="from random weights")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON of settings beside those of the program")
    options = parser.parse_args()
    settings = TuneSettings(**{**(SCRATCH if options.scratch else FINETUNE), **options.settings})
    view = ViewSettings(size_px=SCRATCH_VIEW_PX if options.scratch else VIEW_PX)
    started = time.perf_counter()
    dataset = open_dataset("oxford-pets", data=report.PHOTOS)
    train, measured = dataset.split("train"), dataset.split("test")
    if options.trial:
        train, measured = hold_out(train, 0.2, seed=0, split="validation")
    backbone = seen_through(load_backbone(), view)
    head, linear = None, None
    if not options.scratch:
        found = last(embed(backbone, train, cache=False)).embeddings
        head = last(train_head(Examples(found.vectors, train.labels), None, train.class_names, HeadSettings())).head
        linear = _accuracy(Classifier(backbone, head), measured)
    head_seconds = time.perf_counter() - started
    print(f"head: {head_seconds:.0f} s, accuracy {linear}", flush=True)

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
    name = "finetune.scratch" if options.scratch else "finetune"
    report.write(
        f"{name}.trial" if options.trial else name,
        {
            "training pictures": len(train),
            "pictures that it is measured on": len(measured),
            "split": measured.split,
            "settings": dataclasses.asdict(settings),
            "seconds": round(seconds, 1),
            "seconds of the head before": round(head_seconds, 1),
            "note": snapshot.note,
            "accuracy of the head alone": linear,
            "accuracy": _accuracy(snapshot.classifier, measured),
            "side of the pictures that it is measured on": view.size_px,
            "longest wait for a snapshot, seconds": round(longest, 2),
            "curve": curve,
        },
    )


def _accuracy(classifier: Classifier, images: LabelledImages) -> float:
    found = last(embed(classifier.backbone, images, cache=False)).embeddings
    logits = found.vectors @ classifier.head.weight.numpy().T + classifier.head.bias.numpy()
    return round(float((logits.argmax(1) == images.labels).mean()), 4)


if __name__ == "__main__":
    main()
