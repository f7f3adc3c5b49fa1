"""Make the statistics of ImageNet photos that ship for a few networks: `assets/imagenet-reference/`.

From the folder `imagenet-samples`: 1,000 photos, one of each class. Only means, directions and variances are kept. A
network whose weights are not free to use (ResNet-18 of the shared folder) gets none.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks import report
from core.backbones.loading import load_backbone
from core.datasets.labelled import LabelledImages
from core.embeddings import embed
from core.streams import last
from core.transfer.reference import make_reference, save_reference

NETWORKS = ("tf_efficientnet_lite0", "mobilenetv2_100.tf_in1k", "regnetx_002.in1k")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS, help="timm names; by default those that ship one")
    for name in parser.parse_args().networks:
        reference = make_reference(load_backbone(name), imagenet_embeddings(name))
        path = save_reference(reference)
        print(f"{path.name}: {path.stat().st_size:,} bytes, {reference.share:.1%} of the variance in the axes")


def imagenet_embeddings(name: str) -> np.ndarray:
    """Embeddings `(1000, D)` of the photos, in the order of their names."""
    files = tuple(report.photos("imagenet-samples"))
    images = LabelledImages("imagenet-samples", ("photo",), files, np.zeros(len(files), np.int64), "train")
    return last(embed(load_backbone(name), images)).embeddings.vectors


if __name__ == "__main__":
    main()
