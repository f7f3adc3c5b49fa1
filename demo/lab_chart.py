"""The lab's chart as SVG: accuracy above guessing against distance from ImageNet. Lays out, and computes nothing else.

Signs differ by shape: a disc was measured before, a diamond is the visitor's, a hollow one the visitor's guess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from core.transfer.result import LabResult, corrected
from demo.languages import tr

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 300, 42, 12, 28, 38
# Room at the right for results without a distance.
_UNKNOWN = 52
# Below this it is only said how much worse than guessing something is: far down it would press all else together.
_LOWEST = -0.5
_FARTHEST = 1.5
# Half the sizes of a sign and of what stands beside one, in the chart's units.
_SIGN, _NAME = 5.5, 5.5
# A name that stands farther from its mark is led there by a line.
_FAR = 24

Kind = Literal["own", "shipped", "faint"]


@dataclass(frozen=True)
class Mark:
    """One result in the chart.

    Attributes:
        kind: the visitor's own; measured before with the chosen network, or with another one.
        name: a letter or a number, which stands beside it; empty for those that are faint.
        title: of its pictures, for people.
        guess: the accuracy that the visitor had expected, in [0, 1].
    """

    kind: Kind
    result: LabResult
    title: str
    name: str = ""
    guess: float | None = None


def chart(marks: Sequence[Mark]) -> str:
    """All of them in one picture, which says the same to those who cannot see it."""
    scale = _Scale.of(marks)
    strong = [mark for mark in marks if mark.kind != "faint"]
    faint = "".join(_sign(mark.kind, *scale.place(mark), tip=_in_words(mark)) for mark in marks if mark.kind == "faint")
    whiskers = "".join(_whisker(mark, scale) for mark in strong)
    guesses = "".join(_guess(mark, scale) for mark in strong if mark.guess is not None)
    signs = "".join(_sign(mark.kind, *scale.place(mark), tip=_in_words(mark)) for mark in strong)
    said = tr(
        "Chart: to the right the distance from ImageNet, upwards the accuracy above guessing. {results}",
        results="; ".join(_in_words(mark) for mark in strong),
    )
    return (
        f'<svg class="pl-lab-plot" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{escape(said, quote=True)}">'
        f"{_axes(scale)}{faint}{whiskers}{guesses}{signs}{_names(strong, scale)}</svg>"
    )


def sign(kind: Kind | Literal["guess"]) -> str:
    """A sign by itself, for the key."""
    return f'<svg class="pl-lab-sign" viewBox="0 0 16 16" aria-hidden="true">{_sign(kind, 8, 8)}</svg>'


@dataclass(frozen=True)
class _Scale:
    """From distances and shares to places in the chart."""

    farthest: float
    lowest: float
    unknown: bool

    @classmethod
    def of(cls, marks: Sequence[Mark]) -> _Scale:
        known = [mark.result.distance for mark in marks if mark.result.distance is not None]
        heights = [mark.result.above_guessing_low for mark in marks if mark.kind != "faint"]
        heights += [_height_of_guess(mark) for mark in marks if mark.guess is not None]
        lowest = max(_LOWEST, math.floor(min([0.0, *heights]) * 4) / 4)
        farthest = math.ceil(max([_FARTHEST, *known]) * 2) / 2
        return cls(farthest, lowest, any(mark.result.distance is None for mark in marks))

    @property
    def right(self) -> float:
        return _WIDE - _RIGHT - (_UNKNOWN if self.unknown else 0)

    def x(self, distance: float | None) -> float:
        if distance is None:
            return self.right + _UNKNOWN / 2
        return _LEFT + (self.right - _LEFT) * distance / self.farthest

    def y(self, height: float) -> float:
        share = (max(height, self.lowest) - self.lowest) / (1 - self.lowest)
        return _HIGH - _BOTTOM - (_HIGH - _TOP - _BOTTOM) * share

    def place(self, mark: Mark) -> tuple[float, float]:
        return self.x(mark.result.distance), self.y(mark.result.above_guessing)


def _axes(scale: _Scale) -> str:
    bottom, end = _HIGH - _BOTTOM, scale.right
    drawn = ""
    for quarter in range(round(scale.lowest * 4), 5):
        y = scale.y(quarter / 4)
        drawn += (
            f'<path class="{"pl-lab-zero" if quarter == 0 else "pl-lab-rule"}" d="M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{quarter * 25} %</text>'
        )
    every = 0.5 if scale.farthest <= 3 else math.ceil(scale.farthest / 6)
    for number in range(int(scale.farthest / every) + 1):
        x = scale.x(number * every)
        drawn += (
            f'<path class="pl-lab-rule" d="M{x:.1f} {bottom}v4"/>'
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{number * every:g}</text>'
        )
    if scale.unknown:
        drawn += (
            f'<path class="pl-lab-rule pl-lab-unknown" d="M{end} {_TOP}V{bottom}"/>'
            f'<text x="{end + _UNKNOWN / 2:.1f}" y="{bottom + 16}" text-anchor="middle">?</text>'
        )
    return drawn + (
        f'<text x="4" y="14">{escape(tr("accuracy above guessing"))}</text>'
        f'<text x="{(_LEFT + end) / 2:.1f}" y="{_HIGH - 5}" text-anchor="middle">'
        f"{escape(tr('distance from ImageNet'))}</text>"
        f'<text class="pl-lab-hint" x="{end - 4}" y="{scale.y(0) - 5:.1f}" text-anchor="end">'
        f"{escape(tr('no better than guessing'))}</text>"
    )


def _whisker(mark: Mark, scale: _Scale) -> str:
    """The 95 % interval."""
    x = scale.x(mark.result.distance)
    low, high = scale.y(mark.result.above_guessing_low), scale.y(mark.result.above_guessing_high)
    return f'<path class="pl-lab-whisker pl-lab-{mark.kind}" d="M{x:.1f} {low:.1f}V{high:.1f}m-3 0h6M{x - 3:.1f} {low:.1f}h6"/>'


def _guess(mark: Mark, scale: _Scale) -> str:
    """A hollow sign where the visitor had guessed, joined to the result; a triangle where that lies below the chart."""
    x, y = scale.place(mark)
    height = _height_of_guess(mark)
    at = scale.y(height)
    tip = tr("your guess: {share}", share=percent(mark.guess, digits=0))
    drawn = f'<path class="pl-lab-joint" d="M{x:.1f} {y:.1f}V{at:.1f}"/>'
    if height < scale.lowest:
        return drawn + _titled(f'<path class="pl-lab-guess" d="M{x - 5:.1f} {at - 9:.1f}h10l-5 8z"/>', tip)
    return drawn + _sign("guess", x, at, tip=tip)


def _sign(kind: Kind | Literal["guess"], x: float, y: float, *, tip: str = "") -> str:
    if kind in ("own", "guess"):
        drawn = f'<path class="pl-lab-{kind}" d="M{x:.1f} {y - 6.5:.1f}l6.5 6.5l-6.5 6.5l-6.5 -6.5z"/>'
    else:
        drawn = f'<circle class="pl-lab-{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{4.5 if kind == "shipped" else 3}"/>'
    return _titled(drawn, tip)


def _titled(drawn: str, tip: str) -> str:
    return f"<g><title>{escape(tip)}</title>{drawn}</g>" if tip else drawn


def _names(marks: Sequence[Mark], scale: _Scale) -> str:
    """What each is called, beside it: at the first place near by where nothing stands; the visitor's choose first."""
    taken = [box for mark in marks for box in _boxes(mark, scale)]
    drawn = leaders = ""
    for mark in sorted(marks, key=lambda mark: mark.kind != "own"):
        at = scale.place(mark)
        x, y = _free_place(*at, taken)
        taken.append((x - _NAME, y - _NAME, x + _NAME, y + _NAME))
        if math.dist(at, (x, y)) > _FAR:
            leaders += f'<path class="pl-lab-leader" d="M{at[0]:.1f} {at[1]:.1f}L{x:.1f} {y:.1f}"/>'
        drawn += (
            f'<text class="pl-lab-name pl-lab-{mark.kind}" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">'
            f"{escape(mark.name)}</text>"
        )
    return leaders + drawn


