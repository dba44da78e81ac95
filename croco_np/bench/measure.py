"""Timing of several contenders in turns, step by step.

On a machine with other guests a second of today is not a second of a minute ago: times taken one contender after the
other say little, ratios of medians over interleaved steps say much.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..command.progress import bar

Step = Callable[[int], float]  # step i of a contender -> its seconds

WARM_STEPS = 2  # after the first, untimed: caches fill, memory settles
AWAKE = 0.2  # seconds of untimed steps at the start of a turn: cores that were idle are slow
SLOW = 5.0  # seconds of a step above which a contender gets fewer repeats
SLOW_SECONDS = 40.0  # that a slow contender may take in all
FEWEST = 2


class Timing(NamedTuple):
    """Seconds of a step: the first one, and of the repeats the median and the quartiles."""

    first: float
    median: float
    low: float
    high: float
    repeats: int


def warm(step: Step) -> tuple[float, float]:
    """The first step by itself, then a few more unless they are slow -> seconds of the first, of the last."""
    first = last = step(0)
    for i in range(1, WARM_STEPS + 1):
        if last < SLOW:
            last = step(i)
    return first, last


def interleave(
    steps: dict[Any, Step], repeats: int, what: str, warmed: dict[Any, tuple[float, float]] | None = None
) -> dict[Any, Timing]:
    """Time steps in turns: {name: function(i) -> seconds} -> {name: `Timing`}.

    A contender whose step takes more than `SLOW` seconds gets fewer repeats, at least `FEWEST`, spread over the rounds.
    warmed  {name: (first, last)} of contenders that are warm already
    """
    with bar(len(steps) + repeats, what, "rounds") as progress:
        warmed = dict(warmed or {})
        for name, step in steps.items():
            if name not in warmed:
                warmed[name] = warm(step)
            progress.update(1)
        wanted = {name: _repeats(last, repeats) for name, (_, last) in warmed.items()}
        seconds: dict[Any, list[float]] = {name: [] for name in steps}
        for r in range(repeats):
            for name, step in steps.items():
                if (r + 1) * wanted[name] // repeats > r * wanted[name] // repeats:
                    seconds[name].append(_turn(step, WARM_STEPS + 1 + r, warmed[name][1]))
            progress.update(1)
    return {name: timing(warmed[name][0], seconds[name]) for name in steps}


def _turn(step, i, last):
    """One timed step, after untimed ones of the same contender for `AWAKE` seconds; slower steps wake up on the way."""
    spent = 0.0
    while spent < AWAKE and last < AWAKE:
        spent += step(i)
    return step(i)


def timing(first: float, seconds: list[float]) -> Timing:
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75))
    return Timing(first, float(median), float(low), float(high), len(seconds))


def _repeats(last, repeats):
    return repeats if last < SLOW else min(repeats, max(FEWEST, int(SLOW_SECONDS / last)))
