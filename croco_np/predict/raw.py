"""New raw rows in a CSV file or stream: scored a block at a time, and written out with their probabilities."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

import pandas as pd

from ..command.progress import bar
from ..errors import InputError
from ..storage.files import require_file
from .predictor import Predictor

BLOCK_ROWS = 1 << 16  # rows in memory at a time
ADDED = ("probability", "simulated")  # columns of the result beside those that were read
STANDARD_INPUT = "-"


class Tally:
    """How many rows were scored, and how many values had no id of their own, by field."""

    def __init__(self) -> None:
        self.rows = 0
        self.unseen: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()

    def add(self, encoded: Any) -> None:
        """Count one block of `Encoder.encode`."""
        self.rows += encoded.rows.n
        self.unseen.update(encoded.unseen)
        self.missing.update(encoded.missing)

    def lines(self) -> list[str]:
        """A line for each field with values that the model does not know."""
        return [
            f"{field}: {self.unseen[field]:,} unseen or rare, {self.missing[field]:,} missing: id 0"
            for field in self.unseen | self.missing
            if self.unseen[field] or self.missing[field]
        ]


def score(predictor: Predictor, source: str, sink: TextIO, simulated: bool) -> Tally:
    """Read rows of a CSV file (.csv, .csv.gz) or of standard input ("-"), write them with their click probability.

    The columns are those of the table that the model was trained on, in any order; others are handed through. In
    constant memory. Raises InputError, with file and row, for what cannot be read or has no domain.
    """
    tally, name = Tally(), "standard input" if source == STANDARD_INPUT else source
    with bar(None, "predicting") as progress:
        for block in _blocks(source, name):
            if taken := [column for column in ADDED if column in block.columns]:
                raise InputError(f"{name}: has a column {taken[0]!r} already; rename it, the result adds one")
            try:
                encoded = predictor.encoder.encode(block, first_row=tally.rows + 1, labels=False)
            except ValueError as error:
                raise InputError(f"{name}: {error}") from error
            block["probability"] = predictor.probabilities(encoded.rows)
            block["simulated"] = int(simulated)
            block.to_csv(sink, index=False, header=tally.rows == 0, lineterminator="\n")
            tally.add(encoded)
            progress.update(len(block))
    return tally


def _blocks(source: str, name: str) -> Iterator[pd.DataFrame]:
    """Yield the rows as frames of text; an empty cell is a missing value."""
    if source != STANDARD_INPUT:
        require_file(source, "a CSV file")
    first = 1
    try:
        reader = pd.read_csv(
            sys.stdin if source == STANDARD_INPUT else source,
            dtype=str,
            keep_default_na=False,
            chunksize=BLOCK_ROWS,
            encoding="utf-8-sig",
        )
        with reader:
            for block in reader:
                short = block.isna().any(axis=1).to_numpy()
                if short.any():
                    raise InputError(f"{name}: row {first + int(short.argmax())}: has fewer columns than the header")
                yield block
                first += len(block)
    except InputError:
        raise
    except (ValueError, OSError, EOFError) as error:  # of pandas: no columns, ragged rows, bytes that are no UTF-8
        raise InputError(f"{name}: cannot be read as CSV ({str(error).strip()!s:.160})") from error
