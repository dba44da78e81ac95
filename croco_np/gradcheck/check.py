"""The checker: every leaf of (params, inputs) by the adjoint law, and the rules of the protocol."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tree import Tree
from .arguments import check_arguments
from .contract import CLIPPED, SIGN_ONLY, examine, is_function
from .elsewhere import HERE_ONLY, wrong_elsewhere
from .forms import arrays, leaves
from .guarded import Guarded
from .measure import METHODS, Check, check_leaf, refused, rounding

PROTOCOL = "protocol"  # in the place of the method, where a rule is broken that is no matter of one gradient
NOTHING_MOVES = (
    "the output depends on no leaf here (a constant, or every ReLU is dead), so zeros prove nothing: draw again"
)


def check(
    layer: Any,
    params: Tree,
    inputs: tuple,
    rng: np.random.Generator,
    name: str = "",
    methods: Sequence[str] = METHODS,
) -> list[Check]:
    """Check `layer.backward` at (params, inputs), leaf by leaf -> list of `Check`.

    params  dicts and lists of float64 arrays, nested
    inputs  tuple; float64 arrays in it are leaves too, everything else (ids, slices, batches) is handed through
    rng     draws cotangents and directions
    name    put before the leaf's path in `Check.name`
    methods of `METHODS`; leave the complex step out for a forward that cannot run on complex numbers

    A parameter that the layer tracks and does not train, named by `layer.tracked(cache) -> {path: new value}` if it has
    that method, is a constant here: it must have no gradient, and has no row.

    A leaf passes if its gradient has the right form, is finite, linear in doutput, zeros included, the same at a second
    call, right at a second point too (see `elsewhere`), and obeys
    the adjoint law: within 1e-7 of its norm by central differences, within 1e-12 by the complex step, and there entries
    far smaller than the largest within 1e-5 of their own size, down to 1e-9 of the largest, where rounding begins. A
    rule that is no matter of one gradient (forward gives two answers, backward writes into doutput) is a row of its own
    if it is broken. The layer works on copies: `params` and `inputs` stay as they are, whatever it does.

    Raises TypeError or ValueError for arguments that would not be checked, and for outputs of a form not known.
    """
    check_arguments(layer, params, inputs, rng, methods, METHODS)
    guarded = Guarded(layer, params, inputs)
    checks: list[Check] = []
    try:
        shown = examine(guarded, rng)
        if shown:
            checks += _check_leaves(guarded, shown, rng, name, methods)
            is_function(guarded, shown.output)
            guarded.look()
    finally:
        guarded.restore()
    checks += [refused(f"{name}: {where}", PROTOCOL, why) for where, why in guarded.breaches.items()]
    if not checks:
        raise ValueError("nothing was checked: all parameters are tracked, not trained")
    if all(c.ok for c in checks) and _nothing_moves(shown):
        checks.append(refused(f"{name}: output", PROTOCOL, NOTHING_MOVES)._replace(kink=True))
    return checks


def _check_leaves(guarded, shown, rng, name, methods):
    checks = [refused(f"{name}: {where}", methods[0], why) for (_, where), why in shown.strays.items()]
    rounded = rounding(shown.cotangent, shown.output)
    here, by_leaf = leaves(guarded.params, guarded.inputs), {}
    floats = [i for kind, i in here if kind == "input"]
    for key, leaf in here.items():
        kind, where = key
        label = f"{name}: {where}" if kind == "params" else f"{name}: input {floats.index(where)}"
        if why := shown.faults.get(key) or shown.unfit.get(key):
            by_leaf[key] = [refused(label, method, why) for method in methods]
            continue
        if key not in shown.faults:  # else it is tracked, not trained, and has no gradient to check

            def f(moved, key=key):
                return _rise(guarded, shown, {key: moved})

            rows = check_leaf(label, methods, leaf, shown.gradients[key], f, rng, rounded)
            why = "" if guarded.breaches else _why_bent(shown, key, leaf, rows, f, methods)
            by_leaf[key] = [refused(label, method, why) for method in methods] if why else rows
    if not guarded.breaches:
        by_leaf = _beside(guarded, shown, by_leaf, methods)
    return checks + [row for rows in by_leaf.values() for row in rows]


def _beside(guarded, shown, by_leaf, methods):
    """The rows by leaf, with those in the place of right ones that are wrong beside the point."""
    proven = {
        key for key, rows in by_leaf.items() if all(c.ok or c.unmeasured for c in rows) and any(c.ok for c in rows)
    }
    lost = {c.method for rows in by_leaf.values() for c in rows if c.unmeasured}
    found = wrong_elsewhere(guarded, shown, proven, [m for m in methods if m not in lost])
    told = {
        key: [c._replace(name=by_leaf[key][0].name, hint=HERE_ONLY + c.hint) for c in rows]
        for key, rows in found.items()
    }
    return by_leaf | told


def _rise(guarded, shown, moved):
    """sum <cotangent, y(moved)> - <cotangent, y>: the function that is differentiated, 0 at the point."""
    ys, first = arrays(guarded.forward(moved)[0]), arrays(shown.output)
    if [np.shape(y) for y in ys] != [np.shape(y) for y in first]:
        shapes = " and ".join(str([np.shape(y) for y in each]) for each in (first, ys))
        raise TypeError(f"forward changes the shape of its output with the values of its arguments: {shapes}")
    return sum(np.sum(dy * (y - y0)) for dy, y, y0 in zip(arrays(shown.cotangent), ys, first, strict=True))


def _why_bent(shown, key, leaf, rows, f, methods):
    """What to say of a gradient that is not linear in doutput; "" if it is, or is wrong in a way that says more."""
    why = shown.bent.get(key, "")
    if not why or why == SIGN_ONLY or all(c.ok or c.kink for c in rows):
        return why
    small = shown.small.get(key)
    aside = np.random.default_rng(0)
    clipped = small is not None and all(c.ok for c in check_leaf("", methods, leaf, small, f, aside))
    return CLIPPED if clipped else ""


def _nothing_moves(shown):
    something = any(np.size(y) for y in arrays(shown.output))
    return something and not any(g.any() for g in shown.gradients.values())
