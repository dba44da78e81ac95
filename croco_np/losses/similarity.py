"""Dot product and cosine between the experts' outputs of one row (Table 4: Dot, Cos)."""

import numpy as np

from ..arguments import SOME, expect

EPS = 1e-8  # an expert output shorter than this has no direction


def dot(o: np.ndarray) -> tuple[float, np.ndarray]:
    """Dot: mean dot product of two experts' outputs over all rows and the P = M (M - 1) / 2 pairs (Wu et al. 2021).

        L = 1/(P B)  sum_{p < q}  sum_i <o_ip, o_iq>

    o (B, M, K) expert outputs -> L, do (B, M, K)

    Outputs of ReLU experts are >= 0 and so is every dot product: no absolute value is needed. Shorter outputs lower it
    as well as different ones. Our choice: the division by pairs and rows; the paper gives no formula.

    Backward. Expert p meets every other expert once, so do_p is the sum of the others:
        do_p = (T - o_p) / (P B),      T = sum_p o_p
    L has degree 2 in o, hence L = <o, do> / 2.
    """
    expect("o", o, None, SOME, SOME)
    do = (o.sum(axis=1, keepdims=True) - o) / _pairs_and_rows(o)
    return (o * do).sum() / 2, do


def cosine(o: np.ndarray) -> tuple[float, np.ndarray]:
    """Cos: mean cosine between two experts' outputs over all rows and the P = M (M - 1) / 2 pairs (Liu et al. 2021).

        L = 1/(P B)  sum_{p < q}  sum_i <u_ip, u_iq>,      u = o / ||o||,  and u = 0 where ||o|| < 1e-8

    o (B, M, K) expert outputs -> L, do (B, M, K)

    A row in which all units of an expert are off has no direction: it counts 0 and gets no gradient. Our choice: the
    division by pairs and rows, and the cosine with its sign, which non-negative outputs make >= 0 anyway.

    Backward. With v_p = sum_{q != p} u_q the gradient to u_p is v_p / (P B). Stretching o_p does not turn u_p, so only
    the part of v_p across u_p counts, and a long o_p turns slowly:
        do_p = (v_p - <v_p, u_p> u_p) / (||o_p|| P B)
    """
    expect("o", o, None, SOME, SOME)
    norm = np.sqrt((o * o).sum(axis=2, keepdims=True))
    alive = norm.real >= EPS
    inverse = alive / np.where(alive, norm, 1)
    u = o * inverse
    v = u.sum(axis=1, keepdims=True) - u
    along = (v * u).sum(axis=2, keepdims=True)
    scale = _pairs_and_rows(o)
    return along.sum() / (2 * scale), (v - along * u) * inverse / scale


def _pairs_and_rows(o):
    """P B, or 1 where there are no pairs or no rows."""
    n_rows, n_experts, _ = o.shape
    return max(n_experts * (n_experts - 1) // 2 * n_rows, 1)
