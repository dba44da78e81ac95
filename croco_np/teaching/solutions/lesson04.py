"""Solutions of tutorial 4, Disentangle experts with CovLoss."""

import numpy as np

from ...losses import covariance
from . import Solution


def my_covariance(o: np.ndarray) -> float:
    """o (B, M, K) -> CovLoss, a number."""
    _, M, K = o.shape
    z = o - o.mean(axis=0)  # centred, each output of each expert by its own mean over the rows
    total = 0.0
    for p in range(M):
        for q in range(p):  # p > q: each pair once, no expert with itself
            total += np.abs(z[:, p].T @ z[:, q]).sum()  # K x K, an absolute value for each entry
    value = total / K**2
    return value


def my_covariance_backward(o: np.ndarray) -> np.ndarray:
    """o (B, M, K) -> do (B, M, K)."""
    B, M, K = o.shape
    Z = o.reshape(B, M * K)  # all experts side by side: column m K + k is output k of expert m
    Z = Z - Z.mean(axis=0)
    omega = np.kron(1 - np.eye(M), np.ones((K, K)))  # 0 on the block of an expert with itself
    dZ = Z @ (omega * np.sign(Z.T @ Z)) / K**2
    do = dZ.reshape(B, M, K)  # the means need no term of their own
    return do


def my_sampled(o: np.ndarray, rows: np.ndarray) -> tuple[float, np.ndarray]:
    """o (B, M, K), rows (n,) -> value, do (B, M, K)."""
    scale = len(o) / len(rows)  # a sum over n rows stands for one over B
    value, some = covariance(o[rows])  # with the means of these rows
    do = np.zeros_like(o)  # rows outside the sample move nothing
    do[rows] = scale * some
    return scale * value, do


SOLUTIONS = {
    "4.1": Solution(
        my_covariance,
        r"""
        Eq. (6), read from the inside out. Centre every output over the rows, $\tilde O_p = O_p - \bar O_p$. For a pair
        of experts

        $$ \big( \tilde O_p^T \tilde O_q \big)_{ij} = \sum_{\text{rows}} \tilde O_{p,i} \, \tilde O_{q,j} $$

        is a K × K matrix. Take the absolute value of each entry, add them up, add up over the $M (M - 1) / 2$ pairs
        $p > q$, and divide by $K^2$. There is no $B$ to divide by.
        """,
        (
            "Work on the blackboard's four rows: the matrix must be (8, -2; 0, -4) and the value 3.5. Print your own "
            "matrix of the pair, and see which step departs.",
            "Subtract the mean over axis 0. Two loops, p over the experts and q over those below p; one product of "
            "two (B, K) arrays gives all K x K entries of a pair. In which order come the sum and the absolute value?",
        ),
        "Add a constant to any output and CovLoss stays as it is; halve all outputs and it falls to a quarter: "
        "shrinking is one way to lower it, and only the cross-entropy stands against that.",
    ),
    "4.2": Solution(
        my_covariance_backward,
        r"""
        With all experts side by side, $C = Z^T Z$ holds each pair twice, so
        $L = \frac{1}{2 K^2} \sum_{ab} \Omega_{ab} |C_{ab}|$. Three steps down:

        $$ dC = \frac{1}{2 K^2} \, \Omega * \mathrm{sgn}(C), \qquad dZ = Z \, (dC + dC^T)
           = \frac{1}{K^2} \, Z \, \big( \Omega * \mathrm{sgn}(C) \big), \qquad dO = P \, dZ = dZ $$

        where $P$ subtracts column means. The columns of $Z$ add up to 0, hence those of $Z$ times any matrix, and $P$
        finds nothing to subtract.
        """,
        (
            "Follow the three steps of the text with o reshaped to (B, M K): centre it to Z, form C, and ask of "
            "each entry of C whether it belongs to two different experts. What is its sign worth?",
            "Omega is made of K x K blocks, ones where two experts differ and zeros where they are the same: np.kron "
            "of which M x M matrix with a block of ones? The three steps then leave one product with Z, and dO has "
            "the shape of o.",
        ),
        "Of C only the signs come in: a covariance of 0.001 is pushed as hard as one of 10, which is why descent on "
        "CovLoss alone needs a step that shrinks to 0.",
    ),
    "4.3": Solution(
        16e-4,
        r"""
        The cross-entropy beside it is a mean over rows and keeps its size; CovLoss is a sum and falls with B. What must
        stay is $\alpha B$:

        $$ \alpha \cdot 256 = 10^{-4} \cdot 4096, \qquad \alpha = 16 \cdot 10^{-4} $$
        """,
        (
            "CovLoss adds up over the rows, the cross-entropy is a mean over them. So with fewer rows one of the two "
            "shrinks: by which factor, and what does alpha have to do about it?",
            "The product of alpha and B has to stay. How many times 256 rows are 4096 rows?",
        ),
        'With reduction="mean" the same weight is 0.41 at every batch size: that is alpha B.',
    ),
    "4.4": Solution(
        my_sampled,
        r"""
        Let $S$ be the n rows. The sampled loss is a function of $O_S$ only,

        $$ L = \frac{B}{n} \, L_{Cov}(O_S), \qquad dO_i = \frac{B}{n} \, \big( dL_{Cov} / dO_S \big)_i
           \;\; (i \in S), \qquad dO_i = 0 \;\; (i \notin S) $$

        A factor in front of a loss is a factor in front of its gradient. The means are those of the sample, so its
        gradient still adds up to 0 over the rows.
        """,
        (
            "The sampled loss is CovLoss of some rows, times a number. Which rows of o does it depend on, and what "
            "does a factor in front of a function do to its gradient?",
            "covariance of these rows gives a value and a gradient of shape (n, M, K). What is the factor for both? "
            "And what do the rows of o get that are not in the sample?",
        ),
        "The scale makes a sum of products right on average, but not a sum of absolute values: for independent outputs "
        "32 of 4,096 rows say 11 times too much.",
    ),
}
