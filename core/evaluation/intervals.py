"""How far a share that was counted on a few pictures may be from the true one."""

from __future__ import annotations

import math
from statistics import NormalDist

from core.errors import SettingsError

# Two-sided 95 %: 1.959964
Z = NormalDist().inv_cdf(0.975)


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share: between which values the true share probably lies.

    Unlike p ± 1.96 sqrt(p (1 - p) / n) it stays inside [0, 1], and does not shrink to a point when all are right.

    Args:
        correct: how many of the pictures are right, from 0 to `n`.
        n: pictures, at least 1.

    Returns:
        Its lower and upper end, in [0, 1].

    Raises:
        SettingsError: `n` is below 1, or `correct` is not from 0 to `n`.

    References:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if n < 1 or not 0 <= correct <= n:
        raise SettingsError(
            "An interval needs at least one picture and from 0 to n right, not {correct} of {n}.",
            correct=correct,
            n=n,
        )
    share = correct / n
    middle = share + Z * Z / (2 * n)
    reach = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    # at 0 and at n one end is the share itself; floating point misses it by the last bit
    low = 0.0 if correct == 0 else (middle - reach) / scale
    high = 1.0 if correct == n else (middle + reach) / scale
    return low, high
