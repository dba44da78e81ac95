"""What a stopwatch says: rates of products and of memory, and whether the thread pools fight.

Rates are the best of several repeats, since other guests of the machine can only slow a run down; the ratio is one of
medians, since a fight is not lost every time.
"""

import os
import time

import numpy as np
from threadpoolctl import threadpool_limits

from .. import cpu
from ..backend import numba, running
from ..bench.machine import Triad
from ..kernels.relu import bias_relu

SHAPE = 4096, 512, 256  # rows, inputs, outputs of a layer in training
REPEATS = 25


def rates():
    """{"gemm_one", "gemm_all": GFLOP/s in float32; "triad": GB/s; "peace": ratio, or None where no twin runs; "load"}.

    peace  time of a product right after a parallel region of Numba over its time alone; near 1 is peace
    load   processes that wanted to run, mean of the last minute; None where the system does not tell
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    multiply = _product()
    gflop = float(2 * np.prod(SHAPE) / 1e9)
    alone = seconds(multiply)  # before the first parallel region: a pool that spins does so for good
    with threadpool_limits(1):
        one = seconds(multiply)
    triad = seconds(Triad(cpu.cores()).step, 5)
    return {
        "gemm_one": gflop / min(one),
        "gemm_all": gflop / min(alone),
        "triad": Triad.bytes / min(triad) / 1e9,
        "peace": peace(multiply, alone) if numba is not None and running() == "numba" else None,
        "load": load,
    }


def peace(multiply, alone):
    """Median seconds of `multiply` right after a parallel region, over those of `alone`."""
    z, b = np.zeros((SHAPE[0], SHAPE[1]), np.float32), np.zeros(SHAPE[1], np.float32)
    bias_relu(z, b)  # compiles
    return float(np.median(seconds(multiply, before=lambda: bias_relu(z, b))) / np.median(alone))


def seconds(run, repeats=REPEATS, before=lambda: None):
    """Seconds of each repeat of a run but the first, with `before` called, untimed, ahead of each."""
    taken = []
    for _ in range(repeats + 1):
        before()
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return taken[1:]


def _product():
    rows, n_in, n_out = SHAPE
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((rows, n_in), np.float32), rng.standard_normal((n_in, n_out), np.float32)
    out = np.empty((rows, n_out), np.float32)
    return lambda: np.matmul(x, W, out=out)
