"""Is an explanation faithful? Cover parts of the photo and see whether the network minds.

First each part by itself: where the class loses most, the network had looked. Then a quarter of the picture at once: covering
what an explanation calls hottest should cost the class more than covering any other quarter, and its coldest quarter hardly
anything.

References:
    Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901 (covering each part)
    Petsiuk et al. 2018, RISE, arXiv:1806.07421 (deleting what is called important)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional

from core import runtime
from core.classifier import Classifier
from core.errors import SettingsError
from core.images import to_pixels
from core.inside.why import Explanation, check_label, enlarged

T = TypeVar("T")
Cover = Literal["blur", "grey"]

# Pictures that the network sees at once: a step, and news, several times a second.
_AT_ONCE = 8
# Of the blur that covers: a share of the picture's shorter side. Faces and fur are gone, colours stay.
_BLUR_SHARE = 0.08
# Of the picture that is covered in the test.
SHARE = 0.25
_RANDOM_QUARTERS = 8


@dataclass(frozen=True)
class QuarterTest:
    """The probability of the class, in [0, 1], with a quarter of the picture covered.

    Attributes:
        before: with nothing covered.
        hottest, coldest: with what the explanation calls so.
        random: with a quarter by chance; the mean over eight, of patches as large as those of the explanation.
    """

    before: float
    hottest: float
    coldest: float
    random: float

    @property
    def is_faithful(self) -> bool:
        """Whether covering the hottest quarter cost more than chance, and the coldest less."""
        return self.hottest < self.random and self.hottest < self.coldest


@dataclass(frozen=True, eq=False)
class OcclusionSnapshot:
    """How far it is, and what is known.

    Attributes:
        done, total: pictures that the network has seen, and those that it is to see.
        falls: `(G, G)` float32, by how much the class's logit falls when each part is covered, above 0 where it speaks
            for the class; NaN where that is not known yet.
        probability_falls: `(G, G)`, of its probability.
        probability: of the class, with nothing covered.
        correlation: how well the explanation puts the parts in the order of their falls: rank correlation in [-1, 1];
            None before the end, or without an explanation, or where either is the same everywhere.
        test: in the last snapshot, where there is an explanation.
    """

    done: int
    total: int
    falls: np.ndarray = field(repr=False)
    probability_falls: np.ndarray = field(repr=False)
    probability: float
    correlation: float | None = None
    test: QuarterTest | None = None


def occlude(
    classifier: Classifier,
    picture: Image.Image,
    label: int,
    *,
    explanation: Explanation | None = None,
    parts: int = 8,
    cover: Cover = "blur",
    seed: int = 0,
    all_processors: bool = False,
) -> Iterator[OcclusionSnapshot]:
    """Cover each part of an RGB picture by itself; then, if there is an explanation, test it.

    Args:
        explanation: of this picture and label by this classifier.
        parts: `G`, parts along each side.
        cover: with the blurred photo, or with its mean colour.
        seed: of the random quarters.
        all_processors: whether each step is spread over all of them: faster where nothing else computes.

    Raises:
        SettingsError: the classifier has no such class, or there are fewer than 2 or more than 32 parts a side.
    """
    check_label(label, classifier)
    if not 2 <= parts <= 32:
        raise SettingsError(f"parts must be a whole number from 2 to 32, not {parts!r:.80}.")
    compute = _here if all_processors else runtime.on_one_thread
    judged = partial(_judge, classifier, label)
    view = classifier.backbone.view(picture)
    pixels, covered = to_pixels([view]), to_pixels([_covered(view, cover)])
    masks = _masks(parts, pixels.shape[-2:])
    quarters = _quarters(view, explanation, seed) if explanation else masks[:0]
    total = 1 + len(masks) + len(quarters)
    before = compute(partial(judged, pixels))
    seen = np.full((len(masks), 2), np.nan, np.float32)
    logits, probabilities = before[0]

    def snapshot(done: int, **found: object) -> OcclusionSnapshot:
        falls = (np.array([logits, probabilities], np.float32) - seen).T.reshape(2, parts, parts)
        return OcclusionSnapshot(done, total, falls[0], falls[1], float(probabilities), **found)

    yield snapshot(1)
    for start in range(0, len(masks), _AT_ONCE):
        chosen = masks[start : start + _AT_ONCE]
        seen[start : start + len(chosen)] = compute(partial(judged, _mixed(pixels, covered, chosen)))
        if start + len(chosen) < len(masks):
            yield snapshot(1 + start + len(chosen))
    if explanation is None:
        yield snapshot(total)
        return
    yield snapshot(1 + len(masks))
    after = [
        compute(partial(judged, _mixed(pixels, covered, quarters[start : start + _AT_ONCE])))[:, 1]
        for start in range(0, len(quarters), _AT_ONCE)
    ]
    hottest, coldest, *chance = np.concatenate(after).tolist()
    test = QuarterTest(float(probabilities), hottest, coldest, float(np.mean(chance)))
    ordered = functional.adaptive_avg_pool2d(enlarged(view, explanation.raw)[None], parts)[0].numpy()
    correlation = rank_correlation(ordered.ravel(), logits - seen[:, 0])
    yield snapshot(total, correlation=correlation, test=test)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's, of two rows of numbers of one length, equals sharing their rank; None where one row is all equal."""
    ranks = [_ranks(row) for row in (first, second)]
    spreads = [row.std() for row in ranks]
    if not all(spreads):
        return None
    return float(((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())).mean() / (spreads[0] * spreads[1]))


