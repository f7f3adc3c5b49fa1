"""How well does "unsure" tell photos of cats and dogs from pictures of things that no network here has learned?

For each network that is here: the share of photos that are called unsure, by data set, and the area under the ROC curve of cats
and dogs against tiles (Hendrycks and Gimpel 2016, arXiv:1610.02136), for our measure and for the plain maximum
probability. The threshold was chosen by eye on a part of the same photos, so others stand beside it.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks import report
from core import Classifier, list_backbones, load_backbone, predict_files
from core.prediction import UNSURE_BELOW

FOLDERS = {
    "pets": "oxford-iiit-pet/images",
    "cats and dogs": "PetImages",
    "imagenet": "imagenet-samples",
    "tiles": "magnetic-tile",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=500, help="photos of each set, about (default: 500)")
    options = parser.parse_args()
    networks = [listing.name for listing in list_backbones() if listing.here and listing.imagenet_head]
    report.write("certainty", {"threshold": UNSURE_BELOW} | {name: _measure(name, options.most) for name in networks})


def _measure(name: str, most: int) -> dict:
    classifier = Classifier(load_backbone(name))
    certainty, plain = {}, {}
    for title, folder in FOLDERS.items():
        paths = report.photos(folder)
        results = predict_files(classifier, paths[:: max(1, len(paths) // most)])
        predictions = [result.prediction for result in results if result.prediction]
        certainty[title] = np.array([prediction.certainty for prediction in predictions])
        plain[title] = np.array([prediction.probabilities.max() for prediction in predictions])
    return {
        "photos": {title: len(values) for title, values in certainty.items()},
        "called unsure": {
            title: round(float((values < UNSURE_BELOW).mean()), 3) for title, values in certainty.items()
        },
        "area under the curve, ours": _area(certainty),
        "area under the curve, maximum probability": _area(plain),
        "called unsure at other thresholds": {
            f"{threshold:.2f}": {
                title: round(float((certainty[title] < threshold).mean()), 3)
                for title in ("pets", "cats and dogs", "tiles")
            }
            for threshold in (0.2, 0.25, 0.35, 0.4, 0.5)
        },
    }


def _area(values: dict[str, np.ndarray]) -> float:
    """The chance that a random cat or dog scores above a random tile."""
    known, unknown = np.concatenate([values["pets"], values["cats and dogs"]]), values["tiles"]
    above = (known[:, None] > unknown[None, :]).mean() + 0.5 * (known[:, None] == unknown[None, :]).mean()
    return round(float(above), 4)


if __name__ == "__main__":
    main()
