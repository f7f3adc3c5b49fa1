"""A head on embeddings of Oxford pets, beside scikit-learn's logistic regression on the same embeddings.

Both choose their regularisation by 5-fold cross-validation on the training split, and so is the view chosen that the
figure is for: the official test split judges all views in the table, and chooses nothing.
Time: 100 epochs of ours, and scikit-learn's fit, in turns. Better embeddings (mirrored, larger) with what they cost.
Needs scikit-learn: `pip install -r benchmarks/requirements.txt`.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import report
from core.backbones.freezing import seen_through
from core.backbones.loading import load_backbone
from core.backbones.views import ViewSettings
from core.datasets.opening import open_dataset
from core.embeddings import embed
from core.streams import last
from core.training.examples import Examples
from core.training.head import train_head
from core.training.head_settings import HeadSettings
from core.training.selection import choose_weight_decay

C_VALUES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
PLAIN = "224 px"
VIEWS = {
    PLAIN: ViewSettings(),
    "224 px, mirrored too": ViewSettings(mirrored=True),
    "256 px": ViewSettings(size_px=256),
    "256 px, mirrored too": ViewSettings(size_px=256, mirrored=True),
    "288 px": ViewSettings(size_px=288),
    "288 px, mirrored too": ViewSettings(size_px=288, mirrored=True),
}
LBFGS = HeadSettings(optimiser="lbfgs", epochs=100, choose_weight_decay=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="timings of each (default: 5)")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    dataset = open_dataset("oxford-pets", data=report.PHOTOS)
    names = dataset.class_names
    network = load_backbone()
    figures: dict = {"training pictures": len(dataset.split("train")), "test pictures": len(dataset.split("test"))}

    rows, embedded = {}, {}
    for view_name, view in VIEWS.items():
        backbone = seen_through(network, view)
        parts, seconds = {}, 0.0
        for split in ("train", "test"):
            start = time.perf_counter()
            found = last(embed(backbone, dataset.split(split), mirrored=view.mirrored, cache=False)).embeddings
            seconds += time.perf_counter() - start
            parts[split] = Examples(found.vectors, found.images.labels)
        embedded[view_name] = parts
        chosen = last(choose_weight_decay(parts["train"], names, LBFGS))
        settings = dataclasses.replace(LBFGS, weight_decay=chosen.weight_decay)
        rows[view_name] = {
            "embedding seconds": round(seconds, 1),
            "weight decay": chosen.weight_decay,
            "cross-validated accuracy": round(max(chosen.accuracies), 4),
            "test accuracy, L-BFGS": _accuracy(parts, names, settings),
            "test accuracy, default settings": _accuracy(parts, names, HeadSettings()),
        }
        print(view_name, rows[view_name], flush=True)
    figures["ours"] = rows
    best_view = max(rows, key=lambda name: rows[name]["cross-validated accuracy"])
    figures["the view that cross-validation chooses"] = {
        "view": best_view,
        "test accuracy": rows[best_view]["test accuracy, L-BFGS"],
        "embedding seconds / those of 224 px": round(
            rows[best_view]["embedding seconds"] / rows[PLAIN]["embedding seconds"], 2
        ),
    }
    figures["scikit-learn"] = {name: _scikit_learn(embedded[name]) for name in dict.fromkeys((PLAIN, best_view))}
    best_c = figures["scikit-learn"][PLAIN]["C"]
    figures |= _timings(embedded[PLAIN]["train"], names, best_c, options.rounds)
    report.write("head", figures)


def _scikit_learn(parts: dict[str, Examples]) -> dict:
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": C_VALUES},
        cv=5,
        n_jobs=2,
    ).fit(parts["train"].vectors, parts["train"].labels)
    return {
        "C": search.best_params_["logisticregression__C"],
        "cross-validated accuracy": round(search.best_score_, 4),
        "test accuracy": round(search.score(parts["test"].vectors, parts["test"].labels), 4),
    }


def _accuracy(parts: dict[str, Examples], names: tuple[str, ...], settings: HeadSettings) -> float:
    """Accuracy on the test split of a head that learned from the whole training split."""
    history = last(train_head(parts["train"], parts["test"], names, settings)).history
    return round(history.validation_accuracy[-1], 4)


def _timings(train: Examples, names: tuple[str, ...], best_c: float, rounds: int) -> dict:
    scaled = StandardScaler().fit_transform(train.vectors)
    measured: dict[str, list[float]] = {
        "100 epochs, seconds": [],
        "100 epochs with validation curves, seconds": [],
        "L-BFGS, 100 iterations, seconds": [],
        "scikit-learn's fit, seconds": [],
    }
    ours, theirs = "100 epochs, seconds", "scikit-learn's fit, seconds"
    validation = train.take(np.arange(0, len(train), 7))
    for _ in range(rounds):
        settings = HeadSettings(epochs=100)
        measured[ours].append(_seconds(lambda s=settings: last(train_head(train, None, names, s))))
        measured["100 epochs with validation curves, seconds"].append(
            _seconds(lambda s=settings: last(train_head(train, validation, names, s)))
        )
        lbfgs = dataclasses.replace(LBFGS, weight_decay=0.03)
        measured["L-BFGS, 100 iterations, seconds"].append(
            _seconds(lambda s=lbfgs: last(train_head(train, None, names, s)))
        )
        regression = LogisticRegression(C=best_c, max_iter=2000)
        measured[theirs].append(_seconds(lambda r=regression: r.fit(scaled, train.labels)))
    return {
        "medians": {name: report.median(values, 3) for name, values in measured.items()},
        "100 epochs / scikit-learn's fit": report.median_ratio(measured[ours], measured[theirs]),
        "rounds measured": {name: [round(value, 3) for value in values] for name, values in measured.items()},
    }


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
