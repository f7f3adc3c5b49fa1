"""The six training tricks, each as two plans that differ in one thing. Measured: `benchmarks/results/tricks.json`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from core.backbones.views import ViewSettings
from core.errors import SettingsError
from core.runs.plan import Plan
from core.training.head_settings import HeadSettings


@dataclass(frozen=True)
class Experiment:
    """One trick.

    Attributes:
        token: its name.
        first: the plan as it should be.
        second: the same but for one thing.
    """

    token: str
    first: Plan
    second: Plan


def _heads(token: str, first: HeadSettings, **changed: object) -> Experiment:
    return Experiment(token, Plan(head=first), Plan(head=dataclasses.replace(first, **changed)))


_USUAL = HeadSettings()
# The rate stays as it is, and what was learned last is what is tested: neither a falling rate nor a second training
# that ends at the best epoch may hide what the steps do.
_PLAIN = HeadSettings(schedule="constant", refit=False)
# Few pictures and long steps, so that it comes to the point where it learns by heart.
_LONG = dataclasses.replace(_PLAIN, images_per_class=10, epochs=300, learning_rate=0.01, patience=5)

EXPERIMENTS = (
    Experiment("scaling-off", Plan(head=_USUAL), Plan(head=_USUAL, view=ViewSettings(input_scaling=False))),
    _heads("initialisation", _USUAL, initialisation="gaussian"),
    _heads("dropout", _USUAL, dropout=0.5),
    _heads("rate-too-high", _PLAIN, learning_rate=10.0),
    _heads("no-early-stopping", _LONG, patience=0),
    _heads("small-data", _USUAL, images_per_class=5),
)


def find_experiment(token: str) -> Experiment:
    """The experiment of that name.

    Raises:
        SettingsError: there is none; the message lists them.
    """
    for experiment in EXPERIMENTS:
        if experiment.token == token:
            return experiment
    known = ", ".join(experiment.token for experiment in EXPERIMENTS)
    raise SettingsError("There is no experiment {token!r:.80}. There are {known}.", token=token, known=known)
