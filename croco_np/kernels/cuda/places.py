"""Sums over all places that used a row, in an order that does not depend on the GPU.

A place is a field f of a row b of the batch, and its slot is the number of the table's row it used. Atomic additions
would be the short way; they add in the order in which threads happen to come. Here places are sorted by slot, stably,
so that those of a slot are a run, in the order of the batch. But runs differ in length: a field like the domain has 3
slots for 65536 places, and one thread would walk them all. So the sorted places are cut into chunks of fixed length,
whose runs and pieces of runs are summed at once; then the pieces of a run are added, in order.

    ordered    1 1 1 2 | 2 2 2 2 | 2 3 3 5          chunks of 4
    sums                 1: all, 2: its first place     3, 5: all
    heads              | 2: 4    | 2: 1             pieces that continue a run, kept by chunk
    joined               2: sums + heads of both
"""

import numpy as np

from .launch import cuda, in_precision, launch

CHUNK = 128  # places


def sum_places(slots: np.ndarray, n_rows: int, values: np.ndarray) -> np.ndarray:
    """Add up the values of all places of each slot.

    slots   (B, F) int, 0 .. R - 1
    values  (B, M, F, E); or (B, M, 1, E), where all places of a row of the batch have the same
    -> (R, M, E), 0 for a slot without places
    """
    _, n_tables, n_values, width = values.shape
    unordered = slots.ravel()
    order = np.argsort(unordered, kind="stable")
    ordered = unordered[order]
    b, f = order // max(slots.shape[1], 1), order % max(n_values, 1)
    n_chunks, n_columns = (len(ordered) + CHUNK - 1) // CHUNK, n_tables * width
    sums = np.zeros((n_rows, n_columns), values.dtype, like=values)
    heads = np.empty((n_chunks, n_columns), values.dtype, like=values)
    ends = np.empty(n_rows, np.int64, like=values)
    launch(_sum_chunks, heads.shape, ordered, b, f, values, sums, heads, ends, *in_precision(values, 0))
    launch(_join_chunks, (max(n_chunks - 1, 0), n_columns), ordered, sums, heads, ends)
    return sums.reshape(n_rows, n_tables, width)


@cuda.jit
def _sum_chunks(ordered, b, f, values, sums, heads, ends, zero):
    """A thread owns one column, entry e of table m, of all runs in one chunk. It notes where runs end, for the second
    kernel. Threads along the columns read the E entries of a place side by side.
    """
    chunk = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    column = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if chunk < heads.shape[0] and column < heads.shape[1]:
        m, e = column // values.shape[3], column % values.shape[3]
        start, stop = chunk * CHUNK, min((chunk + 1) * CHUNK, len(ordered))
        began_before = start > 0 and ordered[start - 1] == ordered[start]
        total = zero
        for p in range(start, stop):
            total += values[b[p], m, f[p], e]
            slot = ordered[p]
            ends_here = p + 1 == len(ordered) or ordered[p + 1] != slot
            if ends_here and column == 0:
                ends[slot] = p + 1
            if ends_here or p + 1 == stop:
                if began_before:
                    heads[chunk, column] = total
                else:
                    sums[slot, column] = total
                began_before, total = False, zero


@cuda.jit
def _join_chunks(ordered, sums, heads, ends):
    """A thread owns one column of the run that begins in its chunk and goes on in the next, if there is one."""
    chunk = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    column = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if chunk < heads.shape[0] - 1 and column < heads.shape[1]:
        start, stop = chunk * CHUNK, (chunk + 1) * CHUNK
        slot = ordered[stop - 1]
        began_before = start > 0 and ordered[start - 1] == slot
        if ends[slot] > stop and not began_before:
            total = sums[slot, column]
            for later in range(chunk + 1, (ends[slot] - 1) // CHUNK + 1):
                total += heads[later, column]
            sums[slot, column] = total
