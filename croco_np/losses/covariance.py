"""CovLoss: the covariance between experts (Eq. 6)."""

import numpy as np

from ..arguments import SOME, expect
from ..kernels.covariance import cross_signs
from .sample import sampled


def covariance(
    o: np.ndarray, reduction: str = "sum", within: bool = False, rows: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """CovLoss, Eq. (6): the covariance between the outputs of different experts, in absolute value.

        L = c / K^2  sum_{p > q}  sum_{ij} | (Õ_p^T Õ_q)_ij |,      Õ_p = O_p - its column means over the B rows

    o (B, M, K) expert outputs -> L, do (B, M, K)

    reduction  c = 1 ("sum", as published), 1/B ("mean") or 1/(B-1) ("unbiased")
    within     also p = q, each expert with itself, which the published index p >= q would include. It pushes every
               expert's own variance towards 0, against the aim of the loss; off by default.
    rows       (n,) positions, without repetition: compute on these rows only (Section 5.6 of the paper). "sum" is then
               scaled by B/n, so that alpha keeps its meaning. |.| of a noisy estimate is biased upwards: for
               independent outputs the sampled value is about sqrt(B/n) times the full one.

    With "sum" the matrix Õ_p^T Õ_q is B times a covariance; "mean" divides it by B, "unbiased" by B - 1.

    Backward. With all experts side by side, Z = [Õ_1 .. Õ_M] (B, M K), the matrix C = Z^T Z holds every pair of experts
    as a K x K block, above the diagonal and again below it. With Ω = 1 on the blocks off the diagonal and Ω = 0 (with
    `within`: 2) on those of an expert with itself, L = c / 2K^2 sum Ω |C|, so
        dC = c / 2K^2  Ω sgn(C)                            sgn(0) = 0, the least-norm sub-gradient
        dZ = Z (dC + dC^T) = c / K^2  Z (Ω sgn(C))
    The means need no term of their own: the columns of Z add up to 0, hence those of dZ too.
    """
    expect("o", o, None, SOME, SOME)
    n_rows, n_experts, width = o.shape
    if rows is not None:
        rows = sampled(rows, o)
        value, some = covariance(o[rows], reduction, within)
        scale = n_rows / max(len(rows), 1) if reduction == "sum" else 1.0
        do = np.zeros_like(some, shape=o.shape)
        do[rows] = scale * some
        return scale * value, do
    c = _scale(reduction, n_rows)
    z = o.reshape(n_rows, n_experts * width)
    z = z - z.sum(axis=0) / max(n_rows, 1)
    C = (z.T @ z).reshape(n_experts, width, n_experts, width)
    omega_sign, total = cross_signs.run(C, 2 if within else 0)
    value = c / (2 * width**2) * total
    dz = z @ (c / width**2 * omega_sign).reshape(n_experts * width, n_experts * width)
    return value, dz.reshape(o.shape)


def _scale(reduction, n_rows):
    """c of the formula; a batch with no rows to divide by is divided by 1."""
    if reduction == "sum":
        return 1.0
    if reduction == "mean":
        return 1 / max(n_rows, 1)
    if reduction == "unbiased":
        return 1 / max(n_rows - 1, 1)
    raise ValueError(f"CovLoss reduction {reduction!r}: choose sum, mean or unbiased")
