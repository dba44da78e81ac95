"""Gate use: the mean share of each expert in each domain."""

import numpy as np

from ..arguments import REAL, SOME, as_array, expect
from ..layers.domain import check_domains


def gate_use(g: np.ndarray, domains: tuple[slice, ...]) -> list[list[float] | None]:
    """Mean share of each expert in each domain.

    g        (B, M) or (B, M, K), the tap `gates` of an output; with K, the mean over the dimensions, too
    domains  S slices, as in a batch
    returns  (S, M) list of lists, whose rows add up to 1; None for a domain without rows, the share is undefined there

    Raises ValueError for shares that are NaN or infinite.
    """
    g = as_array("g", g)
    expect("g", g, None, *[SOME] * (2 if g.ndim == 3 else 1), dtypes=REAL)
    if not np.isfinite(g).all():
        raise ValueError("g contains NaN or infinity")
    g = g.astype(np.float64)
    check_domains(domains, n_rows=len(g))
    per_row = g.mean(axis=2) if g.ndim == 3 else g
    return [per_row[rows].mean(axis=0).tolist() if rows.stop > rows.start else None for rows in domains]
