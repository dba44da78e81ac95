r"""The line format of the AliCCP files (Tianchi data set 408), parsed a block of lines at a time.

    skeleton         sample_id,click,conversion,common_feature_index,feature_num,feature_list
    common features  common_feature_index,feature_num,feature_list
    feature_list     token \x01 token \x01 ...            (spaces for legibility, there are none in the files)
    token            field \x02 feature id \x03 value

There is no header row, and no control character but the separators. `blocks` cuts a file into pieces of whole lines,
`Lines` splits a piece: control characters and commas are found by comparison, and the rest is arithmetic on their
positions. No Python code runs per line or per token.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from ..errors import InputError
from . import raw_files
from .oddities import Oddities
from .whole_numbers import MAX_DIGITS, plain_numbers

BLOCK_BYTES = 8 << 20  # of text; the arrays made from it take several times as much

TOKEN, ID, VALUE, NEWLINE, COMMA = 1, 2, 3, 10, 44
OTHER, UNKNOWN = -1, -2  # instead of the slot of a field
LONG = 6  # characters of the names that are no numbers, as 127_14
_PRINTABLE = 32  # and above; what is below is a separator, or has no place in the file

_LEGAL = np.zeros(1 << 16, bool)  # which separator may follow which, indexed by (first << 8) + second
for _first, _second in [(NEWLINE, COMMA), (COMMA, COMMA), (COMMA, ID), (COMMA, NEWLINE), (ID, VALUE),
                        (VALUE, TOKEN), (VALUE, NEWLINE), (TOKEN, ID)]:  # fmt: skip
    _LEGAL[(_first << 8) + _second] = True


def blocks(path: Path, odd: Oddities, progress: raw_files.Progress | None = None) -> Iterator[tuple[int, bytes]]:
    """The file as (number of the first line, bytes), see `raw_files.blocks`; a cut last line is one of the `Oddities`.

    Only the cut of a last value comes so far: it leaves a line that is well-formed.
    """
    return raw_files.blocks(
        path,
        BLOCK_BYTES,
        progress,
        lambda line: odd.add("files end without a line end; are they complete?", 1, f"{path.name}:{line}"),
    )


class Lines:
    """L lines of `columns` columns each, the last two being feature_num and feature_list.

    path, first  file and number of the first line, for messages
    data         bytes, whole lines

    Raises InputError, with file and line, for a wrong number of columns, a token that is not field, feature id and
    value, and a feature_num that is not the number of tokens. Feature ids are looked at only where `tokens` wants them,
    and values never.
    """

    def __init__(self, path: Path, first: int, data: bytes, columns: int) -> None:
        self.path, self.first = path, first
        self.text = np.frombuffer(data, np.uint8)
        # at[0] = -1 stands for the newline before the block; line i has the separators at[start[i] : end[i] + 1]
        self.at = np.concatenate([[-1], np.flatnonzero((self.text < _PRINTABLE) | (self.text == COMMA))])
        self.kind = self.text[self.at]
        self.kind[0] = NEWLINE
        newlines = np.flatnonzero(self.kind == NEWLINE)
        self.start, self.end = newlines[:-1] + 1, newlines[1:]
        self.n = len(self.end)

        found = 1 + np.add.reduceat(self.kind == COMMA, self.start, dtype=np.intp)
        self.check(found == columns, f"{{}} columns instead of {columns}; is this the right file?", found)
        legal = _LEGAL[(self.kind[:-1].astype(np.uint16) << 8) + self.kind[1:]]
        legal = np.logical_and.reduceat(legal, self.start - 1)
        self.check(legal, r"malformed token in the feature list, want field\x02id\x03value")
        n_tokens = (self.end - self.start + 2 - columns) // 3
        announced = self.column(columns - 2, "feature_num")
        self.check(announced == n_tokens, "feature_num is {} but the list has {} tokens", announced, n_tokens)

    def check(self, good: np.ndarray, complaint: str, *values: np.ndarray) -> None:
        """Raise InputError at the first of the L lines that is not good, its `values` formatted into the complaint."""
        if not good.all():
            bad = int(good.argmin())
            self.fail(bad, complaint.format(*(value[bad] for value in values)))

    def fail(self, line: int, message: str) -> NoReturn:
        """Raise InputError for one line, counted from 0 in the block."""
        raise InputError(f"{self.path}:{self.first + line}: {message}")

    def report(self, odd: Oddities, what: str, bad: np.ndarray) -> None:
        """Count the lines that are `bad` (L,) among the `Oddities`."""
        if bad.any():
            odd.add(what, bad.sum(), f"{self.path.name}:{self.first + int(bad.argmax())}")

    def column(self, j: int, name: str, base: int = 10) -> np.ndarray:
        """Column j, before the feature list, as numbers: (L,) int64 in base 10, uint64 in base 16."""
        begin, stop = self.at[self.start + j - 1] + 1, self.at[self.start + j]
        return self._numbers(begin, stop, name, base=base)

    def tokens(self, slots: np.ndarray, long_names: Sequence[bytes] = ()) -> tuple[np.ndarray, ...]:
        """The tokens whose field is a number of three digits with a slot.

        slots       (1000,) slot of each field; OTHER to leave its tokens out; UNKNOWN to leave them out and mark the
                    line
        long_names  bytes of LONG characters each, further fields whose tokens are left out, such as b"127_14"
        returns     lines, slots, feature ids: three (T,) integer arrays, in the order of the file; and (L,) bool, the
                    lines that have a token of any other field

        The field is what stands before the separator: `127_14` is no token of field 127.
        """
        ids = np.flatnonzero(self.kind == ID)
        begin, stop = self.at[ids - 1] + 1, self.at[ids]
        width = stop - begin
        unknown = np.zeros(self.n, bool)
        others = width != 3
        others[others] = ~self._are(long_names, begin[others], width[others])
        unknown[np.searchsorted(self.end, ids[others])] = True
        ids, begin, stop = ids[width == 3], begin[width == 3], stop[width == 3]
        lines = np.searchsorted(self.end, ids)
        slot = slots[self._numbers(begin, stop, "field", lines)]
        unknown[lines[slot == UNKNOWN]] = True
        ids, lines, slot = ids[slot >= 0], lines[slot >= 0], slot[slot >= 0]
        return lines, slot, self._numbers(self.at[ids] + 1, self.at[ids + 1], "feature id", lines), unknown

    def _are(self, names, begin, width):
        """Which of the texts (T,) at `begin` are among the names of LONG characters.

        Eight bytes are read as one number, of which the name is the lower six; two separators and a newline follow it.
        """
        there = width == LONG
        words = np.ndarray(max(len(self.text) - 7, 0), "<u8", self.text, strides=(1,))[begin[there]]
        words &= (1 << 8 * LONG) - 1
        found = np.zeros(len(words), bool)
        for name in names:
            found |= words == int.from_bytes(name, "little")
        there[there] = found
        return there

    def _numbers(self, begin, stop, name, lines=None, base=10):
        """The numbers written in text[begin:stop]; they are in `lines`, or one in each line."""
        value, good = plain_numbers(self.text, begin, stop, base)
        if not good.all():
            bad = int(good.argmin())
            found = raw_files.shown(self.text[begin[bad] : stop[bad]].tobytes())
            line = bad if lines is None else int(lines[bad])
            self.fail(line, f"{name} {found} is not a whole number of 1 to {MAX_DIGITS[base]} digits in base {base}")
        return value
