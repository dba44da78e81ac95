"""Measured rates of products and of memory, and how much idle threads that spin slow a product down.

Rates are the best of several repeats, since other guests of the machine can only slow a run down; the ratio is one of
medians, since a fight is not lost every time.
"""

import os
import time
from collections.abc import Callable

import numpy as np

from ..kernels.relu import bias_relu
from ..kernels.twin import numba, running
from ..machine import cpu
from ..machine.rates import Triad

SHAPE = 4096, 512, 256  # rows, inputs, outputs of a layer in training
REPEATS = 25


def rates() -> dict[str, float | None]:
    """{"gemm_one", "gemm_all": GFLOP/s in float32; "triad": GB/s; "peace": ratio; "load"}, None if unknown.

    peace  time of a product right after a parallel region of Numba over its time alone; near 1: no thread spins
    load   processes that wanted to run, mean of the last minute
    """
    multiply = _product()
    gflop = float(2 * np.prod(SHAPE) / 1e9)
    load = _load()
    alone = seconds(multiply)  # before the first parallel region: a pool that spins does so for good
    one, triad = _if_possible(lambda: _on_one_thread(multiply)), _if_possible(_triad)
    return {
        "gemm_one": one and gflop / min(one),
        "gemm_all": gflop / min(alone),
        "triad": triad and Triad.bytes / min(triad) / 1e9,
        "peace": peace(multiply, alone) if numba is not None and running() == "numba" else None,
        "load": load,
    }


def _on_one_thread(multiply):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return seconds(multiply)


def _triad():
    return seconds(Triad(cpu.cores()).step, 5)


def _load():
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # not every system tells
        return None


def _if_possible(measure):
    """What is measured; None where the library for it, memory or threads are missing."""
    try:
        return measure()
    except Exception:
        return None


def peace(multiply: Callable, alone: list[float]) -> float:
    """Median seconds of `multiply` right after a parallel region, over those of `alone`."""
    z, b = np.zeros((SHAPE[0], SHAPE[1]), np.float32), np.zeros(SHAPE[1], np.float32)
    bias_relu(z, b)  # compiles
    return float(np.median(seconds(multiply, before=lambda: bias_relu(z, b))) / np.median(alone))


def seconds(run: Callable, repeats: int = REPEATS, before: Callable = lambda: None) -> list[float]:
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
