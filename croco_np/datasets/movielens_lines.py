r"""The `.dat` files of MovieLens-1M, split into fields a block of lines at a time.

    line    field :: field :: ...      no header, no quotes; a title may hold commas, quotes and single colons
    text    Latin-1, in which every byte is a character; a copy saved as UTF-8 has other titles, but the same fields

Once a block is read, one control character stands for the two of `::`, so that the fields are found by arithmetic on
the positions of single bytes. The raw files hold no control characters; a file that does is refused.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from ..errors import InputError
from . import raw_files
from .oddities import Oddities
from .whole_numbers import plain_numbers

BLOCK_BYTES = 4 << 20  # of text at a time
SEPARATOR, NEWLINE = 1, 10
_PRINTABLE = 32  # and above


class DatFile:
    """A `.dat` file: iterate over it once for its `DatLines`.

    names    the columns, as the data set's README writes them
    lines    number of lines read, blank ones left out
    unended  number of the last line if it has no line end, known once it has been read, else 0

    Raises InputError, with file and line, for a line that has not these columns.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names = path, tuple(names)
        self.lines, self.unended = 0, 0

    def place(self, line: int) -> str:
        """A line as messages name it."""
        return f"{self.path}: line {line}"

    def notes(self, genuine: int, what: str) -> list[str]:
        """Notes, for after the last line, on a file that may be cut.

        genuine  number of lines of the genuine file; `what` they are, in the plural
        """
        notes = []
        if self.unended:
            notes.append(f"{self.path.name}: the last line has no line end; is the file complete?")
        if self.lines != genuine:
            notes.append(f"{self.path.name}: {self.lines:,} {what}, but MovieLens-1M has {genuine:,}")
        return notes

    def __iter__(self) -> Iterator["DatLines"]:
        for first, data in raw_files.blocks(self.path, BLOCK_BYTES, unended=self._note_unended):
            lines = DatLines(self, first, data)
            self.lines += lines.n
            if lines.n:
                yield lines
        if not self.lines:
            raise InputError(f"{self.path}: no lines but blank ones; unpack it again from the data set's archive")

    def _note_unended(self, line):
        self.unended = line


class DatLines:
    """L lines of a `.dat` file, blank ones left out.

    number  (L,) their line numbers
    """

    def __init__(self, file: DatFile, first: int, data: bytes) -> None:
        self.file = file
        self._refuse_control_characters(first, data)
        self.data = data.replace(b"::", bytes([SEPARATOR]))
        self.text = np.frombuffer(self.data, np.uint8)
        # at[0] = -1 stands for the newline before the block; the fields of line i end at at[start[i] :][: columns]
        self.at = np.concatenate([[-1], np.flatnonzero(self.text < _PRINTABLE)])
        end = np.flatnonzero(self.text[self.at[1:]] == NEWLINE) + 1
        start = np.concatenate([[1], end[:-1] + 1])
        blank = (end == start) & (self.at[end] == self.at[end - 1] + 1)
        self.number, self.start = first + np.flatnonzero(~blank), start[~blank]
        self._check_width((end - start + 1)[~blank])

    @property
    def n(self) -> int:
        """Number of lines."""
        return len(self.number)

    def fail(self, line: int, message: str) -> NoReturn:
        """Raise InputError for one of the L lines."""
        raise InputError(f"{self.file.place(self.number[line])}: {message}")

    def check(self, good: np.ndarray, complaint: str, values: Sequence[object] | np.ndarray) -> None:
        """Raise InputError at the first of the L lines that is not good, its value formatted into the complaint."""
        if not good.all():
            bad = int(good.argmin())
            self.fail(bad, complaint.format(values[bad]))

    def report(self, odd: Oddities, what: str, bad: list[bool]) -> None:
        """Count the lines that are `bad` among the oddities."""
        if any(bad):
            odd.add(what, sum(bad), self.file.place(self.number[bad.index(True)]))

    def texts(self, column: int) -> list[str]:
        """What is written in a column, by its position."""
        begin, stop = self._span(column)
        spans = zip(begin.tolist(), stop.tolist(), strict=True)
        return [self.data[a:b].decode("latin-1") for a, b in spans]

    def numbers(self, column: int, low: int, high: int, meaning: str = "") -> np.ndarray:
        """The whole numbers (L,) int64 in a column, by its position; one that is not in low..high is refused."""
        begin, stop = self._span(column)
        value, good = plain_numbers(self.text, begin, stop)
        good &= (value >= low) & (value <= high)
        if not good.all():
            bad = int(good.argmin())
            found = raw_files.shown(self.data[begin[bad] : stop[bad]].decode("latin-1"))
            must = f"must be a whole number from {low} to {high}{meaning}; is this an unchanged file of MovieLens-1M?"
            self.fail(bad, f"{self.file.names[column]} is {found}, {must}")
        return value

    def _span(self, column):
        at = self.start + column
        return self.at[at - 1] + 1, self.at[at]

    def _check_width(self, width):
        names = self.file.names
        right = width == len(names)
        if right.all():
            return
        if self.number[right.argmin()] == self.file.unended:
            raise InputError(f"{self.file.place(self.file.unended)}: the file ends inside this line; fetch it again")
        form = f"the {len(names)} of {'::'.join(names)}"
        self.check(right, f"{{}} columns instead of {form}; fetch the file again", width)

    def _refuse_control_characters(self, first, data):
        text = np.frombuffer(data, np.uint8)
        strange = (text < _PRINTABLE) & (text != NEWLINE)
        if strange.any():
            at = int(strange.argmax())
            place = self.file.place(first + data.count(b"\n", 0, at))
            raise InputError(f"{place}: holds the control character {chr(data[at])!r}; fetch the file again")
