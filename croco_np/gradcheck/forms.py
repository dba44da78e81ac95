"""What a layer may be given and may return; every other form is named in a sentence, and never guessed at."""

import numpy as np

from ..tree import Moving, RowGrad

FORWARD = "forward(params, *inputs) must return (output, cache)"
BACKWARD = "backward(cache, doutput) must return (dinputs, grads), with one entry in dinputs for each input of floats"
FLOAT = np.dtype(np.float64)


def leaves(params, inputs):
    """{key: array} of everything that has a gradient: ("params", path) and ("input", place in `inputs`)."""
    found = {("params", ".".join(path)): leaf for path, leaf in paths(params).items()}
    return found | {("input", i): x for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype == FLOAT}


def paths(tree, above=()):
    """{path as a tuple: leaf} of a nested dict; dots in keys stay apart from dots between them."""
    found = {}
    for key, node in tree.items():
        path = (*above, str(key))
        found |= paths(node, path) if isinstance(node, dict) else {path: node}
    return found


def pair(returned, protocol):
    """`returned`, if it is a pair."""
    if not isinstance(returned, tuple) or isinstance(returned, (RowGrad, Moving)) or len(returned) != 2:
        raise TypeError(f"{protocol}; it returned {_named(returned)}")
    return returned


def arrays(output):
    """The arrays of an output: itself, or the entries of a tuple that are not None."""
    return [y for y in output if y is not None] if isinstance(output, tuple) else [output]


def like(output, ys):
    """The arrays `ys` in the form of `output`."""
    if not isinstance(output, tuple):
        return ys[0]
    ys = iter(ys)
    entries = [None if y is None else next(ys) for y in output]
    return type(output)(*entries) if hasattr(output, "_fields") else tuple(entries)


def each(f, output, *others):
    """`f` of the arrays of outputs of one form, in that form."""
    return like(output, [f(*ys) for ys in zip(*map(arrays, (output, *others)), strict=True)])


def random_like(output, rng):
    """Standard normal numbers in the form of an output: a cotangent."""
    return each(lambda y: rng.standard_normal(np.shape(y)), output)


def copied(y):
    """A copy of an array; a number is itself."""
    return y.copy() if isinstance(y, np.ndarray) else y


def check_output(output):
    """TypeError if an output is neither a float64 array nor a tuple of such arrays and None."""
    if isinstance(output, (RowGrad, Moving)):
        raise TypeError(f"forward returned {_named(output)} as output: it stands for a gradient")
    ys = arrays(output)
    if not ys:
        raise TypeError("forward returned no output: a tuple without an array")
    for y in ys:
        what = _plain_float64(y, scalars=(float,))
        if what:
            form = "return a float64 array, or a tuple of such arrays and None"
            raise TypeError(f"forward returned an output that is {what}: {form}")


def gradients(returned, params, inputs):
    """What backward returned as {key: gradient}, keys as in `leaves`, and {key: why} for what has no place there."""
    dinputs, grads = ((), returned) if isinstance(returned, dict) else pair(returned, BACKWARD)
    if not isinstance(grads, dict):
        raise TypeError(f"{BACKWARD}; its grads is {_named(grads)}, and must be a dict like params")
    if isinstance(dinputs, (list, dict)):
        raise TypeError(f"{BACKWARD}; its dinputs is {_named(dinputs)}, and must be an array or a tuple of arrays")
    single = not isinstance(dinputs, tuple) or isinstance(dinputs, (RowGrad, Moving))
    dinputs = (dinputs,) if single else tuple(dinputs)

    floats = list(leaves({}, inputs))
    found = dict(zip(floats, dinputs, strict=False))
    why = f"a gradient for an input that does not exist: {len(floats)} of the inputs are arrays of floats"
    strangers = {("input", f"{i} of dinputs"): why for i in range(len(floats), len(dinputs)) if dinputs[i] is not None}
    known = paths(params)
    for path, g in paths(grads).items():
        key = ("params", ".".join(path))
        if path in known:
            found[key] = g
        else:
            strangers[key] = "a gradient for a parameter that does not exist"
    return found, strangers


def fault(g, leaf):
    """What is wrong with the form of the gradient `g` of `leaf`, in a sentence; "" if nothing is."""
    if g is None:
        return "backward returns no gradient for it"
    if isinstance(g, Moving):
        return _fault_of_moving(g, leaf)
    if isinstance(g, RowGrad):
        why = _fault_of_rows(g, leaf)
        if why:
            return why
        g = g.values
    elif what := _plain_float64(g, scalars=(np.float64,)):
        return f"gradient is {what}: return a float64 array"
    elif g.shape != leaf.shape:
        return f"gradient has shape {g.shape}, leaf {leaf.shape}"
    return f"gradient is {place}" if (place := not_finite(g)) else ""


def dense(g, leaf):
    """A gradient in which `fault` finds nothing, as an array of its own with the shape of `leaf`."""
    return g.dense(leaf.shape) if isinstance(g, RowGrad) else np.array(g)


def _fault_of_rows(g, leaf):
    rows, values = g
    if leaf.ndim == 0:
        return "gradient is a RowGrad, but the leaf is a single number"
    if what := _plain(rows):
        return f"rows of the RowGrad are {what}: return an array of integers"
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        return f"rows of the RowGrad must be integers, (R,); they are {rows.dtype} of shape {rows.shape}"
    if what := _plain_float64(values):
        return f"values of the RowGrad are {what}: return a float64 array"
    if values.shape != (len(rows), *leaf.shape[1:]):
        return f"values of the RowGrad have shape {values.shape}; {(len(rows), *leaf.shape[1:])} are {len(rows)} rows"
    outside = rows[(rows < 0) | (rows >= len(leaf))]
    if outside.size:
        return f"the RowGrad names row {outside[0]}, and the leaf has rows 0 to {len(leaf) - 1}"
    repeated = np.flatnonzero(np.bincount(rows) > 1) if rows.size else rows
    if repeated.size:
        return f"the RowGrad names row {repeated[0]} more than once: add up what belongs to one row"
    return "" if (rows[1:] > rows[:-1]).all() else "rows of the RowGrad are not in ascending order"


def _fault_of_moving(g, leaf):
    target, rate = g
    if what := _plain_float64(target, scalars=(float,)):
        return f"the target of Moving is {what}: return a float64 array"
    if np.shape(target) != leaf.shape:
        return f"the target of Moving has shape {np.shape(target)}, leaf {leaf.shape}"
    if place := not_finite(target):
        return f"the target of Moving is {place}"
    return "" if 0 <= rate <= 1 else f"the rate of Moving is {rate}: it is a share, 0 to 1"


def not_finite(a):
    """Where the first NaN or infinity of an array is, in words; "" if there is none."""
    a = np.asarray(a)
    if np.isfinite(a).all():
        return ""
    at = np.argwhere(~np.isfinite(a))[0].tolist()
    what = "NaN" if np.isnan(a[tuple(at)]) else "infinite"
    return f"{what} at {at}" if at else what


def _plain_float64(a, scalars=()):
    """What an array is that is not a plain float64 one, in words; "" if it is, or a number of the types `scalars`."""
    if isinstance(a, scalars):
        return ""
    what = _plain(a)
    return what or ("" if a.dtype == FLOAT else str(a.dtype))


def _plain(a):
    return "" if type(a) is np.ndarray else _named(a)


def _named(thing):
    return "None" if thing is None else f"of type {type(thing).__name__}"
