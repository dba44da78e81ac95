"""Whole numbers in text: many at once where they are plain digits, one by one in the other ways to write them."""

import re
from decimal import Decimal
from functools import lru_cache

import numpy as np

MAX_DIGITS = {10: 18, 16: 16}  # most digits that surely fit 64 bits, by base

_DIGIT = np.full(256, 255, np.uint8)
_DIGIT[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_ORDINARY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def plain_numbers(
    text: np.ndarray, begin: np.ndarray, stop: np.ndarray, base: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers written in text[begin:stop], digit by digit over all of them at once.

    text         bytes as a uint8 array
    begin, stop  (N,) positions
    returns      (N,) numbers, int64 in base 10, uint64 in base 16, and (N,) bool: is it 1 to MAX_DIGITS[base] digits
                 and nothing else? Where it is not, the number means nothing.
    """
    width = stop - begin
    value, good = np.zeros(len(width), np.uint64), np.zeros(len(width), bool)
    shortest, longest = width.min(initial=MAX_DIGITS[base]), width.max(initial=0)
    if shortest == longest <= MAX_DIGITS[base] and longest:  # flags, dates, times: columns of one width
        value, good = _of_one_width(text, begin, int(longest), base)
    else:
        for digits in range(max(shortest, 1), min(longest, MAX_DIGITS[base]) + 1):
            these = np.flatnonzero(width == digits)
            value[these], good[these] = _of_one_width(text, begin[these], digits, base)
    return (value.view(np.int64) if base == 10 else value), good


def _of_one_width(text, at, digits, base):
    value, good = np.zeros(len(at), np.uint64), np.ones(len(at), bool)
    for k in range(digits):
        digit = _DIGIT[text[at + k]]
        good &= digit < base
        value *= np.uint64(base)
        value += digit
    return value, good


def whole_number(text: str) -> int | None:
    """A number as programs write it, such as 12, " 12", 12.0, +12 or 1.2e+01, if it is whole; else None.

    >>> whole_number("1e+05"), whole_number("-3.0"), whole_number("1.5"), whole_number("9" * 19)
    (100000, -3, None, None)
    """
    text = text.strip(" \t")
    return _exact(text) if len(text) <= 60 and _ORDINARY.fullmatch(text) else None


@lru_cache(1 << 16)  # in a file that has them, many are the same
def _exact(text):
    number = Decimal(text)
    if abs(number) >= 10 ** MAX_DIGITS[10] or number != number.to_integral_value():
        return None
    return int(number)
