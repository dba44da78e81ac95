"""Numba, where there is one that works: loaded here, it compiles the twins of kernels and keeps what it compiled.

numba        the module, or None where no twin runs
prange       its parallel loop, or `range`
WHY_NONE     why there is no Numba, in words; None if there is one
IS_ASKED_FOR whether that is what the user wanted
"""

import os
from collections.abc import Callable
from typing import Any

from ..command.start import KERNELS, wrong_kernels
from ..command.streams import note, one_line

ABSENT = "Numba is not installed (pip install numba)"


def _load(environ):
    """-> numba, prange, why there is none. A library that is there and fails may raise anything."""
    if wrong := wrong_kernels(environ):
        raise ValueError(wrong)
    if environ.get(KERNELS) == "numpy":
        return None, range, f"{KERNELS}=numpy asks for it"
    try:
        import numba

        if numba.config.DISABLE_JIT:
            return None, range, "NUMBA_DISABLE_JIT switches Numba off"
        return numba, numba.prange, None
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "numba":
            return None, range, ABSENT
        why = f"Numba cannot be loaded ({type(error).__name__}: {one_line(error)})"
        note(f"{why}: kernels run in NumPy, more slowly")
        return None, range, why


numba, prange, WHY_NONE = _load(os.environ)
IS_ASKED_FOR = os.environ.get(KERNELS) == "numpy"


def twin_of(function: Callable) -> Any:
    """A function, compiled at its first call; None where there is no Numba."""
    if numba is None:
        return None
    from . import cache as kernel_cache  # with it parts of Numba

    twin = numba.njit(parallel=True, error_model="numpy")(function)
    twin._cache = kernel_cache.of(function)
    return twin


def knows(twin: Any, args: tuple) -> bool:
    """Whether a twin is compiled for arguments like these: if not, a call that failed did not touch them."""
    try:
        return tuple(map(twin.typeof_pyval, args)) in twin.overloads
    except Exception:  # arguments that Numba has no type for
        return False


def is_about_types(error: Exception) -> bool:
    """Whether compiling failed because of the types of the arguments, not because Numba is broken."""
    return isinstance(error, (numba.core.errors.TypingError, numba.core.errors.UnsupportedError))


def layer() -> str | None:
    """The threading layer of Numba's pool: "omp", "tbb" or "workqueue"; None before the pool has started."""
    try:
        return numba.threading_layer()
    except ValueError:
        return None
