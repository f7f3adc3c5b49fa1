"""Adversarial perturbations beside those of Foolbox and torchattacks: distances, gradients, files, the lesson's own.

Photos of dogs are drawn by seed from the shared pets; all attacks begin with the same pixels and meet the same network,
EfficientNet-Lite0. Whether a picture fools it is judged here, in single precision, for all alike: once as it was found, and
once after it was written as a PNG and read again. `--peer-python` names the Python of the peers' environment (see
`benchmarks/peers/attack_peers.py`); without it only ours are measured.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks import report
from core.attack.attack import make_method
from core.attack.goals import Become, Goal, Misclassify, reached
from core.attack.settings import AttackSettings
from core.attack.victims import Victim
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.images import read_image, to_pictures, to_pixels
from core.norms import norm_of

SEED = 2026
SIAMESE = 284
# ImageNet's dogs, from the Chihuahua to the Mexican hairless.
_DOGS = range(151, 269)
_BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=16, help="how many (default: 16)")
    parser.add_argument("--peer-python", metavar="FILE", help="the Python of the environment with the peers")
    options = parser.parse_args()
    victim = Victim((Classifier(load_backbone()),))
    pixels, labels, names = _dogs(victim, options.photos)
    tried = _ours(victim, pixels, labels)
    if options.peer_python:
        tried |= _of_peers(options.peer_python, pixels, labels)
    figures: dict = {"photos": names}
    for goal in ("untargeted", "targeted"):
        goals = _goals(goal, labels)
        for norm in ("l2", "linf"):
            rows = {
                name: _row(victim, pixels, goals, norm, *found)
                for (of, by, name), found in tried.items()
                if (of, by) == (goal, norm)
            }
            figures[f"{goal}, {norm}"] = {"attacks": rows} | _ratios(rows)
    figures["the lesson's attack"] = _lesson(victim, pixels, labels)
    report.write("attacks", figures)


def _dogs(victim: Victim, count: int) -> tuple[torch.Tensor, list[int], list[str]]:
    """Photos in which the network reads a dog, as it sees them: pixels, what it reads, file names."""
    paths = [path for path in report.photos("oxford-iiit-pet/images") if path.name[0].islower()]
    random.Random(SEED).shuffle(paths)
    pictures, labels, names = [], [], []
    for path in paths:
        picture = victim.view(read_image(path))
        label = victim.predict([picture])[0].top(1)[0].index
        if label in _DOGS:
            pictures.append(picture)
            labels.append(label)
            names.append(path.name)
        if len(pictures) == count:
            break
    pixels = to_pixels(pictures).contiguous()
    with torch.no_grad():  # as all are judged
        assert victim.logits(pixels).argmax(1).tolist() == labels
    return pixels, labels, names


def _goals(goal: str, labels: Sequence[int]) -> list[Goal]:
    return [Misclassify(label) if goal == "untargeted" else Become(SIAMESE) for label in labels]


def _ours(victim: Victim, pixels: torch.Tensor, labels: Sequence[int]) -> dict:
    """Pictures, gradients and seconds of ours, by goal, norm and name."""
    wanted = {
        ("untargeted", "l2", "ours, single precision"): AttackSettings(steps=40, eight_bits=False),
        ("untargeted", "l2", "ours, 20 gradients"): AttackSettings(steps=20, eight_bits=False),
        ("untargeted", "l2", "ours, 8 bits"): AttackSettings(steps=40),
        ("untargeted", "linf", "ours, single precision"): AttackSettings(steps=40, norm="linf", eight_bits=False),
        ("untargeted", "linf", "ours, 8 bits"): AttackSettings(steps=40, norm="linf"),
        ("targeted", "l2", "ours, single precision"): AttackSettings(steps=60, eight_bits=False),
        ("targeted", "l2", "ours, 8 bits"): AttackSettings(steps=60),
        ("targeted", "linf", "ours, single precision"): AttackSettings(steps=60, norm="linf", eight_bits=False),
        ("targeted", "linf", "ours, 8 bits"): AttackSettings(steps=60, norm="linf"),
    }
    found = {}
    for key, settings in wanted.items():
        goals = _goals(key[0], labels)
        found[key] = _made(victim.logits, pixels, goals, settings)
        print(*key, f"{found[key][2]:.1f} s a photo", flush=True)
    return found


def _made(
    logits: Callable[[torch.Tensor], torch.Tensor],
    pixels: torch.Tensor,
    goals: Sequence[Goal],
    settings: AttackSettings,
) -> tuple[torch.Tensor, float, float]:
    """Pictures, gradients and seconds of each."""
    pictures, began = [], time.perf_counter()
    for start in range(0, len(pixels), _BATCH):
        method = make_method(logits, pixels[start : start + _BATCH], goals[start : start + _BATCH], settings)
        for _ in range(settings.total_steps):
            method.step()
        pictures.append(method.best)
    return torch.cat(pictures), method.gradients, (time.perf_counter() - began) / len(pixels)


def _of_peers(python: str, pixels: torch.Tensor, labels: Sequence[int]) -> dict:
    """The same of the peers, which run in an environment of their own."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "asked.npz", Path(folder) / "answered.npz"
        np.savez(asked, pixels=pixels.numpy(), labels=np.array(labels), target=SIAMESE)
        command = [python, "-m", "benchmarks.peers.attack_peers", str(asked), str(answered)]
        subprocess.run(command, cwd=report.PROJECT, check=True)
        with np.load(answered) as given:
            values = {name: given[name] for name in given.files}
    keys = {name.rpartition("|")[0] for name in values}
    return {
        tuple(key.split("|")): (
            torch.from_numpy(values[f"{key}|pixels"]),
            float(values[f"{key}|gradients"]),
            float(values[f"{key}|seconds"]),
        )
        for key in sorted(keys)
    }


