"""The rows of a batch that a sampled loss is computed on."""

import numpy as np

from ..arguments import as_array


def sampled(rows: np.ndarray, n_rows: int) -> np.ndarray:
    """Positions (n,) of different rows of a batch, as an array; TypeError, ValueError or IndexError if they are not."""
    rows = as_array("rows", rows)
    if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
        raise TypeError(f"rows are {rows.dtype} of shape {rows.shape}, want integers (n,)")
    if rows.size and (rows.min() < 0 or rows.max() >= n_rows):
        raise IndexError(f"rows from {rows.min()} to {rows.max()}, the batch has 0 to {n_rows - 1}")
    if len(np.unique(rows)) < len(rows):
        raise ValueError("rows: each may be named once, or its gradient would count once too few")
    return rows.astype(np.int64)