def _ranks(row: np.ndarray) -> np.ndarray:
    _, which, counts = np.unique(row, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    return (ends - (counts - 1) / 2)[which]


def _here(work: Callable[[], T]) -> T:
    return work()


@torch.inference_mode()
def _judge(classifier: Classifier, label: int, pixels: torch.Tensor) -> np.ndarray:
    """`(N, 2)` float64: the class's logit and probability, in single precision."""
    network = classifier.backbone.inference_model
    folded = dataclasses.replace(classifier, backbone=dataclasses.replace(classifier.backbone, model=network))
    logits = folded.logits(pixels).double()
    return torch.stack([logits[:, label], logits.softmax(1)[:, label]], 1).cpu().numpy()


def _covered(view: Image.Image, cover: Cover) -> Image.Image:
    if cover == "blur":
        return view.filter(ImageFilter.GaussianBlur(_BLUR_SHARE * min(view.size)))
    mean = np.asarray(view).mean((0, 1)).round().astype(int)
    return Image.new("RGB", view.size, tuple(mean.tolist()))


def _masks(parts: int, size: Sequence[int]) -> torch.Tensor:
    """`(parts * parts, 1, H, W)`, 1 where a part lies; row by row."""
    height, width = size
    rows = torch.arange(height) * parts // height
    columns = torch.arange(width) * parts // width
    which = rows[:, None] * parts + columns
    return (which == torch.arange(parts * parts)[:, None, None]).float()[:, None]


def _quarters(view: Image.Image, explanation: Explanation, seed: int) -> torch.Tensor:
    """`(2 + 8, 1, H, W)`: the explanation's hottest and coldest quarter, and some by chance."""
    heat = enlarged(view, explanation.raw)
    generator = torch.Generator().manual_seed(seed)
    chance = [torch.randn(explanation.raw.shape, generator=generator) for _ in range(_RANDOM_QUARTERS)]
    return torch.stack([_largest(one) for one in (heat, -heat, *(enlarged(view, raw) for raw in chance))])[:, None]


def _largest(values: torch.Tensor) -> torch.Tensor:
    """1 at that quarter of the pixels where the values are largest, exactly as many in every map."""
    mask = torch.zeros(values.numel())
    mask[values.flatten().argsort(descending=True, stable=True)[: round(SHARE * values.numel())]] = 1
    return mask.view(values.shape)


def _mixed(pixels: torch.Tensor, covered: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    return pixels * (1 - masks) + covered * masks