def _row(
    victim: Victim,
    pixels: torch.Tensor,
    goals: Sequence[Goal],
    norm: str,
    pictures: torch.Tensor,
    gradients: float,
    seconds: float,
) -> dict:
    """How many fool the network and how far they are off, as they were found and as files."""
    return {
        "as found": _judged(victim, pixels, goals, norm, pictures),
        "as a PNG": _judged(victim, pixels, goals, norm, to_pixels(to_pictures(pictures))),
        "gradients": round(gradients, 1),
        "seconds": round(seconds, 2),
    }


def _judged(victim: Victim, pixels: torch.Tensor, goals: Sequence[Goal], norm: str, pictures: torch.Tensor) -> dict:
    """Success and the median distance of all; what does not fool counts as infinitely far."""
    fooled = torch.tensor(reached(_read(victim, pictures), goals))
    sizes = torch.where(fooled, norm_of(pictures - pixels, norm), torch.inf)
    half = sizes.sort().values[len(sizes) // 2 - (len(sizes) % 2 == 0) : len(sizes) // 2 + 1].mean()
    unit = 255 if norm == "linf" else 1
    median = round(float(half) * unit, 4) if half.isfinite() else None
    return {"success": round(float(fooled.float().mean()), 3), "median n/255" if norm == "linf" else "median": median}


def _read(victim: Victim, pictures: torch.Tensor) -> list[int]:
    """What the network reads, in single precision."""
    with torch.no_grad():
        return torch.cat([victim.logits(some).argmax(1) for some in pictures.split(_BATCH)]).tolist()


def _ratios(rows: dict) -> dict:
    """Ours against the best peer that fools the network with every photo, as found; and as files, of any success."""
    found = {}
    for kind, mine in (("as found", "ours, single precision"), ("as a PNG", "ours, 8 bits")):
        sizes = {
            name: next(value for key, value in row[kind].items() if key != "success")
            for name, row in rows.items()
            if not name.startswith("ours") and (row[kind]["success"] == 1 or kind == "as a PNG")
        }
        known = {name: size for name, size in sizes.items() if size}
        if not known:
            continue
        best = min(known, key=known.get)
        own = next(value for key, value in rows[mine][kind].items() if key != "success")
        found[f"{mine} / best peer, {kind}"] = {"peer": best, "ratio": round(own / known[best], 3) if own else None}
    return found


def _lesson(victim: Victim, pixels: torch.Tensor, labels: Sequence[int]) -> dict:
    """The lesson's way: plain gradient descent at rate 1 on the cross-entropy, 100 steps, no bounds, no rounding."""
    wanted = torch.full((len(labels),), SIAMESE)
    changed = pixels.clone()
    for _ in range(100):
        for rows in torch.arange(len(pixels)).split(_BATCH):
            leaf = changed[rows].requires_grad_()
            loss = torch.nn.functional.cross_entropy(victim.logits(leaf), wanted[rows], reduction="sum")
            (slope,) = torch.autograd.grad(loss, leaf)
            changed[rows] = leaf.detach() - slope
    goals = _goals("targeted", labels)
    outside = ((changed < 0) | (changed > 1)).float().mean((1, 2, 3))
    l2, linf = (norm_of(changed - pixels, norm).median() for norm in ("l2", "linf"))
    ours = {}
    for name, settings in (
        ("ours, 8 bits", AttackSettings(steps=60)),
        ("ours, the same descent inside a file", AttackSettings(method="descent", steps=100)),
    ):
        pictures, _, _ = _made(victim.logits, pixels, goals, settings)
        own = norm_of(pictures - pixels, "l2").median()
        ours[name] = {
            "success": round(float(np.mean(reached(_read(victim, pictures), goals))), 3),
            "median l2": round(float(own), 3),
            "the lesson's / ours": round(float(l2 / own), 1),
        }
    return {
        "success": round(float(np.mean(reached(_read(victim, changed), goals))), 3),
        "median l2": round(float(l2), 3),
        "median linf, n/255": round(float(linf) * 255, 1),
        "values outside [0, 1]": round(float(outside.median()), 4),
        **ours,
    }


if __name__ == "__main__":
    main()
