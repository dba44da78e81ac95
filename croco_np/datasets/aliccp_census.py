"""Counted while the AliCCP files stream by: rows that lack something, and the rows of each domain."""

from pathlib import Path

import numpy as np

from ..errors import InputError
from .aliccp_join import DOMAIN, FIELDS, ITEM, MISSING, USER, Impressions
from .oddities import share

MOST_DOMAINS = 255  # `Rows.domains` is uint8
_USER, _ITEM, _DOMAIN = FIELDS.index(USER), FIELDS.index(ITEM), FIELDS.index(DOMAIN)


class Seen:
    """The rows of one skeleton file: numbers of the invalid ones, counts of the valid ones and of what they lack."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.dropped: list[int] = []
        self.lack = np.zeros(len(FIELDS), np.int64)  # rows without a token, by field

    def add(self, part: Impressions) -> None:
        """Count one block of `Impressions`."""
        self.dropped += part.dropped
        self.rows += len(part.ids)
        self.lack += np.count_nonzero(part.ids == MISSING, axis=0)

    def lacks(self) -> list[str]:
        """How many rows have no user or item, and which fields no row has, a line each; InputError without rows."""
        if not self.rows:
            raise InputError(f"{self.path}: not one valid row, only conversions without a click; is it the right file?")
        user, item = (share(self.lack[f], self.rows) for f in (_USER, _ITEM))
        absent = ", ".join(name for name, n in zip(FIELDS, self.lack, strict=True) if n == self.rows)
        return [f"rows without a user {user}, without an item {item}", *[f"NO ROW has field {absent}"] * bool(absent)]


class Domains:
    """The values of the domain field in the training file, each with its number of rows and its first line."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.met: dict[int, tuple[int, int]] = {}

    def add(self, part: Impressions) -> None:
        """Count one block of `Impressions`; InputError beyond 255 domains."""
        self.rows += len(part.ids)
        found = np.unique(part.ids[:, _DOMAIN], return_index=True, return_counts=True)
        for value, at, n in zip(*(array.tolist() for array in found), strict=True):
            count, line = self.met.get(value, (0, int(part.lines[at])))
            self.met[value] = count + n, line
        if len(self.met) > MOST_DOMAINS:
            raise InputError(
                f"{self.path}: field {DOMAIN} has {len(self.met)} values, want at most {MOST_DOMAINS} domains"
            )

    def values(self) -> np.ndarray:
        """The values, sorted (S,); InputError for one that has hardly any rows: more likely a wrong digit.

        A domain gets a tower of its own, and its own line in the results. It needs one row in 10,000, but five at
        least (a tenth of the rows, if there are fewer than fifty) and no more than a hundred; the smallest genuine
        domain has one in 130.
        """
        needed = min(max(self.rows // 10_000, min(5, self.rows // 10)), 100)
        for value, (n, line) in sorted(self.met.items()):
            if n < needed:
                raise InputError(
                    f"{self.path}:{line}: domain {value} (field {DOMAIN}) has {n} of {self.rows:,} rows, want at least "
                    f"{needed}; is it a wrong digit? Mend the line, or drop it"
                )
        return np.array(sorted(self.met), np.int64)
