"""What is seen of an attack while it goes on, and what is needed to go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from PIL import Image

from core.attack.goals import Goal
from core.attack.measures import Measures
from core.prediction import Prediction
from core.set_aside import set_aside

StoppedBy = Literal["", "steps", "time"]


@dataclass(frozen=True, eq=False)
class Attacked:
    """One picture under attack.

    Attributes:
        goal: what the network is to read.
        original: what the network saw of the photo, 8-bit RGB.
        before: what it read there; of several networks, the first.
        picture: the changed picture, as a file holds it.
        readings: what each network that is to be fooled reads there, the first one first.
        measures: how far both are apart.
        success: whether all read what they are to.
    """

    goal: Goal
    original: Image.Image = field(repr=False)
    before: Prediction = field(repr=False)
    picture: Image.Image = field(repr=False)
    readings: tuple[Prediction, ...] = field(repr=False)
    measures: Measures
    success: bool

    @property
    def prediction(self) -> Prediction:
        """What the network reads in the changed picture; of several, the first."""
        return self.readings[0]

    @property
    def probability(self) -> float:
        """Of the goal's class, in [0, 1]: the one that it is to become, or the one that is to go."""
        return float(self.prediction.probabilities[self.goal.label])


@dataclass(frozen=True)
class AttackRow:
    """One point of the curves: means over the pictures.

    Attributes:
        step: how many had been taken.
        probability: of the goals' classes.
        l2: of the perturbations.
        success: share of the pictures.
    """

    step: int
    probability: float
    l2: float
    success: float


@dataclass(frozen=True, eq=False)
class AttackState:
    """What the next step depends on; copies, which nobody changes."""

    step: int
    memory: Mapping[str, torch.Tensor | int]

    def set_aside(self) -> AttackState:
        """The same, on the disk until it is gone on from: see `core.set_aside`."""
        tensors = {name: value for name, value in self.memory.items() if isinstance(value, torch.Tensor)}
        aside = dict(zip(tensors, set_aside(tensors.values()), strict=True))
        return AttackState(self.step, {**self.memory, **aside})


@dataclass(frozen=True, eq=False)
class AttackSnapshot:
    """Where an attack is.

    Attributes:
        step, total_steps: taken, and to be taken.
        attacked: the pictures in the order of the photos, as they were at `looked_at`.
        looked_at: the step after which they looked so.
        history: one row a look.
        gradients: backward passes for each picture up to `looked_at`, of all networks.
        seconds: since the start.
        stopped_by: "" while it goes on.
        state: to go on from, as of `looked_at`.
    """

    step: int
    total_steps: int
    attacked: tuple[Attacked, ...]
    looked_at: int
    history: tuple[AttackRow, ...]
    gradients: int
    seconds: float
    stopped_by: StoppedBy
    state: AttackState = field(repr=False)

    @property
    def steps_per_second(self) -> float:
        """Since the start; 0 before the first step."""
        return self.step / self.seconds if self.seconds else 0.0
