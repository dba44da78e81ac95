"""The cost of argument checks: how much of the time of making a batch and taking a step they take.

The functions are wrapped wherever a module of the package has them. The clock's own time counts, so the figure is an
upper bound. It is part of the phases in which the checks are made.
"""

import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from .. import arguments, batch, optim, tree
from ..layers import domain
from .ours import Ours

FUNCTIONS: tuple[Callable, ...] = (arguments.expect, batch.check_ids, batch.check_domain_ids, batch.check_labels)
FUNCTIONS += (domain.check_domains, optim._check_shape, optim._check_rows, optim._check_awake)
FUNCTIONS += (tree.same_leaves, tree.same_lists, tree.in_row)
METHODS = ((arguments.Takes, "__call__"), (tree.RowGrad, "check"))


class Stopwatch:
    """Seconds spent in what it watches, and how many calls there were; a call inside a call is not counted again."""

    def __init__(self) -> None:
        self.seconds, self.calls, self.running = 0.0, 0, False

    def watch(self, f: Callable) -> Callable:
        @functools.wraps(f)
        def timed(*args, **kwargs):
            if self.running:
                return f(*args, **kwargs)
            self.running, started = True, time.perf_counter()
            try:
                return f(*args, **kwargs)
            finally:
                self.running = False
                self.seconds += time.perf_counter() - started
                self.calls += 1

        return timed


@contextmanager
def watched() -> Iterator[Stopwatch]:
    """A `Stopwatch` on all checks inside the block."""
    watch = Stopwatch()
    undo: list[tuple] = []
    modules = [m for name, m in list(sys.modules.items()) if name.startswith("croco_np")]
    places: list[tuple] = [
        (m, name, f) for m in modules for name, f in list(vars(m).items()) if any(f is g for g in FUNCTIONS)
    ]
    places += [(owner, name, vars(owner)[name]) for owner, name in METHODS]
    for owner, name, f in places:
        undo.append((owner, name, f))
        setattr(owner, name, watch.watch(f))
    try:
        yield watch
    finally:
        for owner, name, f in undo:
            setattr(owner, name, f)


def cost(ours: Ours, repeats: int) -> float:
    """Median seconds that the checks take in making a batch and stepping on it, `ours` being warm."""
    seconds = []
    for i in range(repeats):
        with watched() as watch:
            next(ours.trainer.batches(i))
            ours.step(i)
        seconds.append(watch.seconds)
    return float(np.median(seconds))
