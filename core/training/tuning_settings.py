"""What one may choose when a whole network, or its last stages, is trained on pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.schedules import rate_factor
from core.settings import Checked, choice, real, switch, whole

AUGMENTATIONS = ("none", "flip", "crops", "colour", "randaugment")
STARTS = ("pretrained", "scratch")
OPTIMISERS = ("sgd", "adamw")
SCHEDULES = ("constant", "decay", "cosine", "one-cycle")
PRECISIONS = ("auto", "float32", "bfloat16")
# A trained network has much to lose, where random weights have far to go.
FROM_SCRATCH = {"learning_rate": 0.002, "weight_decay": 0.05, "epochs": 40, "label_smoothing": 0.1}

# Adam's moments and batch statistics are rough in the first steps: the rate rises over this share of all, and over ten
# steps at least (Ma and Yarats 2021, arXiv:1910.04209). A run of fewer never comes to the full rate: Adam's first steps
# are as long as the rate says, however little there is to learn, and few pictures would be unlearned by them.
_WARM_UP_SHARE = 0.05
_WARM_UP_STEPS = 10


@dataclass(frozen=True)
class TuneSettings(Checked):
    """Settings of fine-tuning, and of training from scratch. A network trained from scratch has no frozen stages."""

    start: str = choice(
        "pretrained",
        STARTS,
        title="Start from",
        about="Go on from what the network knows already, or from random weights, as if it had never seen a picture.",
    )
    stages: int = whole(
        7,
        0,
        99,
        title="Stages that learn",
        about="How many of the network's last stages may change; 0: only the head. The first ones see edges and "
        "colours, which are the same in all photos. A number above the network's own means all.",
    )
    gradual: bool = switch(
        False,
        title="One stage after the other",
        about="Begins with the head and the last stage; the stages below join one by one, all by half of the run.",
    )
    epochs: int = whole(6, 1, 1000, title="Epochs", about="How often the network sees every training picture.")
    batch_size: int = whole(32, 1, 1024, title="Batch size", about="Pictures between two small steps of the weights.")
    train_size_px: int = whole(
        0,
        0,
        1024,
        title="Picture size in training",
        about="Side of the training pictures in pixels; 0: the network's own. Smaller is faster.",
    )
    optimiser: str = choice(
        "adamw", OPTIMISERS, title="Optimiser", about="The rule that turns gradients into steps. SGD has momentum 0.9."
    )
    learning_rate: float = real(
        2e-5,
        1e-6,
        10.0,
        title="Learning rate",
        about="How long each step is, for the head and the last stage. Too high, and the network forgets what it knew; "
        "random weights want 100 times as much.",
        logarithmic=True,
    )
    stage_decay: float = real(
        0.8,
        0.0,
        1.0,
        title="Lower stages learn slower",
        about="Each stage learns this many times as fast as the one above it; 1: all the same.",
    )
    schedule: str = choice(
        "cosine",
        SCHEDULES,
        title="Schedule",
        about="How the rate changes after a short warm-up: not at all, 2 % less each epoch, along a cosine to 0, or up "
        "and then down.",
    )
    weight_decay: float = real(
        0.01,
        0.0,
        10.0,
        title="Weight decay",
        about="Pulls weights towards 0, against learning by heart.",
        logarithmic=True,
    )
    augmentation: str = choice(
        "crops",
        AUGMENTATIONS,
        title="Augmentation",
        about="Changes each picture a little, otherwise each time: mirrored; also cut out; and with that either other "
        "colours or two of 14 strong changes (RandAugment).",
    )
    # 0 where the head was trained without: else the trained stages change only to make sure answers less sure
    label_smoothing: float = real(
        0.0, 0.0, 0.5, title="Label smoothing", about="Share of each answer that is spread over all classes."
    )
    dropout: float = real(
        0.0, 0.0, 0.9, title="Dropout", about="Share of the head's inputs that are hidden at each step."
    )
    clip_norm: float = real(
        1.0, 0.0, 100.0, title="Gradient clipping", about="The longest gradient that counts; 0: any."
    )
    averaging: bool = switch(
        True,
        title="Average the weights",
        about="Uses the mean of the weights over about the last epoch, which is calmer than the weights themselves.",
    )
    patience: int = whole(
        0,
        0,
        1000,
        title="Early stopping",
        about="Epochs without a better result on validation before it stops and takes the best; 0: never.",
    )
    precision: str = choice(
        "auto",
        PRECISIONS,
        title="Number format",
        about="How numbers are computed; bfloat16 is shorter and needs hardware that has it. Auto: bfloat16 on "
        "graphics cards that have it.",
    )
    seed: int = whole(0, 0, 2**31 - 1, title="Seed", about="The same seed gives the same run.")


def tune_settings(start: str = "pretrained", **given: Any) -> TuneSettings:
    """Settings with the defaults that suit this start, but for those that are given.

    Raises:
        SettingsError: a value is outside its range.
    """
    return TuneSettings(start=start, **{**(FROM_SCRATCH if start == "scratch" else {}), **given})


def rate_at(settings: TuneSettings, step: int, total_steps: int, steps_per_epoch: int) -> float:
    """The learning rate of a step: the schedule, after a linear warm-up where the schedule has none of its own."""
    rate = settings.learning_rate * rate_factor(settings.schedule, step, total_steps, steps_per_epoch)
    warm_up = max(_WARM_UP_STEPS, round(_WARM_UP_SHARE * total_steps))
    if settings.schedule != "one-cycle" and step < warm_up:
        rate *= (step + 1) / (warm_up + 1)
    return rate
