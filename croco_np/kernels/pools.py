"""The threads that kernels and matrix products run on."""

import os
from typing import TYPE_CHECKING

from ..command.streams import one_line
from .compiler import numba
from .twin import give_up, why_numpy

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits


def set_threads(n: int) -> "threadpool_limits":
    """Limit Numba's pool and every BLAS's pool to `n` threads each, the pool of a BLAS that loads later included.

    Returns threadpoolctl's limiter, whose `restore_original_limits()` lifts the limit of the BLAS loaded now.
    """
    from threadpoolctl import threadpool_limits

    os.environ["OPENBLAS_NUM_THREADS"] = str(n)  # SciPy brings an OpenBLAS of its own, read when that loads
    if why_numpy() is None:
        try:
            numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))
        except Exception as error:  # the pool starts here
            give_up(f"Numba's threads cannot start ({type(error).__name__}: {one_line(error)})")
    return threadpool_limits(n)
