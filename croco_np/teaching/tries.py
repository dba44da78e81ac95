"""How often an exercise was tried and missed in this process: the more often, the more a hint may say."""

from types import CodeType
from typing import Any

import numpy as np

_MISSED: dict[str, set[Any]] = {}  # number of an exercise -> fingerprints of its wrong answers


def count_miss(number: str, answer: Any) -> int:
    """Note a wrong answer to exercise `number` -> how many different ones there have been, this one included.

    The same lines, or the same value, tried again are the same try.
    """
    missed = _MISSED.setdefault(number, set())
    missed.add(fingerprint(answer))
    return len(missed)


def forget() -> None:
    """Begin to count anew, for all exercises."""
    _MISSED.clear()


def fingerprint(answer: Any) -> Any:
    """What two answers have in common if they are the same: a value's text, the compiled lines of a function.

    Lines are compared as they were compiled, which needs no source file and is blind to comments and line breaks.
    """
    code = getattr(answer, "__code__", None)
    if code is None:
        return (type(answer).__name__, _text(answer))
    held = tuple(_fingerprint_of_cell(cell) for cell in answer.__closure__ or ())
    return (_lines(code), held, _text(answer.__defaults__))


def _fingerprint_of_cell(cell):
    """What a function has from the function around it; a function that is defined in its own terms ends here."""
    try:
        held = cell.cell_contents
    except ValueError:  # not filled yet
        return None
    code = getattr(held, "__code__", None)
    return _text(held) if code is None else _lines(code)


def _lines(code):
    constants = tuple(_lines(c) if isinstance(c, CodeType) else _text(c) for c in code.co_consts)
    return (code.co_code, code.co_names, code.co_varnames, constants)


def _text(thing):
    """A text that equal values share: of arrays all entries, where `repr` would leave some out."""
    if isinstance(thing, np.ndarray):
        return (thing.shape, str(thing.dtype), thing.tobytes() if thing.dtype != object else "")
    try:
        return repr(thing)
    except Exception:  # an object of the answer's own, with a text that fails
        return id(thing)
