"""What one may choose when a picture is attacked. Imports no torch: a page is built from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.errors import SettingsError
from core.settings import Checked, choice, real, switch, whole

METHODS = ("minimal", "fgsm", "pgd", "descent", "cw", "patch")
NORMS = ("l2", "linf")
OBJECTIVES = ("cross-entropy", "logit", "margin")

# The distance between a black and a white picture of 512 pixels a side is 887.
_LARGEST_L2 = 1000.0


@dataclass(frozen=True)
class AttackSettings(Checked):
    """Settings of an attack. Each method reads those that `USED_BY` names.

    Raises:
        SettingsError: a value outside its range, or settings that do not go together.
    """

    method: str = choice(
        "minimal",
        METHODS,
        title="Method",
        about="minimal: the smallest change that works; fgsm: one step of a given size; pgd: the strongest change of that "
        "size; descent: the lesson's own, plain gradient descent; cw: Carlini and Wagner's; patch: anything goes, in one "
        "square only.",
    )
    norm: str = choice(
        "l2",
        NORMS,
        title="Distance",
        about="What is kept small: the sum of squares (l2), or the largest change of any pixel (linf).",
    )
    epsilon: float = real(
        8 / 255,
        0.0,
        _LARGEST_L2,
        title="Epsilon",
        about="How far fgsm and pgd may go: for linf a part of 1, such as 8/255; for l2 a distance, such as 1.",
    )
    steps: int = whole(40, 1, 2000, title="Steps", about="Gradients that are taken, in each attempt.")
    restarts: int = whole(1, 1, 20, title="Attempts", about="pgd begins again so often, from another random place.")
    step_size: float = real(
        0.0, 0.0, 1.0, title="Step size", about="Of pgd, as a share of epsilon; 0: 2.5 times epsilon over all steps."
    )
    momentum: float = real(
        0.0, 0.0, 1.0, title="Momentum", about="How much of the earlier direction stays, in pgd and patch."
    )
    objective: str = choice(
        "cross-entropy",
        OBJECTIVES,
        title="Objective",
        about="What falls: the class's probability (cross-entropy), its score (logit), or its lead over the others (margin).",
    )
    learning_rate: float = real(
        1.0, 1e-5, 1000.0, title="Learning rate", about="Length of a step of descent and cw.", logarithmic=True
    )
    tv_weight: float = real(
        0.0,
        0.0,
        100_000.0,
        title="Smooth perturbation (TV)",
        about="How much it costs that neighbouring pixels are changed differently.",
        logarithmic=True,
    )
    blur_px: float = real(
        0.0,
        0.0,
        32.0,
        title="Low frequencies",
        about="Each gradient is blurred by so many pixels: the change becomes clouds instead of grain.",
    )
    texture: bool = switch(
        False,
        title="Hide in texture",
        about="Where the photo is smooth the change stays small; fur and grass may change more.",
    )
    views: float = real(
        0.0,
        0.0,
        1.0,
        title="Changing views",
        about="How much the picture is moved, zoomed and lit differently before each look: what works then also survives "
        "more, and convinces other networks more often.",
    )
    patch_side: float = real(0.25, 0.02, 1.0, title="Side of the patch", about="As a share of the side of the picture.")
    patch_x: float = real(
        0.5, 0.0, 1.0, title="Patch, from the left", about="Its middle: 0 is the left edge, 1 the right."
    )
    patch_y: float = real(0.5, 0.0, 1.0, title="Patch, from the top", about="Its middle: 0 is the top, 1 the bottom.")
    eight_bits: bool = switch(
        True,
        title="Only what a file can hold",
        about="Whole steps of 1/255. Without it, what is found need not survive its own file.",
    )
    seed: int = whole(0, 0, 2**31 - 1, title="Seed", about="The same seed gives the same picture.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bounded:
            return
        if self.epsilon == 0:
            raise SettingsError("epsilon is 0, which changes nothing. Choose more, such as 8/255 for linf or 1 for l2.")
        if self.norm == "linf" and self.epsilon > 1:
            raise SettingsError(
                "epsilon must be above 0 and at most 1 for linf, not {epsilon:g}: pixels lie between 0 and 1, and "
                "1 turns black into white. Write 8/255 for eight steps of a file.",
                epsilon=self.epsilon,
            )
        if self.eight_bits and self.epsilon < 1 / 255 - 1e-9:
            raise SettingsError(
                "epsilon must be 1/255 (0.0039) at least, not {epsilon:g}: a file of 8 bits has no smaller steps.",
                epsilon=self.epsilon,
            )

    @property
    def bounded(self) -> bool:
        """Whether the perturbation has a size that it must not exceed."""
        return self.method in ("fgsm", "pgd")

    @property
    def total_steps(self) -> int:
        """Gradients that are taken of each picture."""
        return {"fgsm": 1, "pgd": self.steps * self.restarts}.get(self.method, self.steps)


_ALWAYS = frozenset({"method", "eight_bits"})
_LOOKING = frozenset({"objective", "blur_px", "texture", "views", "seed"})
# Which settings each method reads; the others do nothing.
USED_BY = {
    "minimal": _ALWAYS | {"norm", "steps"},
    "fgsm": _ALWAYS | _LOOKING | {"norm", "epsilon"},
    "pgd": _ALWAYS | _LOOKING | {"norm", "epsilon", "steps", "restarts", "step_size", "momentum", "tv_weight"},
    "descent": _ALWAYS | _LOOKING | {"steps", "learning_rate", "tv_weight"},
    "cw": _ALWAYS | {"steps", "learning_rate"},
    "patch": _ALWAYS | _LOOKING | {"steps", "step_size", "momentum", "tv_weight", "patch_side", "patch_x", "patch_y"},
}
_USUAL = {
    "minimal": {"steps": 60},
    "fgsm": {"norm": "linf"},
    "pgd": {"norm": "linf", "steps": 40},
    "descent": {"steps": 100, "learning_rate": 1.0},
    "cw": {"steps": 100, "learning_rate": 0.01},
    "patch": {"steps": 150, "momentum": 0.9, "objective": "logit"},
}


def usual(method: str, norm: str | None = None) -> AttackSettings:
    """Settings to begin with.

    Args:
        norm: None: the one that the method is known by.

    Raises:
        SettingsError: there is no such method or norm.
    """
    given = dict(_USUAL.get(method, {}))
    if norm is not None:
        given["norm"] = norm
    epsilon = 1.0 if given.get("norm", "l2") == "l2" else 8 / 255
    return AttackSettings(method=method, epsilon=epsilon, **given)


def epsilon_of(text: str) -> float:
    """A distance as people write it: `8/255` or `0.03`.

    Raises:
        SettingsError: it is no number. Whether it suits the norm, `AttackSettings` checks.
    """
    above, slash, below = text.strip().partition("/")
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError("epsilon must be a number such as 8/255 or 0.5, not {text!r:.80}.", text=text)
    return value
