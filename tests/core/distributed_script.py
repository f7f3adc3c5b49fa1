"""What `tests/core/test_distributed.py` runs in several processes: `distributed_script.py WHAT[+WHAT] FOLDER`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from core import distributed, runtime, to_pixels
from core.training.tuning import fine_tune
from core.training.tuning_settings import TuneSettings
from tests.core.training.tinted import made, tinted

TRAIN, VALIDATION = tinted(11), tinted(3, first=40)
# SGD's steps are as exact as its gradients; Adam's signs are not
SETTINGS = TuneSettings(
    epochs=2,
    batch_size=5,
    stages=3,
    gradual=True,
    optimiser="sgd",
    learning_rate=0.05,
    dropout=0.3,
    augmentation="colour",
)


def main() -> None:
    runtime.configure()
    what, folder = sys.argv[1], Path(sys.argv[2])
    with distributed.started() as world:
        for part in what.split("+"):
            {"rows": rows, "tune": tune, "lose": lose, "silent": silent}[part](world, folder)


def embeddings(world: distributed.World) -> np.ndarray:
    backbone = made("test_resnet")
    numbers = world.mine(len(TRAIN))
    pictures = [backbone.view(TRAIN.items[number].draw()) for number in numbers]
    own = np.concatenate([backbone.fast_embeddings(to_pixels([picture])).numpy() for picture in pictures])
    return world.gather_rows(own, len(TRAIN))


def rows(world: distributed.World, folder: Path) -> None:
    counted = world.gather_rows(world.mine(7)[:, None], 7)
    few = world.gather_rows(world.mine(1).astype(np.float32)[:, None] + 5, 1)
    told = world.from_first(b"from the first" if world.is_first else b"from another")
    none = world.from_first(None if world.is_first else b"something")
    total = world.sum(torch.tensor([1.0, world.rank]))
    assert none is None
    np.savez(
        folder / f"{world.rank}.npz",
        counted=counted,
        few=few,
        told=np.frombuffer(told, np.uint8),
        total=total,
        embeddings=embeddings(world),
    )


def tune(world: distributed.World, folder: Path) -> None:
    *_, end = fine_tune(made("test_resnet"), None, TRAIN, VALIDATION, SETTINGS, checkpoint=folder / "checkpoint")
    tensors = {"head": end.classifier.head.weight, **end.classifier.backbone.model.state_dict()}
    tensors["accuracy"] = torch.tensor([value for value in end.history.validation_accuracy if value is not None])
    tensors["resumed"] = torch.tensor(end.resumed)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / f"{world.rank}.safetensors")


def lose(world: distributed.World, folder: Path) -> None:
    """One process is killed in the middle of the run."""
    stream = fine_tune(
        made("test_resnet"),
        None,
        TRAIN,
        VALIDATION,
        SETTINGS,
        checkpoint=folder / "checkpoint",
        checkpoint_seconds=0.0,
    )
    for snapshot in stream:
        if snapshot.step == 4 and world.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)


def silent(world: distributed.World, folder: Path) -> None:
    """One process does not answer, as after a broken network."""
    if world.rank == 1:
        signal.pause()
    world.sum(torch.ones(1))


if __name__ == "__main__":
    try:
        main()
    except distributed.LostProcessError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
