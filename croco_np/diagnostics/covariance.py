"""The covariance between the outputs of the experts, which CovLoss (Eq. 6) lowers."""

import numpy as np

from ..arguments import INTEGERS, REAL, expect, kind_of


def covariance_map(o: np.ndarray) -> np.ndarray:
    """Covariance of all expert outputs with each other, (M K, M K), from o (B, M, K): blocks of K, one an expert.

    The matrix that CovLoss (Eq. 6) works on, divided by B: entry (p K + i, q K + j) is the covariance between dimension
    i of expert p and dimension j of expert q.
    """
    expect("o", o, None, None, None, dtypes=REAL)
    n_rows = len(o)
    if n_rows == 0:
        raise ValueError("o has no rows, so its covariance is undefined")
    z = o.reshape(n_rows, -1).astype(np.float64)
    z = z - z.mean(axis=0)
    return z.T @ z / n_rows


def between_experts(cov: np.ndarray, n_experts: int) -> tuple[float, float]:
    """Mean |covariance| and mean |correlation| over all pairs of dimensions of different experts.

    cov (M K, M K) -> two floats. Dimensions that never vary (dead units) count as uncorrelated.

    Raises ValueError for a map with NaN, infinity or a negative variance, of which neither is defined.
    """
    expect("cov", cov, None, None, dtypes=REAL)
    expect("cov", cov, len(cov), len(cov), dtypes=REAL)
    if not np.isfinite(cov).all():
        raise ValueError("the map contains NaN or infinity")
    if (np.diag(cov) < 0).any():
        raise ValueError("the map has a negative variance")
    if type(n_experts) not in INTEGERS:
        raise TypeError(f"n_experts is {kind_of(n_experts)}, want an int")
    if n_experts < 1 or len(cov) % n_experts:
        raise ValueError(f"a map of {len(cov)} dimensions is not one of {n_experts} experts")
    width = len(cov) // n_experts
    expert = np.arange(len(cov)) // width
    apart = expert[:, None] != expert
    if not apart.any():
        return 0.0, 0.0
    std = np.sqrt(np.diag(cov))
    scale = np.outer(std, std)
    correlation = np.divide(cov, scale, out=np.zeros_like(cov), where=scale > 0)
    return float(np.abs(cov[apart]).mean()), float(np.abs(correlation[apart]).mean())
