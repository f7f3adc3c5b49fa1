"""Does the fast path say what plain float32 says? Top-1 agreement on pets, and both paths' accuracy on ImageNet photos.

`PETLENS_PRECISION=bfloat16 python -m benchmarks.agreement --every 8` measures bfloat16 where the processor must
emulate it, which takes ten times as long; its result file is named after the format.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks import report
from core import Classifier, load_backbone, runtime, to_pixels
from core.imagenet import classes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="use each N-th photo (default: 1, all)")
    options = parser.parse_args()
    classifier = Classifier(load_backbone())
    indices = {named.synset: named.index for named in classes()}

    pets = report.photos("oxford-iiit-pet/images", options.every)
    fast, exact = _both_paths(classifier, pets)
    samples = report.photos("imagenet-samples", options.every)
    truth = np.array([indices[path.name.split("_")[0]] for path in samples])
    fast_named, exact_named = (found == truth for found in _both_paths(classifier, samples))
    dtype = str(runtime.inference_dtype()).removeprefix("torch.")
    report.write(
        f"agreement.{dtype}",
        {
            "pets": len(pets),
            "same top-1 on pets": round(float((fast == exact).mean()), 4),
            "imagenet photos": len(samples),
            "top-1, fast path": round(float(fast_named.mean()), 4),
            "top-1, float32": round(float(exact_named.mean()), 4),
            "points lost": round(100 * float(exact_named.mean() - fast_named.mean()), 2),
        },
    )


def _both_paths(classifier: Classifier, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Best classes `(N,)` by the fast path, and by the network as it is in float32."""
    fast, exact = [], []
    for start in range(0, len(paths), 8):
        pictures = [classifier.backbone.view(classifier.read(path)) for path in paths[start : start + 8]]
        fast += [prediction.top(1)[0].index for prediction in classifier.predict(pictures)]
        with torch.inference_mode():
            exact += classifier.logits(to_pixels(pictures)).argmax(1).tolist()
    return np.array(fast), np.array(exact)


if __name__ == "__main__":
    main()
