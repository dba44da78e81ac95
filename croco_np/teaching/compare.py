"""Whether what an answer says is right: one comparison for all checks, which NaN does not pass."""

from typing import Any

import numpy as np


def same(said: Any, right: Any, rtol: float = 1e-7, atol: float = 1e-9) -> bool:
    """Whether `said` has the shape and, but for rounding, the values of `right`; a number stands for any shape.

    What is not finite, or no number, is the same as nothing.
    """
    said, right = as_array(said), np.asarray(right)
    if said is None or said.dtype.kind not in "biuf" or (right.ndim and said.shape != right.shape):
        return False
    if not (np.isfinite(said).all() and np.isfinite(right).all()):
        return False
    return bool((np.abs(said - right) <= atol + rtol * np.abs(right)).all())


def is_number(said: Any) -> bool:
    """Whether `said` is one finite number, and not an array of one."""
    said = as_array(said)
    return said is not None and said.ndim == 0 and said.dtype.kind in "iuf" and bool(np.isfinite(said))


def as_array(said: Any) -> np.ndarray | None:
    """`said` as an array; None if NumPy makes none of it, as of a list whose parts have different shapes."""
    try:
        return np.asarray(said)
    except Exception:  # an answer may be anything, and have a conversion of its own
        return None


def mistaken(said: Any, *guesses: tuple[Any, str]) -> str | None:
    """The sentence of the first known mistake that `said` is; None if it is none of them.

    guesses  (what comes out if one makes the mistake, what to tell who made it), the most telling first
    """
    return next((told for value, told in guesses if same(said, value)), None)
