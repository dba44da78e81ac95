"""A second point beside the first: a backward that is right at one point only is wrong.

Zeros and ones hide mistakes: with gamma = 1 a forgotten gamma is right, and behind B = 0 or a dead ReLU every gradient
is 0 whatever its formula says. So all leaves are moved, and one direction through all of them at once is measured; a
leaf that has shown nothing but zeros, claimed and measured, is moved farther and to the other sign as well.
"""

from collections.abc import Container, Sequence

import numpy as np

from .contract import Examined
from .forms import Key, arrays, copied, each, leaves
from .gradients import dense, fault, gradients
from .guarded import Guarded
from .measure import Check, check_leaf, rounding, slope

SCREEN = {"complex step": 1e-10, "central differences": 1e-6}  # of the sum over all leaves; who fails is looked at
NEAR, FAR = 0.1, 1.0  # how far, in sizes of the numbers; an exact 0 moves as if it were 1
QUIET = 1e-4  # of the largest gradient: leaves below it are not made louder, they may be rounding only
HERE_ONLY = "right at this point, wrong beside it (zeros, ones or dead units hide it): "


def wrong_elsewhere(
    guarded: Guarded, shown: Examined, proven: Container[Key], methods: Sequence[str]
) -> dict[Key, list[Check]]:
    """{leaf's key: its rows, which are wrong} at other points.

    proven   keys of the leaves that are right at the point; the others stay out
    methods  those by which forward can be measured
    """
    rng = np.random.default_rng(0)  # the caller's is for the first point
    here = {key: leaf for key, leaf in leaves(guarded.params, guarded.inputs).items() if key in proven and leaf.size}
    if not here or not methods:
        return {}
    moved = {key: leaf + NEAR * _sway(leaf, rng) * np.where(leaf == 0, 1.0, leaf) for key, leaf in here.items()}
    found = _wrong_at(guarded, shown, moved, methods, rng)
    if all(shown.gradients[key].any() for key in here):
        return found
    for sign in (np.array([-1]), *[np.array([-1, 1])] * 3):  # all of them, which wakes units that a bias keeps dead
        if not found:
            away = {key: rng.choice(sign, leaf.shape) * leaf + FAR * _sway(leaf, rng) for key, leaf in here.items()}
            found = _wrong_at(guarded, shown, away, methods, rng)
    return found


def _sway(leaf, rng):
    return rng.choice([-1.0, 1.0], leaf.shape) * rng.uniform(0.5, 1.0, leaf.shape)


def _wrong_at(guarded, shown, point, methods, rng):
    """{leaf's key: its rows, which are wrong} at `point`; {} where forward is not defined."""
    try:
        with np.errstate(all="ignore"):
            output, cache = guarded.forward(point)
            ys = arrays(output)
            if [np.shape(y) for y in ys] != [np.shape(y) for y in arrays(shown.output)]:
                return {}
            if not all(np.isfinite(y).all() for y in ys):
                return {}
            first = [np.array(y) for y in ys]
            said = gradients(
                guarded.layer.backward(cache, each(copied, shown.cotangent)), guarded.params, guarded.inputs
            )[0]
            if any(fault(said.get(key), leaf) for key, leaf in point.items()):
                return {}
            g = {key: dense(said[key], leaf) for key, leaf in point.items()}

            def rise(moved):
                ys = arrays(guarded.forward(point | moved)[0])
                return sum(np.sum(dy * (y - y0)) for dy, y, y0 in zip(arrays(shown.cotangent), ys, first, strict=True))

            if _agree(rise, point, g, methods[0], rng):
                return {}
            return _named(rise, point, g, methods, rng, rounding(shown.cotangent, first))
    except Exception:  # a forward that takes no other numbers: what it says of these is in the table
        return {}


def _agree(rise, point, g, method, rng):
    """The adjoint law in one direction through all leaves, in which each leaf is about as loud as the others."""
    norms = {key: float(np.linalg.norm(d)) for key, d in g.items()}
    largest = max(norms.values())
    if not largest:
        norms, largest = dict.fromkeys(norms, 1.0), 1.0
    loud = method == "complex step"  # a difference takes steps that all leaves can bear
    v = {key: _sway(d, rng) * (largest / max(norms[key], QUIET * largest) if loud else 1.0) for key, d in g.items()}

    def along(t):
        return rise({key: leaf + t * v[key] for key, leaf in point.items()})

    measured, _ = slope(along, np.zeros(()), np.ones(()), method)
    claimed = sum(float((g[key] * v[key]).sum()) for key in g)
    return abs(claimed - measured) <= SCREEN[method] * max(abs(claimed), abs(measured), largest)


def _named(rise, point, g, methods, rng, rounded):
    """{leaf's key: its rows} of the leaves that are wrong."""
    found = {}
    for key, leaf in point.items():
        rows = check_leaf("", methods, leaf, g[key], lambda moved, key=key: rise({key: moved}), rng, rounded)
        wrong = [c for c in rows if not (c.ok or c.kink or c.unmeasured)]
        if len(wrong) == len(methods):  # at a point that nobody chose, all methods have to say so
            found[key] = wrong
    return found
