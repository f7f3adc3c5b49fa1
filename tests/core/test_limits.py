"""What the host allows: one environment variable each."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from core import SettingsError, limits
from tests.conftest import PROJECT

VARIABLES = {
    "max_picture_pixels": ("PETLENS_MAX_MEGAPIXELS", 50_000_000, 3_000_000),
    "max_backbones": ("PETLENS_MAX_BACKBONES", 6, 3),
    "max_weights_bytes": ("PETLENS_MAX_WEIGHTS_MB", 1_000_000_000, 3_000_000),
    "max_embeddings_bytes": ("PETLENS_MAX_EMBEDDINGS_MB", 2_000_000_000, 3_000_000),
    "max_dataset_images": ("PETLENS_MAX_IMAGES", 20_000, 3),
    "max_unpacked_bytes": ("PETLENS_MAX_UNPACKED_MB", 2_000_000_000, 3_000_000),
}


@pytest.mark.parametrize("limit", limits.ALL, ids=lambda limit: limit.__name__)
def test_each_limit_has_a_default_that_the_host_may_change(limit, monkeypatch):
    variable, default, of_three = VARIABLES[limit.__name__]
    assert limit() == default
    monkeypatch.setenv(variable, "3")
    assert limit() == of_three


@pytest.mark.parametrize("text", ["", "-1", "many", "1e3", "1.5", " 3", "²", "٣", "9" * 5000])
def test_what_is_no_number_is_refused_with_the_name_of_the_variable(text, monkeypatch):
    for limit in limits.ALL:
        variable = VARIABLES[limit.__name__][0]
        with monkeypatch.context() as here:
            here.setenv(variable, text)
            with pytest.raises(SettingsError, match=f"{variable} is .* it must be a whole number from . to "):
                limits.check()


def test_nothing_may_be_kept_but_something_must_be_read(monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_EMBEDDINGS_MB", "0")
    assert limits.max_embeddings_bytes() == 0
    monkeypatch.setenv("PETLENS_MAX_MEGAPIXELS", "0")
    with pytest.raises(SettingsError, match="from 1"):
        limits.max_picture_pixels()


def test_no_more_pixels_are_allowed_than_pillow_opens(monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_MEGAPIXELS", "178")
    assert limits.max_picture_pixels() <= 2 * Image.MAX_IMAGE_PIXELS
    monkeypatch.setenv("PETLENS_MAX_MEGAPIXELS", "179")
    with pytest.raises(SettingsError, match="from 1 to 178"):
        limits.max_picture_pixels()


def test_the_limits_of_core_are_read_in_one_place():
    readers = [
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "core").rglob("*.py")
        if re.search(r"(environ|getenv|whole_number)\W+PETLENS_MAX", path.read_text())
    ]
    assert readers == ["core/limits.py"]
