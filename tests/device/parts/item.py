"""What is checked, where, and how far two results are from each other."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..moved import arrays, back

PRECISIONS = ("float64", "float32")


class Found(NamedTuple):
    """A figure, and a word on where it was found."""

    figure: float
    where: str = ""


class Item(NamedTuple):
    """One line of the report.

    what       is looked at
    measure    function() -> `Found`, called when its turn comes; for a line without a verdict, a text
    tolerance  the figure must not be larger; None for goals
    goal       the figure should not be smaller: missed, it is no failure
    """

    what: str
    measure: Callable[[], Any]
    tolerance: float | None = None
    goal: float | None = None


class NotRun(Exception):
    """Why an item cannot be measured, where that is no failure of the package."""


class Place:
    """Where the parts run.

    gpu       the backend of CuPy
    standin   whether no GPU is used
    systems   names of the systems to go through
    kuairand  folder of KuaiRand's raw files, or None
    ends      `time.monotonic()` at which the part under way must end
    """

    def __init__(self, gpu: Any, systems: tuple[str, ...], kuairand: Path | None = None) -> None:
        self.gpu, self.systems, self.kuairand = gpu, systems, kuairand
        self.standin = bool(gpu.is_standin)
        self.ends = float("inf")

    @property
    def left(self) -> float:
        """Seconds that the part under way has left."""
        return self.ends - time.monotonic()

    @property
    def sides(self) -> dict[str, str]:
        """{which kernels run on the device: the side that `kernels.twin.using` is asked for}."""
        return {"definitions": "numpy"} if self.standin else {"definitions": "numpy", "twins": "numba"}


def furthest(there: Any, here: Any, least: float = 0.0) -> Found:
    """The largest difference of two results' arrays, each relative to its own largest entry, and the array's path.

    least  an array counts as no smaller than this share of the largest of all floating-point arrays of the result:
           sums that cancel keep the rounding of their terms

    Shapes and dtypes must agree, and an array of zeros must be met exactly: infinite where they do not.
    """
    there, here = arrays(back(there)), arrays(here)
    if there.keys() != here.keys() or not here:
        return Found(np.inf, f"different arrays: {sorted(there.keys() ^ here.keys())[:3]}")
    smallest = least * max((_largest(b) for b in here.values() if b.dtype.kind == "f"), default=0.0)
    found = (Found(_distance(there[path], b, smallest), path.lstrip(".")) for path, b in here.items())
    return max(found, key=_order)


def _distance(a, b, smallest):
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return np.inf
    gap = np.abs(a - b).max(initial=0)
    if not gap:
        return 0.0
    largest = _largest(b)
    return float(gap / max(largest, smallest)) if largest else np.inf


def _largest(b):
    return np.abs(b).max(initial=0)


def _order(found):
    return np.inf if np.isnan(found.figure) else found.figure
