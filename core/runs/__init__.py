"""What was trained: stored safely, listed, loaded again, exported.

A run is a folder:

    run.json               what it is: names, numbers, settings, and the size and digest of each file below
    head.safetensors       the last layer
    backbone.safetensors   the network, where it was trained as well, or came with a zip
    history.json           the curves
    evaluation.json        how good it is, and where it goes wrong
    README.md              a model card
    checkpoint/            of a training that has not ended; not read here

Names are imported at their first use: torch alone takes seconds.
"""

import importlib

_HOMES = {
    "BackboneRecord": "core.runs.record",
    "DatasetRecord": "core.runs.record",
    "LoadedRun": "core.runs.loading",
    "RunRecord": "core.runs.record",
    "create_run": "core.runs.storage",
    "current_versions": "core.runs.record",
    "delete_run": "core.runs.storage",
    "describe_backbone": "core.runs.networks",
    "describe_dataset": "core.runs.record",
    "export_onnx": "core.runs.onnx",
    "find_run": "core.runs.storage",
    "list_runs": "core.runs.storage",
    "load_run": "core.runs.loading",
    "now": "core.runs.record",
    "open_zip": "core.runs.archive",
    "read_evaluation": "core.runs.storage",
    "read_history": "core.runs.storage",
    "read_record": "core.runs.storage",
    "save_run": "core.runs.storage",
    "zip_run": "core.runs.archive",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'core.runs' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
