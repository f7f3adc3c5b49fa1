"""The loop: from photos to pictures in which a network reads something else.

Page, terminal, tests and benchmarks run the same generator. Pictures are attacked as the network sees them, and judged as
anybody would judge the file: by `Victim.predict` of the 8-bit picture.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import torch
from PIL import Image

from core import runtime
from core.attack.bounded import Bounded
from core.attack.goals import Become, Goal, fooled
from core.attack.measures import measure
from core.attack.method import Judge, Method
from core.attack.minimal import Minimal
from core.attack.penalised import CarliniWagner, Descent
from core.attack.settings import AttackSettings
from core.attack.snapshot import Attacked, AttackRow, AttackSnapshot, AttackState, StoppedBy
from core.attack.victims import Victim
from core.errors import ImageError, SettingsError
from core.images import to_pictures, to_pixels
from core.texts import mark

T = TypeVar("T")

# Below that there is nothing to hide a change in, and the network would see little but the enlargement.
MIN_SIDE_PX = 32


def attack(
    victim: Victim,
    photos: Sequence[Image.Image],
    goals: Sequence[Goal],
    settings: AttackSettings,
    *,
    go_on: AttackSnapshot | None = None,
    max_seconds: float | None = None,
    look_every_seconds: float = 0.3,
    all_processors: bool = False,
) -> Iterator[AttackSnapshot]:
    """Attack photos side by side: a snapshot before the first step and after each.

    Args:
        photos: RGB of any size; the pictures attacked are `victim.view` of them.
        goals: one for each; `goals.goal_of` makes them.
        go_on: the last snapshot of an attack on the same photos with the same settings: as many steps more.
        max_seconds: no step begins after these.
        look_every_seconds: how often the pictures are judged and measured as files; always at the end. A look changes
            nothing. Whoever closes the generator loses what came after the last.
        all_processors: whether each step is spread over all of them: faster where nothing else computes.

    Raises:
        ImageError: a photo that is too small, or has one colour only.
        SettingsError: a goal that the network does not know.
    """
    began = time.monotonic()
    compute = _here if all_processors else runtime.on_one_thread
    run = compute(partial(_Run, victim, photos, goals, settings, go_on, look_every_seconds))
    yield run.snapshot()
    while not run.stopped_by:
        if max_seconds is not None and time.monotonic() - began >= max_seconds:
            run.stopped_by = "time"
            compute(run.look)
        else:
            compute(run.advance)
        yield run.snapshot()


def make_method(
    logits: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    goals: Sequence[Goal],
    settings: AttackSettings,
    judge: Judge | None = None,
) -> Method:
    """The attack that the settings name, on pixels `(N, 3, H, W)`, with nothing around it: for whoever measures it.

    Args:
        judge: see `Method`; for those that look for the smallest, and stop as soon as it works.
    """
    if settings.method == "minimal":
        return Minimal(logits, start, goals, settings.norm, eight_bits=settings.eight_bits, judge=judge)
    if settings.method == "cw":
        return CarliniWagner(logits, start, goals, settings, judge=judge)
    kind = {"fgsm": Bounded, "pgd": Bounded, "patch": Bounded, "descent": Descent}[settings.method]
    return kind(logits, start, goals, settings)


def check_photo(photo: Image.Image) -> None:
    """Whether a photo can be attacked.

    Raises:
        ImageError: it is too small, or has one colour only.
    """
    if min(photo.size) < MIN_SIDE_PX:
        raise ImageError(
            "This picture is {width} x {height} pixels: too small to hide anything in. Choose one of "
            "{min_side_px} pixels a side at least.",
            width=photo.width,
            height=photo.height,
            min_side_px=MIN_SIDE_PX,
        )
    if all(low == high for low, high in photo.getextrema()):
        raise ImageError("This picture has one colour only: there is nothing in it to change unseen. Choose a photo.")


def _here(work: Callable[[], T]) -> T:
    return work()


class _Run:
    """One attack, between two steps. Not shared; `attack` drives it."""

    def __init__(
        self,
        victim: Victim,
        photos: Sequence[Image.Image],
        goals: Sequence[Goal],
        settings: AttackSettings,
        go_on: AttackSnapshot | None,
        look_every_seconds: float,
    ) -> None:
        _check_goals(victim, photos, goals)
        for photo in photos:
            check_photo(photo)
        self._victim, self._goals, self._look_every_seconds = victim, tuple(goals), look_every_seconds
        self._originals = [victim.view(photo) for photo in photos]
        self._before = victim.predict(self._originals)
        # whoever resumes the generator may be in inference mode, whose tensors cannot take part in gradients
        with torch.inference_mode(False):
            start = to_pixels(self._originals).contiguous().to(victim.first.backbone.device)
            self._method = make_method(victim.logits, start, self._goals, settings, victim.judge)
            self.step, self.total_steps = 0, settings.total_steps
            self._seconds = 0.0
            self._history: tuple[AttackRow, ...] = ()
            self.stopped_by: StoppedBy = ""
            if go_on is not None:
                self._restore(go_on)
        self.look()

    @torch.inference_mode(False)
    @torch.no_grad()
    def advance(self) -> None:
        """One step, and a look where one is due."""
        began = time.monotonic()
        self._method.step()
        self.step += 1
        self._seconds += time.monotonic() - began
        if self.step >= self.total_steps:
            self.stopped_by = "steps"
        if self.stopped_by or time.monotonic() - self._looked_at >= self._look_every_seconds:
            self.look()

    @torch.inference_mode(False)
    @torch.no_grad()
    def look(self) -> None:
        """Judge and measure the pictures as the files that they would be, and keep what is needed to go on from here."""
        began = time.monotonic()
        pictures = to_pictures(self._method.best)
        self._attacked = tuple(
            Attacked(goal, original, before, picture, read, measure(original, picture), fooled(read, goal))
            for goal, original, before, picture, read in zip(
                self._goals, self._originals, self._before, pictures, self._victim.readings(pictures), strict=True
            )
        )
        count = len(self._attacked)
        row = AttackRow(
            self.step,
            sum(one.probability for one in self._attacked) / count,
            math.fsum(one.measures.l2 for one in self._attacked) / count,
            sum(one.success for one in self._attacked) / count,
        )
        self._history = (*(row for row in self._history if row.step < self.step), row)
        self._state = AttackState(self.step, self._method.memory())
        self._gradients = self._method.gradients * len(self._victim.classifiers)
        self._looked_at = time.monotonic()
        self._seconds += self._looked_at - began

    def snapshot(self) -> AttackSnapshot:
        """What can be seen now."""
        return AttackSnapshot(
            step=self.step,
            total_steps=self.total_steps,
            attacked=self._attacked,
            looked_at=self._state.step,
            history=self._history,
            gradients=self._gradients,
            seconds=self._seconds,
            stopped_by=self.stopped_by,
            state=self._state,
        )

    def _restore(self, snapshot: AttackSnapshot) -> None:
        self._method.recall(snapshot.state.memory)
        self.step = snapshot.state.step
        self.total_steps += self.step
        self._seconds, self._history = snapshot.seconds, snapshot.history


def _check_goals(victim: Victim, photos: Sequence[Image.Image], goals: Sequence[Goal]) -> None:
    if not photos:
        raise SettingsError("There is no photo to attack.")
    if len(photos) != len(goals):
        raise SettingsError(
            "There are {count} photos and {count_2} goals: each photo needs its own.",
            count=len(photos),
            count_2=len(goals),
        )
    known = len(victim.first.class_names)
    for goal in goals:
        if not 0 <= goal.label < known:
            words = (
                mark("A photo is to become class {label}, but the network knows {known}, from 0.")
                if isinstance(goal, Become)
                else mark("A photo is to be class {label} no longer, but the network knows {known}, from 0.")
            )
            raise SettingsError(words, label=goal.label, known=known)
