"""A head on embeddings of Oxford pets, beside scikit-learn's logistic regression on the same embeddings.

Both choose their regularisation by 5-fold cross-validation on the training split, and so is the view chosen that the
figure is for: the official test split judges all views in the table, and chooses nothing.
Better embeddings (mirrored, larger) with what they cost. How long a training takes: `head_speed`.
Needs scikit-learn: `pip install -r benchmarks/requirements.txt`.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import warnings

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
    "256 px": ViewSettings(size_px=256),
    "256 px, mirrored too": ViewSettings(size_px=256, mirrored=True),
}
LBFGS = HeadSettings(optimiser="lbfgs", epochs=100, choose_weight_decay=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
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


if __name__ == "__main__":
    main()
