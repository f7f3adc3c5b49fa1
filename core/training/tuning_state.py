"""What a fine-tuning is given, how far it is, and what it tells the one who watches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from core.backbones.backbone import Backbone
from core.classifier import Classifier
from core.datasets.labelled import LabelledImages
from core.distributed import World
from core.head import Head
from core.training.history import History, TrainSnapshot
from core.training.sums import Sums
from core.training.tuning_settings import TuneSettings

Phase = Literal["reading", "training", "measuring", "ready"]
End = Literal["", "early", "diverged"]


@dataclass(frozen=True, eq=False)
class TuneSnapshot(TrainSnapshot):
    """How far fine-tuning is.

    Attributes:
        phase: what is going on: files are read, the network learns, it is measured on validation, it is ready.
        resumed: whether this run went on from a checkpoint.
        classifier: the trained network, in the last snapshot.
    """

    phase: Phase = "training"
    resumed: bool = False
    classifier: Classifier | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be trained, on what and how; see `fine_tune`."""

    backbone: Backbone
    head: Head | None
    train: LabelledImages
    validation: LabelledImages | None
    settings: TuneSettings
    world: World


@dataclass(frozen=True, eq=False)
class Best:
    """The weights that did best on validation so far (without validation: the newest)."""

    epoch: float
    accuracy: float
    loss: float
    weights: Mapping[str, torch.Tensor] = field(repr=False)


@dataclass
class Progress:
    """How far a training is: all that a checkpoint keeps of it beside tensors.

    Attributes:
        step: optimiser steps done.
        measured_at: the step at which the network was last measured; -1: never.
        history: the curves so far.
        sums: loss and right answers in training since the last row of the curves, of this process.
        note: what was wrong with a checkpoint.
        ended: what ended the training before its last step.
        step_seconds, measure_seconds: how long a step takes, and a measurement.
    """

    step: int = 0
    measured_at: int = -1
    history: History = field(default_factory=History)
    sums: Sums = field(default_factory=Sums)
    note: str = ""
    ended: End = ""
    step_seconds: float | None = None
    measure_seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **{one.name: getattr(self, one.name) for one in dataclasses.fields(self)},
            "history": self.history.as_dict(),
            "sums": dataclasses.asdict(self.sums),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Progress:
        """As `as_dict` gave it."""
        own = {one.name: facts[one.name] for one in dataclasses.fields(cls)}
        return cls(**{**own, "history": History.from_dict(facts["history"]), "sums": Sums(**facts["sums"])})
