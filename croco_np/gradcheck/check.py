"""The checker: one random direction for each leaf, measured by complex step and by central differences."""

from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from ..tree import Moving, RowGrad, flatten, with_leaves
from .hint import hint

METHODS = ("complex step", "central differences")
TOLERANCE = {"complex step": 1e-12, "central differences": 1e-7}
COMPLEX_STEP, DIFFERENCE_STEP = 1e-30, 1e-5


class Check(NamedTuple):
    """One leaf, one method.

    error   |backward - measured| / the gradient's norm (the typical size of a random projection of it)
    kink    the direction crosses a kink, so the measurement says nothing: draw again
    hint    where it is wrong: what kind of mistake it looks like
    """

    name: str
    method: str
    error: float
    tolerance: float
    ok: bool
    kink: bool = False
    hint: str = ""


def check(layer, params, inputs, rng, name="", methods=METHODS):
    """Check `layer.backward` at (params, inputs), leaf by leaf -> list of `Check`.

    params  nested dict of float64 arrays
    inputs  tuple; float64 arrays in it are leaves too, everything else (ids, slices, batches) is handed through
    rng     draws cotangents and directions
    name    put before the leaf's path in `Check.name`
    methods of `METHODS`; leave the complex step out for a forward that cannot run on complex numbers
    """
    _check_arguments(params, inputs, methods)
    output, cache = _pair(layer.forward(params, *inputs), "forward(params, *inputs) must return (output, cache)")
    cotangent = _like(output, [rng.standard_normal(np.shape(y)) for y in _arrays(output)])
    returned = layer.backward(cache, cotangent)
    dinputs, grads = ((), returned) if isinstance(returned, dict) else _pair(returned, BACKWARD)
    dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)

    floats = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    leaves = {("params", path): leaf for path, leaf in flatten(params).items()}
    leaves |= {("input", i): inputs[i] for i in floats}
    if not leaves:
        raise ValueError("nothing to check: no parameters, and no input is an array of floats")
    gradients = {("params", path): g for path, g in flatten(grads).items()}
    gradients |= {("input", i): g for i, g in zip(floats, dinputs, strict=False)}

    def measure(key, leaf):
        """sum <cotangent, y(leaf)> - <cotangent, y>: the function that is differentiated, at 0 for the given leaf."""
        kind, where = key
        p = with_leaves(params, {where: leaf}) if kind == "params" else params
        x = tuple(leaf if (kind, i) == ("input", where) else v for i, v in enumerate(inputs))
        moved, _ = layer.forward(p, *x)
        pairs = zip(_arrays(cotangent), _arrays(moved), _arrays(output), strict=True)
        return sum(np.sum(dy * (y - y0)) for dy, y, y0 in pairs)

    strangers = gradients.keys() - leaves.keys()
    hint_of_stranger = "a gradient for a parameter that does not exist"
    checks = [Check(f"{name}: {k[1]}", methods[0], np.inf, 0.0, False, hint=hint_of_stranger) for k in strangers]
    for key, leaf in leaves.items():
        label = f"{name}: {key[1]}" if key[0] == "params" else f"{name}: input {floats.index(key[1])}"
        g = gradients.get(key)
        if isinstance(g, Moving):  # tracked, not trained: it has no gradient to check
            continue
        g = g.dense(leaf.shape) if isinstance(g, RowGrad) else g
        rows = [_check_leaf(label, method, leaf, g, lambda x, key=key: measure(key, x), rng) for method in methods]
        checks += _together(rows)
    return checks


BACKWARD = "backward(cache, doutput) must return (dinputs, grads), with one entry in dinputs for each input of floats"


def _check_arguments(params, inputs, methods):
    """What would else end in a wrong hint, or in an error far from its cause."""
    if not isinstance(inputs, tuple):
        raise TypeError(f"inputs must be a tuple, (x,) for a single one; it is {type(inputs).__name__}")
    if unknown := [m for m in methods if m not in METHODS]:
        raise ValueError(f"method {unknown[0]!r}: choose from {METHODS}")
    named = {**flatten(params), **{f"input {i}": x for i, x in enumerate(inputs)}}
    for name, a in named.items():
        if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.dtype != np.float64:
            raise TypeError(f"{name} is {a.dtype}: pass float64, or rounding looks like a mistake")


