"""Embedding tables (Eqs. 3 and 9)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from ..batch import check_ids
from ..kernels.rows import gather, sum_by_row
from ..tree import RowGrad


class EmbeddingCache(NamedTuple):
    p: dict
    rows: np.ndarray


@dataclass(frozen=True)
class Embeddings:
    """M embedding tables for each of F fields, Eq. (3); with M = 1 and few fields, the prior embedding of Eq. (9).

        x_m = [E_1^m[ids_1], ..., E_F^m[ids_F]]

    ids (B, F) int -> x (B, M, F E). All fields and tables live in one array (sum of vocabulary, M, E): fields below
    each other, the M embeddings of a value side by side, so that one look-up brings all M.

    Raises ValueError for an id outside its field's vocabulary, which would be a row of another field.

    Backward, given dx: the look-up copies a row to every place that names it, so the gradient of the row is the *sum*
    over those places. `table[rows] += dx` would keep only the last one. Ids have no gradient.
    """

    vocabulary: tuple[int, ...]
    n_tables: int
    width: int
    std: float = 0.01

    @property
    def offsets(self) -> np.ndarray:
        """(F,) first row of each field."""
        return np.cumsum([0, *self.vocabulary[:-1]])

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """The row of the table that each of the ids (B, F) names, (B, F)."""
        return ids + np.asarray(self.offsets, like=ids)

    def init(self, rng: np.random.Generator) -> dict:
        return {"table": rng.normal(0, self.std, (sum(self.vocabulary), self.n_tables, self.width))}

    def forward(self, p: dict, ids: np.ndarray) -> tuple[np.ndarray, EmbeddingCache]:
        check_ids(ids, self.vocabulary)
        expect("table", p["table"], sum(self.vocabulary), self.n_tables, self.width)
        rows = self.rows(ids)  # right as the ids are: neither kernel need look at them again (`run`)
        return gather.run(p["table"], rows), EmbeddingCache(p, rows)

    def backward(self, c: EmbeddingCache, dx: np.ndarray) -> tuple[None, dict]:
        expect("dx", dx, len(c.rows), self.n_tables, c.rows.shape[1] * self.width)
        rows, slots = np.unique(c.rows, return_inverse=True)
        return None, {"table": RowGrad(rows, sum_by_row.run(slots, len(rows), dx))}
