"""Scripts of components of our own, with what Python hands them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_ASSETS = Path(__file__).resolve().parent.parent / "assets"


def script_of(*names: str, **given: Any) -> str:
    """The `js_on_load` of a `gr.HTML`: files of `assets` as one function, in which each of `given` is a constant.

    Not as further arguments of `gr.HTML`: its script finds none of them where an update that changes nothing has come
    before the component was seen for the first time (Gradio 6.31 sends `gr.skip()` as new ones).
    """
    constants = [f"const {name} = {json.dumps(value)};" for name, value in given.items()]
    return "\n".join([*constants, *((_ASSETS / name).read_text(encoding="utf-8") for name in names)])
