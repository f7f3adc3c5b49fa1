"""What one running app shares: its limits, its threads, its visitors."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields

from core.errors import SettingsError
from demo.jobs import Pool
from demo.session import Sessions


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for. Each is an environment variable, `PETLENS_` and the name in capitals.

    Attributes:
        max_upload_mb: size of one uploaded file.
        max_photos: photos in one "several photos" run.
        max_waiting: jobs that may wait in one queue; the next is told to come back.
        max_sessions: visitors remembered at once; the longest idle is forgotten first.
    """

    max_upload_mb: int = 50
    max_photos: int = 300
    max_waiting: int = 60
    max_sessions: int = 200

    @classmethod
    def from_environment(cls) -> Limits:
        """Defaults, replaced by what the environment says.

        Raises:
            SettingsError: a variable is not a whole number from 1.
        """
        said = {}
        for limit in fields(cls):
            variable = f"PETLENS_{limit.name.upper()}"
            text = os.environ.get(variable)
            if text is None:
                continue
            if not text.isdecimal() or int(text) < 1:
                raise SettingsError(f"{variable} is {text!r}; it must be a whole number from 1.")
            said[limit.name] = int(text)
        return cls(**said)


@dataclass(frozen=True, eq=False)
class Context:
    """Made once for each page that is built.

    Attributes:
        quick: work of a second at most, such as one photo.
        long: work that streams snapshots.
        fetch: weights on their way from the hub; waits for the network, so it must not hold up the others.
    """

    limits: Limits
    sessions: Sessions
    quick: Pool
    long: Pool
    fetch: Pool = field(repr=False)

    @classmethod
    def create(cls, limits: Limits | None = None) -> Context:
        """Limits from the environment unless given, and fresh pools."""
        limits = limits or Limits.from_environment()
        return cls(
            limits=limits,
            sessions=Sessions(limits.max_sessions),
            quick=Pool("quick", threads=1, max_waiting=limits.max_waiting),
            long=Pool("long", threads=1, max_waiting=limits.max_waiting),
            fetch=Pool("fetch", threads=4, max_waiting=limits.max_waiting),
        )
