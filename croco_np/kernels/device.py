"""CUDA twins of kernels, where there are some that run: loaded when the first device array reaches a kernel."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module

from .. import backend
from ..command.streams import note, one_line

SIMULATOR = "NUMBA_ENABLE_CUDASIM"  # environment variable: "1" runs CUDA kernels in Numba's simulator, without a GPU

_instead: dict[str, Callable] | None = None


def twin_of(name: str) -> Callable | None:
    """The CUDA twin of a kernel; None where it has none, or CUDA twins cannot run: then CuPy runs the definition."""
    return (_running() if _instead is None else _instead).get(name)


def all_twins() -> dict[str, Callable]:
    """{name of a kernel: its CUDA twin}, whether they can run here or not. Raises ImportError without numba.cuda."""
    return import_module(f"{__package__}.cuda").TWINS  # with it numba.cuda


def not_launching() -> AbstractContextManager[list[int]]:
    """Inside a `with` block CUDA twins launch nothing; the list gets, for each kernel, the number of its arrays."""
    return import_module(f"{__package__}.cuda.launch").counted()


@functools.cache
def _running():
    """The CUDA twins that can run; none, and a line says why, where Numba's CUDA target does not work.

    The stand-in for CuPy has none, but in Numba's simulator.
    """
    simulated = os.environ.get(SIMULATOR) == "1"
    if backend.load("cupy").is_standin and not simulated:
        return {}
    try:
        if not simulated:
            _require_a_gpu()
        return all_twins()
    except Exception as error:  # a library of CUDA that is missing may raise anything
        note(f"CUDA twins cannot run ({type(error).__name__}: {one_line(error)}): kernels run in CuPy, more slowly")
        return {}


def _require_a_gpu():
    if not import_module("numba.cuda").is_available():
        raise RuntimeError("numba.cuda finds no GPU")


def side() -> str:
    """What runs kernels on the device: "cuda", their twins, or "cupy", their definitions."""
    return "cuda" if _running() else "cupy"


@contextmanager
def instead(twins: dict[str, Callable]) -> Iterator[None]:
    """Run other functions in the place of the CUDA twins inside a `with` block: to count them, or to test them."""
    global _instead
    before, _instead = _instead, twins
    try:
        yield
    finally:
        _instead = before
