"""Look inside: what maps and explanations cost beside a plain forward pass, whether explanations are faithful, how far classes
stay apart on the map of embeddings, and what the ideal image of a channel takes. Each on one thread, as on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from benchmarks import report
from core import Classifier, Head, ascend, embed, load_backbone, open_dataset, read_image, runtime, to_pixels
from core.ascent.presets import CHANNEL
from core.inside.atlas import atlas, place, same_class_share
from core.inside.channels import channel_classifier
from core.inside.layers import stages_of
from core.inside.maps import feature_maps
from core.inside.occlusion import occlude
from core.inside.why import why
from core.streams import last

SEED = 2026


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--photos", type=int, default=40)
    options = parser.parse_args()
    classifier = Classifier(load_backbone())
    paths = report.photos("oxford-iiit-pet/images")
    chosen = random.Random(SEED).sample(paths, options.photos)
    views = [classifier.backbone.view(read_image(path)) for path in chosen]
    report.write(
        "inside",
        {
            "network": classifier.backbone.name,
            "load of the machine before": round(os.getloadavg()[0], 1),
            "seconds": runtime.on_one_thread(_seconds, classifier, views[0], options.rounds),
            "faithful": _faithful(classifier, views),
            "map of embeddings": _apart(classifier),
            "ideal image of a channel, processor seconds": _channel(classifier),
        },
    )


def _seconds(classifier: Classifier, view: Image.Image, rounds: int) -> dict:
    """One photo that has the network's size already; each round takes each kind of work once, in an order of its own."""
    backbone = classifier.backbone
    strip = stages_of(backbone)
    label = classifier.predict([view])[0].top(1)[0].index
    generator = torch.Generator().manual_seed(SEED)
    head = Head(
        torch.randn(37, backbone.embedding_dim, generator=generator), torch.zeros(37), tuple(map(str, range(37)))
    )
    trained = Classifier(backbone, head)
    layers = {"early": strip[1], "middle": strip[len(strip) // 2], "last": strip[-1]}
    work: dict[str, Callable[[], object]] = {"forward pass": lambda: _forward(classifier, view)}
    for title, layer in layers.items():
        work[f"maps, {title}"] = lambda layer=layer: feature_maps(backbone, view, layer.name)
    work["why, the network's own head"] = lambda: why(classifier, view, label)
    work["why, a trained head"] = lambda: why(trained, view, 3)
    times: dict[str, list[float]] = {name: [] for name in work}
    order, chance = list(work), random.Random(SEED)
    for round_number in range(rounds + 3):
        chance.shuffle(order)
        for name in order:
            began = time.perf_counter()
            work[name]()
            if round_number >= 3:
                times[name].append(time.perf_counter() - began)
    plain = statistics.median(times["forward pass"])
    return {
        "rounds": rounds,
        "layers": {
            title: f"{layer.name}: {layer.channels} x {layer.height} x {layer.width}" for title, layer in layers.items()
        },
        "medians, ms": {name: report.median([1000 * one for one in values], 2) for name, values in times.items()},
        "ratio of medians to the forward pass": {
            name: round(statistics.median(values) / plain, 3)
            for name, values in times.items()
            if name != "forward pass"
        },
    }


@torch.inference_mode()
def _forward(classifier: Classifier, view: Image.Image) -> torch.Tensor:
    """The folded network in single precision, as `feature_maps` runs it."""
    inputs = classifier.backbone.normalise(to_pixels([view])).contiguous(memory_format=torch.channels_last)
    return classifier.backbone.inference_model(inputs)


def _faithful(classifier: Classifier, views: list[Image.Image]) -> dict:
    rows = []
    for view in views:
        label = classifier.predict([view])[0].top(1)[0].index
        explanation = why(classifier, view, label)
        rows.append(last(occlude(classifier, view, label, explanation=explanation, seed=SEED)))
    tests = [row.test for row in rows]
    correlations = [row.correlation for row in rows if row.correlation is not None]
    return {
        "photos": len(rows),
        "seed": SEED,
        "mean probability": {
            name: round(float(np.mean([getattr(test, name) for test in tests])), 3)
            for name in ("before", "coldest", "random", "hottest")
        },
        "photos whose hottest quarter costs more than a random one": sum(test.hottest < test.random for test in tests),
        "photos whose coldest quarter costs less than a random one": sum(test.coldest > test.random for test in tests),
        "rank correlation with the falls, mean": round(float(np.mean(correlations)), 3),
        "rank correlation with the falls, median": report.median(correlations),
    }


def _apart(classifier: Classifier) -> dict:
    """Axes from the training photos; shares of the test photos among each other, which the axes have not seen."""
    dataset = open_dataset("oxford-pets", data=report.PHOTOS)
    train, test = (last(embed(classifier.backbone, dataset.split(name))).embeddings for name in ("train", "test"))
    figures: dict = {"photos laid out": len(train.vectors), "photos placed": len(test.vectors)}
    for axes in ("spread", "classes"):
        laid = atlas(train.vectors, train.images.labels, axes=axes)
        points = place(laid, test.vectors)
        figures[axes] = {
            "explained": [round(share, 3) for share in laid.explained],
            "of 10 neighbours of the same breed": round(same_class_share(points, test.images.labels), 3),
            "of the same breed, photos laid out": round(same_class_share(laid.points, train.images.labels), 3),
        }
    vectors = test.vectors / np.linalg.norm(test.vectors, axis=1, keepdims=True)
    figures["all dimensions, of the same breed"] = round(same_class_share(vectors, test.images.labels), 3)
    return figures


def _channel(classifier: Classifier) -> dict:
    figures = {}
    strip = stages_of(classifier.backbone)
    for layer in (strip[2], strip[4], strip[-1]):
        cut = channel_classifier(classifier.backbone, layer.name)
        began = time.process_time()
        last(ascend(cut, [2], CHANNEL))
        figures[layer.name] = round(time.process_time() - began, 1)
    return figures


if __name__ == "__main__":
    main()
