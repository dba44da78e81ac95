"""What backward returns, sorted by leaf; a gradient of a form that is not understood is named in a sentence."""

from typing import Any

import numpy as np

from ..tree import BRANCH, RowGrad, Tree, entries
from .forms import Key, kind, leaves, not_finite, not_float64, not_plain, pair, paths

BACKWARD = "backward(cache, doutput) must return (dinputs, grads), with one entry in dinputs for each input of floats"


def gradients(returned: Any, params: Tree, inputs: tuple) -> tuple[dict[Key, Any], dict[Key, str]]:
    """What backward returned as {key: gradient}, keys as in `leaves`, and {key: why} for what has no place there."""
    tree = list if isinstance(params, list) else dict
    dinputs, grads = ((), returned) if isinstance(returned, tree) else pair(returned, BACKWARD)
    if not isinstance(grads, tree):
        raise TypeError(f"{BACKWARD}; its grads is {kind(grads)}, and must be a {tree.__name__} like params")
    if isinstance(dinputs, (list, dict)):
        raise TypeError(f"{BACKWARD}; its dinputs is {kind(dinputs)}, and must be an array or a tuple of arrays")
    single = not isinstance(dinputs, tuple) or isinstance(dinputs, RowGrad)
    dinputs = (dinputs,) if single else tuple(dinputs)

    floats = list(leaves({}, inputs))
    found = dict(zip(floats, dinputs, strict=False))
    whole = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind not in "f"]
    why = f"a gradient too many: only arrays of floats have one, and {len(floats)} of the inputs are such"
    why += f"; input {whole[0]} is {inputs[whole[0]].dtype}" if whole else ""
    strangers = {("input", f"{i} of dinputs"): why for i in range(len(floats), len(dinputs)) if dinputs[i] is not None}
    strangers |= _other_branches(params, grads)
    known = paths(params)
    for path, g in paths(grads, ends=known).items():
        key = ("params", ".".join(map(str, path)))
        if path in known:
            found[key] = g
        else:
            strangers[key] = "a gradient for a parameter that does not exist"
    return found, strangers


def _other_branches(params, grads, above=()):
    """{key: why} for branches of grads that params has in another form: a dict for a list, a list of another length."""
    if isinstance(params, list) != isinstance(grads, list):
        mine, theirs = (type(tree).__name__ for tree in (grads, params))
        return {("params", ".".join(above)): f"its gradients are a {mine}, and must be a {theirs} like params"}
    if isinstance(params, list) and len(params) != len(grads):
        where = ("params", ".".join(above) or "params")
        return {where: f"its gradients are a list of {len(grads)}, and must be one of {len(params)} like params"}
    found, theirs = {}, dict(entries(grads))
    for key, node in entries(params):
        if isinstance(node, BRANCH) and isinstance(theirs.get(key), BRANCH):
            found |= _other_branches(node, theirs[key], (*above, str(key)))
    return found


def fault_of_tracked(value: Any, g: Any, leaf: np.ndarray) -> str:
    """What is wrong with the new value of a leaf that is tracked, not trained, in a sentence; "" if nothing is.

    g  what backward returns as its gradient, which should be None
    """
    if g is not None:
        return "it is tracked, not trained, and yet backward returns a gradient for it: leave out one of them"
    if what := not_float64(value, scalars=(float,)):
        return f"its tracked value is {what}: return a float64 array"
    if np.shape(value) != leaf.shape:
        return f"its tracked value has shape {np.shape(value)}, leaf {leaf.shape}"
    return f"its tracked value is {place}" if (place := not_finite(value)) else ""


def fault(g: Any, leaf: np.ndarray) -> str:
    """What is wrong with the form of the gradient `g` of `leaf`, in a sentence; "" if nothing is."""
    if g is None:
        return "backward returns no gradient for it"
    if isinstance(g, RowGrad):
        why = _fault_of_rows(g, leaf)
        if why:
            return why
        g = g.values
    elif what := not_float64(g, scalars=(np.float64,)):
        return f"gradient is {what}: return a float64 array"
    elif g.shape != leaf.shape:
        return f"gradient has shape {g.shape}, leaf {leaf.shape}"
    return f"gradient is {place}" if (place := not_finite(g)) else ""


def dense(g: np.ndarray | RowGrad, leaf: np.ndarray) -> np.ndarray:
    """A gradient in which `fault` finds nothing, as an array of its own with the shape of `leaf`."""
    return g.dense(leaf.shape) if isinstance(g, RowGrad) else np.array(g)


def _fault_of_rows(g, leaf):
    rows, values = g
    if leaf.ndim == 0:
        return "gradient is a RowGrad, but the leaf is a single number"
    if what := not_plain(rows):
        return f"rows of the RowGrad are {what}: return an array of integers"
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        return f"rows of the RowGrad must be integers, (R,); they are {rows.dtype} of shape {rows.shape}"
    if what := not_float64(values):
        return f"values of the RowGrad are {what}: return a float64 array"
    if values.shape != (len(rows), *leaf.shape[1:]):
        return f"values of the RowGrad have shape {values.shape}; {(len(rows), *leaf.shape[1:])} are {len(rows)} rows"
    outside = rows[(rows < 0) | (rows >= len(leaf))]
    if outside.size:
        return f"the RowGrad names row {outside[0]}, and the leaf has rows 0 to {len(leaf) - 1}"
    different, counts = np.unique(rows, return_counts=True)
    if len(different) < len(rows):
        return f"the RowGrad names row {different[counts > 1][0]} more than once: add up what belongs to one row"
    return "" if (rows[1:] > rows[:-1]).all() else "rows of the RowGrad are not in ascending order"
