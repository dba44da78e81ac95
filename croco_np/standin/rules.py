"""What CuPy 14.2.0 does not take, by the name and the arguments of a function, and where its source says so.

Types of results need no rule: dtypes of ufuncs, of `where`, sums and means, with Python's numbers, NumPy's scalars and
arrays without an axis, are NumPy's (NEP 50: `_guess_routine` in cupy/_core/_kernel.pyx).
"""

from typing import Any

import numpy as np

from .functions import table
from .journal import Refused

ONLY = {"at": ("add",), "reduce": ("add", "multiply"), "accumulate": ("add", "multiply"), "reduceat": ()}
KEYWORDS = {"__call__": ("out", "dtype", "casting"), "reduce": ("axis", "dtype", "out", "keepdims")}
KEYWORDS |= {"accumulate": ("axis", "dtype", "out"), "at": ()}
JOINED = ("concatenate", "stack")
LIKE = ("empty_like", "zeros_like", "ones_like", "full_like")


def check_ufunc(ufunc: np.ufunc, method: str, operands: tuple, arguments: dict[str, Any]) -> None:
    """Raise Refused unless CuPy has this method of a ufunc, for such operands, with one array for the result.

    `ufunc` in cupy/_core/_kernel.pyx, `__array_ufunc__` in core.pyx.
    """
    check_known(ufunc.__name__)
    if (ufunc.__name__, method) == ("add", "reduceat"):
        # cupy/_core/_routines_indexing.pyx, _add_reduceat: `acc.take(indices[1:]) - acc.take(indices[:-1])`
        raise Refused("CuPy's add.reduceat subtracts running sums, which loses digits and spreads a NaN; use np.add.at")
    if ufunc.__name__ not in ONLY.get(method, (ufunc.__name__,)):
        raise Refused(f"CuPy has no {ufunc.__name__}.{method}")
    if len(arguments.get("out", (None,))) != 1:
        raise Refused("out= takes one array")
    if any(isinstance(a, list | tuple) for a in operands):
        raise Refused(f"CuPy's {ufunc.__name__} takes arrays and numbers, not lists or tuples")
    if unknown := arguments.keys() - KEYWORDS.get(method, arguments.keys()):
        raise Refused(f"CuPy's {ufunc.__name__} has no argument {', '.join(sorted(unknown))}")


def check_function(name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """Raise Refused unless CuPy has this function, takes these arguments, and means by them what NumPy does."""
    check_known(name)
    check_fitting(name, args, kwargs)
    given = _given(name, args, kwargs)
    if name in LIKE and given.get("shape") in (0, ()):
        # cupy/_creation/basic.py: `shape = shape if shape else a.shape`
        raise Refused(f"{name}(shape={given['shape']}) has the shape of its model in CuPy; write shape=(0,)")
    if name in JOINED and any(isinstance(a, float | int | list | tuple | np.generic) for a in args[0]):
        # cupy/_core/_routines_manipulation.pyx, concatenate_method
        raise Refused(f"CuPy's {name} joins arrays alone")
    if name == "repeat" and not isinstance(given.get("repeats"), int | list | tuple):
        # cupy/_core/_routines_manipulation.pyx, _repeat: an array would have to be looked at first
        raise Refused("CuPy's repeat takes a number or a list of them")


def check_index(parts: tuple) -> None:
    """Raise Refused for an index that CuPy does not take (`_ndarray_getitem` in _routines_indexing.pyx)."""
    if sum(isinstance(part, np.ndarray) and part.dtype == bool for part in parts) > 1:
        raise Refused("CuPy takes one mask in an index")


def check_known(name: str) -> None:
    """Raise Refused for a name below `numpy` that CuPy does not have."""
    if name not in table():
        raise Refused(f"CuPy has no function {name}")


def check_fitting(name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """Raise Refused for arguments that CuPy's function or method of this name does not have, or a shape from there."""
    try:
        shape = _given(name, args, kwargs).get("shape")
    except TypeError as error:
        raise Refused(f"CuPy's {name} has no such arguments: {error}") from None
    if any(hasattr(n, "__array_function__") for n in _lengths(shape)):
        raise Refused(f"CuPy's {name} wants lengths of the host: int(n), for which the host waits")


def _lengths(shape):
    """The lengths of a shape: a number, numbers one by one, or a tuple of them. NumPy looks at those of `np.zeros`."""
    if not isinstance(shape, list | tuple):
        return (shape,)
    return [n for part in shape for n in (part if isinstance(part, list | tuple) else (part,))]


def _given(name, args, kwargs):
    """{parameter of CuPy's: argument}; of a ufunc there is no signature: NumPy looks at its arguments."""
    signature = table()[name]
    return signature.bind(*args, **kwargs).arguments if signature else {}
