"""The phases of a step: the time of each, and its limit.

The phases of a step add up to the step. Reading the clock costs time, too: steps are measured with and without.

Each phase has a limit of its own: the operations of its products at the machine's rate of products, plus the bytes that
its kernels must read and write, each array once, at the rate of memory. A phase can beat its limit: what the caches
hold does not come from memory. On a GPU the limits of all phases together are a second floor of the step, above that
of the products alone; NumPy's functions between kernels move bytes that are not in it.
"""

from typing import NamedTuple

import numpy as np

from .clock import PHASES, Clock
from .instruments import instruments
from .measure import Step, Timing, interleave
from .ours import Ours
from .place import measures


class Phase(NamedTuple):
    """Median milliseconds of a phase, its share of all, and its limit: milliseconds and what sets it."""

    ms: float
    share: float
    limit_ms: float
    limit: str


class Breakdown(NamedTuple):
    """Where a step's time goes, and what was measured in turns with it.

    phases                {name: `Phase`}
    plain, instrumented   `Timing` of a step without and with instruments
    gemm, memory          the machine's rates: operations a second, bytes a second
    """

    phases: dict[str, Phase]
    plain: Timing
    instrumented: Timing
    gemm: float
    memory: float


def breakdown(ours: Ours, threads: int, repeats: int) -> Breakdown:
    """The `Breakdown` of the steps of `ours`, which are warm."""
    clocks: list[Clock] = []
    product, triad = measures(ours.backend, threads)

    def instrumented(i):
        with instruments(ours.watch) as clock:
            seconds = ours.step(i)
            clock.stop()
        clocks.append(clock)
        return seconds

    steps: dict[str, Step] = {"plain": ours.step, "instrumented": instrumented}
    steps |= {"product": product.step, "memory": triad.step}
    times = interleave(steps, repeats, "phases")
    gemm, memory = product.flop / times["product"].median, triad.bytes / times["memory"].median
    timed = clocks[-times["instrumented"].repeats :]
    median = {
        what: {name: float(np.median([getattr(clock, what)[name] for clock in timed])) for name in PHASES}
        for what in ("seconds", "flop", "bytes")
    }
    total = sum(median["seconds"].values())
    found: dict[str, Phase] = {}
    for name in PHASES:
        seconds, flop, moved = (median[what][name] for what in ("seconds", "flop", "bytes"))
        limit = " + ".join(word for word, amount in (("FLOP", flop), ("bytes", moved)) if amount)
        found[name] = Phase(1e3 * seconds, seconds / total, 1e3 * (flop / gemm + moved / memory), limit)
    return Breakdown(found, times["plain"], times["instrumented"], gemm, memory)
