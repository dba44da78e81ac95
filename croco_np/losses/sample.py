"""The rows of a batch that a sampled loss is computed on."""

import numpy as np

from ..arguments import as_array


def sampled(rows: np.ndarray, o: np.ndarray) -> np.ndarray:
    """Positions (n,) of different rows of o, as an array beside it; TypeError, ValueError or IndexError if not."""
    rows, n_rows = as_array("rows", rows), len(o)
    if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
        raise TypeError(f"rows are {rows.dtype} of shape {rows.shape}, want integers (n,)")
    if rows.size and (rows.min() < 0 or rows.max() >= n_rows):
        raise IndexError(f"rows from {rows.min()} to {rows.max()}, the batch has 0 to {n_rows - 1}")
    if len(np.unique(rows)) < len(rows):
        raise ValueError("rows: each may be named once, or its gradient would count once too few")
    return np.asarray(rows.astype(np.int64), like=o)
