"""What all attacks have in common: photos on their way to their goals, a gradient at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch

from core.attack.goals import Goal, margins

Logits = Callable[[torch.Tensor], torch.Tensor]
Judge = Callable[[torch.Tensor], torch.Tensor]

# A picture counts as adversarial from this lead on, in logits: the same network in another batch or on another processor
# rounds differently, and the file must fool it there too.
LEAD = 1e-2
# Where the judge does not agree the lead is doubled, up to this.
_MOST_LEAD = 2.0


class Method:
    """One attack on a batch of photos. One thread at a time.

    Args:
        logits: pixels `(N, 3, H, W)` -> `(N, K)`, with gradients.
        start: the photos `(N, 3, H, W)` in [0, 1].
        goals: one for each.
        eight_bits: whether only pictures count that a file of 8 bits holds; the photos must be such.
        lead: in logits, by which the goal must be reached.
        judge: pixels -> logits as the app reads files, where that differs from `logits` (bfloat16, other views). Methods that
            look for the smallest picture count one only if both see the goal reached. None: it does not differ.

    Attributes:
        best: what it has to show so far `(N, 3, H, W)`: the picture that counts, or, where none has reached its goal yet,
            the last that was tried.
        gradients: how many were taken for each picture.
    """

    # Names of what changes from step to step; tensors and numbers.
    kept: ClassVar[tuple[str, ...]] = ("best", "gradients", "_lead")

    def __init__(
        self,
        logits: Logits,
        start: torch.Tensor,
        goals: Sequence[Goal],
        *,
        eight_bits: bool,
        lead: float = LEAD,
        judge: Judge | None = None,
    ) -> None:
        self._logits, self._start, self._goals = logits, start, tuple(goals)
        self._eight_bits, self._judge = eight_bits, judge
        self._lead = start.new_full((len(start),), lead)
        self.best = start.clone()
        self.gradients = 0

    def step(self) -> None:
        """One gradient of each picture."""
        raise NotImplementedError

    def memory(self) -> dict[str, torch.Tensor | int]:
        """What the next step depends on, as copies that nobody changes."""
        return {name: _copy(getattr(self, name)) for name in self.kept}

    def recall(self, memory: Mapping[str, torch.Tensor | int]) -> None:
        """Go on where that memory was taken."""
        for name in self.kept:
            setattr(self, name, _copy(memory[name]))

    def _margins(self, pixels: torch.Tensor, these: torch.Tensor | None = None) -> torch.Tensor:
        """`(N,)`: below 0 where the goal is reached by the lead. Forward only.

        Args:
            these: numbers of the photos whose pictures are given; None: all.
        """
        these = torch.arange(len(self._start)) if these is None else these
        with torch.no_grad():
            return margins(self._logits(pixels), self._goals_of(these)) + self._lead[these]

    def _confirmed(self, pixels: torch.Tensor, these: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """Whether the judge sees the goal reached as well, of those that are asked about; the others are not.

        Where it does not, more of a lead is wanted from now on.
        """
        if self._judge is None or not asked.any():
            return asked
        with torch.no_grad():
            said = margins(self._judge(pixels[asked]).to(pixels.device), self._goals_of(these[asked])) < 0
        confirmed = asked.clone()
        confirmed[asked] = said
        refused = these[asked & ~confirmed]
        self._lead[refused] = (2 * self._lead[refused]).clamp(max=_MOST_LEAD)
        return confirmed

    def _goals_of(self, these: torch.Tensor) -> list[Goal]:
        return [self._goals[index] for index in these.tolist()]


def _copy(value: torch.Tensor | int) -> torch.Tensor | int:
    return value.clone() if isinstance(value, torch.Tensor) else value
