"""The rules of the protocol that no derivative shows: who may write where, and what is a function of what.

    forward(params, *inputs) -> (output, cache)      a function of its arguments
    backward(cache, doutput) -> (dinputs, grads)     a function of its arguments, linear in doutput

and neither writes into an argument, nor into what an earlier call has returned. A layer that breaks a rule can be right
at the one point and for the one doutput that are measured, so both functions are called several times, on copies, and
what they return is compared.
"""

from typing import Any, NamedTuple

import numpy as np

from .forms import arrays, check_output, copied, each, leaves, not_finite, random_like
from .gradients import dense, fault, fault_of_tracked, gradients
from .guarded import Guarded
from .snapshot import changed, snapshot

NUDGE = 1e-5  # how far the second call of forward is from the first: as far as central differences go
FAR = 2.0**40  # how much larger and smaller doutput gets; scaling by a power of two rounds nothing
SAME = 1e-9  # of a leaf's largest gradient: far above rounding, far below what a broken rule does
NOISE = 1e-13  # of the largest gradient of all leaves: in a leaf that is rounding only, all digits may differ

NOT_FINITE = "forward returns an output that is {}: there is nothing to differentiate"
NO_FUNCTION = (
    "forward is no function of its arguments: called again with the same, it gives another answer (a fresh mask, a "
    "generator, moments that it moves?)"
)
OVERWRITTEN = "forward hands out an array of its own: its next call overwrites the {} of the first"
NO_STATE = (
    "backward called twice with the same cache and doutput gives two answers: it adds up in secret, or reads what "
    "another call left behind"
)
ONCE_ONLY = "backward fails when it is called again: {}"
OWN_GRADIENT = "backward hands out an array of its own: the next call overwrites this gradient"
NOT_LINEAR = "right for one doutput, but not linear in doutput: a clip, a mask by doutput or a constant"
CLIPPED = "right for a small doutput, wrong for a larger one: it is clipped, and backward must be linear in doutput"
TRACKED_STRANGER = "a tracked value for a parameter that does not exist"
ZEROS = "right for one doutput, wrong or not finite where entries of doutput are 0: is something divided by it?"
FROM_NOTHING = "doutput is 0 everywhere, and this gradient is not: backward must be linear in doutput"
SIGN_ONLY = "it takes the sign of doutput and not its size: backward must be linear in doutput"


class Examined(NamedTuple):
    """What the calls have shown; keys are those of `leaves`.

    gradients   {key: gradient as a full array, a copy}; a leaf that is in `faults` has none
    faults      {key: why there is no gradient to compare; "" for a value that is tracked and not trained}
    strays      {key: why} for gradients of what does not exist
    unfit       {key: the rule that its gradient breaks, whatever its value}
    bent        {key: in which way it is not linear in doutput}
    small       as `gradients`, from a doutput smaller by FAR, times FAR
    """

    output: Any
    cotangent: Any
    gradients: dict
    faults: dict
    strays: dict
    unfit: dict
    bent: dict
    small: dict


def examine(guarded: Guarded, rng: np.random.Generator) -> Examined | None:
    """Call forward and backward of a `Guarded` as often as the rules take -> `Examined`; rng draws the cotangent.

    None where there is nothing to differentiate, since forward is not finite or no function; a breach says so.
    """
    returned, cache = guarded.forward()
    check_output(returned)
    output = each(copied, returned)
    for place in filter(None, map(not_finite, arrays(output))):
        guarded.breaches.setdefault("output", NOT_FINITE.format(place))
    if guarded.breaches:
        return None

    cotangent = random_like(output, rng)
    guarded.hold(cache)
    said, strays = gradients(guarded.backward(cotangent), guarded.params, guarded.inputs)
    here = leaves(guarded.params, guarded.inputs)
    faults = {key: fault(said.get(key), leaf) for key, leaf in here.items()}
    faults = {key: why for key, why in faults.items() if why}
    for path, value in guarded.tracked().items():
        key = ("params", path)
        if key in here:
            faults[key] = fault_of_tracked(value, said.get(key), here[key])
        else:
            strays[key] = TRACKED_STRANGER
    kept = _full(said, here, faults)

    if changed(returned, snapshot(output)):
        guarded.breaches["output"] = "backward writes into the output: it belongs to the caller"

    draw = np.random.default_rng(0)  # `rng` is for the cotangent and the directions
    guarded.forward({key: leaf + NUDGE * draw.standard_normal(leaf.shape) for key, leaf in here.items()})
    if "output" not in guarded.breaches and changed(returned, snapshot(output)):
        guarded.breaches["output"] = OVERWRITTEN.format("output")
    if guarded.stale():
        guarded.breaches["cache"] = OVERWRITTEN.format("cache")
        guarded.drop()

    def again(doutput):
        return _full(gradients(guarded.backward(doutput), guarded.params, guarded.inputs)[0], here, faults)

    try:
        unfit = dict.fromkeys(_differ(kept, again(cotangent)), NO_STATE)  # after a forward somewhere else
        bent, small = _linearity(again, kept, cotangent, draw)
    except Exception as error:  # the first call has gone well
        guarded.breaches["backward"] = ONCE_ONLY.format(f"{type(error).__name__}: {error}".partition("\n")[0])
        unfit, bent, small = {}, {}, {}
    if not is_function(guarded, output):
        return None
    now = _full(said, here, faults)
    unfit |= {key: OWN_GRADIENT for key, g in kept.items() if not np.array_equal(g, now.get(key))}
    return Examined(output, cotangent, kept, faults, strays, unfit, bent, small)


