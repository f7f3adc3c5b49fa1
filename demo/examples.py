"""Pictures that come with installed packages, so that the page has something to show without internet or upload.

Found without importing the packages: scikit-image would take half a second.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError
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


def find_example(name: str) -> Example:
    """The example that has this word in what it shows and is the only one, such as "cheetah" or "Chelsea".

    Raises:
        SettingsError: there is none, or several; the message lists them.
    """
    ready = examples()
    found = [example for example in ready if name.strip().casefold() in _words(example)]
    if len(found) != 1:
        known = "; ".join(example.shows for example in ready)
        raise SettingsError(
            "There is no example photo called {name!r:.80}. One word of these is enough: {known}.",
            name=name,
            known=known,
        )
    return found[0]


def photo_named(params: Mapping[str, str]) -> str | None:
    """The path of the example that a link names; None where it names none, and the photo on the page may stay.

    Raises:
        SettingsError: there is no such example.
    """
    return str(find_example(params["photo"]).path) if "photo" in params else None


def _words(example: Example) -> set[str]:
    return set(re.findall(r"\w+", example.shows.casefold())) | {example.shows.casefold()}


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0]) if spec else Path()
