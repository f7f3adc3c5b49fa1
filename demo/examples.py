"""Pictures that come with installed packages, so that the page has something to show without internet or upload.

Found without importing the packages: scikit-image would take half a second.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from demo.languages import mark


@dataclass(frozen=True)
class Example:
    """A picture file and what it shows, in English. The README credits their makers."""

    path: Path
    shows: str


def examples() -> list[Example]:
    """The examples that this installation has; the first one is on the page when it opens."""
    skimage, gradio = _folder("skimage") / "data", _folder("gradio") / "media_assets" / "images"
    wanted = [
        Example(skimage / "chelsea.png", mark("Chelsea, a cat")),
        Example(gradio / "cheetah.jpg", mark("a cheetah")),
        Example(gradio / "lion.jpg", mark("a lion")),
        Example(skimage / "coffee.png", mark("a cup of coffee")),
        Example(skimage / "ihc.png", mark("cells under a microscope")),
    ]
    return [example for example in wanted if example.path.is_file()]


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0]) if spec else Path()
