"""Solutions of tutorial 1, Differentiate one layer by hand."""

import numpy as np

from . import Solution


def scale_backward(cache: tuple, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """cache = (a, x) -> dx, da, dc."""
    a, x = cache
    dx = a * dy  # y_ij moves by a_j when x_ij moves by 1: each entry for itself, no sum
    da = (x * dy).sum(axis=0)  # all rows share a, so all rows report to it
    dc = dy.sum(axis=0)  # and to c, with the factor 1
    return dx, da, dc


def tied_backward(cache: tuple, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """cache = (W, x) -> dx, dW."""
    W, x = cache
    h = x @ W  # the code between encoder and decoder: y = h W^T
    dh = dy @ W
    dx = dh @ W.T
    dW = x.T @ dh + dy.T @ h  # W as the encoder, then W as the decoder
    return dx, dW


def squared_relu_backward(cache: tuple, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """cache = (W, x, z) -> dx, dW, db."""
    W, x, z = cache
    dz = dy * 2 * np.maximum(z, 0)  # the slope of max(z, 0)^2; it is 0 where z < 0, so no mask is needed
    dx = dz @ W.T  # from dz on it is the linear layer
    dW = x.T @ dz
    db = dz.sum(axis=0)
    return dx, dW, db


SOLUTIONS = {
    "1.1": Solution(
        scale_backward,
        r"""
        The chain rule sums over all outputs, $da_k = \sum_{ij} dy_{ij} \, \partial y_{ij} / \partial a_k$. With
        $y_{ij} = a_j x_{ij} + c_j$, only column $k$ depends on $a_k$ and $c_k$, and only $y_{ij}$ on $x_{ij}$:

        $$ dx_{ij} = a_j \, dy_{ij}, \qquad da_j = \sum_i x_{ij} \, dy_{ij}, \qquad dc_j = \sum_i dy_{ij} $$

        What the forward pass broadcasts over the rows, the backward pass sums over the rows.
        """,
        (
            "Compare shapes: dy is (B, n) and so is dx, while a and c are (n,). So the rows have to be added up in two "
            "of the three. By how much does y_ij move if x_ij, a_j or c_j moves by 1?",
            "The three slopes are a_j, x_ij and 1, and each of them multiplies dy. Two of these products have the "
            "shape of x where (n,) is asked for: over which axis were a and c broadcast?",
        ),
        "This is the last step of batch and layer normalization; and in every layer, what the forward pass broadcasts "
        "the backward pass sums.",
    ),
    "1.2": Solution(
        tied_backward,
        r"""
        Give the two uses different names: $y = (x U) V^\top$ with $h = x U$. These are two linear layers:

        $$ dV = dy^\top h, \qquad dh = dy \, V, \qquad dU = x^\top dh, \qquad dx = dh \, U^\top $$

        ($dV$: from $y_{il} = \sum_k h_{ik} V_{lk}$ follows $dV_{lk} = \sum_i dy_{il} h_{ik}$.) Moving $W$ moves $U$ and
        $V$ at once, so the gradients add up:

        $$ dW = dU + dV = x^\top dy \, W + dy^\top x \, W $$
        """,
        (
            "Write y = (x U) V^T, with U = V = W only at the end. Begin with h = x U, which y = h V^T reads: what are "
            "dV and dh?",
            "Both are the linear layer: dV is made of dy and h, and dU of x and dh, so dh comes first. Both have the "
            "shape of W, which tells what is transposed. L depends on W through both, so what has to happen to them?",
        ),
        "The same addition gives the gradient of every weight that is used more than once: a convolution's over all "
        "places, a recurrent layer's over all times, a table's over all rows with the same id.",
    ),
    "1.3": Solution(
        squared_relu_backward,
        r"""
        With $\varphi(z) = \max(z, 0)^2$ the slope is $\varphi'(z) = 2 z$ for $z > 0$ and 0 for $z < 0$, in one
        formula $2 \max(z, 0)$. So

        $$ dz_{ij} = 2 \max(z_{ij}, 0) \, dy_{ij} $$

        and from $dz$ on it is the linear layer: $dx = dz \, W^\top$, $dW = x^\top dz$, $db_j = \sum_i dz_{ij}$.
        """,
        (
            "Three of the four lines are those of the linear layer with dz in the place of dy. What is the slope of "
            "max(z, 0)^2 at z = 3, and at z = -3?",
            "At z = 3 it is 6, at z = -3 it is 0: which one formula says both? With it dy becomes dz, entry by entry; "
            "and what takes the place of dy in the lines of the linear layer?",
        ),
        "At z = 0 both one-sided slopes are 0: unlike ReLU its square has no kink there, so the checker never has to "
        "draw again on its account.",
    ),
    "1.4": Solution(
        0.007,
        r"""
        The error is about $\varepsilon / s + s^2 / 6$, rounding plus truncation. It is least where its slope in $s$ is
        0:

        $$ -\frac{\varepsilon}{s^2} + \frac{s}{3} = 0, \qquad s = (3 \varepsilon)^{1/3} =
        (3 \cdot 1.2 \cdot 10^{-7})^{1/3} \approx 0.007 $$

        There the error is $\frac{3}{2} \varepsilon / s \approx 2.5 \cdot 10^{-5}$: four digits are right, and
        the fifth is not.
        """,
        (
            "Two errors add up: rounding eps / s falls with s, truncation s^2 / 6 grows with it. Where is the bottom "
            "of the V: what is the slope of the sum there?",
            "The slope of the sum has a term with eps / s^2 and one with s. Where they cancel, s is a cube root; in "
            "float64 the same cube root gave about 1e-5, and here eps is larger.",
        ),
        "Even this best step leaves an error of some 2.5e-5: in float32 a gradient check sees four digits and no more, "
        "which is why gradients are checked in float64.",
    ),
}
