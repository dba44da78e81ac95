"""What the numbers and gaps of a CSV file looked like before they were parsed: zeros and signs in front, and NA."""

import numpy as np

from .csv_lines import MINUS, QUOTE, ZERO, CsvLines
from .values import MISSING_TEXT

_PLUS, _N = b"+n"
_TO_LOWER = 32  # set in small letters
_TEXTS = [text.encode() for text in MISSING_TEXT if text]


class Spelling:
    """What a CSV file of C columns holds beside the values that a parser makes of it, gathered block by block.

    padded   (C,) bool: has the column a number with zeros or a plus in front? As a code, 007 is not 7
    missing  (C,) int64: in how many rows is one of the texts of MISSING_TEXT; empty fields do not count
    """

    def __init__(self, n_columns: int) -> None:
        self.padded = np.zeros(n_columns, bool)
        self.missing = np.zeros(n_columns, np.int64)

    def look(self, lines: CsvLines) -> None:
        """Take account of a block of lines, all of which have C fields."""
        text = lines.text
        fields = np.searchsorted(lines.at, _candidates(text)) - 1
        fields = fields[np.diff(fields, prepend=-1) > 0]
        begin, stop = lines.at[fields] + 1, lines.at[fields + 1]
        quoted = text[begin] == QUOTE
        begin, stop = begin + quoted, stop - quoted
        padded, missing = _is_padded(text, begin, stop), _is_missing(text, begin, stop)
        self.padded[self._columns(lines, fields[padded])] = True
        self.missing += np.bincount(self._columns(lines, fields[missing]), minlength=len(self.missing))

    @staticmethod
    def _columns(lines, fields):
        """The columns of fields, which are counted over all lines of a block."""
        first = lines.start - 1
        return fields - first[np.searchsorted(first, fields, "right") - 1]


def _candidates(text):
    """Positions (M,) of bytes that may begin something of interest, by arithmetic on all bytes, which are many."""
    if len(text) < 2:
        return np.arange(len(text))
    before, here = text[:-1], text[1:]
    begins = here == ZERO
    begins[:-1] &= _is_digit(here[1:])
    begins |= here == _PLUS
    begins |= (here | _TO_LOWER) == _N
    begins &= before <= MINUS  # line ends, quotes, commas and signs are
    return np.append(0, np.flatnonzero(begins) + 1)  # no byte is before the first


def _is_digit(byte):
    return byte - np.uint8(ZERO) < 10  # what is below 0 wraps around


def _is_padded(text, begin, stop):
    """Which fields are digits, as far as two of their bytes tell, after a plus or after a zero."""
    last = len(text) - 1
    plus = text[begin] == _PLUS
    digits = begin + (plus | (text[begin] == MINUS))
    zero = (text[digits.clip(max=last)] == ZERO) & (stop - digits > 1)
    digit = text[np.where(plus, digits, digits + 1).clip(max=last)]
    return (plus | zero) & _is_digit(digit)


def _is_missing(text, begin, stop):
    """Which fields are one of the texts that stand for nothing."""
    found = np.zeros(len(begin), bool)
    for wanted in _TEXTS:
        these = np.flatnonzero(stop - begin == len(wanted))
        for k, byte in enumerate(wanted):
            these = these[text[begin[these] + k] == byte]
        found[these] = True
    return found