_Box = tuple[float, float, float, float]


def _boxes(mark: Mark, scale: _Scale) -> Sequence[_Box]:
    """Where a mark stands, and the lines through it: left, top, right, bottom."""
    x, y = scale.place(mark)
    heights = [scale.y(mark.result.above_guessing_high), scale.y(mark.result.above_guessing_low)]
    boxes = [(x - _SIGN, y - _SIGN, x + _SIGN, y + _SIGN), (x - 2, heights[0], x + 2, heights[1])]
    if mark.guess is not None:
        at = scale.y(_height_of_guess(mark))
        boxes += [(x - _SIGN, at - _SIGN, x + _SIGN, at + _SIGN), (x - 2, min(y, at), x + 2, max(y, at))]
    return boxes


def _free_place(x: float, y: float, taken: Sequence[_Box]) -> tuple[float, float]:
    steps = ((1, 0), (-1, 0), (0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (0, -1.2), (0, 1.2))
    places = [(x + across * reach, y + down * reach) for reach in range(12, 70, 6) for across, down in steps]
    for across, down in places:
        left, top, right, bottom = across - _NAME, down - _NAME, across + _NAME, down + _NAME
        inside = left > _LEFT and right < _WIDE and top > 0 and bottom < _HIGH - _BOTTOM
        if inside and not any(
            right > other[0] and left < other[2] and bottom > other[1] and top < other[3] for other in taken
        ):
            return across, down
    return places[0]


def _height_of_guess(mark: Mark) -> float:
    return corrected(mark.guess, mark.result.guessing)


def _in_words(mark: Mark) -> str:
    said = {
        "title": mark.title,
        "network": mark.result.network_title,
        "above": percent(mark.result.above_guessing),
        "distance": distance_in_words(mark.result.distance),
    }
    if mark.kind == "own":
        return tr(
            "your result {number}, {title} with {network}: distance {distance}, {above} above guessing",
            number=mark.name,
            **said,
        )
    return tr("{title} with {network}: distance {distance}, {above} above guessing", **said)


def distance_in_words(distance: float | None) -> str:
    """A distance, or that it is not known."""
    return tr("not known") if distance is None else f"{distance:.2f}"


def percent(share: float, *, digits: int = 1) -> str:
    """A share as people write it."""
    return f"{share * 100:.{digits}f} %"
