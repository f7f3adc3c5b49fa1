"""Where and how a figure was measured, and the file that holds it."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from core import runtime

PROJECT = Path(__file__).resolve().parent.parent
PHOTOS = PROJECT.parent / "shared" / "data"
RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("torch", "timm", "gradio", "pillow", "numpy")


def write(name: str, figures: dict, packages: Sequence[str] = PACKAGES) -> None:
    """Print the figures and write them to `benchmarks/results/NAME.json`."""
    module = Path(sys.argv[0]).resolve().relative_to(PROJECT).with_suffix("")
    report = {
        "program": " ".join(["python -m", ".".join(module.parts), *map(_without_folders, sys.argv[1:])]),
        "date": datetime.date.today().isoformat(),
        "machine": {
            "processor": runtime.processor_name(),
            "processors": runtime.processor_count(),
            "inference_dtype": str(runtime.inference_dtype()),
            "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        },
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def _without_folders(argument: str) -> str:
    """A path of this machine says nothing to others: its last three parts do, `peer/bin/python` for instance."""
    path = Path(argument)
    return "/".join(path.parts[-3:]) if path.is_absolute() else argument


def median(values: Sequence[float], digits: int = 3) -> float:
    """The median, rounded for reading."""
    return round(statistics.median(values), digits)


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios of neighbours: what was measured in the same round met the same noise."""
    return median([a / b for a, b in zip(above, below, strict=True)])


def photos(folder: str, every: int = 1) -> list[Path]:
    """Each `every`-th picture below a folder of the shared data, in the order of names."""
    found = sorted(path for path in (PHOTOS / folder).rglob("*") if path.suffix.lower() in (".jpg", ".png", ".bmp"))
    if not found:
        raise SystemExit(f"There are no photos in {PHOTOS / folder}; see benchmarks/README.md")
    return found[::every]
