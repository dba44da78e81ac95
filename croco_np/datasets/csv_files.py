"""CSV files with a header, in blocks of lines; the grammar is that of `csv_lines`."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path

from ..errors import InputError
from . import raw_files
from .csv_lines import CsvLines, fields_of

BLOCK_BYTES = 4 << 20  # of text at a time


class CsvFile:
    """A CSV file: iterate over it once for its `CsvLines`.

    names    the column names of the header, without the spaces around them
    unended  number of the last line if it has no line end, known once it has been read, else 0

    Raises InputError, with file and line, for a header that is no CSV.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unended = 0
        self._blocks = raw_files.blocks(path, BLOCK_BYTES, unended=self._note_unended)
        self._first, data = next(self._blocks)
        line, _, self._rest = data.partition(b"\n")
        self.names = [name.strip() for name in fields_of(line, self.place(1))]

    def _note_unended(self, line):
        self.unended = line

    def place(self, line: int) -> str:
        """A line as messages name it."""
        return f"{self.path}: line {line}"

    def positions(self, wanted: Iterable[str]) -> dict[str, int]:
        """Where the wanted columns are, as a dict; InputError if one is not there, or any column is there twice."""
        for name in wanted:
            if name not in self.names:
                raise InputError(
                    f"{self.place(1)}: no column {name!r} in the header; is this an unchanged KuaiRand file?"
                )
        twice = [name for name, n in Counter(self.names).items() if n > 1]
        if twice:
            name = raw_files.shown(twice[0])
            raise InputError(f"{self.place(1)}: two columns are called {name}; fetch the file again")
        return {name: self.names.index(name) for name in wanted}

    def others(self, known: Collection[str]) -> list[str]:
        """A note on columns that are not known, as a list, or none."""
        names = [repr(name[:30]) for name in self.names if name not in known]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return [f"{self.path.name}: columns that are not KuaiRand's are not used: {', '.join(names[:3])}{more}"][
            : len(names)
        ]

    def on_end(self) -> list[str]:
        """A note on a last line without a line end, as a list, or none; for after the last line."""
        return [f"{self.path.name}: the last line has no line end; is the file complete?"] if self.unended else []

    def __iter__(self) -> Iterator[CsvLines]:
        for first, data in chain([(self._first + 1, self._rest)], self._blocks):
            lines = CsvLines(self, first, data)
            if lines.n:
                yield lines
