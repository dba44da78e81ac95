"""Every kernel with arguments gone wrong; run as a program, for a wrong call may end the process.

Prints a JSON object of counts, and a line for each call that was not refused and did not compute what the definition
says, or that wrote outside of its arrays.
"""

import sys
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
from mutants import REFUSALS, Guarded, at_first, misshapen, of_other_dtype, report, resized

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_kernels import DRAW

from croco_np.arguments import DECAY, NUMBER, SIZE
from croco_np.kernels.twin import KERNELS, numba

FAR = 10**9
LAYOUTS = ("gather", "mix_elements", "adam_rows")  # each compiles anew; the loops of other kernels read alike
compiles = numba is not None and not numba.config.DISABLE_JIT


def mutants(kernel, arguments):
    """(label, arguments, whether they must be refused)."""
    rules = kernel.check.rules
    letters = Counter(letter for _, rule in rules for letter in set(rule.axes))
    for i, (name, rule) in enumerate(rules):

        def with_(label, bad, must=True, i=i, name=name):
            return f"{name}: {label}", [*arguments[:i], bad, *arguments[i + 1 :]], must

        a = arguments[i]
        if not isinstance(a, np.ndarray):
            yield from (
                with_(repr(bad), bad) for bad in (None, "1", [1], 1j, True, 10**30, np.ones(1), np.longdouble(1))
            )
            if rule is DECAY:
                yield from (with_(repr(bad), bad) for bad in (-0.5, 1, 1.5, np.nan))
            if rule is SIZE:
                yield from (with_(repr(bad), bad) for bad in (-1, 1.0, -(2**62)))
                yield with_("one less", a - 1, must=False)
            continue
        assert rule not in (NUMBER, SIZE)
        for label, bad in (misshapen(a) | of_other_dtype(a)).items():
            yield with_(label, bad)
        for label, bad in resized(a).items():
            letter = rule.axes[int(label.split()[1])]
            yield with_(label, bad, must=letters[letter] > 1 or letter.isdigit())
        if rule.shared:
            yield with_("float32", a.astype(np.float32), must=sum(r.shared for _, r in rules) > 1)
        if rule.below or name == "gaps":
            yield from (with_(str(bad), at_first(a, bad)) for bad in (-1, -FAR, np.iinfo(a.dtype).min))
        if rule.below:
            yield from (with_(str(bad), at_first(a, bad)) for bad in (FAR, np.iinfo(a.dtype).max))
            yield with_("its limit", at_first(a, limit(rules, arguments, rule.below)))
        if name == "rows" and "w" in dict(rules):
            yield with_("one twice", np.r_[a[:1], a[:-1]])
            yield with_("descending", a[::-1].copy())
        if name == "scores":
            yield from (with_(str(bad), at_first(a, bad)) for bad in (np.nan, np.inf))
        if rule.in_place:
            frozen = a.copy()
            frozen.flags.writeable = False
            yield with_("read-only", frozen)
            if min(a.shape) > 1:
                yield with_("Fortran order", np.asfortranarray(a))
            yield with_("every second column", np.repeat(a, 2, axis=-1)[..., ::2])
        yield with_("empty", a[:0], must=False)
    if not compiles or kernel.__name__ in LAYOUTS:
        inputs = [rule.axes and not rule.in_place for _, rule in rules]
        yield "Fortran order", [np.asfortranarray(a) if i else a for a, i in zip(arguments, inputs, strict=True)], False
    yield "one argument less", arguments[:-1], True
    yield "one argument more", [*arguments, 1.0], True


def limit(rules, arguments, below):
    """The number that a letter or an argument stands for."""
    for (name, rule), a in zip(rules, arguments, strict=True):
        if name == below:
            return a
        if below in rule.axes:
            return a.shape[rule.axes.index(below)]
    raise AssertionError(below)


def in_place_pairs(kernel, arguments):
    """Arguments two of which are one array, where one is changed in place."""
    rules = kernel.check.rules
    for i, (name, rule) in enumerate(rules):
        for j, (other, _) in enumerate(rules):
            same = i != j and rule.in_place and np.shape(arguments[i]) == np.shape(arguments[j])
            if same and arguments[i].dtype == arguments[j].dtype:
                yield f"{name} is {other}", [arguments[i] if k == j else a for k, a in enumerate(arguments)]


def results(side, arguments):
    """What a call returns and what it leaves in its arrays."""
    result = side(*arguments)
    returned = result if isinstance(result, tuple) else (result,)
    return [*(r for r in returned if r is not None), *(a for a in arguments if isinstance(a, np.ndarray))]


def verdict(kernel, arguments, must):
    """Whether a call was "refused" or came out "as defined"; else what went wrong."""
    guarded = Guarded(arguments)
    try:
        told = results(kernel, guarded.arguments)
    except REFUSALS as error:
        if Path(traceback.extract_tb(error.__traceback__)[-1].filename).name != "arguments.py":
            return f"REACHED THE LOOPS: {error!r}"
        return "WROTE BEFORE IT REFUSED" if guarded.changed() else "refused"
    except Exception as error:
        return f"WRONG KIND: {error!r}"
    if guarded.outside():
        return "WROTE OUTSIDE"
    if must:
        return "SILENT"
    try:
        said = results(kernel.reference, Guarded(arguments).arguments)
    except Exception as error:
        return f"SILENT, the definition: {error!r}"
    outputs = 1 if kernel.__name__ == "bias_relu" else None  # the buffer it was handed may hold anything afterwards
    for a, b in zip(told[:outputs], said[:outputs], strict=True):
        near = 1e-12 if a.dtype == np.float64 else 1e-6
        if a.shape != b.shape or not np.allclose(a, b, rtol=near, atol=near, equal_nan=True):
            return "NOT WHAT THE DEFINITION SAYS"
    return "as defined"


def aliased(kernel, arguments, _):
    """As `verdict`, for arrays that must go in as they are."""
    try:
        kernel(*arguments)
    except REFUSALS:
        return "refused"
    return "SILENT"


def cases():
    for name, draw in DRAW.items():
        kernel, arguments = KERNELS[name], list(draw(np.random.default_rng(0), np.float64))
        yield f"{name}: as it should be", verdict, kernel, arguments, False
        for label, bad, must in mutants(kernel, arguments):
            yield f"{name}: {label}", verdict, kernel, bad, must
        for label, bad in in_place_pairs(kernel, arguments):
            yield f"{name}: {label}", aliased, kernel, bad, True


if __name__ == "__main__":
    report(cases(), lambda judge, *call: judge(*call))
