"""VICReg's covariance term. The paper compares CovLoss with it in words and does not run it."""

import numpy as np

from ..arguments import SOME, expect


def vicreg(o: np.ndarray) -> tuple[float, np.ndarray]:
    """VICReg's covariance term (Bardes et al. 2022, Eq. 4): squared covariances between the units *within* an expert.

        C_p = Õ_p^T Õ_p / (B - 1),      Õ_p = O_p - its column means over the B rows
        L = 1/M  sum_p  1/K  sum_{i != j} (C_p)_ij^2

    o (B, M, K) expert outputs -> L, do (B, M, K)

    CovLoss differs in everything: between experts, absolute and not squared, 1/K^2, and no division by the rows.
    Our choice: the mean over the experts, where VICReg adds up its two branches.

    Backward. With the diagonal of C_p set to 0: dC_p = 2/(M K) C_p, and both factors of Õ^T Õ give the same term:
        do_p = 4/(M K (B - 1))  Õ_p C_p
    The means need no term of their own, as in CovLoss. L has degree 4 in Õ, hence L = <Õ, do> / 4.
    """
    expect("o", o, None, SOME, SOME)
    n_rows, n_experts, width = o.shape
    z = o.swapaxes(0, 1)  # (M, B, K)
    z = z - z.sum(axis=1, keepdims=True) / max(n_rows, 1)
    C = z.swapaxes(1, 2) @ z / max(n_rows - 1, 1)
    unit = np.arange(width, like=o)
    C[:, unit, unit] = 0
    dz = 4 / (n_experts * width * max(n_rows - 1, 1)) * (z @ C)
    return (z * dz).sum() / 4, dz.swapaxes(0, 1).copy()
