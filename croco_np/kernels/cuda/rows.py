"""Rows of an embedding table: look up in the forward pass, sum by row in the backward pass."""

import numpy as np

from .. import rows as definitions
from .launch import cuda, launch, twin
from .places import sum_places


@twin(definitions.gather)
def gather(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    (n_batch, n_fields), (_, n_tables, width) = rows.shape, table.shape
    x = np.empty((n_batch, n_tables, n_fields * width), table.dtype, like=table)
    launch(_gather, (n_batch, n_fields * width), table, rows, x)
    return x


@cuda.jit
def _gather(table, rows, x):
    """A thread owns column j, entry e of field f, of the M rows x[b]. Threads along j write side by side, and read the
    E entries of a table's row side by side.
    """
    b = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if b < x.shape[0] and j < x.shape[2]:
        f, e = j // table.shape[2], j % table.shape[2]
        row = rows[b, f]
        for m in range(x.shape[1]):
            x[b, m, j] = table[row, m, e]


@twin(definitions.sum_by_row)
def sum_by_row(slots: np.ndarray, n_rows: int, dx: np.ndarray) -> np.ndarray:
    n_batch, n_fields = slots.shape
    n_tables, width = dx.shape[1], dx.shape[2] // max(n_fields, 1)
    return sum_places(slots, n_rows, dx.reshape(n_batch, n_tables, n_fields, width))


@twin(definitions.add_rows)
def add_rows(z: np.ndarray, table: np.ndarray, slots: np.ndarray) -> None:
    n_batch, n_tables, width = z.shape
    columns = n_tables * width
    launch(_add_rows, (n_batch, columns), z.reshape(n_batch, columns), table.reshape(len(table), columns), slots)


@cuda.jit
def _add_rows(z, table, slots):
    """A thread owns one element of z, and adds the rows in the order of the fields."""
    b = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    k = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if b < z.shape[0] and k < z.shape[1]:
        total = z[b, k]
        for f in range(slots.shape[1]):
            total += table[slots[b, f], k]
        z[b, k] = total


@twin(definitions.sum_rows)
def sum_rows(slots: np.ndarray, n_rows: int, dz: np.ndarray) -> np.ndarray:
    return sum_places(slots, n_rows, dz[:, :, None])