def _linearity(backward, kept, cotangent, rng):
    """({key: in which way it is not linear}, gradients at cotangent / FAR times FAR); `kept` are those at cotangent.

    A clip shows where doutput is large, a floor where it is small; entries of all sizes side by side show a bound that
    is relative to the others, and the negative sign a mask by doutput.
    """
    spread = each(lambda d: d * 2.0 ** rng.integers(0, 40, np.shape(d)), cotangent)
    small, large = backward(each(lambda d: d / FAR, cotangent)), backward(each(lambda d: d * FAR, cotangent))
    wide = backward(spread)
    mixed = backward(each(lambda d, e: d - 3 * e, cotangent, spread))
    scaled = {key: FAR * g for key, g in small.items()}
    summed = {key: g - 3 * wide[key] for key, g in kept.items() if key in wide}
    sizeless = {*_differ(kept, mixed)} - {*_differ(kept, small)}
    # A power of two changes no digit, so what is exact in one leaf stands whatever is rounded in another.
    bent = _differ(kept, scaled, noise=0) + _differ({key: FAR * g for key, g in kept.items()}, large, noise=0)
    bent = dict.fromkeys([*bent, *_differ(summed, mixed)], NOT_LINEAR)
    bent |= dict.fromkeys(sizeless & bent.keys(), SIGN_ONLY)
    return _zeros(backward, kept, cotangent, rng) | bent, scaled


def _zeros(backward, kept, cotangent, rng):
    """{key: sentence} for gradients that go wrong where doutput is 0: at entries, in whole rows, everywhere.

    A doutput is split in two with zeros in turn, and the gradients of the parts add up to that of the whole.
    """

    def some(d):
        entries, rows = rng.random(np.shape(d)) < 0.7, rng.random(np.shape(d)[:-1]) < 0.7
        alternate = (np.arange(len(d)) % 2 == 0).reshape(-1, *[1] * (np.ndim(d) - 1)) if np.ndim(d) else True
        return np.where(entries & rows[..., None] & alternate if np.ndim(d) else entries, d, 0.0)

    part = each(some, cotangent)
    with np.errstate(all="ignore"):  # what comes of it is looked at
        one, other = backward(part), backward(each(lambda d, e: np.where(e == 0, d, 0.0), cotangent, part))
        nothing = backward(each(np.zeros_like, cotangent))
    added = {key: g + other[key] for key, g in one.items() if key in other}
    found = dict.fromkeys(_differ(kept, added), ZEROS)
    return found | {key: FROM_NOTHING for key in kept if key not in nothing or nothing[key].any()}


def is_function(guarded: Guarded, output: Any) -> bool:
    """Whether forward still gives `output` at the point; if not, it is a breach."""
    again, _ = guarded.forward()
    ys, same = arrays(again), arrays(output)
    agree = len(ys) == len(same) and all(map(_agree, ys, same))
    if not agree:
        guarded.breaches["output"] = NO_FUNCTION
    return agree


def _agree(y, y0):
    return np.shape(y) == np.shape(y0) and bool((np.abs(y - y0) <= 1e-12 * np.abs(y0).max(initial=0)).all())


def _full(said, here, faults):
    """The gradients that can be compared, as full arrays of their own."""
    fit = {key: said.get(key) for key in here if key not in faults}
    return {key: dense(g, here[key]) for key, g in fit.items() if not fault(g, here[key])}


def _differ(one, other, noise=None):
    """Keys of `one` at which `other` is not the same but for rounding, `noise` (default: NOISE of the largest)."""
    if noise is None:
        noise = NOISE * max((np.abs(g).max(initial=0) for g in (*one.values(), *other.values())), default=0)

    def same(g, h):
        bound = SAME * max(np.abs(g).max(initial=0), np.abs(h).max(initial=0)) + noise
        return bool((np.abs(g - h) <= bound).all())

    return [key for key, g in one.items() if key not in other or not same(g, other[key])]