def _pair(returned, protocol):
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise TypeError(f"{protocol}; it returned {type(returned).__name__}")
    return returned


def _together(rows):
    """What the methods say of a leaf only together."""
    if any(c.kink for c in rows):  # on a kink the complex step sees one branch only
        return [c if c.ok else c._replace(kink=True, hint="") for c in rows]
    if [c.method for c in rows if not c.ok] == ["complex step"] and len(rows) > 1:
        return [c if c.ok else c._replace(hint=NOT_COMPLEX) for c in rows]
    return rows


NOT_COMPLEX = (
    "central differences agree, so the backward looks right: the forward loses the imaginary part in an abs, a cast or "
    "a comparison; make it complex or pass methods=('central differences',)"
)


def _check_leaf(label, method, leaf, g, f, rng):
    tolerance = TOLERANCE[method]
    if g is None:
        return Check(label, method, np.inf, tolerance, False, hint="backward returns no gradient for it")
    if g.shape != leaf.shape:
        return Check(label, method, np.inf, tolerance, False, hint=f"gradient has shape {g.shape}, leaf {leaf.shape}")
    v = rng.choice([-1.0, 1.0], leaf.shape) * rng.uniform(0.5, 1.5, leaf.shape)  # equal sizes: swapped entries cancel
    slope, roughness = _slope(f, leaf, v, method)
    said = float((g * v).sum())
    scale = max(abs(said), abs(slope), float(np.linalg.norm(g)))
    error = abs(said - slope) / scale if scale > 0 else 0.0
    error = error if np.isfinite(error) else np.inf
    ok = bool(error <= tolerance)
    kink = not ok and bool(roughness > tolerance * scale)
    why = "" if ok or kink else hint(lambda direction: _slope(f, leaf, direction, method)[0], g, leaf, rng)
    return Check(label, method, float(error), tolerance, ok, kink, why)


def _slope(f, leaf, v, method):
    """Derivative of f at `leaf` in direction v, and how far f is from smooth there (0 where that is not measured)."""
    if method == "complex step":
        return float(np.imag(f(leaf + 1j * COMPLEX_STEP * v)) / COMPLEX_STEP), 0.0
    h = DIFFERENCE_STEP
    ahead, behind = {}, {}
    for step in (h, h / 2):
        ahead[step], behind[step] = f(leaf + step * v) / step, -f(leaf - step * v) / step
    wide, narrow = (ahead[h] + behind[h]) / 2, (ahead[h / 2] + behind[h / 2]) / 2
    # The one-sided slopes differ by h f'' on a smooth function, so halving h halves the gap; at a kink it does not.
    gap, half_gap = ahead[h] - behind[h], ahead[h / 2] - behind[h / 2]
    return float((4 * narrow - wide) / 3), float(abs(half_gap - gap / 2))


def _arrays(output):
    """The arrays of an output: itself, or the entries of a tuple that are not None."""
    return [y for y in output if y is not None] if isinstance(output, tuple) else [output]


def _like(output, arrays):
    """`arrays` in the form of `output`."""
    if not isinstance(output, tuple):
        return arrays[0]
    arrays = iter(arrays)
    entries = [None if y is None else next(arrays) for y in output]
    return type(output)(*entries) if hasattr(output, "_fields") else tuple(entries)


def report(checks):
    """The checks as a table in text."""
    width = max((len(c.name) for c in checks), default=4)
    lines = [f"{'leaf':<{width}}  {'method':<19}  {'error':>8}  {'bound':>7}"]
    for c, after in zip_longest(checks, checks[1:]):
        verdict = "ok" if c.ok else "KINK (draw again)" if c.kink else "WRONG"
        lines.append(f"{c.name:<{width}}  {c.method:<19}  {c.error:8.1e}  {c.tolerance:7.0e}  {verdict}")
        if c.hint and not (after and (after.name, after.hint) == (c.name, c.hint)):  # two methods, one hint: said once
            lines.append(f"    {c.hint}")
    return "\n".join(lines)


def assert_ok(checks):
    """Raise AssertionError that names every leaf whose gradient is wrong, with its hint; kinks raise too."""
    wrong = [c for c in checks if not c.ok]
    if not checks:
        raise AssertionError("no gradient was checked")
    if wrong:
        raise AssertionError(f"{len(wrong)} of {len(checks)} gradient checks failed\n{report(wrong)}")
