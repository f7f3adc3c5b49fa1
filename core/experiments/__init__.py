"""The training tricks as experiments: two trainings that differ in one thing, and what that thing did.

Names are imported at their first use: torch alone takes seconds.
"""

import importlib

_HOMES = {
    "EXPERIMENTS": "core.experiments.experiment",
    "Comparison": "core.experiments.comparison",
    "Experiment": "core.experiments.experiment",
    "ExperimentSnapshot": "core.experiments.running",
    "compare": "core.experiments.comparison",
    "find_experiment": "core.experiments.experiment",
    "run_experiment": "core.experiments.running",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'core.experiments' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
