r"""CSV, strictly: what two programs could read in two ways is refused.

    file    header line, then lines; blank lines do not count
    line    field , field , ...                 UTF-8, no control characters
    field   text without comma and quote, or "text" with "" for a quote; a quoted field ends on its own line

`CsvFile` (in csv_files) reads the header and cuts the rest into blocks, the `CsvLines`. Their fields are found by
arithmetic on the positions of separators. Python code runs only for a number that is not written in plain digits.
"""

import re
from collections.abc import Collection
from copy import copy
from typing import Any, NoReturn, Self

import numpy as np

from ..errors import InputError
from . import raw_files
from .whole_numbers import MAX_DIGITS, plain_numbers, whole_number

NEWLINE, QUOTE, COMMA, MINUS, DOT, ZERO = b'\n",-.0'
_PRINTABLE = 32  # and above
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(?=,|\Z)')


class CsvLines:
    """L lines of a CSV file, blank ones left out.

    file    the `CsvFile`
    number  (L,) their line numbers
    width   (L,) how many fields each has

    Raises InputError for a line that is no CSV.
    """

    def __init__(self, file: Any, first: int, data: bytes) -> None:
        self.file, self.data, self.text = file, data, np.frombuffer(data, np.uint8)
        self.signs, self.dots = b"-" in data, b"." in data
        # at[0] = -1 stands for the newline before the block; the fields of line i end at at[start[i] :][: width[i]]
        self.at = np.concatenate([[-1], self._separators(first, data)])
        end = np.flatnonzero(self.text[self.at[1:]] == NEWLINE) + 1
        start = np.concatenate([[1], end[:-1] + 1]) if len(end) else end
        blank = (end == start) & (self.at[end] == self.at[end - 1] + 1)
        self.number = first + np.flatnonzero(~blank)
        self.start, self.width = start[~blank], (end - start + 1)[~blank]

    @property
    def n(self) -> int:
        """Number of lines."""
        return len(self.number)

    def where(self, mask: np.ndarray) -> Self:
        """Only the lines of a mask (L,)."""
        some = copy(self)
        some.number, some.start, some.width = self.number[mask], self.start[mask], self.width[mask]
        return some

    def fail(self, line: int, message: str) -> NoReturn:
        """Raise InputError for one of the L lines."""
        raise InputError(f"{self.file.place(self.number[line])}: {message}")

    def check(self, good: np.ndarray, complaint: str, *values: np.ndarray) -> None:
        """Raise InputError at the first of the L lines that is not good, its `values` formatted into the complaint."""
        if not good.all():
            bad = int(good.argmin())
            self.fail(bad, complaint.format(*(value[bad] for value in values)))

    def texts(self, column: int) -> list[bytes]:
        """What is written in a column, by its position, as bytes, quotes included; every line must have it."""
        at = self.start + column
        return [self.data[a:b] for a, b in zip((self.at[at - 1] + 1).tolist(), self.at[at].tolist(), strict=True)]

    def numbers(self, column: int) -> np.ndarray:
        """The whole numbers (L,) int64 in a column, by its position; every line must have it."""
        return self.numbers_if_any(column, ())[0]

    def numbers_if_any(self, column: int, missing: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
        """The same, and (L,) bool: is there a number, or one of the texts that mean that it is `missing`?"""
        at = self.start + column
        begin, stop = self.at[at - 1] + 1, self.at[at]
        minus, whole = np.zeros(self.n, bool), np.zeros(self.n, bool)
        if self.signs:
            minus = self.text[begin] == MINUS
        if self.dots:  # as in 720.0
            whole = (stop - begin > 2) & (self.text[stop - 2] == DOT) & (self.text[stop - 1] == ZERO)
        value, good = plain_numbers(self.text, begin + minus, stop - 2 * whole)
        value[minus] *= -1
        present = (begin < stop) | ("" not in missing)
        for i in np.flatnonzero(~good & present).tolist():
            text = without_quotes(self.text[begin[i] : stop[i]].tobytes())
            number = None if text in missing else whole_number(text)
            if number is None and text not in missing:
                what = f"{self.file.names[column][:30]} is {raw_files.shown(text)}"
                self.fail(i, f"{what}, must be a whole number of at most {MAX_DIGITS[10]} digits")
            value[i], present[i] = number or 0, number is not None
        return value, present

    def _separators(self, first, data):
        """Positions of the newlines, and of the commas that are not quoted."""
        newline, comma, quote = (self.text == byte for byte in (NEWLINE, COMMA, QUOTE))
        strange = np.flatnonzero((self.text < _PRINTABLE) & ~newline)
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError as error:
                strange = np.append(strange, error.start)
        if quote.any():
            at, ends = np.flatnonzero(quote), (NEWLINE, COMMA, QUOTE)
            opening, closing = at[::2], at[1::2]
            strange = np.append(strange, opening[~np.isin(self.text[opening - 1], ends)])
            strange = np.append(strange, closing[~np.isin(self.text[closing + 1], ends)])
            inside = np.cumsum(quote, dtype=np.uint8) & 1 == 1
            strange = np.append(strange, np.flatnonzero(newline & inside))  # a quote that is not closed on its line
            comma &= ~inside
        if len(strange):  # the first of them is named; what follows an open quote has not been understood
            begin = data.rfind(b"\n", 0, strange.min()) + 1
            place = self.file.place(first + data.count(b"\n", 0, begin))
            fields_of(data[begin : data.index(b"\n", begin)], place)
            raise InputError(f"{place}: not CSV; fetch the file again")
        return np.flatnonzero(newline | comma)


def without_quotes(field: bytes) -> str:
    """What a well-formed field says: bytes, quoted or not -> text."""
    text = field.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def fields_of(line: bytes, place: str) -> list[str]:
    """The fields of one line, as text; InputError if it is no CSV."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise InputError(f"{place}: not UTF-8 text; fetch the file again, or save it as UTF-8") from None
    for character in text:
        if ord(character) < _PRINTABLE:
            raise InputError(f"{place}: holds the control character {character!r}; fetch the file again")
    fields, at = [], 0
    while at <= len(text):
        field = _FIELD.match(text, at)
        if not field:
            raise InputError(f"{place}: a quote is not closed, or inside a field: {raw_files.shown(text[at:])}")
        fields.append(field[2] if field[1] is None else field[1].replace('""', '"'))
        at = field.end() + 1
    return fields
