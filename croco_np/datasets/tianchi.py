r"""The line format of the AliCCP files (Tianchi data set 408), parsed a block of lines at a time.

    skeleton         sample_id,click,conversion,common_feature_index,feature_num,feature_list
    common features  common_feature_index,feature_num,feature_list
    feature_list     token \x01 token \x01 ...            (spaces for legibility, there are none in the files)
    token            field \x02 feature id \x03 value

There is no header row. `blocks` cuts a file into pieces of whole lines, `Lines` splits a piece: every separator is a
byte at or below ',' and every other byte is above it, so one comparison finds all of them and the rest is arithmetic on
their positions. No Python code runs per line or per token.
"""

import gzip
import zlib

import numpy as np

from ..errors import InputError

BLOCK_BYTES = 8 << 20  # of text; the arrays made from it take several times as much

TOKEN, ID, VALUE, NEWLINE, COMMA = 1, 2, 3, 10, 44

_LEGAL = np.zeros(1 << 16, bool)  # which separator may follow which, indexed by (first << 8) + second
for _first, _second in [(NEWLINE, COMMA), (COMMA, COMMA), (COMMA, ID), (COMMA, NEWLINE), (ID, VALUE),
                        (VALUE, TOKEN), (VALUE, NEWLINE), (TOKEN, ID)]:  # fmt: skip
    _LEGAL[(_first << 8) + _second] = True

_DIGIT = np.full(256, 255, np.uint64)
_DIGIT[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_DIGITS = {10: 18, 16: 16}  # most digits that surely fit 64 bits, by base


def blocks(path, progress=None):
    """Yield (number of the first line, bytes) for consecutive pieces of whole lines of `path`, plain or gzip (.gz).

    A last line without newline gets one. `progress(bytes_done, bytes_total, what)` counts bytes of the file as stored.
    Raises InputError for an empty file and for a broken gzip stream.
    """
    total = path.stat().st_size
    with path.open("rb") as stored:
        text = gzip.GzipFile(fileobj=stored) if path.suffix == ".gz" else stored
        line, rest = 1, b""
        while data := _read(text, path, line):
            cut = data.rfind(b"\n") + 1
            if cut:
                whole = rest + data[:cut]
                yield line, whole
                line, rest = line + whole.count(b"\n"), b""
            rest += data[cut:]
            if progress:
                progress(stored.tell(), total, path.name)
        if rest:
            yield line, rest + b"\n"
        elif line == 1:
            raise InputError(f"{path}: empty file; unpack it again from the archive of Tianchi data set 408")


def _read(text, path, line):
    try:
        return text.read(BLOCK_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: broken gzip stream after line {line - 1} ({error}); download it again") from error


class Lines:
    """L lines of `columns` columns each, the last two being feature_num and feature_list.

    path, first  file and number of the first line, for messages
    data         bytes, whole lines

    Raises InputError, with file and line, for a wrong number of columns, a token that is not field, feature id and
    value, and a feature_num that is not the number of tokens. Feature ids are looked at only where `tokens` wants them,
    and values never.
    """

    def __init__(self, path, first, data, columns):
        self.path, self.first = path, first
        self.text = np.frombuffer(data, np.uint8)
        # at[0] = -1 stands for the newline before the block; line i has the separators at[start[i] : end[i] + 1]
        self.at = np.concatenate([[-1], np.flatnonzero(self.text <= COMMA)])
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

    def check(self, good, complaint, *values):
        """Raise InputError at the first of the L lines that is not good, its `values` formatted into the complaint."""
        if not good.all():
            bad = int(good.argmin())
            self.fail(bad, complaint.format(*(value[bad] for value in values)))

    def fail(self, line, message):
        """Raise InputError for one line, counted from 0 in the block."""
        raise InputError(f"{self.path}:{self.first + line}: {message}")

    def column(self, j, name, base=10):
        """Column j, before the feature list, as numbers: (L,) int64 in base 10, uint64 in base 16."""
        begin, stop = self.at[self.start + j - 1] + 1, self.at[self.start + j]
        return self._numbers(begin, stop, name, base=base)

    def tokens(self, slots):
        """The tokens whose field is a number of three digits with a slot.

        slots    (1000,) slot of each field, or -1 to leave its tokens out
        returns  lines, slots, feature ids: three (T,) integer arrays, in the order of the file

        The field is what stands before the separator: `127_14` is no token of field 127.
        """
        ids = np.flatnonzero(self.kind == ID)
        begin, stop = self.at[ids - 1] + 1, self.at[ids]
        short = stop - begin == 3
        ids, begin, stop = ids[short], begin[short], stop[short]
        lines = np.searchsorted(self.end, ids)
        slot = slots[self._numbers(begin, stop, "field", lines)]
        ids, lines, slot = ids[slot >= 0], lines[slot >= 0], slot[slot >= 0]
        return lines, slot, self._numbers(self.at[ids] + 1, self.at[ids + 1], "feature id", lines)

    def _numbers(self, begin, stop, name, lines=None, base=10):
        """The numbers written in text[begin:stop], digit by digit over all of them at once."""
        width = stop - begin
        good = (width > 0) & (width <= _DIGITS[base])
        value = np.zeros(len(width), np.uint64)
        for k in range(min(width.max(initial=0), _DIGITS[base])):
            inside = k < width
            digit = _DIGIT[self.text[np.minimum(begin + k, stop)]]
            good &= (digit < base) | ~inside
            value = np.where(inside, value * base + digit, value)
        if not good.all():
            bad = int(good.argmin())
            found = self.text[begin[bad] : stop[bad]].tobytes().decode("ascii", "backslashreplace")
            line = bad if lines is None else int(lines[bad])
            self.fail(line, f"{name} {found!r} is not a whole number of 1 to {_DIGITS[base]} digits in base {base}")
        return value.view(np.int64) if base == 10 else value
