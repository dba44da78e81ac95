"""New raw rows in a CSV file or stream: scored a block at a time, and written out with their probabilities."""

from __future__ import annotations

from collections import Counter
from typing import IO, Any

from ..command.progress import bar
from ..datasets.table_files import STANDARD_INPUT, read_blocks
from ..errors import InputError
from .predictor import Predictor

BLOCK_ROWS = 1 << 16  # rows in memory at a time
ADDED = ("probability", "simulated")  # columns of the result beside those that were read


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


def score(predictor: Predictor, source: str, sink: IO[str], simulated: bool) -> Tally:
    """Read rows of a CSV file (.csv, .csv.gz) or of standard input ("-"), write them with their click probability.

    The columns are those of the table that the model was trained on, in any order; others are handed through. In
    constant memory. Raises InputError, with file and row, for what cannot be read or has no domain.
    """
    tally, name = Tally(), "standard input" if source == STANDARD_INPUT else source
    with bar(None, "predicting") as progress:
        for block in read_blocks(source, BLOCK_ROWS):
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
