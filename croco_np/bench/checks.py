"""The cost of argument checks: how much of the time of making a batch and taking a step they take.

The functions are wrapped wherever a module of the package has them. The clock's own time counts, so the figure is an
upper bound. It is part of the phases in which the checks are made.
"""

import functools
import sys
import time
from contextlib import contextmanager

import numpy as np

from .. import arguments, batch, optim, tree
from ..layers import domain

FUNCTIONS = (arguments.expect, batch.check_ids, batch.check_domain_ids, batch.check_labels, domain.check_domains)
FUNCTIONS += (optim._check_shape, optim._check_rows, optim._check_awake, tree.same_leaves, tree.same_lists, tree.in_row)
METHODS = ((arguments.Takes, "__call__"), (tree.RowGrad, "check"))


class Stopwatch:
    """Seconds spent in what it watches, and how many calls there were; a call inside a call is not counted again."""

    def __init__(self):
        self.seconds, self.calls, self.running = 0.0, 0, False

    def watch(self, f):
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
def watched():
    """A `Stopwatch` on all checks inside the block."""
    watch, undo = Stopwatch(), []
    modules = [m for name, m in list(sys.modules.items()) if name.startswith("croco_np")]
    places = [(m, name, f) for m in modules for name, f in list(vars(m).items()) if any(f is g for g in FUNCTIONS)]
    places += [(owner, name, vars(owner)[name]) for owner, name in METHODS]
    for owner, name, f in places:
        undo.append((owner, name, f))
        setattr(owner, name, watch.watch(f))
    try:
        yield watch
    finally:
        for owner, name, f in undo:
            setattr(owner, name, f)


def cost(ours, repeats):
    """Median seconds that the checks take in making a batch and stepping on it, `ours` being warm."""
    seconds = []
    for i in range(repeats):
        with watched() as watch:
            next(ours.trainer.batches(i))
            ours.step(i)
        seconds.append(watch.seconds)
    return float(np.median(seconds))
