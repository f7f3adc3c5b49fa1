"""Does it survive? The changed picture after what happens to pictures on their way, and before other networks."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from PIL import Image, ImageEnhance, ImageFilter

from core.attack.goals import Become, Goal, fooled
from core.attack.snapshot import Attacked
from core.attack.victims import Victim
from core.backbones.loading import load_backbone
from core.backbones.sources import judges
from core.classifier import Classifier
from core.errors import PetLensError
from core.prediction import Prediction
from core.texts import mark, say

Verdict = Literal["fooled", "mended", "other"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One thing that was done to the picture, or one other network.

    Attributes:
        name: in words; of a network, its title.
        prediction: what is read then.
        verdict: "fooled": the goal is still reached; "mended": the photo's own class is read again; "other": neither.
        network: whether this is another network's view, instead of a change of the picture.
    """

    name: str
    prediction: Prediction = field(repr=False)
    verdict: Verdict
    network: bool = False


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """Written as JPEG and read again."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _halved(picture: Image.Image) -> Image.Image:
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC)
    return half.resize(picture.size, Image.Resampling.BICUBIC)


def _cropped(picture: Image.Image) -> Image.Image:
    """Nine tenths of each side from the middle, at the same size."""
    left, top = picture.width / 20, picture.height / 20
    box = (left, top, picture.width - left, picture.height - top)
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=box)


# By their names in words.
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    mark("the file as it is"): lambda picture: picture,
    **{say("JPEG, quality {quality}", quality=quality): partial(jpeg, quality=quality) for quality in (95, 75, 50)},
    mark("half the size and back"): _halved,
    mark("blurred by a pixel"): lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
    mark("cut to nine tenths"): _cropped,
    mark("a fifth brighter"): lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    mark("a fifth darker"): lambda picture: ImageEnhance.Brightness(picture).enhance(0.8),
}


def survive(victim: Victim, attacked: Attacked, makers: Collection[str] | None = None) -> Iterator[Trial]:
    """All changes, then all other networks that are here, each as soon as it is known.

    Args:
        makers: names of the networks that took part and are not asked again; None: the victim's.
    """
    own = attacked.before.top(1)[0].index
    for name, change in CHANGES.items():
        (readings,) = victim.readings([change(attacked.picture)])
        yield Trial(name, readings[0], _verdict(readings, attacked.goal, own))
    if victim.first.head is not None:  # nobody else knows these classes
        return
    makers = [one.backbone.name for one in victim.classifiers] if makers is None else makers
    for listing in judges(makers):
        try:
            other = Classifier(load_backbone(listing.name))
        except PetLensError:  # a damaged file, for instance: the others can still be asked
            continue
        before, after = other.predict([attacked.original, attacked.picture])
        read = before.top(1)[0].index
        goal = attacked.goal if isinstance(attacked.goal, Become) else type(attacked.goal)(read)
        yield Trial(other.backbone.title, after, _verdict([after], goal, read), network=True)


def _verdict(readings: Sequence[Prediction], goal: Goal, own: int) -> Verdict:
    if fooled(readings, goal):
        return "fooled"
    return "mended" if any(said.top(1)[0].index == own for said in readings) else "other"
