"""Checks around a student's answer: it must not change its arguments, and must return finite float64 numbers."""

import inspect
from typing import Any

import numpy as np

from ..gradcheck.snapshot import changed, contents, snapshot
from .compare import as_array
from .said import form


class Refused(Exception):
    """A hint: what is wrong with an answer whatever its values should be."""


def guarded(answer: Any, writes: tuple[int, ...] = (), wants: str = "") -> Any:
    """The answer, as a function that raises `Refused` where it should; a value is looked at here.

    writes  places of the arguments that the answer is asked to write into
    wants   "array" or "number", where a function has to return one of it, and no tuple
    """
    if not callable(answer):
        _look(answer, "The answer")
        return answer

    def call(*args):
        before = snapshot(args)
        returned = answer(*args)
        if returned is None and not writes:
            raise Refused("It returns nothing: is there a `return` at the end?")
        names = _names(answer, len(args))
        for i, *_ in changed(args, before):
            if i not in writes:
                raise Refused(f"It writes into its argument {names[i]}: leave what you are given as it is.")
        for i in writes:
            _look(args[i], f"Its argument {names[i]}")
        _look(returned, "What it returns")
        if wants and not _is_one(returned):
            raise Refused(f"One {wants} is wanted; it returns {_form(returned)}.")
        return returned

    return call


def parts(returned: Any, *names: str) -> tuple:
    """What an answer returns, if it is a tuple with one entry for each of `names`; else `Refused` says so."""
    if not isinstance(returned, tuple):
        said = f"one {type(returned).__name__}"
    elif len(returned) != len(names):
        said = f"{len(returned)} values"
    else:
        for name, part in zip(names, returned, strict=True):
            if not _holds_numbers(part):
                raise Refused(f"{name} is {_form(part)}, where one array or number is wanted.")
        return returned
    raise Refused(f"Return a tuple of {len(names)} values, {', '.join(names[:-1])} and {names[-1]}; it returns {said}.")


def _names(answer, n):
    """The names of n arguments; their numbers where the answer does not tell them."""
    try:
        told = [name for name, p in inspect.signature(answer).parameters.items() if p.kind != p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        told = []
    return [*told, *(f"number {i + 1}" for i in range(len(told), n))][:n]


def _is_one(thing):
    """Whether it may be an array or a number: no tuple of arrays, and nothing that NumPy makes no numbers of."""
    several = isinstance(thing, tuple) and any(isinstance(part, np.ndarray) for part in thing)
    return not several and _holds_numbers(thing)


def _holds_numbers(thing):
    found = as_array(thing)
    return found is not None and found.dtype.kind in "biufc"


def _form(thing):
    """The form of what is no array; of a list, why it is none."""
    uneven = isinstance(thing, list) and as_array(thing) is None
    return f"{form(thing)}, whose shapes differ" if uneven else form(thing)


def _look(thing, who):
    """Refuse arrays and numbers that no exercise asks for."""
    for leaf in contents(thing).values():
        if isinstance(leaf, np.ndarray):
            if type(leaf) is not np.ndarray:
                raise Refused(f"{who} is, or holds, a {type(leaf).__name__}: a plain NumPy array is wanted.")
            if leaf.dtype.kind not in "biuf":
                raise Refused(f"{who} is, or holds, an array of {leaf.dtype}: real numbers are wanted.")
            if leaf.dtype.kind == "f" and leaf.dtype != np.float64:
                raise Refused(f"{who} is, or holds, {leaf.dtype}: keep the precision of float64.")
        if isinstance(leaf, (complex, np.complexfloating)):
            raise Refused(f"{who} is, or holds, a complex number: real ones are wanted.")
        if isinstance(leaf, (np.ndarray, float, np.floating)) and not np.isfinite(leaf).all():
            what = "NaN" if np.isnan(leaf).any() else "an infinite number"
            raise Refused(f"{who} is, or holds, {what}: is there a division by 0, or an overflow?")
