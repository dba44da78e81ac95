"""Settings of this process that training is faster with: when they are made, and what is said if they are not.

Commands make them before NumPy loads (`command/start.py`). A program that imports the library keeps its own settings
until it calls `tune`; `hint` says when that would pay.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from . import cpu, heap, threads

SWITCH = "CROCO_NP_AS_IS"
ALONE = f"{SWITCH} is set"
REMEDY = "call croco_np.tune() before importing NumPy, or export these before Python starts"
MINOR = ("OPENBLAS_THREAD_TIMEOUT",)  # OpenBLAS's idle workers give way, if slowly: not worth a hint by itself


@dataclass(frozen=True)
class Tuning:
    """What `tune` did to this process.

    environment  {name: value} of the variables that it set
    late         of these, the ones that a library which was loaded already did not see
    heap         why freed memory goes back to the system as before, or None: it is kept for reuse
    """

    environment: dict[str, str]
    late: dict[str, str]
    heap: str | None

    def __repr__(self) -> str:
        in_time = {name: value for name, value in self.environment.items() if name not in self.late}
        memory = f"heap as it was ({self.heap})" if self.heap else "freed memory is kept for reuse"
        lines = [f"set: {_words(in_time) or 'no variables'}; {memory}"]
        if self.late:
            lines.append(f"too late, since NumPy is loaded: {_words(self.late)}; {REMEDY}")
        return "\n".join(lines)


def tune() -> Tuning:
    """Make this process's settings right for training: idle threads sleep, and freed memory is kept for reuse.

    Sets environment variables for OpenMP and OpenBLAS (`machine.threads`) and malloc's thresholds (`machine.heap`). A
    library reads its variables when it loads, so call it first:

        import croco_np
        croco_np.tune()
        import numpy as np

    Called later it does what can still be done: the heap, and libraries that are not loaded yet. The result says what
    came too late. Variables that are set already stay, CROCO_NP_AS_IS=1 leaves everything as it is, and a second call
    changes nothing. It never raises; where a system has no such settings the result says so.

    What it is worth: on two cores of its own a step takes half the time (tutorials/reference/speed.md). On two cores
    that other programs used, too, a step of Crocodile at KuaiRand's size took 0.9 to 2.3 s without it and 0.02 to 0.2 s
    with it, whether called before NumPy or after (medians of 120 steps, three processes each): most of it is Numba's
    threads, which start at the first compiled kernel, and the heap, which can be told at any time.

    The commands (`python -m croco_np.train`) call it by themselves.
    """
    if as_is(os.environ):
        return Tuning({}, {}, ALONE)
    threads.set_missing(os.environ)
    heap.keep_pages(os.environ)
    return Tuning(dict(threads.OURS), dict(threads.LATE), heap.STATE["why"])


def hint() -> str | None:
    """One line for a program that is about to train, if `tune` would make it faster; None if there is nothing to say.

    Silent where the settings are made, where the user set them otherwise, and where they make no difference: one core
    has no pools that fight, another BLAS has no such variables. To be asked when NumPy is loaded.
    """
    if as_is(os.environ):
        return None
    unset = threads.missing(os.environ)
    if unset:
        unset = threads.slowing(unset, threads.loaded(), True, cpu.cores())
    gives_back = not heap.STATE["pages_kept"] and heap.reason_against(os.environ) is None
    if unset or gives_back:
        exports = f", or export {_words(unset)} before Python starts" if unset else ""
        return f"training is slower with the settings of this process: call croco_np.tune(){exports}"
    late = {name: value for name, value in threads.LATE.items() if name not in MINOR}
    return f"croco_np.tune() came too late for {_words(late)}: {REMEDY}" if late else None


def as_is(environ: Mapping[str, str]) -> bool:
    """Whether the user wants processes left alone."""
    return environ.get(SWITCH, "0") not in ("", "0")


def _words(settings: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())
