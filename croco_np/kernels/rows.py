"""Rows of an embedding table: look up in the forward pass, sum by row in the backward pass."""

import numpy as np

from ..backend import kernel, prange


@kernel
def gather(table, rows):
    """Look-up: x[b, m, f E : (f+1) E] = table[rows[b, f], m].

    table (V, M, E), rows (B, F) int -> x (B, M, F E). The M embeddings of a value lie side by side, so a row is
    fetched once for all M experts.
    """
    (n_batch, n_fields), (_, n_tables, width) = rows.shape, table.shape
    return table[rows].swapaxes(1, 2).reshape(n_batch, n_tables, n_fields * width)


@gather.numba
def gather(table, rows):
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
def sum_by_row(order, starts, dx, n_fields):
    """Backward of `gather`: add up the gradients of all places where a row was used.

    order  (B F,) int  places b F + f, sorted by the row they used
    starts (R,)   int  where in `order` each of the R distinct rows begins
    dx     (B, M, F E) -> (R, M, E)
    """
    n_batch, n_tables, n = dx.shape
    places = dx.reshape(n_batch, n_tables, n_fields, n // n_fields).swapaxes(1, 2)
    places = places.reshape(n_batch * n_fields, n_tables, n // n_fields)
    return np.add.reduceat(places[order], starts, axis=0) if len(starts) else places


@sum_by_row.numba
def sum_by_row(order, starts, dx, n_fields):
    _, n_tables, n = dx.shape
    width = n // n_fields
    sums = np.zeros((len(starts), n_tables, width), dx.dtype)
    for r in prange(len(starts)):
        end = starts[r + 1] if r + 1 < len(starts) else len(order)
        for i in range(starts[r], end):
            b, f = order[i] // n_fields, order[i] % n_fields
            for m in range(n_tables):
                for e in range(width):
                    sums[r, m, e] += dx[b, m, f * width + e]
    return sums
