"""What a step of each attack costs beside the bare forward and backward pass of the same network over the same batch."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence

import torch

from benchmarks import report
from benchmarks.attacks import SIAMESE, _dogs, _goals
from core.attack.attack import make_method
from core.attack.presets import find_attack_preset
from core.attack.settings import AttackSettings
from core.attack.victims import Victim
from core.backbones.loading import load_backbone
from core.classifier import Classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="timings of a step (default: 9)")
    options = parser.parse_args()
    victim = Victim((Classifier(load_backbone()),))
    pixels, labels, _ = _dogs(victim, 8)
    report.write("attack_steps", _steps(victim, pixels, labels, options.rounds))


def _steps(victim: Victim, pixels: torch.Tensor, labels: Sequence[int], rounds: int) -> dict:
    """Medians of ratios: a step of a batch, beside bare passes of the same network over the same batch."""
    kinds = {
        "pgd, linf": AttackSettings(method="pgd", norm="linf", epsilon=8 / 255, steps=2000),
        "pgd, l2": AttackSettings(method="pgd", norm="l2", epsilon=1.0, steps=2000),
        "descent": AttackSettings(method="descent", steps=2000),
        "cw": AttackSettings(method="cw", steps=2000, learning_rate=0.01),
        "patch": AttackSettings(method="patch", steps=2000),
        "smooth": AttackSettings(
            method="pgd", norm="linf", epsilon=12 / 255, steps=2000, momentum=0.9, blur_px=2.0, texture=True
        ),
        "others (changing views)": dataclasses.replace(find_attack_preset("others").settings, steps=2000),
        "minimal (with its forward passes)": AttackSettings(steps=2000),
    }
    return {
        name: {
            f"batch of {count}": _ratio(victim, pixels[:count], labels[:count], settings, rounds) for count in (1, 8)
        }
        for name, settings in kinds.items()
    }


def _ratio(victim: Victim, pixels: torch.Tensor, labels: Sequence[int], settings: AttackSettings, rounds: int) -> float:
    method = make_method(victim.logits, pixels, _goals("targeted", labels), settings)
    wanted = torch.full((len(labels),), SIAMESE)

    def bare() -> None:
        leaf = pixels.clone().requires_grad_()
        torch.autograd.grad(torch.nn.functional.cross_entropy(victim.logits(leaf), wanted), leaf)

    def timed(work: Callable[[], None]) -> float:
        began = time.perf_counter()
        for _ in range(5):
            work()
        return time.perf_counter() - began

    for _ in range(12):
        method.step()
    bare()
    return report.median_ratio(*zip(*[(timed(method.step), timed(bare)) for _ in range(rounds)], strict=True))


if __name__ == "__main__":
    main()
