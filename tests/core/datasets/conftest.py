"""A home of its own for each test of data sets."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """`PETLENS_HOME`: an empty folder, which nothing has made yet."""
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
