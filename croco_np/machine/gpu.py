"""Measured rates of a GPU: products, copies on the device and to it, and the cost of one call. By CUDA's events.

Written for CUDA GPUs; run on the stand-in only, where times mean nothing.

Nothing here names a library: `xp` is the module `cupy`, which `backend` loads.
"""

from typing import Any, NamedTuple

import numpy as np

from .watch import EventWatch

CALLS = 200  # small calls in a row


class Sizes(NamedTuple):
    """How large the arrays of the measurements are: large enough to keep all of a GPU busy, and past its caches.

    side     of the square product whose rate stands for all products
    numbers  float32 in each array that is copied
    """

    side: int = 4096
    numbers: int = 1 << 26


FULL, SMALL = Sizes(), Sizes(64, 1 << 12)  # SMALL: for the stand-in, where there is nothing to measure


class Product:
    """Rate of a square float32 matrix product, in the precision that is set (`Gpu.multiply_in`)."""

    def __init__(self, xp: Any, sizes: Sizes = FULL) -> None:
        rng, shape = np.random.default_rng(0), (sizes.side, sizes.side)
        self.a, self.b = (xp.asarray(rng.standard_normal(shape, np.float32)) for _ in range(2))
        self.out, self.watch, self.flop = xp.empty(shape, np.float32), EventWatch(xp), 2 * sizes.side**3

    def step(self, _: object = 0) -> float:
        start = self.watch.mark()
        np.matmul(self.a, self.b, out=self.out)
        return self.watch.seconds(start, self.watch.mark())


class Copy:
    """Rate of the device's memory: an array copied to another, each number read once and written once."""

    def __init__(self, xp: Any, sizes: Sizes = FULL) -> None:
        self.a = xp.asarray(np.ones(sizes.numbers, np.float32))
        self.b, self.watch, self.bytes = xp.empty(sizes.numbers, np.float32), EventWatch(xp), 2 * 4 * sizes.numbers

    def step(self, _: object = 0) -> float:
        start = self.watch.mark()
        np.copyto(self.b, self.a)
        return self.watch.seconds(start, self.watch.mark())


class Upload:
    """Rate of copies from the host to the device.

    pinned  whether the host's memory is locked in place. Then the device fetches it by itself; else the driver copies
            it to memory of that kind first, piece by piece, and the processor waits.
    """

    def __init__(self, xp: Any, pinned: bool, sizes: Sizes = FULL) -> None:
        self.bytes = 4 * sizes.numbers
        self.memory = xp.cuda.alloc_pinned_memory(self.bytes) if pinned else bytearray(self.bytes)
        self.a = np.frombuffer(self.memory, np.float32, sizes.numbers)
        self.b, self.watch = xp.empty(sizes.numbers, np.float32), EventWatch(xp)

    def step(self, _: object = 0) -> float:
        start = self.watch.mark()
        self.b.set(self.a)
        return self.watch.seconds(start, self.watch.mark())


class Call:
    """What one call of a NumPy function on a device array costs when there is next to nothing to compute.

    That is Python, NumPy's protocol, CuPy, and the launch of one kernel. Calls follow on each other, so the slower of
    the two counts: the processor that hands them over, or the device that starts them.
    """

    def __init__(self, xp: Any) -> None:
        self.x, self.watch = xp.asarray(np.zeros(1, np.float32)), EventWatch(xp)

    def step(self, _: object = 0) -> float:
        start = self.watch.mark()
        for _ in range(CALLS):
            np.negative(self.x, out=self.x)
        return self.watch.seconds(start, self.watch.mark()) / CALLS


def best(contender: Any, repeats: int = 7) -> float:
    """Seconds of the fastest of some steps, after two to warm up: other programs can only slow a step down."""
    seconds = [contender.step() for _ in range(2 + repeats)]
    return min(seconds[2:])
