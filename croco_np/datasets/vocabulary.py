"""Vocabularies: which raw values of a field get an id of their own."""

from typing import Self

import numpy as np

from ..errors import InputError
from .splits import RARE

MOST = np.iinfo(np.int32).max - 1  # frequent values: ids are int32, and id 0 is taken


class Vocabulary:
    """The values of one field that occur at least `min_count` times in the training rows, numbered 1, 2, ... by value.

    Everything else, be it rare, unseen or missing, is id 0. Numbering by sorted value makes ids independent of the
    order of the rows.

    >>> v = Vocabulary.learn(np.array([7, 7, 3, 9, 9]), min_count=2)
    >>> v.encode(np.array([9, 3, 7, 8])).tolist()
    [2, 0, 1, 0]
    >>> v.size
    3
    """

    def __init__(self, kept: np.ndarray) -> None:
        self.kept = np.asarray(kept)  # sorted, unique
        if len(self.kept) > MOST:
            raise InputError(
                f"a field has {len(self.kept):,} frequent values, want at most {MOST:,}; raise --min-count"
            )

    @classmethod
    def learn(cls, values: np.ndarray, min_count: int) -> Self:
        """From the training rows' raw values, (N,) of any sortable dtype."""
        return cls.from_counts(*np.unique(values, return_counts=True), min_count)

    @classmethod
    def from_counts(cls, values: np.ndarray, counts: np.ndarray, min_count: int) -> Self:
        """From sorted unique values and how often each occurs, for readers that count chunk by chunk."""
        return cls(values[counts >= min_count])

    @property
    def size(self) -> int:
        """Number of ids, id 0 included: the height of the embedding table."""
        return len(self.kept) + 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary) or self.kept.dtype != other.kept.dtype:
            return False
        return np.array_equal(self.kept, other.kept)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Raw values (N,) -> ids (N,) int32."""
        if len(self.kept) == 0:
            return np.full(len(values), RARE, np.int32)
        at = np.searchsorted(self.kept, values).clip(max=len(self.kept) - 1)
        return np.where(self.kept[at] == values, at + 1, RARE).astype(np.int32)
