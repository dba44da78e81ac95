"""Measured rates of the machine: matrix products and memory bandwidth; and the BLAS that NumPy uses."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

SIDE = 1536  # of the square product whose rate stands for all products
NUMBERS = 1 << 24  # float32 in each array of the memory test: far more than caches hold
CHUNK = 1 << 16  # of them at a time and thread


def blas() -> str:
    """The BLAS behind NumPy: "openblas 0.3.31, SkylakeX kernels, 2 threads"."""
    from threadpoolctl import threadpool_info

    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if not found:
        return "unknown"
    b = next((library for library in found if "numpy" in library["filepath"]), found[0])  # SciPy may bring another
    kernels = f", {b['architecture']} kernels" if b.get("architecture") else ""
    return f"{b['internal_api']} {b['version']}{kernels}, {b['num_threads']} threads"


class Product:
    """Rate of a square float32 matrix product by BLAS."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.a, self.b = (rng.standard_normal((SIDE, SIDE), np.float32) for _ in range(2))
        self.out = np.empty_like(self.a)

    def step(self, _: object = 0) -> float:
        started = time.perf_counter()
        np.matmul(self.a, self.b, out=self.out)
        return time.perf_counter() - started

    flop = 2 * SIDE**3


class Triad:
    """a <- b + s c over arrays that no cache holds, split among threads: two reads and one write, as STREAM counts.

    In chunks of which the second pass finds the first's result in the cache, so memory sees each array once.
    """

    def __init__(self, threads: int) -> None:
        self.a, self.b, self.c = (np.ones(NUMBERS, np.float32) for _ in range(3))
        self.pool, self.parts = ThreadPoolExecutor(threads), np.linspace(0, NUMBERS, threads + 1).astype(int)

    def _part(self, start, stop):
        for i in range(start, stop, CHUNK):
            rows = slice(i, min(i + CHUNK, stop))
            np.multiply(self.c[rows], np.float32(3), out=self.a[rows])
            np.add(self.a[rows], self.b[rows], out=self.a[rows])

    def step(self, _: object = 0) -> float:
        started = time.perf_counter()
        list(self.pool.map(self._part, self.parts[:-1], self.parts[1:]))
        return time.perf_counter() - started

    bytes = 3 * 4 * NUMBERS
