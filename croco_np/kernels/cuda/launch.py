"""How a twin is found, how many threads it is given, and how they see arrays.

A kernel in the sense of CUDA is a function that runs once in each of many threads; `launch` starts it. Two shapes of
work occur. For n elements a thread finds its own with `cuda.grid(1)`. For a matrix (rows, columns) it is

    row    = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    column = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x

Threads of a warp differ in threadIdx.x first. They lie along a row, as memory does, so 32 of them read or write 128
bytes side by side: one transaction. Blocks are numbered the other way round, because a grid can have 2^31 of them along
x but only 65535 along y, and there are more rows than columns.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numba import cuda

from ..twin import Kernel

THREADS = 256  # of a block, at most
LANES = 32  # threads of a warp: they run in step
DEFAULT_STREAM = 0

TWINS: dict[str, Callable] = {}
_counted: list[int] | None = None  # in the place of launches, inside `counted`

config: Any = numba.config
SIMULATED = bool(config.ENABLE_CUDASIM)  # kernels run as Python, in Numba's simulator: it is chosen before this import


def twin(kernel: Kernel) -> Callable[[Callable], Callable]:
    """Decorator: registers a function as the CUDA twin of a kernel."""

    def register(function: Callable) -> Callable:
        TWINS[kernel.reference.__name__] = function
        return function

    return register


def launch(function: Any, shape: tuple[int, ...], *args: Any, shared_bytes: int = 0) -> None:
    """Start a thread for each element of `shape`, (n,) or (rows, columns), and some that have none; return at once.

    What was launched before has ended when these threads begin: all run on the device's default stream. Each block has
    `shared_bytes` of memory that its threads share.
    """
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # small batches make small grids: that is known
    if _counted is not None:
        _counted.append(sum(hasattr(a, "shape") and a.shape != () for a in args))
    elif 0 not in shape:  # CUDA refuses a grid without blocks
        function[(*grid(*shape), DEFAULT_STREAM, shared_bytes)](*map(seen_by_cuda, args))


@contextmanager
def counted() -> Iterator[list[int]]:
    """Inside a `with` block nothing is launched: the list gets an entry for each kernel, the number of its arrays."""
    global _counted
    before, _counted = _counted, []
    try:
        yield _counted
    finally:
        _counted = before


def grid(rows: int, columns: int | None = None) -> tuple[tuple[int, int], tuple[int, int]]:
    """Numbers of blocks and of threads in a block, both (along x, along y). A block is no larger than its work."""
    if columns is None:
        threads = _power_of_two(rows, THREADS)
        return (_parts(rows, threads), 1), (threads, 1)
    width = _power_of_two(columns, LANES)
    height = _power_of_two(rows, THREADS // width)
    return (_parts(rows, height), _parts(columns, width)), (width, height)


def _power_of_two(n, most):
    """The first power of two that is not less than n; at most `most`."""
    return min(most, 1 << (n - 1).bit_length())


def _parts(n, size):
    return (n + size - 1) // size


def seen_by_cuda(a: Any) -> Any:
    """An argument as Numba's kernels take it: an array on the device as a view of its memory, a scalar as it is.

    An array of another library names the stream it is used on, and Numba would wait, for each argument, until that
    stream is idle (`sync=True`, its default). There is nothing to wait for: the default stream of CuPy and that of
    Numba are the same, CUDA's legacy default stream, and what runs on one stream runs in order.

    Raises TypeError for an array in the processor's memory: Numba would copy it to the device and back without a word.
    Numba's simulator runs kernels on such arrays, and on those of CuPy's stand-in, whose numbers lie there too.
    """
    if SIMULATED:
        return getattr(a, "_host", a)
    if hasattr(a, "__cuda_array_interface__"):
        return cuda.as_cuda_array(a, sync=False)
    if isinstance(a, np.ndarray):
        raise TypeError(f"an array of shape {a.shape} in host memory reached a CUDA kernel; move it to the device")
    return a


def in_precision(a: np.ndarray, *numbers: float) -> tuple[Any, ...]:
    """Numbers in the precision of an array. A float64 among float32 would make a kernel compute in float64, which most
    cards do at 1/32 or 1/64 of the speed.
    """
    return tuple(map(a.dtype.type, numbers))
