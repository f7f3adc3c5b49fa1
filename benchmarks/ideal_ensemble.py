"""Ideal images by two networks together: do those that took no part agree more often?

The classes and the preset of `benchmarks.ideal_images`, with half of its steps: as many gradients, one half of each network.
The others are networks of the folder that `PETLENS_WEIGHTS` names.
"""

from __future__ import annotations

import argparse
import dataclasses

from benchmarks import report
from benchmarks.ideal_images import drawn_classes, side_by_side, titles
from core.ascent.presets import find_preset
from core.backbones.loading import load_backbone
from core.classifier import Classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20, help="how many classes (default: 20)")
    parser.add_argument("--with", dest="beside", nargs="+", default=["mobilenetv2_100"], help="each of these in turn")
    best = find_preset("best").settings
    parser.add_argument("--steps", type=int, default=best.steps // 2, help="default: half of those of best")
    options = parser.parse_args()
    labels = drawn_classes(options.classes)
    classifier, settings = Classifier(load_backbone()), dataclasses.replace(best, steps=options.steps)
    rows = {
        name: side_by_side(classifier, labels, settings, [Classifier(load_backbone(name))]) for name in options.beside
    }
    report.write("ideal_ensemble", {"classes": titles(labels), "steps": settings.steps, "drawn together with": rows})


if __name__ == "__main__":
    main()
