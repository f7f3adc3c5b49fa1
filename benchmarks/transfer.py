"""When does transfer work? The same network and the same settings on pictures ever less like those it knows.

For each data set: a new head, at the default settings, with its decay chosen by cross-validation, with five pictures a
class, and with the classic bug. The same network from random weights: `python -m benchmarks.finetune --scratch`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time

from benchmarks import report
from core.backbones.views import ViewSettings
from core.datasets.inspection import inspect
from core.datasets.opening import open_dataset
from core.runs.pipeline import train_run
from core.runs.plan import Plan
from core.streams import last
from core.training.head_settings import HeadSettings

DATASETS = {
    "cats-vs-dogs": "cats-vs-dogs",
    "oxford-pets-species": "oxford-pets-species",
    "oxford-pets": "oxford-pets",
    "hymenoptera": str(report.PHOTOS / "hymenoptera"),
    "drawn-pets": "drawn-pets",
    "magnetic-tile": str(report.PHOTOS / "magnetic-tile"),
}
BEST = HeadSettings(optimiser="lbfgs", epochs=100, choose_weight_decay=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as home:
        os.environ["PETLENS_HOME"] = home
        for name, source in DATASETS.items():
            rows[name] = {
                "test pictures that resemble a training picture": _near_duplicates(source),
                "default": _run(source, Plan()),
                "L-BFGS, cross-validated": _run(source, Plan(head=BEST)),
                "5 pictures a class": _run(source, Plan(head=HeadSettings(images_per_class=5))),
                "the classic bug: no input scaling": _run(source, Plan(view=ViewSettings(input_scaling=False))),
            }
            print(name, rows[name], flush=True)
    report.write("transfer", {"network": "EfficientNet-Lite0", "new head": rows})


def _near_duplicates(source: str) -> int:
    """How many pictures of the final split have their like among the training pictures: they make it look better."""
    dataset = open_dataset(source, data=report.PHOTOS)
    pairs = last(inspect(dataset)).inspection.near_duplicates
    return len({pair.index for pair in pairs if pair.split == dataset.final_split})


def _run(source: str, plan: Plan) -> dict:
    start = time.perf_counter()
    dataset = open_dataset(source, data=report.PHOTOS)
    final = last(train_run(plan, dataset))
    evaluation = final.evaluation
    return {
        "accuracy": round(evaluation.accuracy, 4),
        "interval": [round(evaluation.accuracy_low, 4), round(evaluation.accuracy_high, 4)],
        "balanced": round(evaluation.balanced_accuracy, 4),
        "guessing the largest class": round(evaluation.majority, 4),
        "classes": len(dataset.class_names),
        "trained on": len(dataset.split("train")),
        "tested on": evaluation.n,
        "seconds": round(time.perf_counter() - start, 1),
    }


if __name__ == "__main__":
    main()
