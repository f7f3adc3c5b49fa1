"""Is an explanation faithful? Cover parts of the photo and see whether the network minds.

First a square is moved over the photo: where the class loses most, the network had looked. One that covers a single place
hardly matters to a network, which sees the rest; its edges do. So it is large, and each part of the photo is given the mean
over all squares that cover it. Then a quarter of the picture at once: covering
what an explanation calls hottest should cost the class more than covering any other quarter, and its coldest quarter hardly
anything.

References:
    Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901 (a square moved over the photo)
    Petsiuk et al. 2018, RISE, arXiv:1806.07421 (deleting what is called important)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

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
        """Whether covering the hottest quarter cost more than chance, and than the coldest, by a hundredth at least."""
        return self.hottest + 0.01 <= min(self.random, self.coldest)


@dataclass(frozen=True, eq=False)
class OcclusionSnapshot:
    """How far it is, and what is known.

    Attributes:
        done, total: pictures that the network has seen, and those that it is to see.
        falls: `(G, G)` float32, by how much the logarithm of the class's probability falls when each part is covered,
            above 0 where it speaks for the class; NaN where that is not known yet.
        probability_falls: `(G, G)`, of the probability itself.
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
    parts: int = 7,
    window: int = 3,
    cover: Cover = "blur",
    seed: int = 0,
    all_processors: bool = False,
) -> Iterator[OcclusionSnapshot]:
    """Move a covered square over an RGB picture; then, if there is an explanation, test it.

    Args:
        explanation: of this picture and label by this classifier.
        parts: `G`, parts along each side.
        window: side of the square, in parts.
        cover: with the blurred photo, or with its mean colour.
        seed: of the random quarters.
        all_processors: whether each step is spread over all of them: faster where nothing else computes.

    Raises:
        SettingsError: the classifier has no such class, or there are fewer than 2 or more than 32 parts a side, or the square
            does not fit.
    """
    check_label(label, classifier)
    if not 2 <= parts <= 32:
        raise SettingsError("parts must be a whole number from 2 to 32, not {parts!r:.80}.", parts=parts)
    if not 1 <= window <= parts:
        raise SettingsError(
            "window must be a whole number from 1 to parts, which is {parts}, not {window!r:.80}.",
            parts=parts,
            window=window,
        )
    compute = _here if all_processors else runtime.on_one_thread
    judged = partial(_judge, classifier, label)
    view = classifier.backbone.view(picture)
    pixels, covered = to_pixels([view]), to_pixels([_covered(view, cover)])
    squares = _squares(parts, window)
    quarters = _quarters(view, explanation, seed) if explanation else torch.zeros(0)
    total = 1 + len(squares) + len(quarters)
    before = compute(partial(judged, pixels))[0]
    seen = np.zeros((0, 2))

    def snapshot(done: int, **found: Any) -> OcclusionSnapshot:
        falls = _shared_out(before - seen, squares[: len(seen)].numpy()).astype(np.float32)
        return OcclusionSnapshot(done, total, falls[0], falls[1], float(before[1]), **found)

    yield snapshot(1)
    while len(seen) < len(squares):
        masks = _enlarged_squares(squares[len(seen) : len(seen) + _AT_ONCE], pixels.shape[-2:])
        seen = np.concatenate([seen, compute(partial(judged, _mixed(pixels, covered, masks)))])
        if explanation or len(seen) < len(squares):
            yield snapshot(1 + len(seen))
    if explanation is None:
        yield snapshot(total)
        return
    after = [
        compute(partial(judged, _mixed(pixels, covered, quarters[start : start + _AT_ONCE])))[:, 1]
        for start in range(0, len(quarters), _AT_ONCE)
    ]
    hottest, coldest, *chance = np.concatenate(after).tolist()
    test = QuarterTest(float(before[1]), hottest, coldest, float(np.mean(chance)))
    claimed = functional.adaptive_avg_pool2d(enlarged(view, explanation.raw)[None], parts)[0].numpy()
    correlation = rank_correlation(claimed.ravel(), snapshot(total).falls.ravel())
    yield snapshot(total, correlation=correlation, test=test)


def heat_of(snapshot: OcclusionSnapshot) -> torch.Tensor:
    """What the class needs, as `drawing.over_photo` draws it: `(G, G)` in [0, 1]; 0 where nothing is known yet."""
    falls = torch.from_numpy(np.nan_to_num(snapshot.falls)).clamp(min=0)
    largest = falls.max()
    return falls / largest if largest > 0 else falls


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
    """`(N, 2)` float64: the class's probability and, first, the logarithm of it; by the network in single precision."""
    network = classifier.backbone.inference_model
    folded = dataclasses.replace(classifier, backbone=dataclasses.replace(classifier.backbone, model=network))
    logits = folded.logits(pixels).double()
    chance = logits.log_softmax(1)[:, label]
    return torch.stack([chance, chance.exp()], 1).cpu().numpy()


def _covered(view: Image.Image, cover: Cover) -> Image.Image:
    if cover == "blur":
        return view.filter(ImageFilter.GaussianBlur(_BLUR_SHARE * min(view.size)))
    mean = np.asarray(view).mean((0, 1)).round().astype(int)
    return Image.new("RGB", view.size, tuple(mean.tolist()))


def _squares(parts: int, window: int) -> torch.Tensor:
    """`(S, parts, parts)`, 1 at the parts that each square covers; also squares that reach beyond the edges."""
    starts = range(1 - window, parts)
    lines = torch.tensor([[float(start <= part < start + window) for part in range(parts)] for start in starts])
    return (lines[:, None, :, None] * lines[None, :, None, :]).flatten(0, 1)


def _enlarged_squares(squares: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """`(n, 1, H, W)`: the same for the pixels of the view."""
    rows, columns = (torch.arange(side) * squares.shape[-1] // side for side in size)
    return squares[:, rows][:, :, columns][:, None]


def _shared_out(falls: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Falls `(n, 2)` of squares `(n, G, G)` -> `(2, G, G)`: for each part the mean over the squares that cover it."""
    times = squares.sum(0)
    sums = np.tensordot(falls, squares, axes=(0, 0))
    return np.divide(sums, times, out=np.full(sums.shape, np.nan), where=times > 0)


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
