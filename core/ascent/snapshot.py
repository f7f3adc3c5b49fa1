"""What is seen and turned of an ascent while it goes on: snapshots, the state to go on from, and its steering."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch

from core.ascent.picture import Drawn
from core.ascent.settings import AscentSettings
from core.objectives import Weights
from core.set_aside import set_aside

StoppedBy = Literal["", "steps", "time", "diverged"]


class Steering:
    """What may be turned while a picture grows. Written by the page's thread, read by each step.

    Attributes:
        tv_weight: replaces that of the settings: one for all pictures, or one for each.
        turned: whether anything was.
    """

    def __init__(self, settings: AscentSettings) -> None:
        self._settings = settings
        self.tv_weight: Weights = settings.tv_weight
        self.turned = False

    def steer(self, *, tv_weight: float) -> None:
        """Change it for all pictures, from the next step on.

        Raises:
            SettingsError: outside the range of the setting, or nothing would pull the picture any more.
        """
        weight = dataclasses.replace(self._settings, tv_weight=tv_weight).tv_weight
        self.turned = self.turned or weight != self.tv_weight
        self.tv_weight = weight


@dataclass(frozen=True, eq=False)
class AscentState:
    """What the next step depends on; copies, which nobody changes."""

    step: int
    side_px: int
    parameters: tuple[torch.Tensor, ...]
    optimiser: Mapping[str, torch.Tensor]
    generator: torch.Tensor

    def set_aside(self) -> AscentState:
        """The same, on the disk until it is gone on from: see `core.set_aside`."""
        count = len(self.parameters)
        aside = set_aside([*self.parameters, *self.optimiser.values()])
        optimiser = dict(zip(self.optimiser, aside[count:], strict=True))
        return dataclasses.replace(self, parameters=tuple(aside[:count]), optimiser=optimiser)


@dataclass(frozen=True)
class AscentRow:
    """One point of the curves: means over the pictures.

    Attributes:
        step: how many had been taken.
        loss: the whole objective, as the step saw it; None before the first.
        probability: of the class, of the 8-bit picture, in [0, 1].
        variation: of the 8-bit picture, in [0, 1].
    """

    step: int
    loss: float | None
    probability: float
    variation: float


@dataclass(frozen=True, eq=False)
class AscentSnapshot:
    """Where an ascent is.

    Attributes:
        step, total_steps: taken, and to be taken.
        drawn: the pictures, in the order of the labels and their candidates, as they were at `looked_at`.
        looked_at: the step after which they looked so.
        history: one row a look.
        gradients: backward passes, for each picture.
        seconds: since the start.
        stopped_by: "" while it goes on.
        note: what there is to say of the end, in words.
        state: to go on from, as of `looked_at`.
    """

    step: int
    total_steps: int
    drawn: tuple[Drawn, ...]
    looked_at: int
    history: tuple[AscentRow, ...]
    gradients: int
    seconds: float
    stopped_by: StoppedBy
    note: str
    state: AscentState = field(repr=False)

    @property
    def steps_per_second(self) -> float:
        """Since the start; 0 before the first step."""
        return self.step / self.seconds if self.seconds else 0.0
