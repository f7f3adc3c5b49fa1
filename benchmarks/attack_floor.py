"""How small can a targeted perturbation be? Many more gradients, and several starts, than an attack is given.

The same photos, network and target as `benchmarks.attacks`, in single precision, L2. If ours from the photo is as small as the
best of several starts that walk much longer, there is little left to gain by a better method of this kind.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks import report
from benchmarks.attacks import SIAMESE, _dogs, _goals, _judged
from core.attack.minimal import Minimal
from core.attack.victims import Victim
from core.backbones.loading import load_backbone
from core.classifier import Classifier
from core.norms import norm_of

_BATCH = 8
# Of the noise that a start is moved by: an L2 of 3, several times as far as the goal.
_SPREAD = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=16, help="how many (default: 16)")
    parser.add_argument("--starts", type=int, default=4, help="besides the photo itself (default: 4)")
    parser.add_argument("--gradients", type=int, default=200, help="from the photo (default: 200)")
    parser.add_argument("--peer-python", metavar="FILE", help="the Python of the environment with the peers")
    parser.add_argument("--peer-steps", type=int, default=500, help="of Foolbox's DDN (default: 500)")
    options = parser.parse_args()
    victim = Victim((Classifier(load_backbone()),))
    pixels, labels, names = _dogs(victim, options.photos)
    goals = _goals("targeted", labels)
    kept = (60, options.gradients)
    from_photo = _walk(victim, pixels, goals, kept, None)
    figures: dict = {"photos": names}
    sizes = {}
    for count in kept:
        figures[f"ours, {count} gradients"] = _judged(victim, pixels, goals, "l2", from_photo[count])
        sizes[count] = norm_of(from_photo[count] - pixels, "l2")
    best = from_photo[kept[-1]]
    for seed in range(options.starts):
        found = _walk(victim, pixels, goals, (kept[-1],), seed)[kept[-1]]
        nearer = norm_of(found - pixels, "l2") < norm_of(best - pixels, "l2")
        best = torch.where(nearer[:, None, None, None], found, best)
        print("start", seed, _judged(victim, pixels, goals, "l2", found), flush=True)
    figures[f"ours, the best of {options.starts + 1} starts, {kept[-1]} gradients each"] = _judged(
        victim, pixels, goals, "l2", best
    )
    if options.peer_python:
        pictures = _ddn(options.peer_python, pixels, labels, options.peer_steps)
        figures[f"Foolbox DDN, {options.peer_steps} steps"] = _judged(victim, pixels, goals, "l2", pictures)
        nearer = norm_of(pictures - pixels, "l2") < norm_of(best - pixels, "l2")
        best = torch.where(nearer[:, None, None, None], pictures, best)
    figures["the best of all of these, photo by photo"] = _judged(victim, pixels, goals, "l2", best)
    ratios = sizes[60] / norm_of(best - pixels, "l2")
    figures["ours with 60 gradients / the best of all"] = {
        "median": round(float(ratios.median()), 3),
        "largest": round(float(ratios.max()), 3),
    }
    report.write("attack_floor", figures)


def _walk(
    victim: Victim, pixels: torch.Tensor, goals: list, kept: tuple[int, ...], seed: int | None
) -> dict[int, torch.Tensor]:
    """Pictures after each of these numbers of gradients, from the photo or from a place beside it."""
    found: dict[int, list[torch.Tensor]] = {count: [] for count in kept}
    for start in range(0, len(pixels), _BATCH):
        batch = pixels[start : start + _BATCH]
        method = Minimal(victim.logits, batch, goals[start : start + _BATCH], "l2", eight_bits=False)
        if seed is not None:
            noise = torch.randn(batch.shape, generator=torch.Generator().manual_seed(seed))
            noise *= _SPREAD / norm_of(noise, "l2")[:, None, None, None]
            # an experiment on where it ends, which no visitor needs: hence no argument of the method's own
            method._at = (batch + noise).clamp(0, 1)
        for step in range(1, kept[-1] + 1):
            method.step()
            if step in found:
                found[step].append(method.best.clone())
    return {count: torch.cat(parts) for count, parts in found.items()}


def _ddn(python: str, pixels: torch.Tensor, labels: list[int], steps: int) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "asked.npz", Path(folder) / "answered.npz"
        np.savez(asked, pixels=pixels.numpy(), labels=np.array(labels), target=SIAMESE, ddn_steps=steps)
        command = [python, "-m", "benchmarks.peers.attack_peers", str(asked), str(answered)]
        subprocess.run(command, cwd=report.PROJECT, check=True)
        with np.load(answered) as given:
            return torch.from_numpy(given["targeted|l2|Foolbox DDN|pixels"])


if __name__ == "__main__":
    main()
