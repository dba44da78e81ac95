"""Kernels: one NumPy definition each, and optionally a Numba twin that runs faster and must agree with it.

    @kernel
    def double(x):            # the definition: what a reader reads, what complex step differentiates
        return 2 * x

    @double.numba             # the twin: same arguments, same results, compiled at its first call
    def double(x): ...

    double.takes(x=real("B N"))   # checked before either side runs; see `arguments`

Calling `double(x)` runs the twin if Numba can be imported, `CROCO_NP_KERNELS` is not `numpy`, and no argument is
complex.
"""

import functools
import os
from contextlib import contextmanager

import numpy as np

from .arguments import Takes

try:
    import numba
    from numba import prange
except ImportError:  # the package works without it, more slowly
    numba, prange = None, range

KERNELS = {}  # name -> Kernel, in order of definition: tests and the benchmark walk over it

_asked = os.environ.get("CROCO_NP_KERNELS", "numba")
if _asked not in ("numba", "numpy"):
    raise ValueError(f"CROCO_NP_KERNELS={_asked!r}: must be 'numba' or 'numpy'")
_use_twins = numba is not None and _asked == "numba"


class Kernel:
    """A NumPy function and its optional Numba twin; see the module's docstring.

    reference  the definition, unchecked: NumPy never reaches outside an array
    twin       the twin behind the check, or None
    """

    def __init__(self, reference):
        functools.update_wrapper(self, reference)
        self.reference = reference
        self.twin = self.compiled = self.check = None
        KERNELS[self.__name__] = self

    def takes(self, **rules):
        """Say what each argument is. What does not fit is refused before either side runs, with the same exception."""
        self.check = Takes(self.reference, **rules)

    def numba(self, twin):
        """Attach the twin. `prange` in it runs in parallel; every thread must own what it writes."""
        if numba is not None:
            self.compiled = numba.njit(parallel=True, cache=True, error_model="numpy")(twin)

            @functools.wraps(twin)
            def checked(*args):
                self.check(args)
                return self.compiled(*args)

            self.twin, checked.py_func = checked, twin
        return self

    def __call__(self, *args):
        self.check(args)
        return self.run(*args)

    def run(self, *args):
        """Call it without the check: only where the lines above have made sure of all that the check does."""
        if (
            self.compiled is None
            or not _use_twins
            or any(isinstance(a, np.ndarray) and a.dtype.kind == "c" for a in args)
        ):
            return self.reference(*args)
        return self.compiled(*args)


kernel = Kernel


def running():
    """'numba' or 'numpy': which side of the kernels runs now."""
    return "numba" if _use_twins else "numpy"


@contextmanager
def using(side):
    """Run one side of the kernels ('numba' or 'numpy') inside a `with` block."""
    global _use_twins
    before = _use_twins
    _use_twins = side == "numba" and numba is not None
    try:
        yield
    finally:
        _use_twins = before


def set_threads(n):
    """Limit Numba's pool and every BLAS's pool to `n` threads each, the pool of a BLAS that loads later included.

    Returns threadpoolctl's limiter, whose `restore_original_limits()` lifts the limit of the BLAS loaded now.
    """
    from threadpoolctl import threadpool_limits

    os.environ["OPENBLAS_NUM_THREADS"] = str(n)  # SciPy brings an OpenBLAS of its own, read when that loads
    if numba is not None:
        numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))
    return threadpool_limits(n)
