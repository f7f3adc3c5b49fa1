"""Ready-made settings for ideal images: the lesson's own, and ours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from core.ascent.settings import AscentSettings
from core.backbones.catalogue import DEFAULT_BACKBONE
from core.backbones.sources import list_backbones
from core.errors import BackboneError, SettingsError
from core.texts import say

# The lesson adds 0.005 times the sum of absolute differences of neighbours over a 224-pixel picture whose values run from
# -1 to 1. Here it is their mean, of values from 0 to 1: 2 x 3 x 224 x 223 differences, each half as large.
_LESSON_TV = 0.005 * (2 * 3 * 224 * 223) * 2

# Waves in decorrelated colours, small steps, views that zoom, turn and change the light, the statistics of training, and a
# network without some of its blocks at each look: what others recognised most often in trials (docs/methods.md).
_BEST = AscentSettings(
    steps=1500,
    coarse_px=112,
    parameterization="fourier",
    learning_rate=0.008,
    tv_weight=30.0,
    prior_weight=30.0,
    skip_blocks=0.3,
    jitter=0.1,
    zoom_in=0.6,
    zoom_out=1.2,
    rotate_degrees=10.0,
    flip=True,
    light=0.2,
    noise=0.05,
)

# So few steps convince the network itself only if it is asked to look in fewer ways, and whole.
_QUICK = dataclasses.replace(
    _BEST,
    steps=120,
    learning_rate=0.02,
    prior_weight=20.0,
    skip_blocks=0.0,
    zoom_in=0.8,
    zoom_out=1.1,
    rotate_degrees=5.0,
    light=0.0,
    noise=0.0,
)

# Plain gradient descent at rate 1 from N(0, 1), on nothing but the class.
_LESSON = AscentSettings(steps=1000, objective="cross-entropy", optimiser="sgd", learning_rate=1.0, schedule="constant")

# What a channel of a layer would like to see (`inside.channels.channel_classifier`): its score and nothing else.
CHANNEL = AscentSettings(
    steps=160,
    coarse_px=112,
    parameterization="fourier",
    learning_rate=0.015,
    tv_weight=10.0,
    jitter=0.1,
    zoom_in=0.75,
    zoom_out=1.15,
    rotate_degrees=5.0,
)


@dataclass(frozen=True)
class Preset:
    """Settings with a name.

    Attributes:
        token: what the command line and links call it.
        title, about: what the page says.
        settings: to begin with; seed and everything else may be changed.
        wants: part of the name of the network that it is meant for; "": any.
    """

    token: str
    title: str
    about: str
    settings: AscentSettings
    wants: str = ""


PRESETS = (
    Preset(
        "best",
        "Best",
        "Waves instead of pixels, seen larger, smaller, turned and in other light, by a network that does without some of its blocks: "
        "other networks recognise it too. It takes its time.",
        _BEST,
    ),
    Preset(
        "best-10s",
        "Best in 10 seconds",
        "The same with few and long steps, from fewer sides, by the whole network: it is convinced, others less often.",
        _QUICK,
    ),
    Preset(
        "lesson",
        "The lesson, no TV",
        "Noise, changed until the network is convinced. People see noise.",
        _LESSON,
    ),
    Preset(
        "lesson-tv",
        "The lesson, with TV",
        "The same, but neighbouring pixels must not differ much: shapes appear.",
        dataclasses.replace(_LESSON, class_weight=10.0, tv_weight=_LESSON_TV),
    ),
    Preset(
        "lesson-resnet",
        "The lesson, ResNet",
        "The lesson's last picture, by a ResNet: half as many steps.",
        dataclasses.replace(_LESSON, steps=500, class_weight=10.0, tv_weight=_LESSON_TV),
        wants="resnet",
    ),
)


def find_preset(token: str) -> Preset:
    """The preset of that name.

    Raises:
        SettingsError: there is none; the message lists them.
    """
    for preset in PRESETS:
        if preset.token == token:
            return preset
    known = ", ".join(preset.token for preset in PRESETS)
    raise SettingsError("There is no preset {token!r:.80}. There are {known}.", token=token, known=known)


def backbone_for(preset: Preset) -> tuple[str, str]:
    """The network that a preset takes, and a note where it is not the one that it was meant for.

    The lesson's ResNet-50 if it is here, else another of that family, else the shipped network.

    Raises:
        BackboneError: none is here.
    """
    if not preset.wants:
        return DEFAULT_BACKBONE, ""
    here = [listing for listing in list_backbones() if listing.here and listing.imagenet_head]
    fitting = [listing for listing in here if preset.wants in listing.name]
    fitting.sort(key=lambda listing: listing.name.split(".")[0] != "resnet50")
    if fitting and fitting[0].name.split(".")[0] == "resnet50":
        return fitting[0].name, ""
    # the shipped network comes first where there is no ResNet; without it, whichever is here
    chosen = next(iter([*fitting, *here]), None)
    if chosen is None:
        raise BackboneError("There is no network on this machine that knows ImageNet's classes.")
    return chosen.name, say("The lesson's ResNet-50 is not here: drawn by {network}.", network=chosen.title)
