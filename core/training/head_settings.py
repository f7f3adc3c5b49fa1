"""What one may choose when a head is trained on embeddings."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import SettingsError
from core.settings import Checked, choice, real, switch, whole

OPTIMISERS = ("adam", "adamw", "sgd", "momentum", "adagrad", "rmsprop", "lbfgs")
SCHEDULES = ("constant", "decay", "cosine", "one-cycle")
SCALINGS = ("overall", "each", "none")
INITIALISATIONS = ("zeros", "uniform", "gaussian", "xavier")


@dataclass(frozen=True)
class HeadSettings(Checked):
    """Settings of softmax regression on embeddings. The ranges are wide on purpose: one learns from what fails.

    Raises:
        SettingsError: a value outside its range, or L-BFGS with gradient clipping.
    """

    epochs: int = whole(30, 1, 1000, title="Epochs", about="How often the network sees every training picture.")
    batch_size: int = whole(64, 1, 8192, title="Batch size", about="Pictures between two small steps of the weights.")
    optimiser: str = choice(
        "adam",
        OPTIMISERS,
        title="Optimiser",
        about="The rule that turns gradients into steps. L-BFGS looks at all pictures at once.",
    )
    learning_rate: float = real(
        0.001,
        1e-6,
        100.0,
        title="Learning rate",
        about="How long each step is. Too high: it jumps about.",
        logarithmic=True,
    )
    schedule: str = choice(
        "cosine",
        SCHEDULES,
        title="Schedule",
        about="How the rate changes: not at all, 2 % less each epoch, along a cosine to 0, or up and then down.",
    )
    weight_decay: float = real(
        0.0,
        0.0,
        10.0,
        title="Weight decay",
        about="Pulls weights towards 0, against learning by heart.",
        logarithmic=True,
    )
    choose_weight_decay: bool = switch(
        False,
        title="Choose weight decay for me",
        about="Tries several values by cross-validation on the training pictures. Best with L-BFGS.",
    )
    dropout: float = real(0.0, 0.0, 0.9, title="Dropout", about="Share of the inputs that are hidden at each step.")
    label_smoothing: float = real(
        0.0, 0.0, 0.5, title="Label smoothing", about="Share of each answer that is spread over all classes."
    )
    clip_norm: float = real(
        0.0,
        0.0,
        100.0,
        title="Gradient clipping",
        about="The longest gradient that counts; 0: any. Not with L-BFGS, which measures how steep the loss really is.",
    )
    initialisation: str = choice(
        "zeros", INITIALISATIONS, title="Initialisation", about="What the weights are before the first step."
    )
    scaling: str = choice(
        "overall",
        SCALINGS,
        title="Scale the embeddings",
        about="Brings the inputs of the head to a common size: by one factor, each by its own, or not at all.",
    )
    patience: int = whole(
        0, 0, 1000, title="Early stopping", about="Epochs without a better validation loss before it stops; 0: never."
    )
    averaging: bool = switch(
        False, title="Average the weights", about="Takes the mean of the weights over the second half of the run."
    )
    images_per_class: int = whole(
        0, 0, 100_000, title="Pictures per class", about="How many pictures of each class it may learn from; 0: all."
    )
    validation_share: float = real(
        0.15, 0.05, 0.5, title="Validation share", about="Share of the training pictures kept aside to watch the run."
    )
    refit: bool = switch(
        True,
        title="Learn from all at the end",
        about="Trains once more with the validation pictures too, as long as was best; the curves are those of before.",
    )
    seed: int = whole(0, 0, 2**31 - 1, title="Seed", about="The same seed gives the same run.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimiser == "lbfgs" and self.clip_norm:
            raise SettingsError(
                "clip_norm is {clip_norm:g}, but L-BFGS looks for the lowest loss along its gradients and is "
                "misled by shortened ones. Set it to 0, or choose another optimiser.",
                clip_norm=self.clip_norm,
            )
