"""Rows of an embedding table: look up in the forward pass, sum by row in the backward pass."""

import numpy as np

from ..arguments import SIZE, ids, real, written
from .twin import kernel, prange

OWNED = 2  # fields whose rows one thread owns: they lie side by side in dx, and are few enough to share out
COLUMNS = 128  # columns one thread owns in `sum_rows`: its sums stay in the core's own cache


@kernel
def gather(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Look-up: x[b, m, f E : (f+1) E] = table[rows[b, f], m].

    table (V, M, E), rows (B, F) int -> x (B, M, F E). The M embeddings of a value lie side by side, so a row is
    fetched once for all M experts.
    """
    (n_batch, n_fields), (_, n_tables, width) = rows.shape, table.shape
    return table[rows].swapaxes(1, 2).reshape(n_batch, n_tables, n_fields * width)


gather.takes(table=real("V M E"), rows=ids("B F", "V"))


@gather.numba
def gather(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    n_batch, n_fields = rows.shape
    _, n_tables, width = table.shape
    x = np.empty((n_batch, n_tables, n_fields * width), table.dtype)
    for b in prange(n_batch):
        for f in range(n_fields):
            row = rows[b, f]
            for m in range(n_tables):
                for e in range(width):
                    x[b, m, f * width + e] = table[row, m, e]
    return x


@kernel
def sum_by_row(slots: np.ndarray, n_rows: int, dx: np.ndarray) -> np.ndarray:
    """Backward of `gather`: add up the gradients of all places where a row was used.

    slots  (B, F) int  which of the R distinct rows, 0 .. R - 1, each place used; those of a field lie together
    dx     (B, M, F E) -> (R, M, E), each sum in the order of the batch
    """
    n_batch, n_fields = slots.shape
    n_tables, width = dx.shape[1], dx.shape[2] // max(n_fields, 1)
    by_field = dx.reshape(n_batch, n_tables, n_fields, width).swapaxes(1, 2)  # (B, F, M, E)
    sums = np.zeros((n_rows, n_tables, width), dx.dtype, like=dx)  # a row that no place used keeps its 0
    # `np.add.at(sums, slots, by_field)` says the same, but takes NumPy ten times as long as number by number. CuPy adds
    # by atomic operations, in any order; its `np.add.reduceat` subtracts running sums, loses digits and spreads a NaN.
    entries = slots.astype(np.int64)[:, :, None] * (n_tables * width) + np.arange(n_tables * width, like=dx)
    np.add.at(sums.reshape(-1), entries.reshape(-1), by_field.reshape(-1))
    return sums


def one_field_each(slots: np.ndarray) -> str:
    """Slots of one field lie together. Were a row that of two fields, two threads could add to it at once."""
    return "" if (slots[:, 1:].min(axis=0) > slots[:, :-1].max(axis=0)).all() else "must number the rows field by field"


sum_by_row.takes(slots=ids("B F", "n_rows", one_field_each), n_rows=SIZE, dx=real("B M F*E"))


@sum_by_row.numba
def sum_by_row(slots: np.ndarray, n_rows: int, dx: np.ndarray) -> np.ndarray:
    n_batch, n_fields = slots.shape
    n_tables, width = dx.shape[1], dx.shape[2] // max(n_fields, 1)
    sums = np.zeros((n_rows, n_tables, width), dx.dtype)
    for owner in prange((n_fields + OWNED - 1) // OWNED):
        for b in range(n_batch):
            for m in range(n_tables):
                for f in range(owner * OWNED, min(n_fields, (owner + 1) * OWNED)):
                    total, d = sums[slots[b, f], m], dx[b, m, f * width : (f + 1) * width]
                    for e in range(width):
                        total[e] += d[e]
    return sums


@kernel
def add_rows(z: np.ndarray, table: np.ndarray, slots: np.ndarray) -> None:
    """Add to every row of z (B, M, N), in place, the rows of table (R, M, N) that slots (B, F) names."""
    for f in range(slots.shape[1]):
        z += table[slots[:, f]]


add_rows.takes(z=written("B M N"), table=real("R M N"), slots=ids("B F", "R"))


@add_rows.numba
def add_rows(z: np.ndarray, table: np.ndarray, slots: np.ndarray) -> None:
    n_batch, n_tables, width = z.shape
    for b in prange(n_batch):
        for m in range(n_tables):
            total = z[b, m]
            for f in range(slots.shape[1]):
                row = table[slots[b, f], m]
                for k in range(width):
                    total[k] += row[k]


@kernel
def sum_rows(slots: np.ndarray, n_rows: int, dz: np.ndarray) -> np.ndarray:
    """Backward of `add_rows`: sum dz (B, M, N) over the places that used each of the R rows -> (R, M, N)."""
    sums = np.zeros((n_rows, *dz.shape[1:]), dz.dtype, like=dz)
    for f in range(slots.shape[1]):
        used = slots[:, f] == np.arange(n_rows, like=dz)[:, None]  # (R, B): a look-up is a product with its transpose
        sums += np.tensordot(used.astype(dz.dtype), dz, 1)
    return sums


sum_rows.takes(slots=ids("B F", "n_rows"), n_rows=SIZE, dz=real("B M N"))


@sum_rows.numba
def sum_rows(slots: np.ndarray, n_rows: int, dz: np.ndarray) -> np.ndarray:
    n_batch, n_tables, width = dz.shape
    sums = np.zeros((n_rows, n_tables, width), dz.dtype)
    n_parts = (width + COLUMNS - 1) // COLUMNS
    for owner in prange(n_tables * n_parts):
        m, k = owner // n_parts, owner % n_parts * COLUMNS
        for b in range(n_batch):
            d = dz[b, m, k : k + COLUMNS]
            for f in range(slots.shape[1]):
                total = sums[slots[b, f], m, k : k + COLUMNS]
                for j in range(len(d)):
                    total[j] += d[j]
    return sums
