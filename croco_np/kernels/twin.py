"""Kernels: one NumPy definition each, and optionally a Numba twin that runs faster and must agree with it.

    @kernel
    def double(x):            # the definition: what a reader reads, what complex step differentiates
        return 2 * x

    @double.numba             # the twin: same arguments, same results, compiled at its first call
    def double(x): ...

    double.takes(x=real("B N"))   # checked before either side runs; see `arguments`

Calling `double(x)` runs the twin if Numba works, `CROCO_NP_KERNELS` is not `numpy`, and no argument is complex. The
definitions run instead, and a line says why, where Numba fails to compile and in a child that was forked while its
threads ran. Of arrays on a GPU the CUDA twin runs (`kernels.device`), or the definition, by CuPy.
"""

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from ..arguments import COMPLEX, Rule, Takes
from ..backend import on_device
from ..command.interrupts import uninterrupted
from ..command.streams import note, one_line
from . import compiler, device
from .compiler import numba, prange  # noqa: F401 (for kernels)

KERNELS: dict[str, "Kernel"] = {}  # name -> Kernel, in order of definition: tests and the benchmark walk over it

_use_twins = numba is not None
_why_numpy = compiler.WHY_NONE  # for good; None while twins can run
_lost_threads = False  # in a forked child: the threads of Numba's pool stayed with the parent
_turn = threading.RLock()  # one thread at a time runs a twin; None once Numba's threading layer is known to allow more


class Kernel:
    """A NumPy function and its optional Numba twin; see the module's docstring.

    reference  the definition, unchecked: NumPy never reaches outside an array
    twin       the twin behind the check, or None
    """

    def __init__(self, reference: Callable) -> None:
        functools.update_wrapper(self, reference)
        self.reference = reference
        self.twin: Any = None
        self.compiled: Any = None
        self.check: Any = None
        KERNELS[reference.__name__] = self

    def takes(self, **rules: Rule) -> None:
        """Say what each argument is. What does not fit is refused before either side runs, with the same exception."""
        self.check = Takes(self.reference, **rules)

    def numba(self, twin: Callable) -> Self:
        """Attach the twin. `prange` in it runs in parallel; every thread must own what it writes."""
        try:
            self.compiled = compiler.twin_of(twin)
        except Exception as error:
            give_up(f"Numba fails ({type(error).__name__}: {one_line(error)})")
        if self.compiled is not None:

            @functools.wraps(twin)
            def checked(*args):
                return self.compiled(*self.check(args))

            self.twin = checked
            self.twin.py_func = twin
        return self

    def __call__(self, *args: Any) -> Any:
        return self.run(*self.check(args))

    def run(self, *args: Any) -> Any:
        """Call it without the check: only where the lines above have made sure of all that the check does."""
        if any(map(on_device, args)):
            return self.on_device(args)
        if (
            self.compiled is None
            or not _use_twins
            or any(isinstance(a, np.ndarray) and a.dtype.kind == "c" for a in args)
        ):
            return self.reference(*args)
        return self._run_twin(args)

    def on_device(self, args: tuple) -> Any:
        """The result for device arrays: of the CUDA twin where there is one that runs, or else of the definition."""
        twin = device.twin_of(self.reference.__name__) if _use_twins else None
        if twin is None or any(getattr(a, "dtype", np.bool_) in COMPLEX for a in args):
            return self.reference(*args)
        return twin(*args)

    def _run_twin(self, args):
        """The twin's result, or the definition's where the twin cannot be compiled. An error of the twin is raised."""
        if _lost_threads:
            give_up("this process was forked while Numba's threads ran")
            return self.reference(*args)
        try:
            with uninterrupted:  # it may be compiled or loaded now
                return self.compiled(*args) if _turn is None else _in_turn(self.compiled, args)
        except Exception as error:
            if compiler.knows(self.compiled, args):
                raise
            self.check(args)  # of `run` they came unchecked: what is wrong with one call is no fault of Numba's
            result = self.reference(*args)
            if not compiler.is_about_types(error):
                give_up(f"Numba cannot compile {self.__name__} ({type(error).__name__}: {one_line(error)})")
            return result


kernel = Kernel


def _in_turn(twin, args):
    """Run a twin while no other thread does: two at once would end the process on the threading layer "workqueue"."""
    global _turn
    with _turn:
        result = twin(*args)
        if compiler.layer() in ("omp", "tbb"):
            _turn = None
    return result


def give_up(why: str) -> None:
    """Run the definitions from here on, and say why."""
    global _use_twins, _why_numpy
    _use_twins, _why_numpy = False, why
    note_numpy()


def _after_fork():
    """In a forked child: GNU's OpenMP would end it, or wait for ever, at its first parallel region."""
    global _turn, _lost_threads
    if _turn is not None:
        _turn = threading.RLock()  # another thread of the parent may have held it
    _lost_threads = compiler.layer() not in (None, "tbb", "workqueue")


if numba is not None and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def why_numpy() -> str | None:
    """Why no twin can run in this process, in words; None if they can."""
    return _why_numpy


def note_numpy() -> None:
    """Say, once, that kernels run in NumPy, unless that was asked for."""
    if _why_numpy and not compiler.IS_ASKED_FOR:
        note(f"{_why_numpy}: kernels run in NumPy, more slowly")


def running() -> str:
    """'numba' or 'numpy': which side of the kernels runs now."""
    return "numba" if _use_twins and not _lost_threads else "numpy"


@contextmanager
def using(side: str) -> Iterator[None]:
    """Run one side of the kernels ('numba' or 'numpy') inside a `with` block."""
    global _use_twins
    before = _use_twins
    _use_twins = side == "numba" and _why_numpy is None
    try:
        yield
    finally:
        _use_twins = before and _why_numpy is None
