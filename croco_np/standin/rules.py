"""What CuPy 14.2.0 does not take, by the name and the arguments of a function, and where its source says so.

Types of results need no rule: dtypes of ufuncs, of `where`, sums and means, with Python's numbers, NumPy's scalars and
arrays without an axis, are NumPy's (NEP 50: `_guess_routine` in cupy/_core/_kernel.pyx).
"""

from typing import Any

import numpy as np

from .functions import table
from .journal import Refused

ONLY = dict.fromkeys(("at", "reduceat"), ("add",)) | dict.fromkeys(("reduce", "accumulate"), ("add", "multiply"))
LIKE = ("empty_like", "zeros_like", "ones_like", "full_like")


def check_ufunc(ufunc: np.ufunc, method: str, arguments: dict[str, Any]) -> None:
    """Raise Refused unless CuPy has this method of a ufunc, with one array for the result (`ufunc` in _kernel.pyx)."""
    check_known(ufunc.__name__)
    if ufunc.__name__ not in ONLY.get(method, (ufunc.__name__,)):
        raise Refused(f"CuPy has no {ufunc.__name__}.{method}")
    if len(arguments.get("out", (None,))) != 1:
        raise Refused("out= takes one array")


def check_function(name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """Raise Refused unless CuPy has this function, takes these arguments, and means by them what NumPy does."""
    check_known(name)
    check_fitting(name, args, kwargs)
    given = _given(name, args, kwargs)
    if name in LIKE and given.get("shape") in (0, ()):
        # cupy/_creation/basic.py: `shape = shape if shape else a.shape`
        raise Refused(f"{name}(shape={given['shape']}) has the shape of its model in CuPy; write shape=(0,)")
    if name == "repeat" and not isinstance(given.get("repeats"), int | list | tuple):
        # cupy/_core/_routines_manipulation.pyx, _repeat: an array would have to be looked at first
        raise Refused("CuPy's repeat takes a number or a list of them")


def check_known(name: str) -> None:
    """Raise Refused for a name below `numpy` that CuPy does not have."""
    if name not in table():
        raise Refused(f"CuPy has no function {name}")


def check_fitting(name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """Raise Refused for arguments that CuPy's function or method of this name does not have."""
    try:
        _bound(name, args, kwargs)
    except TypeError as error:
        raise Refused(f"CuPy's {name} has no such arguments: {error}") from None


def _bound(name, args, kwargs):
    signature = table()[name]
    return signature and signature.bind(*args, **kwargs)  # of a ufunc there is none: NumPy looks at its arguments


def _given(name, args, kwargs):
    bound = _bound(name, args, kwargs)
    return bound.arguments if bound else {}
