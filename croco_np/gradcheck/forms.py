"""What has a gradient, and what an output may be; every other form is named in a sentence, and never guessed at."""

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from ..tree import BRANCH, RowGrad, Tree, entries

Key = tuple[str, Any]  # of a leaf: ("params", path) or ("input", place in `inputs`)

FORWARD = "forward(params, *inputs) must return (output, cache)"
FLOAT = np.dtype(np.float64)


def leaves(params: Tree, inputs: tuple) -> dict[Key, np.ndarray]:
    """{key: array} of everything that has a gradient: ("params", path) and ("input", place in `inputs`)."""
    found: dict[Key, np.ndarray] = {("params", ".".join(path)): leaf for path, leaf in paths(params).items()}
    return found | {("input", i): x for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype == FLOAT}


def paths(tree: Tree, above: tuple = (), ends: Container[tuple] = ()) -> dict[tuple, Any]:
    """{path as a tuple: leaf} of a tree; dots in keys stay apart from dots between them, places in lists are texts.

    ends  paths at which a list is a leaf of a wrong kind, and no branch
    """
    found: dict[tuple, Any] = {}
    for key, node in entries(tree):
        path = (*above, str(key) if isinstance(tree, list) else key)
        is_branch = isinstance(node, BRANCH) and not (isinstance(node, list) and path in ends)
        found |= paths(node, path, ends) if is_branch else {path: node}
    return found


def pair(returned: Any, protocol: str) -> tuple:
    """`returned`, if it is a pair."""
    if not isinstance(returned, tuple) or isinstance(returned, RowGrad) or len(returned) != 2:
        raise TypeError(f"{protocol}; it returned {kind(returned)}")
    return returned


def arrays(output: Any) -> list:
    """The arrays of an output: itself, or the entries of a tuple that are not None."""
    return [y for y in output if y is not None] if isinstance(output, tuple) else [output]


def like(output: Any, ys: list) -> Any:
    """The arrays `ys` in the form of `output`."""
    if not isinstance(output, tuple):
        return ys[0]
    left = iter(ys)
    parts = [None if y is None else next(left) for y in output]
    form: Any = type(output)
    return form(*parts) if hasattr(output, "_fields") else tuple(parts)


def each(f: Callable, output: Any, *others: Any) -> Any:
    """`f` of the arrays of outputs of one form, in that form."""
    return like(output, [f(*ys) for ys in zip(*map(arrays, (output, *others)), strict=True)])


def random_like(output: Any, rng: np.random.Generator) -> Any:
    """Standard normal numbers in the form of an output: a cotangent."""
    return each(lambda y: rng.standard_normal(np.shape(y)), output)


def copied(y: Any) -> Any:
    """A copy of an array; a number is itself."""
    return y.copy() if isinstance(y, np.ndarray) else y


def check_output(output: Any) -> None:
    """TypeError if an output is neither a float64 array nor a tuple of such arrays and None."""
    if isinstance(output, RowGrad):
        raise TypeError(f"forward returned {kind(output)} as output: it stands for a gradient")
    ys = arrays(output)
    if not ys:
        raise TypeError("forward returned no output: a tuple without an array")
    for y in ys:
        what = not_float64(y, scalars=(float,))
        if what:
            form = "return a float64 array, or a tuple of such arrays and None"
            raise TypeError(f"forward returned an output that is {what}: {form}")


def not_finite(a: np.ndarray | float) -> str:
    """Where the first NaN or infinity of an array is, in words; "" if there is none."""
    a = np.asarray(a)
    if np.isfinite(a).all():
        return ""
    at = np.argwhere(~np.isfinite(a))[0].tolist()
    what = "NaN" if np.isnan(a[tuple(at)]) else "infinite"
    return f"{what} at {at}" if at else what


def not_float64(a: Any, scalars: tuple[type, ...] = ()) -> str:
    """What an array is that is not a plain float64 one, in words; "" if it is, or a number of the types `scalars`."""
    if isinstance(a, scalars):
        return ""
    what = not_plain(a)
    return what or ("" if a.dtype == FLOAT else str(a.dtype))


def not_plain(a: Any) -> str:
    return "" if type(a) is np.ndarray else _named(a)


def _named(thing):
    return "None" if thing is None else f"of type {kind(thing)}"


def kind(thing: Any) -> str:
    return "None" if thing is None else type(thing).__name__
