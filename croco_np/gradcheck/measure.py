"""The adjoint law at one leaf: a random direction, measured by complex step and by central differences."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .forms import arrays
from .hint import NOTHING_ARRIVES, RARE, hint

METHODS = ("complex step", "central differences")
TOLERANCE = {"complex step": 1e-12, "central differences": 1e-7}
NOISE = {"complex step": 1e-13, "central differences": 1e-6}  # of the largest entry, in any single one
COMPLEX_STEP, DIFFERENCE_STEP = 1e-30, 1e-5
STEP = dict(zip(METHODS, (COMPLEX_STEP, DIFFERENCE_STEP), strict=True))
LONG_COMPLEX_STEP = 1e-8  # still exact to rounding, where a shorter one falls below the smallest number
FAINT = 1e-270  # gradients so small that a step of 1e-30 vanishes in underflow
ORDINARY = (0.1, 10.0)  # sizes of numbers to which a step of 1e-5 is fitting
DIFFERENCES_FAIL = 1e-4  # where the complex step agrees: two kinks that cancel in the roughness, a strong curvature
EXCUSE = 100  # times the roughness: at a kink the error is about as large as it, and can be some times larger
SMALL = 1e-4  # of a leaf's largest gradient: entries below it are measured apart, or a large one would hide them
TINY = np.finfo(float).tiny
SMALLEST = 1e-9  # of the largest: here rounding begins
TOLERANCE_OF_SMALL = 1e-5

SMALL_ENTRIES = f"right where the gradient is large, wrong at entries more than {1 / SMALL:.0f} times smaller"
CANNOT = "forward does not run on complex numbers ({}): make it complex or pass methods=('central differences',)"
NOT_COMPLEX = (
    "central differences agree, so the backward looks right: the forward loses the imaginary part in an abs, a cast or "
    "a comparison; make it complex or pass methods=('central differences',)"
)
UNDERFLOW = (
    "the gradient is so small that the complex step falls below the smallest number (an exp of -690?): pass "
    "methods=('central differences',), or choose a point where the output is larger"
)
ROUNDED = (
    "no verdict: beside outputs so large, central differences lose this leaf in rounding; pass "
    "methods=('complex step',), or choose a point where the output is smaller"
)
STAIRCASE = "the forward is a staircase of small steps: it rounds on the way (float32?); compute in float64"
OUT_OF_RANGE = {
    "complex step": "the forward is NaN or infinite on complex numbers beside this point",
    "central differences": f"the forward is NaN or infinite {DIFFERENCE_STEP:g} beside this point",
}


class Check(NamedTuple):
    """One leaf, one method.

    error   |backward - measured| / the gradient's norm (the typical size of a random projection of it)
    kink    the direction crosses a kink, so the measurement says nothing: draw again
    hint    where it is wrong: what kind of mistake it looks like
    unmeasured  the forward is none that this method can measure, which is no word on the backward
    """

    name: str
    method: str
    error: float
    tolerance: float
    ok: bool
    kink: bool = False
    hint: str = ""
    unmeasured: bool = False


def refused(label: str, method: str, why: str) -> Check:
    """The check of what has no error, since it cannot be measured or breaks a rule."""
    return Check(label, method, np.inf, TOLERANCE.get(method, 0.0), False, hint=why)


def rounding(cotangent: Any, output: Any) -> float:
    """By how much rounding the output may move <cotangent, output>, the function that is differentiated."""
    pairs = zip(arrays(cotangent), arrays(output), strict=True)
    return np.finfo(float).eps * float(sum(np.abs(dy * y).sum() for dy, y in pairs))


def check_leaf(
    label: str,
    methods: Sequence[str],
    leaf: np.ndarray,
    g: np.ndarray,
    f: Callable,
    rng: np.random.Generator,
    rounded: float = 0.0,
) -> list[Check]:
    """One `Check` for each method; f(array) is the function that is differentiated, with `array` for the leaf.

    rounded  how exact f is, see `rounding`
    """
    excuses = dict.fromkeys(methods, 0.0)
    rows = [_check(label, method, leaf, g, f, rng, excuses, rounded) for method in methods]
    if len(rows) == 1 and _is_wrong_by_complex_step(rows[0]):  # of the backward, or of the forward?
        aside = np.random.default_rng(0)
        rows += [_check(label, "central differences", leaf, g, f, aside, dict(excuses), rounded)]
    return _together(rows, max(excuses.values()))[: len(methods)]


def _check(label, method, leaf, g, f, rng, excuses, rounded):
    """One method; if there is a kink, `excuses[method]` is set to the largest error that it could be the reason of."""
    v = rng.choice([-1.0, 1.0], leaf.shape) * rng.uniform(0.5, 1.5, leaf.shape)  # equal sizes: swapped entries cancel
    try:
        measured, roughness = slope(f, leaf, v, method)
    except Exception as failure:  # whatever complex numbers do to a forward that did run on real ones
        if method != "complex step":
            raise
        said = str(failure).partition("\n")[0]
        return refused(label, method, CANNOT.format(f"{type(failure).__name__}: {said}"))._replace(unmeasured=True)
    tolerance = TOLERANCE[method]
    error, scale = _error(float((g * v).sum()), measured, g)
    ok = error <= tolerance
    if not ok:  # a step that suits numbers around 1 is lost in large ones, and leaves the range of small ones
        lost = method == "central differences" and error * scale <= rounded / DIFFERENCE_STEP
        for step in [*_other_steps(method, leaf, g), *([rounded / (tolerance / 10 * scale)] if lost and scale else [])]:
            again, _ = _error(float((g * v).sum()), slope(f, leaf, v, method, step)[0], g)
            if again <= tolerance:
                return Check(label, method, again, tolerance, True)
        if lost:
            return Check(label, method, error, tolerance, False, hint=ROUNDED, unmeasured=True)
    if not np.isfinite(measured):
        return refused(label, method, OUT_OF_RANGE[method])
    if not ok and method == "complex step" and measured == 0 and 0 < np.abs(g).max(initial=0) < FAINT:
        return refused(label, method, UNDERFLOW)._replace(unmeasured=True)
    if not ok and roughness > tolerance * scale:
        excuses[method] = EXCUSE * roughness / scale
    kink = not ok and error <= excuses[method]
    if kink and roughness > 1e-3 * scale and _is_staircase(f, leaf, v):
        return refused(label, method, STAIRCASE)
    if ok and method == "complex step":
        error_of_small = _error_of_small(f, leaf, g, v)
        if not error_of_small <= TOLERANCE_OF_SMALL:
            return Check(label, method, error_of_small, TOLERANCE_OF_SMALL, False, hint=SMALL_ENTRIES)
    if ok or kink:
        return Check(label, method, error, tolerance, ok, kink)
    why = hint(lambda direction: slope(f, leaf, direction, method)[0], g, leaf, rng, noise=NOISE[method])
    return Check(label, method, error, tolerance, ok, hint=why)


def _other_steps(method, leaf, g):
    """Steps to try where the usual one fails; every one moves all entries as the usual one does, and hides none."""
    if method == "complex step":
        return [LONG_COMPLEX_STEP] if np.abs(g).max(initial=0) < FAINT else []
    sizes = np.abs(leaf[leaf != 0])
    if not sizes.size:
        return []
    sizes = {float(sizes.max()), float(np.median(sizes)), float(sizes.min())}
    return [DIFFERENCE_STEP * size for size in sizes if not ORDINARY[0] <= size <= ORDINARY[1]]


def _error(said, measured, g):
    """(|said - measured| relative to the size of things, that size); an error that is no number is infinite."""
    largest = float(np.abs(g).max(initial=0))
    norm = largest * float(np.linalg.norm(g / largest)) if largest > 0 else 0.0  # squares of 1e200 are infinite
    scale = max(abs(said), abs(measured), norm)
    error = abs(said - measured) / scale if scale > 0 else 0.0
    return (float(error) if np.isfinite(error) and np.isfinite(scale) else np.inf), scale


def _error_of_small(f, leaf, g, v):
    """The error at the entries whose gradient is small beside the largest, each by its own size; 0 without such."""
    largest = float(np.abs(g).max(initial=0))
    small = np.abs(g) < SMALL * largest
    if not small.any():
        return 0.0
    apart = np.where(small, v / np.maximum(np.abs(g) / max(largest, TINY), SMALLEST), 0.0)  # each moves f alike
    measured, _ = slope(f, leaf, apart, "complex step")
    return abs(float((g * apart).sum()) - measured) / largest / np.sqrt(small.sum())


def _is_staircase(f, leaf, v):
    """Whether f is flat here and flat further on, yet on another level: steps that float32 does not resolve."""
    v = v * (1 + np.abs(leaf))
    here, there = f(leaf), f(leaf + 1e-2 * v)
    return here != there and here == f(leaf + 1e-10 * v) and there == f(leaf + 1e-2 * v + 1e-10 * v)


def slope(f: Callable, leaf: np.ndarray, v: np.ndarray, method: str, h: float | None = None) -> tuple[float, float]:
    """Derivative of f at `leaf` in direction v by steps of length h, and how far f is from smooth there (0 where that
    is not measured)."""
    h = h or STEP[method]
    if method == "complex step":
        return float(np.imag(f(leaf + 1j * h * v)) / h), 0.0
    ahead, behind = {}, {}
    for step in (h, h / 2):
        ahead[step], behind[step] = f(leaf + step * v) / step, -f(leaf - step * v) / step
    wide, narrow = (ahead[h] + behind[h]) / 2, (ahead[h / 2] + behind[h / 2]) / 2
    # The one-sided slopes differ by h f'' on a smooth function, so halving h halves the gap; at a kink it does not.
    gap, half_gap = ahead[h] - behind[h], ahead[h / 2] - behind[h / 2]
    return float((4 * narrow - wide) / 3), float(abs(half_gap - gap / 2))


def _together(rows, excuse):
    """What the methods say of a leaf only together; a kink nearby excuses errors up to `excuse`."""
    if any(c.hint == ROUNDED for c in rows):
        return rows
    if any(c.hint == STAIRCASE for c in rows):
        return [c if c.ok else c._replace(hint=STAIRCASE) for c in rows]
    if any(c.kink for c in rows):  # on a kink the complex step sees one branch only
        return [c if c.ok or c.error > excuse else c._replace(kink=True, hint="") for c in rows]
    wrong = [c for c in rows if not c.ok]
    if [c.method for c in wrong] == ["central differences"] and len(rows) > 1 and wrong[0].error <= DIFFERENCES_FAIL:
        return [c if c.ok else c._replace(kink=True, hint="") for c in rows]
    if len(wrong) == len(METHODS) and wrong[1].hint == RARE:
        return [c._replace(hint=rows[0].hint) for c in rows]
    if [c.method for c in wrong] == ["complex step"] and len(rows) > 1 and _would_show(wrong[0]):
        return [c if c.ok else c._replace(hint=NOT_COMPLEX, unmeasured=True) for c in rows]
    if [c.hint for c in wrong] == [OUT_OF_RANGE["central differences"]] and len(rows) > 1:  # the exact one agrees
        return [c if c.ok else c._replace(kink=True) for c in rows]
    return rows


def _is_wrong_by_complex_step(c):
    return c.method == "complex step" and not (c.ok or c.unmeasured) and _would_show(c)


def _would_show(c):
    """Whether an error is so large that central differences would see it, too."""
    sees = TOLERANCE["central differences"] < c.error < np.inf or c.hint == OUT_OF_RANGE[c.method]
    return sees and c.hint not in (SMALL_ENTRIES, NOTHING_ARRIVES)
