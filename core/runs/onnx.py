"""A run as one ONNX file, for programs in other languages and for phones.

The graph takes pixels as they come, scales them itself, looks twice where the run does, and ends in probabilities: who
uses it needs no more than the picture at the right size and the class names, which are in the file's metadata.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import logging
import os
import secrets
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.backbones.backbone import embed_with
from core.classifier import Classifier
from core.errors import CheckpointError, PetLensError
from core.runs.loading import LoadedRun, load_run

logger = logging.getLogger(__name__)

# torch's exporter is written with these.
_PACKAGES = ("onnx", "onnxscript")
# Known to onnxruntime since 1.14 (2023); what torch's exporter translates to without conversions.
_OPSET = 18

# DINOv2 takes half a minute on two processors.
_LIMIT_SECONDS = 900
# How the other process says that an error is meant for the person at the screen.
_TOLD = 3


def export_onnx(folder: Path, out: Path) -> Path:
    """Write a run as ONNX.

    Input "pixels" `(N, 3, H, W)` float32 in [0, 1], RGB; output "probabilities" `(N, K)` float32; any N. The metadata
    hold `class_names` and `preprocessing` as JSON, and `name`, `network` and `licence`.

    torch's exporter runs in a process of its own: it changes torch as a whole while it is at work (a training in
    another thread died of it), and holds the interpreter for many seconds.

    Args:
        folder: of the run.
        out: the file to write; there is either the whole file or what was there before.

    Raises:
        CheckpointError: the run is damaged, a package is missing, its network cannot be written as ONNX, or the file
            cannot be written.
        BackboneError: its network is not to be had.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise CheckpointError(
            "Writing ONNX needs packages that are not installed: pip install {names}",
            names=" ".join(missing),
        )
    load_run(folder)  # says what is wrong with it, before a process is started
    temporary = out.with_name(f".{secrets.token_hex(4)}.onnx")
    try:
        temporary.touch()  # whether it can be written at all is known before half a minute of work
        _write_elsewhere(folder, temporary)
        os.replace(temporary, out)
    except OSError as error:
        raise CheckpointError(
            "The file cannot be written: {value}.", value=error.strerror or "the disk refuses"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return out


def write_onnx(folder: Path, out: Path) -> None:
    """What the other process does: nothing else may use torch meanwhile.

    Raises:
        CheckpointError: the run is damaged, or its network cannot be written as ONNX.
    """
    run = load_run(folder)
    program = _program(run.classifier)
    program.model.metadata_props.update(_metadata(run))
    program.save(out, external_data=False)
    with out.open("rb+") as file:
        os.fsync(file.fileno())


def _write_elsewhere(folder: Path, out: Path) -> None:
    project = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "core.runs.onnx", str(folder.absolute()), str(out.absolute())]
    # the processor is enough, and a graphics card may be full
    environment = {**os.environ, **_places(), "PETLENS_DEVICE": "cpu", "PYTHONIOENCODING": "utf-8"}
    try:
        ended = subprocess.run(
            command,
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckpointError("Writing this network as ONNX takes too long here.") from error
    if ended.returncode == _TOLD:
        raise CheckpointError(ended.stdout.strip())
    if ended.returncode != 0:
        logger.warning("the ONNX export ended with %d: %s", ended.returncode, ended.stderr[-2000:])
        raise CheckpointError("Writing this network as ONNX failed: perhaps this machine has too little memory for it.")


def _places() -> dict[str, str]:
    """Variables that name folders, for a process that starts in another one."""
    names = ("PETLENS_HOME", "PETLENS_RUNS", "PETLENS_WEIGHTS", "HF_HOME", "HF_HUB_CACHE")
    said = {name: os.environ[name] for name in names if os.environ.get(name)}
    return {name: os.path.abspath(os.path.expanduser(folder)) for name, folder in said.items()}


class _Pixels2Probabilities(nn.Module):
    """All that a classifier computes, as one module on the processor."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        backbone, head = classifier.backbone, classifier.head
        self.model = copy.deepcopy(backbone.model).cpu()
        self.register_buffer("mean", backbone.mean.cpu())
        self.register_buffer("std", backbone.std.cpu())
        self.register_buffer("weight", head.weight.cpu())
        self.register_buffer("bias", head.bias.cpu())
        self.mirrored = classifier.mirrored

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        looks = torch.cat([pixels, pixels.flip(-1)]) if self.mirrored else pixels
        embeddings = embed_with(self.model, (looks - self.mean) / self.std)
        if self.mirrored:
            embeddings = embeddings.unflatten(0, (2, -1)).mean(0)
        return nn.functional.linear(embeddings, self.weight, self.bias).softmax(-1)


def _program(classifier: Classifier) -> Any:
    module = _Pixels2Probabilities(classifier).eval()
    pixels = torch.rand(2, 3, *classifier.backbone.input_size, generator=torch.Generator().manual_seed(0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about its own parts
            return torch.onnx.export(
                module,
                (pixels,),
                dynamo=True,
                input_names=["pixels"],
                output_names=["probabilities"],
                dynamic_shapes={"pixels": {0: torch.export.Dim("batch", min=1)}},
                opset_version=_OPSET,
                verbose=False,
            )
    except Exception as error:  # an operation without a translation, a number of pictures fixed in the network's code
        raise CheckpointError(
            "{title} cannot be written as ONNX by this version of torch.",
            title=classifier.backbone.title,
        ) from error


def _metadata(run: LoadedRun) -> dict[str, str]:
    """What a program needs to know beside the graph, which normalises by itself."""
    preprocessing = run.classifier.backbone.preprocessing
    told = {name: preprocessing[name] for name in ("input_size", "interpolation", "crop_pct", "crop_mode")}
    return {
        "class_names": json.dumps(run.record.class_names, ensure_ascii=False),
        "preprocessing": json.dumps(told),
        "name": run.record.name,
        "network": run.record.backbone.title,
        "licence": run.record.backbone.licence,
    }


if __name__ == "__main__":
    try:
        write_onnx(Path(sys.argv[1]), Path(sys.argv[2]))
    except PetLensError as error:
        print(error)
        sys.exit(_TOLD)
