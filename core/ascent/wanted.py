"""What an ideal image is pulled by, and whether what was asked for can be drawn at all."""

from __future__ import annotations

from collections.abc import Sequence

from core.ascent.settings import AscentSettings
from core.ascent.snapshot import Steering
from core.classifier import Classifier
from core.errors import SettingsError
from core.objectives import (
    Objective,
    batch_norm_prior,
    cross_entropy,
    distance_from_grey,
    likeness,
    logit,
    margin,
    total_variation,
)

_CLASS_TERMS = {"logit": logit, "cross-entropy": cross_entropy, "margin": margin}


def on_pixels(labels: Sequence[int], settings: AscentSettings, steering: Steering) -> Objective:
    """What is asked of the pictures themselves."""
    objective = total_variation(settings.tv_norm, lambda: steering.tv_weight)
    objective += settings.l2_weight * distance_from_grey()
    if settings.diversity_weight:
        objective += settings.diversity_weight * likeness(labels)
    return objective


def on_views(labels: Sequence[int], settings: AscentSettings) -> Objective:
    """What is asked of a network's looks at them."""
    objective = settings.class_weight * _CLASS_TERMS[settings.objective](labels)
    if settings.prior_weight:
        objective += settings.prior_weight * batch_norm_prior()
    return objective


def check_labels(labels: Sequence[int], classifier: Classifier) -> None:
    """Whether the classifier knows these classes.

    Raises:
        SettingsError: there are none, or one is unknown.
    """
    known = len(classifier.class_names)
    if not labels:
        raise SettingsError("There is no class to draw. Name one.")
    for label in labels:
        if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < known:
            raise SettingsError(
                "The class {label!r:.80} is not one of the network's {known}, which count from 0.",
                label=label,
                known=known,
            )


def check_same_classes(classifier: Classifier, beside: Sequence[Classifier]) -> None:
    """Whether these networks can draw one picture together.

    Raises:
        SettingsError: one of them knows other classes.
    """
    for other in beside:
        if other.class_names != classifier.class_names:
            raise SettingsError(
                "{title} and {title_2} know different classes, so they cannot draw one picture together. Choose "
                "networks with the same classes.",
                title=other.backbone.title,
                title_2=classifier.backbone.title,
            )
