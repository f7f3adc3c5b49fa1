"""Do networks that took no part fall for it? Targeted, 16/255, beside the recipe of Zhao et al. 2021 (arXiv:2012.11207).

Pictures are made on EfficientNet-Lite0 alone, and on three networks; a fourth judges the files. The recipe is written out here
as in the paper and its published settings: momentum 1, gradients blurred by 5 x 5 pixels, inputs enlarged by up to a tenth and
padded with probability 0.7, the logit, steps of 2/255, and its last picture.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import time
from collections.abc import Callable, Sequence

import torch

from benchmarks import report
from benchmarks.attacks import _BATCH, SIAMESE, _dogs, _goals, _made, _read
from core.attack.goals import Goal, fooled, scores
from core.attack.presets import find_attack_preset
from core.attack.settings import AttackSettings
from core.attack.victims import Victim
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.images import to_pictures, to_pixels

# Networks that a picture is made on together with EfficientNet-Lite0, and one that takes no part.
_TOGETHER, _JUDGE = ("mobilenetv2_100", "regnetx_002.in1k"), "resnet18"
_EPSILON = 16 / 255
# A Gaussian of 5 pixels from -3 to 3 standard deviations, as in the published code.
_KERNEL = torch.exp(-0.5 * torch.linspace(-3, 3, 5).square())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=16, help="how many (default: 16)")
    parser.add_argument("--steps", type=int, default=100, help="of all (default: 100)")
    parser.add_argument("--recipe-steps", type=int, default=300, help="of the recipe once more (default: 300)")
    options = parser.parse_args()
    try:
        others = tuple(Classifier(load_backbone(name)) for name in _TOGETHER)
        judge = Victim((Classifier(load_backbone(_JUDGE)),))
    except Exception as error:
        raise SystemExit(f"{error} PETLENS_WEIGHTS names a folder of more networks.") from error
    alone = Victim((Classifier(load_backbone()),))
    together = Victim((*alone.classifiers, *others))
    pixels, labels, names = _dogs(alone, options.photos)
    goals = _goals("targeted", labels)
    figures: dict = {
        "photos": names,
        "steps": options.steps,
        "made on": [one.backbone.name for one in together.classifiers],
        "judge": _JUDGE,
    }
    plain = AttackSettings(
        method="pgd",
        norm="linf",
        epsilon=_EPSILON,
        steps=options.steps,
        step_size=2 / 16,
        objective="cross-entropy",
    )
    ours = dataclasses.replace(find_attack_preset("others").settings, steps=options.steps)
    ways: dict[str, Callable[[Victim], torch.Tensor]] = {
        "PGD": lambda victim: _made(victim.logits, pixels, goals, plain)[0],
        "the recipe": lambda victim: _recipe(victim, pixels, goals, options.steps),
        f"the recipe, {options.recipe_steps} steps": lambda victim: _recipe(
            victim, pixels, goals, options.recipe_steps
        ),
        "ours": lambda victim: _made(victim.logits, pixels, goals, ours)[0],
    }
    for of, victim in (("EfficientNet-Lite0 alone", alone), ("three networks", together)):
        for name, make in ways.items():
            began = time.perf_counter()
            files = to_pixels(to_pictures(make(victim)))
            seconds = (time.perf_counter() - began) / len(pixels)
            read, before = _read(judge, files), _read(judge, pixels)
            figures[f"{name}, {of}"] = {
                "all networks that it was made on": _share(
                    [fooled(said, goal) for said, goal in zip(victim.readings(to_pictures(files)), goals, strict=True)]
                ),
                "the judge reads a Siamese cat": _share([label == SIAMESE for label in read]),
                "the judge reads something else than before": _share(
                    [label != own for label, own in zip(read, before, strict=True)]
                ),
                "seconds": round(seconds, 1),
            }
            print(name, of, figures[f"{name}, {of}"], flush=True)
    report.write("attack_transfer", figures)


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 3)


def _recipe(victim: Victim, pixels: torch.Tensor, goals: Sequence[Goal], steps: int) -> torch.Tensor:
    draw = random.Random(0)
    pictures = []
    for start in range(0, len(pixels), _BATCH):
        original, wanted = pixels[start : start + _BATCH], goals[start : start + _BATCH]
        change, momentum = torch.zeros_like(original), torch.zeros_like(original)
        for _ in range(steps):
            leaf = change.detach().requires_grad_()
            loss = scores(victim.logits(_diverse(original + leaf, draw)), wanted)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
            gradient = _blurred(gradient)
            momentum = momentum + gradient / gradient.abs().mean((1, 2, 3), keepdim=True)
            change = (change - 2 / 255 * momentum.sign()).clamp(-_EPSILON, _EPSILON)
            change = (original + change).clamp(0, 1) - original
        pictures.append(original + change)
    return torch.cat(pictures)


def _diverse(pixels: torch.Tensor, draw: random.Random) -> torch.Tensor:
    """Diverse inputs (Xie et al. 2019): with probability 0.7 enlarged by less than a tenth and put somewhere on black."""
    if draw.random() > 0.7:
        return pixels
    side = pixels.shape[-1]
    most = round(1.1 * side)
    size = draw.randrange(side, most)
    left, top = draw.randint(0, most - size), draw.randint(0, most - size)
    larger = torch.nn.functional.interpolate(pixels, size=(size, size), mode="bilinear", align_corners=False)
    padded = torch.nn.functional.pad(larger, (left, most - size - left, top, most - size - top))
    # back to what these networks take; those of the paper took the larger one
    return torch.nn.functional.interpolate(padded, size=(side, side), mode="bilinear", align_corners=False)


def _blurred(gradient: torch.Tensor) -> torch.Tensor:
    kernel = (_KERNEL[:, None] * _KERNEL).view(1, 1, 5, 5).expand(3, 1, 5, 5)
    return torch.nn.functional.conv2d(gradient, kernel / kernel[0].sum(), padding=2, groups=3)


if __name__ == "__main__":
    main()
