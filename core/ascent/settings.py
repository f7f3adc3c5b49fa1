"""What one may choose when an ideal image is drawn. Imports no torch: a page is built from it."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import SettingsError
from core.settings import Checked, choice, real, switch, whole

STARTS = ("noise", "grey", "photo")
PARAMETERIZATIONS = ("pixels", "fourier", "phase")
OBJECTIVES = ("cross-entropy", "logit", "margin")
OPTIMISERS = ("sgd", "momentum", "adam", "lbfgs")
SCHEDULES = ("constant", "cosine")
NORMS = ("l1", "l2")


@dataclass(frozen=True)
class AscentSettings(Checked):
    """Settings of an ideal image. The ranges are wide on purpose: one learns from what fails.

    Raises:
        SettingsError: a value outside its range, or settings that do not go together.
    """

    steps: int = whole(320, 1, 10_000, title="Steps", about="How often the picture is changed a little.")
    size_px: int = whole(224, 32, 512, title="Size", about="Side of the picture in pixels.")
    coarse_px: int = whole(
        0,
        0,
        512,
        title="Coarse size",
        about="Side to begin with, in pixels: large shapes first, details later; 0: the final size at once.",
    )
    coarse_share: float = real(
        0.5, 0.0, 1.0, title="Coarse share", about="Share of the steps that are taken at the coarse size."
    )
    start: str = choice("noise", STARTS, title="Start from", about="Random noise, plain grey, or a photo of yours.")
    parameterization: str = choice(
        "pixels",
        PARAMETERIZATIONS,
        title="Drawn with",
        about="Single pixels; waves in decorrelated colours (fourier); or waves of fixed strength, of which only the "
        "places change (phase).",
    )
    objective: str = choice(
        "logit",
        OBJECTIVES,
        title="Objective",
        about="What grows: the class's own score (logit), its probability (cross-entropy), or its lead over the "
        "second best (margin).",
    )
    class_weight: float = real(
        1.0, 0.0, 1000.0, title="Weight of the class", about="How much the class counts.", logarithmic=True
    )
    tv_weight: float = real(
        0.0,
        0.0,
        100_000.0,
        title="Smoothness (TV)",
        about="How much it costs that neighbouring pixels differ: total variation. 0: noise is free.",
        logarithmic=True,
    )
    tv_norm: str = choice(
        "l1", NORMS, title="Kind of TV", about="Differences as they are (l1), or squared (l2): edges or soft slopes."
    )
    l2_weight: float = real(
        0.0,
        0.0,
        100_000.0,
        title="Pull to grey",
        about="How much it costs to be far from the middle grey.",
        logarithmic=True,
    )
    prior_weight: float = real(
        0.0,
        0.0,
        1000.0,
        title="Batch-norm prior",
        about="How much it costs that the network's layers see other means and spreads than in its training photos.",
        logarithmic=True,
    )
    diversity_weight: float = real(
        0.0,
        0.0,
        1000.0,
        title="Diversity",
        about="How much it costs that several candidates look alike.",
        logarithmic=True,
    )
    candidates: int = whole(1, 1, 8, title="Candidates", about="Pictures of the class that are drawn side by side.")
    optimiser: str = choice(
        "adam", OPTIMISERS, title="Optimiser", about="The rule that turns gradients into steps; sgd is the lesson's."
    )
    learning_rate: float = real(
        0.05, 1e-5, 1000.0, title="Learning rate", about="How long each step is.", logarithmic=True
    )
    schedule: str = choice(
        "cosine", SCHEDULES, title="Schedule", about="How the rate changes: not at all, or along a cosine to 0."
    )
    jitter: float = real(
        0.0, 0.0, 0.5, title="Shift", about="How far the picture is moved before each look, as a share of its side."
    )
    zoom_in: float = real(
        1.0, 0.1, 1.0, title="Zoom in", about="The smallest part of the side that the network looks at."
    )
    zoom_out: float = real(
        1.0, 1.0, 3.0, title="Zoom out", about="The largest; beyond its edges the picture is mirrored."
    )
    rotate_degrees: float = real(0.0, 0.0, 180.0, title="Turn", about="The largest angle before each look, in degrees.")
    flip: bool = switch(False, title="Mirror", about="Half of the looks see the mirror image.")
    light: float = real(0.0, 0.0, 1.0, title="Light", about="How much contrast and brightness change before each look.")
    noise: float = real(0.0, 0.0, 1.0, title="Noise", about="Spread of the noise that is added before each look.")
    skip_blocks: float = real(
        0.0,
        0.0,
        0.9,
        title="Blocks left out",
        about="Share of the network's residual blocks that each look does without: many slightly different networks must "
        "agree.",
    )
    looks: int = whole(1, 1, 16, title="Looks a step", about="Views of the picture whose gradients make one step.")
    seed: int = whole(0, 0, 2**31 - 1, title="Seed", about="The same seed gives the same picture.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coarse_px and not 32 <= self.coarse_px <= self.size_px:
            raise SettingsError(
                "coarse_px must be 0 or a whole number from 32 to size_px, which is {size_px}, not {coarse_px}.",
                size_px=self.size_px,
                coarse_px=self.coarse_px,
            )
        if self.parameterization == "phase" and self.start != "noise":
            raise SettingsError(
                "start is {start}, but phases draw every picture with the same strength of waves, so that they "
                "can start from noise only. Choose pixels or fourier.",
                start=self.start,
            )
        most = 4 if self.optimiser == "lbfgs" else 16
        if self.looks * self.candidates > most:
            looks = self.looks * self.candidates
            if self.optimiser == "lbfgs":
                raise SettingsError(
                    "looks times candidates is {looks}, but one step may look {most} times at the most with L-BFGS, which "
                    "looks several times more. Make one of them smaller.",
                    looks=looks,
                    most=most,
                )
            raise SettingsError(
                "looks times candidates is {looks}, but one step may look {most} times at the most. Make one of them "
                "smaller.",
                looks=looks,
                most=most,
            )
        if not (self.class_weight or self.tv_weight or self.l2_weight or self.prior_weight):
            raise SettingsError("All weights are 0, so that nothing pulls the picture. Set class_weight to 1.")
