"""Ideal images by two networks together: do those that took no part agree more often?

The classes and the preset of `benchmarks.ideal_images`. The others are networks of the folder that `PETLENS_WEIGHTS` names.
"""

from __future__ import annotations

import argparse

from benchmarks import report
from benchmarks.ideal_images import drawn_classes, side_by_side, titles
from core.ascent.presets import find_preset
from core.backbones.loading import load_backbone
from core.classifier import Classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20, help="how many classes (default: 20)")
    parser.add_argument("--with", dest="beside", nargs="+", default=["mobilenetv2_100"], help="each of these in turn")
    options = parser.parse_args()
    labels = drawn_classes(options.classes)
    classifier, best = Classifier(load_backbone()), find_preset("best").settings
    rows = {name: side_by_side(classifier, labels, best, [Classifier(load_backbone(name))]) for name in options.beside}
    report.write("ideal_ensemble", {"classes": titles(labels), "steps": best.steps, "drawn together with": rows})


if __name__ == "__main__":
    main()
