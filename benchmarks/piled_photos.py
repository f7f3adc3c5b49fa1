"""Thirty visitors' photos at once, at the entry of the pool: looked at together, against one after the other.

What a visitor's request does behind the page, without the page: the handler's own function, with the same photos.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import core
from benchmarks import report
from demo import classify
from demo.context import Context, Limits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30, help="photos at once (default: 30)")
    parser.add_argument("--rounds", type=int, default=9, help="of both ways (default: 9)")
    options = parser.parse_args()
    context = Context.create(Limits())
    core.load_backbone()
    photos = [str(path) for path in report.photos("oxford-iiit-pet/images")[: options.visitors]]
    looks = partial(classify._looks, core.DEFAULT_BACKBONE, True)
    together = partial(context.quick.run_together, looks, alike="photos")
    ways: dict[str, Callable] = {
        "together": lambda photo: together(photo),
        "one after the other": lambda photo: context.quick.run(lambda: looks([photo])[0]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    said: dict[str, list[str]] = {}
    for name, ask in ways.items():  # both awake
        said[name] = asyncio.run(_all(ask, photos))[1]
    for _ in range(options.rounds):
        for name, ask in ways.items():
            seconds[name].append(asyncio.run(_all(ask, photos))[0])
    agree = np.mean([one == other for one, other in zip(*said.values(), strict=True)])
    report.write(
        "piled_photos",
        {
            "photos at once": len(photos),
            "photos a second": {name: round(len(photos) / float(np.median(took)), 1) for name, took in seconds.items()},
            "throughput, together / one after the other": report.median_ratio(
                seconds["one after the other"], seconds["together"]
            ),
            "the same first name": round(float(agree), 3),
        },
    )


async def _all(ask: Callable, photos: list[str]) -> tuple[float, list[str]]:
    began = time.perf_counter()
    looks = await asyncio.gather(*map(ask, photos))
    return time.perf_counter() - began, [look.prediction.top(1)[0].label for look in looks]


if __name__ == "__main__":
    main()
