"""What one running app shares: its limits, its threads, its visitors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields

import core
from core import limits as core_limits
from core.errors import SettingsError
from core.limits import whole_number
from demo.jobs import Job, Pool
from demo.opening import Openings
from demo.session import Sessions
from demo.train_run import UnderWay


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for. Each is an environment variable, `PETLENS_` and the name in capitals.

    What `core` itself allows, from the command line too, is in `core/limits.py`: pixels of a picture, pictures of a data set,
    bytes on the disk.

    Attributes:
        max_upload_mb: size of one uploaded file, which may be a zip of pictures to learn from.
        max_request_mb: size of one request that is no upload.
        max_photos: photos in one "several photos" run.
        max_steps: gradients of one ideal image or one attack at a time; then it can be gone on with. None: what the settings
            allow anyway.
        max_waiting: jobs that may wait in one queue; the next is told to come back.
        max_own_pictures: pictures that one visitor may bring in classes of one's own.
        max_run_minutes: how long one training may take at a time; after that it is stopped and can be gone on with.
        max_drawing_minutes: how long one ideal image or one attack may take at a time; then it can be gone on with.
        max_sessions: visitors remembered at once; the longest idle is forgotten first.
        max_runs_gb: room for all runs on the disk; those saved longest ago are deleted. None: any.
        grace_seconds: how long a training goes on whose page was left; a page that the same browser loads by then watches on.
        max_run_days: runs that were saved longer ago are deleted. None: any age.
        keep_hours: uploads and results that were made longer ago are deleted; looked for every hour.
    """

    max_upload_mb: int = 200
    max_request_mb: int = 4
    max_photos: int = 300
    max_own_pictures: int = 1000
    max_run_minutes: int = 60
    max_drawing_minutes: int = 10
    max_steps: int | None = None
    max_waiting: int = 60
    max_sessions: int = 200
    grace_seconds: int = 60
    # None: on one's own computer nothing goes that one did not delete; who opens a page to others sets them
    max_runs_gb: int | None = None
    max_run_days: int | None = None
    keep_hours: int = 12  # longer than a school day

    @classmethod
    def from_environment(cls) -> Limits:
        """Defaults, replaced by what the environment says. Those of `core` are looked at as well.

        Raises:
            SettingsError: a variable is not a whole number from 1.
        """
        core_limits.check()
        said = {}
        for limit in fields(cls):
            variable = f"PETLENS_{limit.name.upper()}"
            if variable in os.environ:
                said[limit.name] = whole_number(variable)
        return cls(**said)

    def check_steps(self, steps: int) -> None:
        """Whether a visitor may ask for so many gradients at a time.

        Raises:
            SettingsError: it says how many one may ask for.
        """
        if self.max_steps is not None and steps > self.max_steps:
            raise SettingsError(
                "These are {steps:,} steps; the host of this page allows {most:,} at a time (PETLENS_MAX_STEPS). "
                "Take fewer.",
                steps=steps,
                most=self.max_steps,
            )


class Preparations:
    """Networks on their way into memory: who asks for one that somebody else waits for watches the same job."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def job(self, backbone: str) -> Job:
        """The unfinished job that fetches and loads this network; a new one if there is none."""
        with self._lock:
            self._jobs = {name: job for name, job in self._jobs.items() if job.unfinished}
            if backbone not in self._jobs:
                self._jobs[backbone] = self._pool.submit(lambda: _prepare(backbone))
            return self._jobs[backbone]


def _prepare(backbone: str) -> Iterator[core.FetchSnapshot]:
    if core.needs_fetching(backbone):
        yield from core.fetch_backbone(backbone)
    core.load_backbone(backbone)


@dataclass(frozen=True, eq=False)
class Context:
    """Made once for each page that is built.

    Attributes:
        quick: work of a second at most, such as one photo.
        long: work that streams snapshots: several photos, heads that are trained.
        tuning: networks that are trained, which takes minutes: nobody's head waits for them.
        drawing: ideal images, and the defence corner, which takes as long.
        attacking: attacks on one photo, which take seconds: they wait for nobody's ideal image.
        data: data sets that are fetched, opened and looked at.
        openings: data sets known by name, opened once for all visitors.
        under_way: runs that are being trained.
        preparations: networks that are fetched and loaded, in threads that hold up nobody else.
    """

    limits: Limits
    sessions: Sessions
    quick: Pool
    long: Pool
    tuning: Pool
    drawing: Pool
    attacking: Pool
    data: Pool
    openings: Openings
    under_way: UnderWay
    preparations: Preparations

    @classmethod
    def create(cls, limits: Limits | None = None) -> Context:
        """Limits from the environment unless given, and fresh pools."""
        limits = limits or Limits.from_environment()
        data = Pool("data", threads=4, max_waiting=limits.max_waiting)
        return cls(
            limits=limits,
            sessions=Sessions(limits.max_sessions, limits.grace_seconds),
            quick=Pool("quick", threads=1, max_waiting=limits.max_waiting),
            long=Pool("long", threads=2, max_waiting=limits.max_waiting),
            tuning=Pool("tuning", threads=1, max_waiting=limits.max_waiting),
            drawing=Pool("drawing", threads=1, max_waiting=limits.max_waiting),
            attacking=Pool("attacking", threads=2, max_waiting=limits.max_waiting),
            data=data,
            openings=Openings(data),
            under_way=UnderWay(),
            preparations=Preparations(Pool("prepare", threads=8, max_waiting=limits.max_waiting)),
        )
