"""Saves a run again and again, dying at every step and at many bytes; says after each death what is left.

Run by `test_crash.py` with the folder of a run. Prints one JSON object: how often the old and the new run were left.
A child is forked for each death: to import torch each time would take minutes.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import resource
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from core.head import Head
from core.runs import RunRecord, load_run, save_run
from core.runs.files import BACKBONE_FILE, HEAD_FILE, find_stored
from core.runs.loading import LoadedRun
from core.runs.networks import check_network, read_head
from core.runs.storage import evaluation_of, history_of, reading
from core.training.history import History

folder = Path(sys.argv[1])


def save(run: LoadedRun, number: int) -> None:
    """Every file says the number."""
    head = run.classifier.head
    changed = Head(torch.full_like(head.weight, number), torch.full_like(head.bias, number), head.class_names)
    with torch.no_grad():
        for parameter in run.classifier.backbone.model.parameters():
            parameter.fill_(number)
    history = History()
    for step in range(number, number + 50):
        row = {"train_loss": 0.5, "train_accuracy": 0.5, "validation_loss": 0.5, "validation_accuracy": 0.5}
        history = history.with_row(step=step, rate=0.1, **row)
    record = dataclasses.replace(run.record, metrics={"n": number})
    classifier = dataclasses.replace(run.classifier, head=changed)
    save_run(folder, record, classifier, history=history, evaluation={"number": number, "more": "x" * 5000})


def numbers() -> set[int]:
    """What each part of the stored run says, each read as `load_run` reads it (which also builds the network)."""

    def read(record: RunRecord) -> set[int]:
        head = read_head(stored(record, HEAD_FILE), record.backbone, record.class_names)
        check_network(stored(record, BACKBONE_FILE), record.backbone)
        weight = next(tensor for tensor in load_file(stored(record, BACKBONE_FILE)).values() if tensor.ndim == 4)
        said = {record.metrics["n"], evaluation_of(folder, record)["number"], history_of(folder, record).step[0]}
        return said | {int(number) for tensor in (head.bias, head.weight, weight) for number in tensor.unique()}

    return reading(folder, read)


def stored(record: RunRecord, name: str) -> Path:
    return find_stored(folder, name, record.files[name])


def dies(arm, run: LoadedRun, number: int) -> bool:
    """Save in a child that kills itself where `arm` says; did it?"""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            arm()
            save(run, number)
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def at_event(wanted: int):
    """Kill at the n-th opening, renaming or removing of a file."""

    def arm() -> None:
        left = wanted

        def hook(event: str, _args: tuple) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove"):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)

    return arm


def at_byte(wanted: int):
    """Kill when a file grows beyond n bytes."""

    def arm() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (wanted, wanted))

    return arm


torch.set_num_threads(1)
run = load_run(folder)
save(run, 1)
number, seen = 1, collections.Counter()
arms = [at_byte(size) for size in (0, 1, 100, 800, 1200, 2000, 5000, 20_000, 300_000, 1_000_000)]
arms += [at_event(step) for step in range(200)]
for arm in arms:
    died = dies(arm, run, number + 1)
    left = numbers()
    assert len(left) == 1, left
    assert left <= {number, number + 1}, left
    seen["died, old left" if left == {number} else "died, new left" if died else "finished"] += 1
    number = left.pop()
    if not died:
        break
# The last save went through: nothing of the dead ones is left.
left_over = [path.name for path in folder.iterdir() if path.name.startswith(".")]
assert not left_over, left_over
print(json.dumps(seen))
