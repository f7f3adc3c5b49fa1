"""Runs made by hand: the shipped network below a head of random weights, tested on six plain colours."""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image

from core import Classifier
from core.datasets.labelled import LabelledImages
from core.evaluation import evaluate, to_json
from core.head import Head
from core.places import runs_folder
from core.runs import DatasetRecord, RunRecord, create_run, describe_backbone, save_run
from core.training.history import History
from demo.session import VisitorsRun

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255))
# Of two classes; pictures 1 and 4 are wrong, 1 is surer. Least sure: 2, then 4, then 3.
LABELS = (0, 0, 0, 1, 1, 1)
FIRST = (0.9, 0.05, 0.55, 0.2, 0.6, 0.01)
HISTORY = History((1, 2), (0.7, 0.5), (0.5, 0.6), (None, 0.6), (None, 0.7), (0.1, 0.1))


def make_run(
    classifier: Classifier, pictures: Path | None, *, name: str = "Mine", names: tuple[str, ...] = ("cat", "dog")
) -> VisitorsRun:
    """A finished run in `runs_folder()`; `pictures`: a folder for the six pictures; None: they are not at hand."""
    generator = torch.Generator().manual_seed(len(name))
    weight = torch.randn(len(names), classifier.backbone.embedding_dim, generator=generator)
    head = Head(weight, torch.zeros(len(names)), names)
    probabilities = np.zeros((6, len(names)))
    probabilities[:, 0], probabilities[:, 1] = FIRST, 1 - np.array(FIRST)
    evaluation = evaluate(np.array(LABELS), probabilities, names)
    record = RunRecord(
        name=name,
        dataset=DatasetRecord("colours", "Plain colours", "", {"test": (3, 3, *[0] * (len(names) - 2))}),
        class_names=names,
        backbone=describe_backbone(classifier.backbone, weights="published"),
        metrics={**evaluation.headline(), "split": "test", "seconds": 1.5},
        state="finished",
    )
    token = secrets.token_hex(16)
    folder = create_run(record, folder=runs_folder() / token)
    own = Classifier(classifier.backbone, head)
    save_run(folder, record, own, history=HISTORY, evaluation=json.loads(to_json(evaluation)))
    tested = None if pictures is None else _colours(pictures, names)
    # as after a training: the record in hand was made before the files were stored
    return VisitorsRun(token, folder, record, HISTORY, evaluation, tested)


def shown_colours(html: str) -> list[tuple[int, int, int]]:
    """The plain colours of the pictures in some HTML, each as the nearest of `COLOURS`."""
    found = []
    for content in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html):
        middle = Image.open(io.BytesIO(base64.b64decode(content))).getpixel((10, 10))
        found.append(min(COLOURS, key=lambda colour: sum(abs(a - b) for a, b in zip(colour, middle, strict=True))))
    return found


def handler(page: gr.Blocks, name: str) -> Any:
    """A handler of a page, by its function's name."""
    return next(known.fn for known in page.fns.values() if known.name == name)


def visitor(name: str) -> gr.Request:
    """What a handler gets to know of who asks."""
    return gr.Request(session_hash=name)


def _colours(folder: Path, names: tuple[str, ...]) -> LabelledImages:
    folder.mkdir(exist_ok=True)
    items = []
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (64, 48), colour).save(folder / f"{number}.png")
        items.append(folder / f"{number}.png")
    return LabelledImages("colours", names, tuple(items), np.array(LABELS, dtype=np.int64), "test")
