"""Ideal images by Lucent, on the classes of `benchmarks/ideal_images.py`, judged by the same networks.

Lucent's own defaults (a 128-pixel picture of waves, Adam at 0.05, its standard transforms, the class's logit), with as many
gradient steps as our preset "best". Its pictures are stretched to the network's size before they are judged.

    python -m venv peer && peer/bin/pip install -r benchmarks/peers/lucent.txt
    peer/bin/python -m benchmarks.peers.lucent_images
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from lucent.optvis import render
from PIL import Image

from benchmarks import report
from benchmarks.ideal_images import drawn_classes, judged, titles
from core.ascent.presets import find_preset
from core.backbones.loading import load_backbone


class Network(torch.nn.Module):
    """Pixels in [0, 1] -> logits; Lucent's own normalisation is that of other networks."""

    def __init__(self, backbone) -> None:
        super().__init__()
        self.model, self._normalise = backbone.model, backbone.normalise

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model(self._normalise(pixels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20, help="how many classes (default: 20)")
    parser.add_argument("--steps", type=int, default=find_preset("best").settings.steps, help="default: those of best")
    options = parser.parse_args()
    labels = drawn_classes(options.classes)
    backbone = load_backbone()
    network = Network(backbone)
    pictures, seconds = {}, []
    for label in labels:
        torch.manual_seed(label)
        np.random.seed(label)
        began = time.perf_counter()
        (values,) = render.render_vis(
            network, f"labels:{label}", thresholds=(options.steps,), preprocess=False, progress=False, show_image=False
        )
        seconds.append(time.perf_counter() - began)
        picture = Image.fromarray((values[0] * 255).round().astype(np.uint8))
        pictures[label] = picture.resize(backbone.input_size, Image.Resampling.BICUBIC)
        print(len(pictures), f"{seconds[-1]:.0f} s", flush=True)
    figures = {
        "classes": titles(labels),
        "steps": options.steps,
        "seconds a picture, median": report.median(seconds, 1),
        **judged(pictures, [backbone.name]),
    }
    report.write("lucent_images", figures, packages=(*report.PACKAGES, "torch-lucent", "kornia"))


if __name__ == "__main__":
    main()
