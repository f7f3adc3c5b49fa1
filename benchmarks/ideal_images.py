"""Ideal images: do networks that took no part read the class? And what a step costs beside the bare network.

Classes are drawn by seed from the 1,000; each preset draws all of them on one network; every other network that is
present judges the PNG files (`PETLENS_WEIGHTS` names a folder of more networks). Nothing is tuned on these classes:
trials used others (seed 7).
"""

from __future__ import annotations

import argparse
import io
import random
import time

import torch

from benchmarks import report
from core import imagenet, runtime
from core.ascent.agreement import opinions
from core.ascent.ascent import Ascent, ascend
from core.ascent.files import Recipe, to_png
from core.ascent.picture import Drawn
from core.ascent.presets import find_preset
from core.ascent.settings import AscentSettings
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.images import read_image
from core.streams import last

TOGETHER = 10
SEED = 2026


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20, help="how many classes (default: 20)")
    parser.add_argument("--presets", nargs="+", default=["best", "best-10s"], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=9, help="timings of a step (default: 9)")
    options = parser.parse_args()
    labels = random.Random(SEED).sample(range(imagenet.CLASS_COUNT), options.classes)
    classifier = Classifier(load_backbone())
    figures = {
        "classes": [imagenet.classes()[label].title for label in labels],
        "presets": {name: _preset(classifier, name, labels) for name in options.presets},
        "smoothness": _smoothness(classifier),
        "a step / the bare forward and backward pass": _steps(classifier, options.rounds),
    }
    report.write("ideal_images", figures)


def _preset(classifier: Classifier, name: str, labels: list[int]) -> dict:
    settings = find_preset(name).settings
    began = time.perf_counter()
    pictures: list[Drawn] = []
    for start in range(0, len(labels), TOGETHER):
        some = labels[start : start + TOGETHER]
        pictures += last(ascend(classifier, some, settings)).drawn
        print(name, len(pictures), f"{time.perf_counter() - began:.0f} s", flush=True)
    seconds = (time.perf_counter() - began) / len(labels)
    own = [picture.probability for picture in pictures]
    rows: dict[str, list] = {}
    for picture in pictures:
        recipe = Recipe(str(picture.label), classifier.backbone.name, settings.steps, settings)
        read = read_image(io.BytesIO(to_png(picture.picture, recipe)))
        for opinion in opinions(read, picture.label, [classifier.backbone.name]):
            rows.setdefault(opinion.network, []).append(opinion)
    judged = {
        network: {
            "top-1": _mean([opinion.place == 1 for opinion in given]),
            "top-5": _mean([opinion.place <= 5 for opinion in given]),
            "probability": _mean([opinion.probability for opinion in given]),
        }
        for network, given in rows.items()
    }
    return {
        "seconds a picture": round(seconds, 1),
        "own probability, mean and least": [_mean(own), round(min(own), 3)],
        "judges": judged,
        "judges' mean top-1": _mean([row["top-1"] for row in judged.values()]),
        "judges' mean top-5": _mean([row["top-5"] for row in judged.values()]),
    }


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


def _steps(classifier: Classifier, rounds: int) -> dict:
    """Medians of ratios: steps of a picture at 224 px, each beside bare passes of the network as it is published."""
    kinds = {
        "plain": AscentSettings(steps=10_000),
        "shift and mirror": AscentSettings(steps=10_000, jitter=0.1, flip=True),
        "waves": AscentSettings(steps=10_000, parameterization="fourier"),
        "batch-norm prior": AscentSettings(steps=10_000, prior_weight=1.0),
    }
    return {name: _ratio(classifier, settings, rounds) for name, settings in kinds.items()}


def _ratio(classifier: Classifier, settings: AscentSettings, rounds: int) -> float:
    ascent = Ascent(classifier, [340], settings, photo=None, steering=None)
    pixels = torch.rand(1, 3, 224, 224).contiguous(memory_format=torch.channels_last).requires_grad_()

    def bare() -> None:
        torch.autograd.grad(classifier.logits(pixels)[0, 340], pixels)

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


def _mean(values: list) -> float:
    return round(sum(values) / len(values), 3)


if __name__ == "__main__":
    main()
