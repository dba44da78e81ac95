"""The covariance between the outputs of the experts, which CovLoss (Eq. 6) lowers."""

from typing import NamedTuple

import numpy as np

from ..arguments import INTEGERS, REAL, expect, kind_of


def covariance_map(o: np.ndarray) -> np.ndarray:
    """Covariance of all expert outputs with each other, (M K, M K), from o (B, M, K): blocks of K, one an expert.

    The matrix that CovLoss (Eq. 6) works on, divided by B: entry (p K + i, q K + j) is the covariance between dimension
    i of expert p and dimension j of expert q. A dimension that never varies on the rows has exact zeros.
    """
    expect("o", o, None, None, None, dtypes=REAL)
    n_rows = len(o)
    if n_rows == 0:
        raise ValueError("o has no rows, so its covariance is undefined")
    z = o.reshape(n_rows, -1).astype(np.float64)
    varies = (z != z[0]).any(axis=0)  # the mean of equal numbers is rounded, and would leave a variance of 1e-34
    z = (z - z.mean(axis=0)) * varies
    return z.T @ z / n_rows


class Between(NamedTuple):
    """How the outputs of different experts vary together, and how many of them do not vary.

    covariance   mean |covariance| over all pairs of dimensions of different experts; None for one expert
    correlation  mean |correlation| over those of the pairs in which both dimensions vary; None if there are none
    dead         dimensions that never vary: units that are off for all rows
    units        all dimensions of all experts
    """

    covariance: float | None
    correlation: float | None
    dead: int
    units: int

    @property
    def dead_share(self) -> float:
        """Share of the units that are dead."""
        return self.dead / self.units


def between_experts(cov: np.ndarray, n_experts: int) -> Between:
    """Mean |covariance| and |correlation| between different experts, and the dead units: cov (M K, M K) -> Between.

    Covariance counts every pair, as CovLoss (Eq. 6) does, so it falls when outputs decorrelate, when they shrink and
    when units die. The correlation of a dead unit is undefined: counted as 0, units that die would pass for experts
    that differ. So it is that of live pairs, and the share of dead units has to be read beside both.

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
    expert = np.arange(len(cov)) // (len(cov) // n_experts)
    apart, std = expert[:, None] != expert, np.sqrt(np.diag(cov))
    live = apart & np.outer(std > 0, std > 0)
    i, j = np.nonzero(live)
    correlation = float(np.abs(cov[i, j] / std[i] / std[j]).mean()) if len(i) else None
    covariance = float(np.abs(cov[apart]).mean()) if apart.any() else None
    return Between(covariance, correlation, int((std == 0).sum()), len(cov))
