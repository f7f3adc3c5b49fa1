"""Ideal images: do networks that took no part read the class? Against seconds; side by side, and one by one.

Classes are drawn by seed from the 1,000; the pictures of all of them are drawn as `python -m core ascend` draws them; every
other network that is present judges the PNG files (`PETLENS_WEIGHTS` names a folder of more networks). Nothing is tuned on
these classes: trials used others (seed 7).
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import random
import time
from collections.abc import Mapping, Sequence

from PIL import Image

from benchmarks import report
from core import imagenet
from core.ascent.agreement import opinions
from core.ascent.ascent import ascend
from core.ascent.files import Recipe, to_png
from core.ascent.picture import Drawn
from core.ascent.presets import find_preset
from core.ascent.settings import AscentSettings
from core.ascent.side_by_side import ascend_side_by_side
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.images import read_image
from core.streams import last

SEED = 2026


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20, help="how many classes (default: 20)")
    parser.add_argument(
        "--steps", type=int, nargs="*", default=[100, 400], help="best with so many steps, for the curve"
    )
    parser.add_argument(
        "--alone",
        type=int,
        default=3,
        help="classes that best also draws one by one, as best-10s does all (default: 3)",
    )
    options = parser.parse_args()
    labels = drawn_classes(options.classes)
    classifier = Classifier(load_backbone())
    best, quick = find_preset("best").settings, find_preset("best-10s").settings
    wanted = {f"best with {steps} steps": dataclasses.replace(best, steps=steps) for steps in options.steps}
    wanted |= {"best-10s": quick, "best": best}
    figures: dict = {"classes": titles(labels)}
    figures["alone"] = {
        "best-10s": _alone(classifier, labels, quick),
        "best": _alone(classifier, labels[: options.alone], best),
    }
    figures["side by side"] = {name: side_by_side(classifier, labels, settings) for name, settings in wanted.items()}
    report.write("ideal_images", figures)


def drawn_classes(count: int) -> list[int]:
    """Classes that no trial has seen."""
    return random.Random(SEED).sample(range(imagenet.CLASS_COUNT), count)


def titles(labels: Sequence[int]) -> list[str]:
    """Their names."""
    return [imagenet.classes()[label].title for label in labels]


def judged(pictures: Mapping[int, Image.Image], makers: Sequence[str]) -> dict:
    """What networks that took no part say of pictures, by the label that each is to show."""
    rows: dict[str, list] = {}
    for label, picture in pictures.items():
        for opinion in opinions(picture, label, makers):
            rows.setdefault(opinion.network, []).append(opinion)
    if not rows:
        raise SystemExit("No other network is here to judge: PETLENS_WEIGHTS names a folder of some.")
    judges = {
        network: {
            "top-1": _mean([opinion.place == 1 for opinion in given]),
            "top-5": _mean([opinion.place <= 5 for opinion in given]),
            "probability": _mean([opinion.probability for opinion in given]),
        }
        for network, given in rows.items()
    }
    return {
        "judges' mean top-1": _mean([row["top-1"] for row in judges.values()]),
        "judges' mean top-5": _mean([row["top-5"] for row in judges.values()]),
        "judges": judges,
    }


def side_by_side(
    classifier: Classifier, labels: Sequence[int], settings: AscentSettings, beside: Sequence[Classifier] = ()
) -> dict:
    """Draw all as the command line does; seconds, and what is said of the files."""
    began = time.perf_counter()
    batches = last(ascend_side_by_side(classifier, labels, settings, beside=beside))
    seconds = (time.perf_counter() - began) / len(labels)
    return _of([one for batch in batches for one in batch.snapshot.drawn], seconds, classifier, settings, beside)


def _alone(classifier: Classifier, labels: Sequence[int], settings: AscentSettings) -> dict:
    """One after the other, on one processor each, as on the page."""
    pictures, seconds = [], []
    for label in labels:
        began = time.perf_counter()
        pictures += last(ascend(classifier, [label], settings)).drawn
        seconds.append(time.perf_counter() - began)
    return _of(pictures, report.median(seconds, 1), classifier, settings, ())


def _of(
    pictures: Sequence[Drawn],
    seconds: float,
    classifier: Classifier,
    settings: AscentSettings,
    beside: Sequence[Classifier],
) -> dict:
    own = [picture.probability for picture in pictures]
    makers = [one.backbone.name for one in (classifier, *beside)]
    files = {}
    for picture in pictures:
        recipe = Recipe(
            str(picture.label), classifier.backbone.name, settings.steps, settings, beside=tuple(makers[1:])
        )
        files[picture.label] = read_image(io.BytesIO(to_png(picture.picture, recipe)))
    figures = {
        "seconds a picture": round(seconds, 1),
        "own probability, mean and least": [_mean(own), round(min(own), 3)],
        **judged(files, makers),
    }
    print(
        settings.steps,
        "steps",
        makers,
        {name: value for name, value in figures.items() if name != "judges"},
        flush=True,
    )
    return figures


def _mean(values: Sequence) -> float:
    return round(sum(values) / len(values), 3)


if __name__ == "__main__":
    main()
