"""Solutions of tutorial 8, Read a baseline."""

import numpy as np

from . import Solution


def stopped_backward(g: np.ndarray, o: np.ndarray, dh: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """do (B, M, K) and da (B, M) of h = sum_m g_m o_m, where o_m is taught only if flow is 1."""
    do = flow[:, :, None] * g[:, :, None] * dh[:, None]  # the stop is here ...
    dg = (o * dh[:, None]).sum(axis=2)  # ... and not here: the gate has read all experts
    da = g * (dg - (g * dg).sum(axis=1, keepdims=True))  # back through the softmax
    return do, da


def rank_one_backward(
    dWs: np.ndarray, W: np.ndarray, r: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dW (n, k), dr (n,) and dq (k,) of W* = W * (r q^T)."""
    dW = dWs * np.outer(r, q)
    dr = (dWs * W) @ q  # r_i stands in row i of W*: a sum over columns
    dq = (dWs * W).T @ r  # q_j stands in column j: a sum over rows
    return dW, dr, dq


def cross_stitch_backward(
    u: np.ndarray, v: np.ndarray, A: np.ndarray, du2: np.ndarray, dv2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """du, dv (B, K) and dA (2, 2) of u' = A_00 u + A_01 v, v' = A_10 u + A_11 v."""
    du = A[0, 0] * du2 + A[1, 0] * dv2  # u went into both outputs: column 0 of A
    dv = A[0, 1] * du2 + A[1, 1] * dv2
    dA = np.array([[(du2 * u).sum(), (du2 * v).sum()], [(dv2 * u).sum(), (dv2 * v).sum()]])
    return du, dv, dA


SOLUTIONS = {
    "8.1": Solution(
        stopped_backward,
        r"""
        Where `flow` is 0 the value $o_m$ is read as a constant, $h = \sum_m g_m \bar o_m$. A constant is not moved,
        hence $do_m = 0$ there, and $g_m\, dh$ where it is 1.

        $g_m$ is no constant anywhere. It multiplies $o_m$, and the *value* of a stopped expert is what it always was:

        $$ dg_m = dh \cdot o_m \;\; \text{for all } m, \qquad
        da_m = g_m \Bigl( dg_m - \sum_n g_n\, dg_n \Bigr) $$

        On the blackboard $dg = (-2, -5)$ and the gate moves towards B; with 0 for the stopped $-5$ it moves away.
        """,
        (
            "Write h = sum of g_m o_m and call o_m a constant where flow is 0. Whose derivative changes by that, that "
            "of o_m or that of g_m?",
            "flow is a factor in one of do and da, where it needs a third axis, and not in the other. da is that of "
            "tutorial 3: what are dg here, and what does the softmax's backward do with them?",
        ),
        "Moving flow from one of the lines to the next is the whole bug of this tutorial: same shapes, same loss, and "
        "a gate that turns the other way.",
    ),
    "8.2": Solution(
        rank_one_backward,
        r"""
        Entry by entry $W^*_{ij} = W_{ij}\, r_i\, q_j$, a product of three numbers. The derivative with respect to one
        of them is the product of the other two. $W_{ij}$ occurs in one entry, $r_i$ in a row of them, $q_j$ in a
        column, and what comes back from many places adds up:

        $$ dW_{ij} = dW^*_{ij}\, r_i\, q_j, \qquad dr_i = \sum_j dW^*_{ij}\, W_{ij}\, q_j, \qquad
        dq_j = \sum_i dW^*_{ij}\, W_{ij}\, r_i $$

        Sums over $j$ and $i$ of a matrix times a vector are matrix products: $dr = (dW^* * W)\, q$,
        $dq = (dW^* * W)^T r$.
        """,
        (
            "Look at a single entry: W*_ij is the product of W_ij, r_i and q_j. In which entries of W* does r_i occur?",
            "dWs times the product of the two other factors, entry by entry, for each of the three: three arrays (n, "
            "k). r is only (n,) and q only (k,): over which axis does each of them collect?",
        ),
        "x (W * r q^T) is ((x * r) W) * q: this STAR scales the inputs and the outputs of one shared layer, so a "
        "domain needs n + k numbers for n k, and its joint weights are never made.",
    ),
    "8.3": Solution(
        cross_stitch_backward,
        r"""
        Every value is read twice, so two roads meet in each gradient. $u$ went into $u'$ by $A_{00}$ and into $v'$ by
        $A_{10}$, $v$ by $A_{01}$ and $A_{11}$:

        $$ du = A_{00}\, du' + A_{10}\, dv', \qquad dv = A_{01}\, du' + A_{11}\, dv' $$

        $A_{01}$ multiplies every entry of $v$ on its way into $u'$: $dA_{01} = \sum_{ik} du'_{ik} v_{ik}$, and the
        others alike. In one line: as $\binom{u'}{v'} = A \binom{u}{v}$, it is a linear layer once more, with $A^T$ on
        the way back and $dA$ the products of what arrives with what came in.
        """,
        (
            "Draw four arrows, from u and v to u' and v', and write an entry of A on each. Backward, what leaves from "
            "u comes back to u, over the same arrows.",
            "Two arrows start at u, and du adds what comes back over both: which two entries of A stand on them? An "
            "entry of A is on one arrow, but for all rows and dimensions: what does it multiply there, and what "
            "arrives at its end?",
        ),
        "Start with A the identity, and the two networks do not meet; yet the gradient of A_01 is the sum of du' * v, "
        "which is not 0: training can find out by itself whether trade pays.",
    ),
    "8.4": Solution(
        [[1, 1, 1], [1, 1, 1]],
        r"""
        Rows of domain A end in tower A. Backwards from there:

        - gate A of the last level mixes A's expert and the *shared* expert of that level;
        - that shared expert reads the shared path of the middle level;
        - the shared path mixes **all** experts of the middle level: A's, B's and the shared one.

        So all three are taught, and by rows of B alike: the table is full. (By A's own path, a row teaches A's expert
        and the shared one a second time.) Only in the last level, with no shared path behind it, is a domain among its
        own.
        """,
        (
            "Which of the three levels is a middle one like? Look at the pictures of two levels above: a level with "
            "another one behind it, and the last.",
            "Start at tower A. The last level's shared expert is mixed into it. What does this expert read? And which "
            "experts of the level before does the shared path mix, with the shared gate over all of them?",
        ),
        "However many levels PLE has, domains are kept apart in the last one only; in all others every row teaches "
        "everybody, unless shared_gate is shared_only.",
    ),
}
