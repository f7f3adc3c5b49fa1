"""Where this app keeps what it makes and fetches: data sets, embeddings, runs.

Everything lies in one home folder, `PETLENS_HOME` (by default `~/.pet-lens`), so that a host can move, measure and
delete it as one. Nothing is created here: who writes makes the folder.
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder of all that is kept: `PETLENS_HOME`, by default `.pet-lens` in the user's own folder."""
    return Path(os.environ.get("PETLENS_HOME") or Path.home() / ".pet-lens").expanduser()


def data_folder() -> Path:
    """The folder that holds `oxford-iiit-pet/` and `PetImages/`: `PETLENS_DATA`, by default `data` in `home()`."""
    return Path(os.environ.get("PETLENS_DATA") or home() / "data").expanduser()


def unpacked_folder() -> Path:
    """Where zips of class folders are unpacked, each in a folder of its own."""
    return home() / "unpacked"


def embeddings_folder() -> Path:
    """Where embeddings are kept."""
    return home() / "embeddings"


def runs_folder() -> Path:
    """Where runs are kept: `PETLENS_RUNS`, by default `runs` in `home()`."""
    return Path(os.environ.get("PETLENS_RUNS") or home() / "runs").expanduser()
