"""Ready-made settings for attacks: the lesson's own, and what shows one thing each."""

from __future__ import annotations

from dataclasses import dataclass

from core.attack.settings import AttackSettings, usual
from core.errors import SettingsError


@dataclass(frozen=True)
class AttackPreset:
    """Settings with a name.

    Attributes:
        token: what links call it.
        title, about: what the page says.
        settings: to begin with; everything may be changed.
    """

    token: str
    title: str
    about: str
    settings: AttackSettings


ATTACK_PRESETS = (
    AttackPreset(
        "invisible",
        "Invisible",
        "The smallest change that works, pixel by pixel in the whole steps that a file can hold.",
        usual("minimal"),
    ),
    AttackPreset(
        "lesson",
        "The lesson: dog to Siamese cat",
        "Plain gradient descent at rate 1 on nothing but the class, 100 steps: it works, and goes much farther than it had to.",
        usual("descent"),
    ),
    AttackPreset(
        "one-step",
        "One step",
        "One gradient, and every pixel moves by the same amount (FGSM): often enough for “anything else”, seldom for a chosen class.",
        AttackSettings(method="fgsm", norm="linf", epsilon=4 / 255),
    ),
    AttackPreset(
        "smooth",
        "Smooth",
        "Clouds instead of grain, and only where the photo has texture: larger numbers, and harder to see.",
        AttackSettings(
            method="pgd",
            norm="linf",
            epsilon=12 / 255,
            steps=60,
            momentum=0.9,
            blur_px=2.0,
            texture=True,
            objective="margin",
        ),
    ),
    AttackPreset(
        "others",
        "Other networks, too",
        "16/255, which one can see, through views that change: networks that took no part often fall for it. Choose some "
        "to be fooled as well, and it works on even more.",
        AttackSettings(
            method="pgd",
            norm="linf",
            epsilon=16 / 255,
            steps=100,
            step_size=0.125,
            momentum=1.0,
            objective="logit",
            views=1.0,
        ),
    ),
    AttackPreset(
        "patch",
        "Patch",
        "A square that may look as it likes, and nothing else changes: everybody sees it, and the network sees nothing else.",
        usual("patch"),
    ),
)


def find_attack_preset(token: str) -> AttackPreset:
    """The preset of that name.

    Raises:
        SettingsError: there is none; the message lists them.
    """
    for preset in ATTACK_PRESETS:
        if preset.token == token:
            return preset
    known = ", ".join(preset.token for preset in ATTACK_PRESETS)
    raise SettingsError("There is no preset {token!r:.80}. There are {known}.", token=token, known=known)
