"""A cycle loss between experts through trained maps (Table 4: Trans5). It has parameters of its own."""

from itertools import combinations

import numpy as np

from ..arguments import SOME, expect


def trans5(o: np.ndarray, W: np.ndarray, eta: float = 1.0) -> tuple[float, np.ndarray, np.ndarray]:
    """Trans5: an own matrix W for each pair of experts maps one into the other and its transpose maps back.

        L = 1/(P B)  sum_{p < q}  ||X - X W W^T||_1 + ||Y - Y W^T W||_1  +  eta (||X W - Y||^2 + ||Y W^T - X||^2)

    with X = O_p, Y = O_q (B, K) and W = W_pq. ||.||_1 adds up absolute values, ||.||^2 squares.

    o (B, M, K) expert outputs, W (P, K, K) for the P pairs (0, 1), (0, 2), .., (1, 2), .. -> L, do, dW

    eta   weight of the second half, the alignment

    The first half, "there and back again", is the equivalence term of ETL (Chen et al. 2023), which the paper names as
    the source. The name "Trans5" occurs in no code that we could find; ETL's readme speaks of four variants beside its
    main model, so it may be the fifth. Experts have no decoders to take over ETL's reconstruction. Our choice: the
    alignment in its place. It draws the experts together, so that the paper finds Trans5 to hurt is no surprise. With
    eta = 0 an orthogonal W has L = 0 for any experts.

    Backward. With s1 = sgn(X - X W W^T), s2 = sgn(Y - Y W^T W), sgn(0) = 0, and e1 = 2 eta (X W - Y),
    e2 = 2 eta (Y W^T - X), all divided by P B:
        dX = s1 - s1 W W^T + e1 W^T - e2
        dY = s2 - s2 W^T W + e2 W - e1
        dW = - (X^T s1 + s1^T X) W - W (s2^T Y + Y^T s2) + X^T e1 + e2^T Y
    """
    expect("o", o, None, SOME, SOME)
    n_rows, n_experts, width = o.shape
    expect("W", W, n_experts * (n_experts - 1) // 2, width, width)
    scale = 1 / max(len(W) * n_rows, 1)
    kind = np.result_type(o, W)
    value, do, dW = 0.0, np.zeros_like(o, kind), np.empty_like(W, kind)
    for i, (p, q) in enumerate(combinations(range(n_experts), 2)):
        X, Y, w = o[:, p], o[:, q], W[i]
        r1, r2 = X - X @ w @ w.T, Y - Y @ w.T @ w
        a1, a2 = X @ w - Y, Y @ w.T - X
        s1, s2 = np.sign(r1.real), np.sign(r2.real)
        value = value + scale * ((s1 * r1).sum() + (s2 * r2).sum() + eta * ((a1 * a1).sum() + (a2 * a2).sum()))
        s1, s2, e1, e2 = scale * s1, scale * s2, 2 * eta * scale * a1, 2 * eta * scale * a2
        do[:, p] += s1 - s1 @ w @ w.T + e1 @ w.T - e2
        do[:, q] += s2 - s2 @ w.T @ w + e2 @ w - e1
        dW[i] = -(X.T @ s1 + s1.T @ X) @ w - w @ (s2.T @ Y + Y.T @ s2) + X.T @ e1 + e2.T @ Y
    return value, do, dW


def init_trans5(rng: np.random.Generator, n_experts: int, width: int) -> dict:
    """A random orthogonal W for each pair: the Q of a Gaussian matrix, with the signs that make it uniform."""
    if n_experts < 2:
        raise ValueError(f"trans5 maps pairs of experts: n_experts is {n_experts}, want at least 2")
    Q, R = np.linalg.qr(rng.standard_normal((n_experts * (n_experts - 1) // 2, width, width)))
    return {"W": Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None]}
