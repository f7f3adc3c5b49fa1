"""Ideal images: what a step costs beside the bare network, how smooth total variation makes them, the same bytes twice."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import time

import torch

from benchmarks import report
from benchmarks.ideal_images import drawn_classes
from core import runtime
from core.ascent.ascent import Ascent, ascend
from core.ascent.files import Recipe, to_png
from core.ascent.presets import find_preset
from core.ascent.settings import AscentSettings
from core.ascent.side_by_side import ascend_side_by_side
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.streams import last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="timings of a step (default: 9)")
    options = parser.parse_args()
    classifier = Classifier(load_backbone())
    figures = {
        "a step / the bare forward and backward pass": _steps(classifier, options.rounds),
        "smoothness": _smoothness(classifier),
        "the same bytes twice": _same_bytes(classifier, drawn_classes(4)),
    }
    report.write("ideal_steps", figures)


def _smoothness(classifier: Classifier) -> dict:
    """The lesson's two presets on its own class, the Siamese cat."""
    drawn = {
        name: last(ascend(classifier, [284], find_preset(name).settings)).drawn[0] for name in ("lesson", "lesson-tv")
    }
    return {
        "total variation": {name: round(one.variation, 4) for name, one in drawn.items()},
        "probability": {name: round(one.probability, 4) for name, one in drawn.items()},
        "with TV / no TV": round(drawn["lesson-tv"].variation / drawn["lesson"].variation, 3),
    }


def _same_bytes(classifier: Classifier, labels: list[int]) -> bool:
    """Whether a short run with all of the best preset's means gives the same files twice."""
    settings = dataclasses.replace(find_preset("best").settings, steps=20)

    def digest() -> str:
        batches = last(ascend_side_by_side(classifier, labels, settings))
        recipe = Recipe("", classifier.backbone.name, settings.steps, settings)
        files = [to_png(one.picture, recipe) for batch in batches for one in batch.snapshot.drawn]
        return hashlib.sha256(b"".join(files)).hexdigest()

    return digest() == digest()


def _steps(classifier: Classifier, rounds: int) -> dict:
    """Medians of ratios: steps of a picture at 224 px, each beside bare passes of the network as it is published."""
    kinds = {
        "plain": AscentSettings(steps=10_000),
        "shift and mirror": AscentSettings(steps=10_000, jitter=0.1, flip=True),
        "waves": AscentSettings(steps=10_000, parameterization="fourier"),
        "batch-norm prior": AscentSettings(steps=10_000, prior_weight=1.0),
        "best": dataclasses.replace(find_preset("best").settings, steps=10_000, coarse_px=0),
    }
    return {name: _ratio(classifier, settings, rounds) for name, settings in kinds.items()}


def _ratio(classifier: Classifier, settings: AscentSettings, rounds: int) -> float:
    ascent = Ascent(classifier, [340], settings, photo=None, steering=None, beside=(), look_every_seconds=math.inf)
    pixels = torch.rand(settings.looks, 3, 224, 224).contiguous(memory_format=torch.channels_last).requires_grad_()

    def bare() -> None:
        torch.autograd.grad(classifier.logits(pixels)[:, 340].sum(), pixels)

    ours, theirs = [], []
    for _ in range(rounds + 1):  # both on a thread that computes alone, as ascents do
        theirs.append(runtime.on_one_thread(_seconds, bare))
        ours.append(runtime.on_one_thread(_seconds, lambda: ascent.advance(leg_start=0)))
    return report.median_ratio(ours[1:], theirs[1:])  # the first round warms up


def _seconds(work, times: int = 10) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
