"""Orthogonality between the experts' outputs (Table 4: OLE), in three readings."""

import numpy as np

from ..arguments import SOME, expect

FLAT = 1e-6  # a singular value below this has no direction worth following


def ole(o: np.ndarray, form: str = "soft") -> tuple[float, np.ndarray]:
    """OLE: the experts' outputs, each a matrix O_p (B, K), shall be orthogonal to each other (Lezama et al. 2018).

    o (B, M, K) expert outputs -> L, do (B, M, K)

    form   The paper names an "F-norm form" of OLE and does not define it. Three readings, P = M (M - 1) / 2:

        "soft"       L = 1/(P B^2 K^2)  sum_{p < q} ||O_p^T O_q||_F^2
                     Our choice: CovLoss without the means, squared. Units of different experts shall not fire together.
                     do_p = 2/(P B^2 K^2)  sum_{q != p} O_q (O_q^T O_p)
        "nuclear"    L = 1/(M B)  (sum_p max(1, ||O_p||_*) - ||O||_*),   O = O_1 .. O_M below each other (M B, K)
                     OLE as published, with the expert in the place of the class; ||.||_* adds up the singular values.
                     do_p = 1/(M B)  (U_p V_p^T 1[||O_p||_* > 1] - rows p of U V^T)
        "frobenius"  L = 1/(M B)  (sum_p ||O_p||_F - ||O||_F)
                     The same with another norm, taken literally. It measures no angles at all, since stacking matrices
                     adds up their squares whatever the angles: all it can do is shrink. Kept to show that.
                     do_p = 1/(M B)  O_p (1/||O_p||_F - 1/||O||_F)

    Backward. "soft": as in CovLoss, with C = Z^T Z for Z = [O_1 .. O_M] (B, M K) and C = 0 on the experts' own blocks,
    every pair twice in ||C||^2: dZ = 2/(P B^2 K^2) Z C. "nuclear": d||X||_* = <U V^T, dX> for X = U S V^T; singular
    values below 1e-6 are left out, as their directions are arbitrary. "frobenius": d||X||_F = <X / ||X||_F, dX>, and 0
    at X = 0.
    """
    if form not in FORMS:
        raise ValueError(f"OLE form {form!r}: choose {', '.join(FORMS)}")
    expect("o", o, None, SOME, SOME)
    return FORMS[form](o)


def soft(o: np.ndarray) -> tuple[float, np.ndarray]:
    n_rows, n_experts, width = o.shape
    z = o.reshape(n_rows, n_experts * width)
    C = (z.T @ z).reshape(n_experts, width, n_experts, width)
    for m in range(n_experts):
        C[m, :, m] = 0
    n_pairs = n_experts * (n_experts - 1) // 2
    dz = 2 / max(n_pairs * n_rows**2 * width**2, 1) * (z @ C.reshape(n_experts * width, n_experts * width))
    return (z * dz).sum() / 4, dz.reshape(o.shape)  # degree 4 in z, hence <z, dz> / 4


def nuclear(o: np.ndarray) -> tuple[float, np.ndarray]:
    n_rows, n_experts, width = o.shape
    if not np.isfinite(o).all():  # the decomposition would raise; a NaN shall come out as NaN
        return np.nan, np.full_like(o, np.nan)
    apart = o.swapaxes(0, 1)  # (M, B, K)
    norms, directions = _nuclear_norm(apart)
    whole, direction = _nuclear_norm(apart.reshape(n_experts * n_rows, width))
    dx = np.where(norms > 1, 1, 0).astype(o.dtype)[:, None, None] * directions - direction.reshape(apart.shape)
    scale = 1 / (n_experts * n_rows) if n_rows else 0.0
    return scale * (np.maximum(norms, 1).sum() - whole), scale * dx.swapaxes(0, 1).copy()


def _nuclear_norm(x):
    """Sum of the singular values of each matrix x (..., n, K), and its gradient U V^T."""
    U, s, Vt = np.linalg.svd(x, full_matrices=False)
    return s.sum(axis=-1), (U * (s > FLAT)[..., None, :]) @ Vt


def frobenius(o: np.ndarray) -> tuple[float, np.ndarray]:
    n_rows, n_experts, _ = o.shape
    squares = (o * o).sum(axis=(0, 2))
    norms, whole = np.sqrt(squares), np.sqrt(squares.sum())
    scale = max(n_experts * n_rows, 1)
    do = o * (_inverse(norms)[:, None] - _inverse(whole)) / scale
    return (norms.sum() - whole) / scale, do


def _inverse(norm):
    """1 / norm, and 0 where norm is 0."""
    return np.where(norm.real > 0, 1 / np.where(norm.real > 0, norm, 1), 0)


FORMS = {"soft": soft, "nuclear": nuclear, "frobenius": frobenius}
