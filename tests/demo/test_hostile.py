"""What `make reliability` does in thousands, here in a hundred: see `benchmarks/hostile_pictures.py` and `past_the_page.py`."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import hostile_pictures, past_the_page
from benchmarks.running_app import App


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The app in a process of its own, whose log is its own, too."""
    app = App(["app.py"], tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


def test_a_hundred_files_that_are_no_good_pictures(app, chelsea):
    files = hostile_pictures.corpus(100, seed=7)  # half of them bombs, lies and what is no picture; half changed ones
    found = asyncio.run(hostile_pictures.drive(app, files, chelsea, slow_seconds=60.0))
    assert found["problems"] == []
    assert found["files"] == 100
    assert found["answered"]["with words"] > 10
    assert found["app alive"]


def test_a_hundred_calls_past_the_page(app, chelsea, tmp_path):
    found = asyncio.run(past_the_page.drive(app, 100, 7, tmp_path, chelsea))
    assert found["problems"] == []
    assert found["calls"] == 100
    assert found["app alive"]
