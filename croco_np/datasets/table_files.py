"""Files of one flat table, CSV or Parquet, as a pandas DataFrame; what is wrong with them ends in one `InputError`."""

import io
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InputError
from . import raw_files
from .csv_lines import CsvLines, fields_of
from .csv_spelling import Spelling
from .values import MISSING_TEXT

if TYPE_CHECKING:  # a function that needs it imports it: half a second, and a browser has none
    import pandas as pd

STANDARD_INPUT = "-"
ENDS = (".csv", ".csv.gz", ".parquet")
BLOCK_BYTES = 4 << 20  # of text at a time
_EXACT = 1 << 53  # whole numbers below it are told apart by float64


class TableFile(NamedTuple):
    """A table of N rows as it was read.

    frame  DataFrame with the row numbers as its index, of nullable dtypes: whole numbers beside gaps stay whole
    lines  (N,) line of each row in the file; None for Parquet, which has no lines
    notes  on a last line without a line end, a column without a name, numbers taken as text, and texts as gaps
    """

    path: Path
    frame: "pd.DataFrame"
    lines: np.ndarray | None
    notes: tuple[str, ...]

    def place(self, row: int) -> str:
        """Where a row is in the file, as messages name it."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


def read_file(path: str | Path) -> TableFile:
    """Read .csv, .csv.gz or .parquet. CSV is taken strictly, see `csv_lines`, and has commas and a header.

    A column of CSV that a parser takes for numbers stays text where it would merge values: codes such as 007 and 7,
    and whole numbers from 2^53 beside fractions.
    """
    path = Path(path)
    if not path.name.endswith(ENDS):
        raise InputError(f"{path}: want a file that ends in {', '.join(ENDS[:-1])} or {ENDS[-1]}")
    if not raw_files.is_there(path):
        raise InputError(f"{path}: no such file")
    return _parquet(path) if path.suffix == ".parquet" else _csv(path)


def read_blocks(source: str | Path, rows: int) -> "Iterator[pd.DataFrame]":
    """Yield the rows of a CSV file, or of standard input ("-"), as frames of at most `rows` rows, in constant memory.

    All cells are text, as they stand there; an empty one is "". As strict as `read_file`, with the same errors.
    """
    import pandas as pd

    if source == STANDARD_INPUT:
        name = Path("standard input")
        text = _CheckedCsv(name, raw_files.whole_lines(sys.stdin.buffer, BLOCK_BYTES, name), keep_lines=False)
    else:
        path = Path(source)
        if not path.name.endswith((".csv", ".csv.gz")):
            raise InputError(f"{path}: want a file that ends in .csv or .csv.gz, or - for standard input")
        text = _CheckedCsv(path, raw_files.blocks(path, BLOCK_BYTES), keep_lines=False)
    if "" in text.names:
        raise InputError(f"{text.place(1)}: column {text.names.index('') + 1} has no name; give it one")
    try:
        with pd.read_csv(
            io.BufferedReader(text, BLOCK_BYTES),
            names=text.names,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            chunksize=rows,
        ) as reader:
            yield from reader
    except pd.errors.EmptyDataError:  # a header and no rows
        yield pd.DataFrame(columns=text.names, dtype=str)
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{text.path}: not CSV ({' '.join(str(error).split())[:120]})") from error


def _csv(path):
    text = _CheckedCsv(path)
    frame = _parsed(text, [name for name in text.names if name])
    if frame.empty:
        raise InputError(f"{path}: no rows below the header")
    notes = ["a column without a name is not used"] * ("" in text.names)
    notes += _keep_apart(frame, text) + _on_missing(frame, text)
    if text.unended:
        notes.append("the last line has no line end; is the file complete?")
    return TableFile(path, frame, np.concatenate(text.lines), tuple(f"{path.name}: {note}" for note in notes))


def _parsed(text, names, dtype=None):
    """The columns of a `_CheckedCsv` that have these names, as a DataFrame."""
    import pandas as pd

    try:
        return pd.read_csv(
            io.BufferedReader(text, BLOCK_BYTES),
            names=text.names,
            index_col=False,
            low_memory=False,  # one dtype for a column, not one for each of its blocks
            dtype=dtype,
            dtype_backend="numpy_nullable",
            keep_default_na=False,
            na_values=list(MISSING_TEXT),
            usecols=names,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{text.path}: not CSV ({' '.join(str(error).split())[:120]})") from error


def _keep_apart(frame, text):
    """Put the texts of a file in place of numbers that merge some of them; returns notes on the columns.

    They are read anew, which takes its time, but few files have such columns.
    """
    numbers = [name for name in frame if frame[name].dtype.kind in "iuf"]
    padded = [name for name in numbers if text.spelling.padded[text.names.index(name)]]
    large = [name for name in numbers if name not in padded and _merges(frame[name])]
    if not padded + large:
        return []
    again = _parsed(_CheckedCsv(text.path, keep_lines=False), padded + large, "string")
    for name in again:
        frame[name] = again[name]
    notes = [f"{name} is text: it has numbers with zeros or a plus in front, such as 007" for name in padded]
    return notes + [f"{name} is text: its numbers have more digits than can be told apart" for name in large]


def _merges(column):
    """Whether a column of floats has whole numbers that may have been different ones in the file."""
    if column.dtype.kind != "f":
        return False
    values = np.abs(column.to_numpy(np.float64, na_value=0))
    return bool((values[np.isfinite(values)] >= _EXACT).any())


def _on_missing(frame, text):
    """Notes on columns of text that have lost values such as NA, which may be a country."""
    counts = {name: int(text.spelling.missing[text.names.index(name)]) for name in frame}
    some = {name: n for name, n in counts.items() if n and frame[name].dtype.kind not in "biuf"}
    texts = ", ".join(text for text in MISSING_TEXT if text)
    return [f"{name}: {n:,} rows have no value, by one of the texts {texts}" for name, n in some.items()]


class _CheckedCsv(io.RawIOBase):
    """The lines of a CSV file below its header, as a stream of bytes that were checked before they are handed on.

    pandas fills up lines that are too short, and cuts what follows a NUL, without a word.

    names     of the columns; "" for one that has none, as the index that pandas writes
    lines     numbers of the lines read so far, a list of arrays
    unended   number of the last line if it has no end, once it has been read
    spelling  the `Spelling` of the lines read so far
    """

    def __init__(self, path, blocks=None, keep_lines=True):
        self.path, self.lines, self.unended, self._left = path, [], 0, memoryview(b"")
        self._keep_lines = keep_lines
        blocks = blocks or raw_files.blocks(path, BLOCK_BYTES, unended=self._note_unended)
        first, data = next(blocks)
        header, _, rest = data.partition(b"\n")
        self.names = self._header(header)
        self.spelling = Spelling(len(self.names))
        self._blocks = chain([(first + 1, rest)], blocks)

    def _note_unended(self, line):
        self.unended = line

    def place(self, line):
        """A line as messages name it; `CsvLines` asks."""
        return f"{self.path}: line {line}"

    def _header(self, line):
        for byte, what in ((b"\t", "tabs"), (b";", "semicolons"), (b"|", "bars")):
            if byte in line and b"," not in line:
                raise InputError(f"{self.place(1)}: columns are separated by {what}; write it with commas")
        names = [name.strip() for name in fields_of(line, self.place(1))]
        twice = [name for name, n in Counter(names).items() if n > 1]
        if twice:
            raise InputError(f"{self.place(1)}: two columns are called {raw_files.shown(twice[0])}; rename one")
        return names

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self._left:
            first, data = next(self._blocks, (0, None))
            if data is None:
                return 0
            self._left = memoryview(self._checked(first, data))
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n

    def _checked(self, first, data):
        lines = CsvLines(self, first, data)
        want = len(self.names)
        lines.check(lines.width == want, f"{{}} columns, the header has {want}", lines.width)
        if self._keep_lines:
            self.lines.append(lines.number)
            self.spelling.look(lines)
        return data


def _parquet(path):
    import pandas as pd

    try:
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except ImportError as error:
        raise InputError(f"{path}: reading Parquet needs pyarrow: pip install 'croco-np[parquet]'") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever damaged bytes lead the reader of the format into
        raise InputError(f"{path}: not a whole Parquet file ({' '.join(str(error).split())[:120]})") from error
    if frame.empty:
        raise InputError(f"{path}: no rows")
    return TableFile(path, frame.reset_index(drop=True), None, ())
