"""What do the training tricks do? The six experiments of the Learn tab on the drawn pets, with three seeds each."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile

from benchmarks import report
from core.datasets.opening import open_dataset
from core.experiments.comparison import Comparison
from core.experiments.experiment import EXPERIMENTS, Experiment
from core.experiments.running import run_experiment
from core.streams import last

SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="drawn-pets", help="one known by name, or a folder of class folders")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        os.environ.setdefault("PETLENS_HOME", fresh)
        dataset = open_dataset(arguments.dataset, data=report.PHOTOS)
        rows = {experiment.token: _rows(experiment, dataset) for experiment in EXPERIMENTS}
    report.write("tricks", {"network": "EfficientNet-Lite0", "pictures": dataset.name, "experiments": rows})


def _rows(experiment: Experiment, dataset) -> dict:
    comparisons = [last(run_experiment(experiment, dataset, seed=seed)).comparison for seed in SEEDS]
    row = {
        "first": experiment.first.differences(),
        "second": experiment.second.differences(),
        "mean difference": round(statistics.mean(one.difference for one in comparisons), 4),
        "seeds": {str(seed): _figures(one) for seed, one in zip(SEEDS, comparisons, strict=True)},
    }
    print(experiment.token, row, flush=True)
    return row


def _figures(comparison: Comparison) -> dict:
    return {
        "accuracy": [round(comparison.first_accuracy, 4), round(comparison.second_accuracy, 4)],
        "intervals": [
            [round(end, 4) for end in interval] for interval in (comparison.first_interval, comparison.second_interval)
        ],
        "tested on": comparison.n,
        "right only in the first, only in the second": [comparison.only_first, comparison.only_second],
        "McNemar's exact p": float(f"{comparison.p_value:.3g}"),
        "verdict": comparison.verdict,
    }


if __name__ == "__main__":
    main()
