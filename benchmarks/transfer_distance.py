"""Does the distance from ImageNet tell how well transfer works? Six data sets, each network with a reference.

Also: how far ImageNet is from itself, how few pictures are enough, and what other distances say. Writes the
points that the lab ships, `assets/transfer-lab.json`, beside the result file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile

import numpy as np

from benchmarks import report
from benchmarks.imagenet_reference import NETWORKS, imagenet_embeddings
from benchmarks.tables import TITLES
from benchmarks.transfer import DATASETS
from core.backbones.loading import load_backbone
from core.datasets.opening import open_dataset
from core.embeddings import embed
from core.runs.pipeline import train_run
from core.runs.plan import Plan
from core.streams import last
from core.training.head_settings import HeadSettings
from core.transfer.distance import PICTURES, distance_from, frechet_distance
from core.transfer.lab import drawn_for_distance, run_lab
from core.transfer.reference import Reference, make_reference, reference_of
from core.transfer.result import SHIPPED, LabResult, corrected

BIAS_AT = (20, 50, 100, 200, 240, 500, 2000)
DRAWS = 8
# The default settings leave a head unfinished where pictures are few and far: L-BFGS ends when nothing is left to gain.
TO_THE_END = HeadSettings(optimiser="lbfgs", epochs=100, weight_decay=0.001)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    networks, points = {}, []
    with tempfile.TemporaryDirectory() as runs:
        os.environ["PETLENS_RUNS"] = runs  # embeddings are kept with those of other programs
        for network in NETWORKS:
            rows = {name: _row(network, name) for name in DATASETS}
            networks[network] = {
                "title": load_backbone(network).title,
                "share of the variance in the axes": round(reference_of(load_backbone(network)).share, 4),
                "ImageNet photos from other ImageNet photos": _floor(network),
                "data sets": {name: row for name, (row, _) in rows.items()},
                "rank correlation": _correlations([row for row, _ in rows.values()]),
            }
            points += [dataclasses.asdict(point) for _, point in rows.values()]
            print(network, json.dumps(networks[network], indent=1), flush=True)
    figures = {"pictures": PICTURES, "networks": networks, "Oxford pets, few pictures": _bias(NETWORKS[0])}
    report.write("transfer_distance", figures)
    written = {"program": "python -m benchmarks.transfer_distance", "results": points}
    SHIPPED.write_text(json.dumps(written, indent=1) + "\n")


def _row(network: str, name: str) -> tuple[dict, LabResult]:
    dataset = open_dataset(DATASETS[name], data=report.PHOTOS)
    final = last(run_lab(Plan(network), dataset))
    done = last(train_run(Plan(network, head=TO_THE_END), dataset)).evaluation
    found, distance = final.result, final.distance
    few = embed(load_backbone(network), drawn_for_distance(dataset.split("train"), seed=0))
    vectors = last(few).embeddings.vectors
    row = {
        "distance": distance.value,
        "as measured": distance.measured,
        "of the means": distance.of_means,
        "variance outside the axes": distance.outside,
        "in the embeddings' own scale": _in_own_scale(vectors, reference_of(load_backbone(network))),
        "KID": kernel_distance(vectors, imagenet_embeddings(network)),
        "accuracy": found.accuracy,
        "interval": [found.accuracy_low, found.accuracy_high],
        "balanced": found.balanced_accuracy,
        "guessing": found.guessing,
        "above guessing": found.above_guessing,
        "L-BFGS: accuracy": done.accuracy,
        "L-BFGS: above guessing": corrected(done.accuracy, done.majority),
    }
    point = dataclasses.replace(found, dataset=name, title=TITLES[name])
    return _rounded(row), LabResult(**_rounded(dataclasses.asdict(point)))


def _floor(network: str) -> dict[str, float]:
    """240 of the photos against a reference made from the others; the mean over draws."""
    vectors = imagenet_embeddings(network)
    found, kids = [], []
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(len(vectors))
        few, others = vectors[order[:PICTURES]], vectors[order[PICTURES:]]
        found.append(distance_from(make_reference(load_backbone(network), others), few, seed=draw))
        kids.append(kernel_distance(few, others))
    return _rounded(
        {
            "distance": np.mean([one.value for one in found]),
            "as measured": np.mean([one.measured for one in found]),
            "KID": np.mean(kids),
        }
    )


def _bias(network: str) -> dict[str, dict[str, float]]:
    """The same data set, measured with fewer pictures: mean and spread over draws."""
    images = open_dataset("oxford-pets", data=report.PHOTOS).split("train")
    vectors = last(embed(load_backbone(network), images)).embeddings.vectors
    reference = reference_of(load_backbone(network))
    rows = {}
    for count in BIAS_AT:
        draws = [np.random.default_rng(draw).permutation(len(vectors))[:count] for draw in range(DRAWS)]
        found = [distance_from(reference, vectors[chosen], seed=draw) for draw, chosen in enumerate(draws)]
        values, measured = [one.value for one in found], [one.measured for one in found]
        rows[str(count)] = _rounded(
            {"as measured": np.mean(measured), "distance": np.mean(values), "spread of the distance": np.std(values)}
        )
    return rows


def _in_own_scale(vectors: np.ndarray, reference: Reference) -> float:
    """The usual Fréchet distance in the same axes, over ImageNet's variance in them; not put right for few pictures."""
    projected = (vectors - reference.mean) @ reference.axes.T
    ours = projected.mean(axis=0), np.cov(projected, rowvar=False)
    theirs = np.zeros(len(reference.variances)), np.diag(reference.variances)
    return sum(frechet_distance(*ours, *theirs)) / float(reference.variances.sum())


def kernel_distance(some: np.ndarray, others: np.ndarray) -> float:
    """KID: the unbiased squared maximum mean discrepancy with the kernel (x y / D + 1)^3, of embeddings `(N, D)`.

    Embeddings are divided by the root mean square of `others`' deviations: networks differ in scale, a cubic minds.

    References:
        Binkowski et al. 2018, "Demystifying MMD GANs", arXiv:1801.01401
    """
    unit = np.sqrt(others.var(axis=0).mean())
    some, others = some.astype(np.float64) / unit, others.astype(np.float64) / unit
    same = [_mean_of_pairs(_kernel(one, one)) for one in (some, others)]
    return float(sum(same) - 2 * _kernel(some, others).mean())


def _kernel(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (some @ others.T / some.shape[1] + 1) ** 3


def _mean_of_pairs(kernel: np.ndarray) -> float:
    n = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (n * (n - 1))


def _correlations(rows: list[dict]) -> dict[str, float]:
    """Spearman's, between a distance and an accuracy, over the data sets; -1: the farther, the worse, always."""
    pairs = {}
    for distance in ("distance", "in the embeddings' own scale", "KID"):
        for accuracy in ("accuracy", "above guessing", "L-BFGS: above guessing"):
            ranks = [_ranks([row[name] for row in rows]) for name in (distance, accuracy)]
            pairs[f"{distance}, {accuracy}"] = round(float(np.corrcoef(*ranks)[0, 1]), 2)
    return pairs


def _ranks(values: list[float]) -> np.ndarray:
    """Ranks; equal values share the mean of theirs."""
    column = np.array(values)
    return np.array([(column < value).sum() + ((column == value).sum() - 1) / 2 for value in column])


def _rounded(values: dict) -> dict:
    """Four digits after the point, also in lists."""
    return {
        name: [round(one, 4) for one in value] if isinstance(value, list) else _digits(value)
        for name, value in values.items()
    }


def _digits(value: object) -> object:
    return round(float(value), 4) if isinstance(value, float | np.floating) else value


if __name__ == "__main__":
    main()
