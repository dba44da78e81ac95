"""Options: what is said about a value that a user may set, and the check that it is kept to.

The same options are keywords in Python, entries of `Config` and flags of the commands.
"""

import difflib
import sys
from typing import Any, Literal, NamedTuple

import numpy as np

from .errors import OptionError

LARGEST = 2**31 - 1  # of a whole number in general: rows and steps beyond it are a slip of the finger
Auto = float | Literal["auto"]  # a number, or the word for one that depends on other options
KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Auto: "a number or auto",
    tuple[int, ...]: "whole numbers with commas, such as 128,64",
}


class Option(NamedTuple):
    """What a value may be.

    text     what it sets, for `--help`
    choices  the possible values; None: any within the limits
    low      the smallest number, of a list each; None: no limit
    high     the largest whole number
    empty    whether a list may have no entry
    most     the largest of numbers that need not be whole; None: no limit
    """

    text: str
    choices: tuple[str, ...] | None = None
    low: float | None = None
    high: int = LARGEST
    empty: bool = False
    most: float | None = None


def plain(value: Any) -> Any:
    """A value with Python's own number in the place of one of NumPy's, as a JSON file takes it."""
    return value.item() if isinstance(value, np.generic) else value


def check_value(name: str, kind: Any, value: Any, option: Option) -> None:
    """Raise `OptionError` unless a value is of its kind, a key of `KINDS`, and within the option's limits."""
    if not _is_of(kind, value):
        raise OptionError(lambda called: f"{called(name)} {value!r:.60}: must be {KINDS[kind]}")
    if kind == Auto:
        if value == "auto":
            return
        kind = float
    if option.choices and value not in option.choices:
        known = ", ".join(option.choices) + did_you_mean(value, option.choices)
        raise OptionError(lambda called: f"{called(name)} {value!s:.60}: choose one of {known}")
    if isinstance(value, tuple) and not value and not option.empty:
        raise OptionError(lambda called: f"{called(name)}: must hold one whole number at least, such as 64")
    numbers = value if isinstance(value, tuple) else (value,)
    wrong = [f"{_shown(number)}: {limit}" for number in numbers if (limit := _beyond(number, kind, option))]
    if wrong:
        raise OptionError(lambda called: f"{called(name)} {wrong[0]}")


def did_you_mean(word: Any, words: Any) -> str:
    """The end of an error message: the word that resembles the wrong one, if there is one."""
    close = difflib.get_close_matches(str(word), words, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _is_of(kind, value):
    """Whether a value is of a kind. True and False are no numbers, whole numbers are."""
    if kind == tuple[int, ...]:
        return type(value) is tuple and all(type(number) is int for number in value)
    if kind == Auto:
        return type(value) in (int, float) or (type(value) is str and value == "auto")
    return type(value) in ((int, float) if kind is float else (kind,))


def _beyond(number, kind, option):
    """Which limit a number breaks, or None."""
    if kind is float and not abs(number) <= sys.float_info.max:
        return "must be a finite number"
    if option.low is not None and number < option.low:
        return f"must be at least {option.low}"
    if type(number) is int and kind is not float and number > option.high:
        return f"must be at most {option.high}"
    if option.most is not None and number > option.most:
        return f"must be at most {option.most}"
    return None


def _shown(number):
    """A number in a message; Python does not write down whole numbers of thousands of digits."""
    if type(number) is int and abs(number) > 10**60:
        return f"(of more than 60 digits{', negative' if number < 0 else ''})"
    return str(number)
