"""Small line charts as SVG, for cards."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from demo.languages import tr, tr_n

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 340, 150, 46, 8, 10, 24

Points = Sequence[tuple[float, float]]


def curve(title: str, points: Points, *, steps: int, share: bool = False) -> str:
    """One quantity against steps; `share`: from 0 to 100 %."""
    if not points:
        return ""
    write = _writer(share)
    said = tr_n(
        "{title}: {first} at first, {last} after {count} step",
        "{title}: {first} at first, {last} after {count} steps",
        points[-1][0],
        title=title,
        first=write(points[0][1]),
        last=write(points[-1][1]),
    )
    ticks = {0: "0", steps: tr_n("{count} step", "{count} steps", steps)}
    return _chart(title, {"": points}, ticks, said, share=share)


def curves(title: str, lines: dict[str, Points], *, ticks: Sequence[str], axis: str) -> str:
    """Shares from 0 to 100 %, one line a name, at places 0, 1, ... that have the given ticks."""
    if not any(lines.values()):
        return ""
    write = _writer(True)
    described = "; ".join(
        f"{name}: "
        + ", ".join(tr("{value} at {place}", value=write(value), place=ticks[int(place)]) for place, value in points)
        for name, points in lines.items()
    )
    said = tr("{title}, against {axis}. {lines}", title=title, axis=axis, lines=described)
    return _chart(title, lines, dict(enumerate(ticks)), said, share=True, axis=axis)


def over_each_other(title: str, lines: dict[str, Points], *, ticks: dict[float, str], share: bool = False) -> str:
    """The same quantity of several runs, one line a name; `ticks`: places on the axis below, and their texts."""
    if not any(lines.values()):
        return ""
    write = _writer(share)
    ends = [f"{name}: {write(points[0][1])} … {write(points[-1][1])}" for name, points in lines.items() if points]
    return _chart(title, lines, ticks, f"{title}. {'; '.join(ends)}", share=share)


def _chart(
    title: str, lines: dict[str, Points], ticks: dict[float, str], said: str, *, share: bool, axis: str = ""
) -> str:
    values = [value for points in lines.values() for _, value in points]
    low, high = (0.0, 1.0) if share else (min(values), max(values))
    if high - low < 1e-9:
        high = low + 1
    first, end = min(ticks), max(max(ticks), 1e-9)
    tall = _HIGH + (16 if axis else 0)

    def x(place: float) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * (place - first) / (end - first)

    def y(value: float) -> float:
        return _HIGH - _BOTTOM - (_HIGH - _TOP - _BOTTOM) * (value - low) / (high - low)

    write = _writer(share)
    rules = "".join(
        f'<path d="M{_LEFT} {y(tick):.1f}H{_WIDE - _RIGHT}"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{write(tick)}</text>'
        for tick in (low, (low + high) / 2, high)
    )
    below = "".join(
        f'<text x="{x(place):.1f}" y="{_HIGH - 6}" text-anchor="{_anchor(place, first, end)}">{escape(text)}</text>'
        for place, text in ticks.items()
    )
    if axis:
        middle = (_LEFT + _WIDE - _RIGHT) / 2
        below += f'<text x="{middle:.0f}" y="{tall - 5}" text-anchor="middle">{escape(axis)}</text>'
    drawn = "".join(
        f'<polyline class="pl-line-{number}" points="{" ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in points)}"/>'
        for number, points in enumerate(lines.values())
    )
    legend = "".join(
        f'<span class="pl-curve-key pl-curve-key-{number}">{escape(name)}</span>'
        for number, name in enumerate(lines)
        if name
    )
    return (
        f'<figure class="pl-curve"><figcaption>{escape(title)}{legend}</figcaption>'
        f'<svg viewBox="0 0 {_WIDE} {tall}" role="img" aria-label="{escape(said, quote=True)}">{rules}{below}{drawn}'
        "</svg></figure>"
    )


def _anchor(place: float, first: float, end: float) -> str:
    return "start" if place == first else "end" if place == end else "middle"


def _writer(share: bool):
    return ("{:.0%}" if share else "{:.3g}").format
