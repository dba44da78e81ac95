"""Distance correlation between experts (Table 4: dCorr)."""

import numpy as np

from ..arguments import SOME, expect
from .sample import sampled

NEAR = 1e-8  # added under each square root: keeps its slope finite at 0


def distance_correlation(o: np.ndarray, rows: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """dCorr: the mean distance correlation of two experts, over the P = M (M - 1) / 2 pairs (Székely et al. 2007).

    Two experts depend on each other, linearly or not, as far as rows that are far apart for one are so for the other:

        D_ij = sqrt(||x_i - x_j||^2 + 1e-8)       distances between the rows of one expert's outputs X   (n, n)
        A = D - row means - column means + mean   each row and column of A has mean 0                    (n, n)
        V_pq = max(<A_p, A_q> / n^2, 0),  c_pq = sqrt(V_pq + 1e-8)
        L = 1/P  sum_{p < q}  c_pq / (sqrt(c_pp c_qq) + 1e-10)

    o (B, M, K) expert outputs -> L, do (B, M, K)

    rows   (n,) positions, without repetition: compute on these rows only; n^2 distances an expert are the cost.

    The small constants are those of DMRL (Liu et al. 2022). Our choice: all pairs, where the public code of DMRL takes
    neighbours (p, p + 1) only; 0 for fewer than two rows, which have no distances.

    Backward, from the end. With Q = sqrt(c_pp c_qq) + 1e-10:
        dc_pq = 1 / (P Q),     dc_pp = - sum_q c_pq / (2 P Q^2) sqrt(c_qq / c_pp)
        dV = dc / (2 c), and 0 where the max clips
        dA_p = (sum_{q != p} dV_pq A_q + 2 dV_pp A_p) / n^2
        dD = dA        centring twice is centring once, and it is its own transpose: A is centred, hence dA too
        E = dD / D     from sqrt; each distance stands at ij and ji, and d||x_i - x_j||^2 = 2 (x_i - x_j)(dx_i - dx_j):
        dx_i = 2 sum_j E_ij (x_i - x_j),   dX = 2 (diag(E 1) - E) X
    """
    expect("o", o, None, SOME, SOME)
    if rows is not None:
        rows = sampled(rows, o)
        value, some = distance_correlation(o[rows])
        do = np.zeros_like(some, shape=o.shape)
        do[rows] = some
        return value, do
    n, n_experts, _ = o.shape
    if n < 2 or n_experts < 2:
        return 0.0, np.zeros_like(o)
    x = o.swapaxes(0, 1)  # (M, n, K)
    x = x - x.sum(axis=1, keepdims=True) / n  # distances stay; what is far from 0 would lose their digits below
    gram = x @ x.swapaxes(1, 2)
    lengths = np.diagonal(gram, axis1=1, axis2=2)
    squared = lengths[:, :, None] + lengths[:, None] - 2 * gram
    D = np.sqrt(np.where(squared.real <= 0, 0, squared) + NEAR)  # rounding can make a distance of 0 negative
    means = D.mean(axis=2)
    A = D - means[:, :, None] - means[:, None] + means.mean(axis=1)[:, None, None]

    V = np.tensordot(A, A, axes=((1, 2), (1, 2))) / n**2  # (M, M)
    c = np.sqrt(np.where(V.real <= 0, 0, V) + NEAR)
    own = np.diagonal(c)
    Q = np.sqrt(own[:, None] * own) + 1e-10
    apart = np.arange(n_experts, like=o)[:, None] != np.arange(n_experts, like=o)
    n_pairs = n_experts * (n_experts - 1) // 2
    value = (c / Q)[apart].sum() / (2 * n_pairs)

    dc = apart / (n_pairs * Q)
    np.fill_diagonal(dc, -(apart * c / Q**2 * np.sqrt(own / own[:, None])).sum(axis=1) / (2 * n_pairs))
    dV = np.where(V.real > 0, dc / (2 * c), 0)
    dA = np.tensordot(np.where(apart, dV, 2 * dV), A, axes=1) / n**2
    E = dA / D
    own_row = np.arange(n, like=o)
    E[:, own_row, own_row] = 0  # x_i - x_i: it would cancel, but 1/D = 10^4 there costs digits
    dx = 2 * (E.sum(axis=2)[:, :, None] * x - E @ x)
    return value, dx.swapaxes(0, 1).copy()
