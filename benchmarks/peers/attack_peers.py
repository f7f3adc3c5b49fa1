"""Attacks of Foolbox and torchattacks on given pixels, for `benchmarks/attacks.py`, which starts this and judges the results.

    python -m venv peer && peer/bin/pip install -r benchmarks/peers/attacks.txt
    python -m benchmarks.attacks --peer-python peer/bin/python

Each attack runs at its defaults and with 100 steps. Foolbox's C&W at its defaults takes 90,000 gradients a photo, which is a day
here: it runs with 3 searches of 50 steps, and one of 100.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import foolbox
import numpy as np
import torch
import torchattacks
from foolbox import attacks

from core.backbones.loading import load_backbone

_gradients = 0


class _Counted(torch.autograd.Function):
    """Does nothing, and counts the pictures that a gradient comes back to."""

    @staticmethod
    def forward(ctx, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.view_as(pixels)

    @staticmethod
    def backward(ctx, slope: torch.Tensor) -> torch.Tensor:
        global _gradients
        _gradients += len(slope)
        return slope.contiguous()  # torchattacks flattens it by its memory


class Network(torch.nn.Module):
    """Pixels in [0, 1] -> logits, in the form that our own attacks use as well."""

    def __init__(self) -> None:
        super().__init__()
        backbone = load_backbone()
        self.model, self._normalise = backbone.inference_model, backbone.normalise

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model(self._normalise(_Counted.apply(pixels)))


def main() -> None:
    asked, answered = sys.argv[1:]
    with np.load(asked) as given:
        pixels, labels = torch.from_numpy(given["pixels"]), torch.from_numpy(given["labels"])
        target = int(given["target"])
        ddn_steps = int(given["ddn_steps"]) if "ddn_steps" in given else None
    network = Network().eval()
    targets = torch.full_like(labels, target)
    found = {}
    if ddn_steps:  # asked by benchmarks/attack_floor.py, which wants nothing else
        attack = _running(network, attacks.DDNAttack(steps=ddn_steps), "targeted")
        np.savez(answered, **_timed("targeted|l2|Foolbox DDN", attack, pixels, targets, labels))
        return
    for goal in ("untargeted", "targeted"):
        for name, attack in (_of_foolbox(network, goal) | _of_torchattacks(network, goal)).items():
            found |= _timed(f"{goal}|{name}", attack, pixels, labels if goal == "untargeted" else targets, labels)
    np.savez(answered, **found)


def _timed(name: str, attack: Callable, pixels: torch.Tensor, wanted: torch.Tensor, labels: torch.Tensor) -> dict:
    global _gradients
    torch.manual_seed(0)
    _gradients, began = 0, time.perf_counter()
    pictures = attack(pixels.clone(), wanted, labels).detach().clamp(0, 1)
    seconds = time.perf_counter() - began
    print(name, f"{_gradients / len(pixels):.0f} gradients, {seconds:.0f} s", flush=True)
    return {
        f"{name}|pixels": pictures.numpy(),
        f"{name}|gradients": np.array(_gradients / len(pixels)),
        f"{name}|seconds": np.array(seconds / len(pixels)),
    }


def _of_foolbox(network: Network, goal: str) -> dict[str, Callable]:
    kinds = {
        "l2|Foolbox DDN, 100 steps (default)": attacks.DDNAttack(),
        "l2|Foolbox FMN, 100 steps (default)": attacks.L2FMNAttack(),
        "l2|Foolbox C&W, 3 x 50 steps": attacks.L2CarliniWagnerAttack(binary_search_steps=3, steps=50),
        "l2|Foolbox C&W, 100 steps": attacks.L2CarliniWagnerAttack(binary_search_steps=1, steps=100),
        "linf|Foolbox FMN, 100 steps (default)": attacks.LInfFMNAttack(),
    }
    if goal == "untargeted":
        kinds |= {
            "l2|Foolbox DeepFool, 50 steps (default)": attacks.L2DeepFoolAttack(),
            "l2|Foolbox DeepFool, 100 steps": attacks.L2DeepFoolAttack(steps=100),
            "linf|Foolbox DeepFool, 50 steps (default)": attacks.LinfDeepFoolAttack(),
        }

    return {name: _running(network, attack, goal) for name, attack in kinds.items()}


def _running(network: Network, attack: foolbox.Attack, goal: str) -> Callable:
    model = foolbox.PyTorchModel(network, bounds=(0, 1))

    def found(pixels: torch.Tensor, wanted: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        criterion = foolbox.criteria.Misclassification(labels)
        if goal == "targeted":
            criterion = foolbox.criteria.TargetedMisclassification(wanted)
        _, pictures, _ = attack(model, pixels, criterion, epsilons=None)
        return pictures

    return found


def _of_torchattacks(network: Network, goal: str) -> dict[str, Callable]:
    kinds = {
        "l2|torchattacks PGDL2, 10 steps (default)": torchattacks.PGDL2(network),
        "l2|torchattacks PGDL2, 100 steps": torchattacks.PGDL2(network, steps=100),
        "l2|torchattacks CW, 50 steps (default)": torchattacks.CW(network),
        "l2|torchattacks CW, 100 steps": torchattacks.CW(network, steps=100),
    }

    def run(attack):
        def found(pixels, wanted, labels):
            if goal == "targeted":
                attack.set_mode_targeted_by_label(quiet=True)
                return attack(pixels, wanted)
            return attack(pixels, labels)

        return found

    return {name: run(attack) for name, attack in kinds.items()}


if __name__ == "__main__":
    main()
