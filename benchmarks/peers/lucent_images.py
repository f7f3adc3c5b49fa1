"""Ideal images by Lucent, on the classes of `benchmarks/ideal_images.py`, judged by the same networks.

Lucent's own defaults (a 128-pixel picture of waves, Adam at 0.05, its standard transforms, the class's logit), with as many
gradient steps as our preset "best". Its pictures are stretched to the network's size before they are judged. It draws one
picture at a time, so several processes draw side by side, one a processor: faster than all processors on one picture.

    python -m venv peer && peer/bin/pip install -r benchmarks/peers/lucent.txt
    peer/bin/python -m benchmarks.peers.lucent_images
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import time

import numpy as np
import torch
from lucent.optvis import render
from PIL import Image

from benchmarks import report
from benchmarks.ideal_images import drawn_classes, judged, titles
from core import runtime
from core.ascent.presets import find_preset
from core.backbones.loading import load_backbone


class Network(torch.nn.Module):
    """Pixels in [0, 1] -> logits; Lucent's own normalisation is that of other networks."""

    def __init__(self) -> None:
        super().__init__()
        backbone = load_backbone()
        self.model, self._normalise = backbone.model, backbone.normalise

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model(self._normalise(pixels))


@functools.cache
def _network() -> Network:
    network = Network()
    torch.set_num_threads(1)  # the processes share the processors among them
    return network


def _draw(steps: int, label: int) -> tuple[int, np.ndarray]:
    """The label, and its picture as values in [0, 1] `(H, W, 3)`."""
    network = _network()
    torch.manual_seed(label)
    np.random.seed(label)
    (values,) = render.render_vis(
        network, f"labels:{label}", thresholds=(steps,), preprocess=False, progress=False, show_image=False
    )
    return label, values[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20, help="how many classes (default: 20)")
    parser.add_argument("--steps", type=int, default=find_preset("best").settings.steps, help="default: those of best")
    options = parser.parse_args()
    labels, backbone = drawn_classes(options.classes), load_backbone()
    pictures = {}
    with multiprocessing.get_context("spawn").Pool(runtime.processor_count()) as pool:
        pool.map(functools.partial(_draw, 1), labels[: runtime.processor_count()], chunksize=1)  # loads the network
        began = time.perf_counter()
        for label, values in pool.imap_unordered(functools.partial(_draw, options.steps), labels):
            picture = Image.fromarray((values * 255).round().astype(np.uint8))
            pictures[label] = picture.resize(backbone.input_size, Image.Resampling.BICUBIC)
            print(len(pictures), f"{time.perf_counter() - began:.0f} s", flush=True)
        seconds = (time.perf_counter() - began) / len(labels)
    figures = {
        "classes": titles(labels),
        "steps": options.steps,
        "seconds a picture": round(seconds, 1),
        **judged(pictures, [backbone.name]),
    }
    report.write("lucent_images", figures, packages=(*report.PACKAGES, "torch-lucent", "kornia"))


if __name__ == "__main__":
    main()
