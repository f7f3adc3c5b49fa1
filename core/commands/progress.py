"""What a long command shows while it runs: a bar in a terminal, or an object a line with --json."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

_JSON_EVERY_SECONDS = 0.5


class Progress:
    """Tells one long command's progress. To be closed at the end.

    Args:
        as_json: an object a line on standard output, instead of a bar.
        silent: tell nothing: another process of the same command does.
    """

    def __init__(self, *, as_json: bool, silent: bool = False) -> None:
        self._as_json, self._silent = as_json, silent
        self._bar: tqdm | None = None
        self._what = ""
        self._told_at = -float("inf")

    def tell(self, what: str, done: int, total: int, **more: Any) -> None:
        """How far it is. A new `what` begins a new bar.

        Args:
            more: what else there is to say: figures by name.
        """
        if self._silent:
            return
        changed, self._what = what != self._what, what
        if self._as_json:
            if changed or time.monotonic() - self._told_at >= _JSON_EVERY_SECONDS:
                self._told_at = time.monotonic()
                print_json({"phase": what, "done": done, "total": total, **more})
            return
        if changed:
            self.close()
            # disable=None: no bar where standard error is not a terminal
            self._bar = tqdm(total=total, desc=what, disable=None, file=sys.stderr, leave=True)
        self._bar.total = total
        self._bar.set_postfix({name: _short(value) for name, value in more.items() if value is not None}, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def print_json(said: Mapping[str, Any]) -> None:
    """One object on a line of standard output, at once."""
    print(json.dumps(said), flush=True)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
