"""Solutions of tutorial 7, See collapse and diversity."""

import numpy as np

from . import Solution


def my_abundance_backward(X: np.ndarray) -> np.ndarray:
    """The gradient of IA(X) = sum of the singular values / the largest, (V, E)."""
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    abundance = sigma.sum() / sigma[0]
    largest = np.outer(U[:, 0], Vt[0])  # the gradient of sigma_1, u_1 v_1^T
    dX = (U @ Vt - abundance * largest) / sigma[0]  # U V^T is the sum of all u_i v_i^T
    return dX


def my_chance_level(M: int, q: float) -> float:
    """The share of rows with a large and a small output among M independent experts."""
    no_large = (1 - q) ** M  # as many rows have no small one
    neither = (1 - 2 * q) ** M
    return 1 - 2 * no_large + neither


def my_correlation_backward(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of the correlation of x and y with respect to x, (B,)."""
    x, y = x - x.mean(), y - y.mean()
    length = np.linalg.norm(x)
    u, w = x / length, y / np.linalg.norm(y)
    dx = (w - (u @ w) * u) / length  # a cosine's; its mean is 0 already
    return dx


SOLUTIONS = {
    "7.1": Solution(
        my_abundance_backward,
        r"""
        A number $u_i^T\, dX\, v_i$ is the sum over all entries of $u_i v_i^T * dX$, so $\partial \sigma_i / \partial X
        = u_i v_i^T$. All of them together are $\sum_i u_i v_i^T = U V^T$. With $S = \sum_i \sigma_i$ the quotient rule
        says

        $$ d\,\frac{S}{\sigma_1} = \frac{dS}{\sigma_1} - \frac{S}{\sigma_1^2}\, d\sigma_1
        \qquad\Longrightarrow\qquad
        \frac{\partial\, \mathrm{IA}}{\partial X} = \frac{1}{\sigma_1} \left( U V^T - \mathrm{IA}\; u_1 v_1^T \right) $$

        The check: along $X = \sum_i \sigma_i u_i v_i^T$ it has the part
        $(S - \mathrm{IA}\, \sigma_1) / \sigma_1 = 0$, as it must, for stretching changes nothing.
        """,
        (
            "The gradient of sigma_i is the matrix u_i v_i^T. IA is a quotient: the line above moves with every "
            "sigma_i, the line below with sigma_1 alone.",
            "The quotient rule gives two terms. The first holds the sum of all u_i v_i^T: one product of U and Vt. "
            "The second comes from sigma_1 alone. Check that what you have is orthogonal to X.",
        ),
        "U V^T, the gradient of the sum of singular values, is X with every singular value set to 1: a step along it "
        "moves weak directions as much as strong ones, and the optimiser Muon makes its steps of such matrices.",
    ),
    "7.2": Solution(
        my_chance_level,
        r"""
        An expert's output is large with probability $q$, small with probability $q$, never both, and neither with
        probability $1 - 2q$. Experts are independent, so of all rows

        $$ P(\text{no large}) = P(\text{no small}) = (1 - q)^M, \qquad P(\text{neither}) = (1 - 2q)^M $$

        Take both kinds away from 1. Rows with neither are of both kinds, went away twice, and come back once:

        $$ \mathrm{DI}_{\text{chance}} = 1 - 2 (1 - q)^M + (1 - 2q)^M $$

        With $M = 1$ it is $1 - 2 + 2q + 1 - 2q = 0$; with $M = 2$ it is $2 q^2$: one large and the other small, or the
        other way round.
        """,
        (
            "The tutorial's formula has q = 1/4 built in. Which of its numbers is the chance of not being large, and "
            "which that of being neither large nor small?",
            "A single expert is not large with probability 1 - q. With which probability is it neither, as it cannot "
            "be large and small at once? What becomes of both for M independent experts?",
        ),
        "Whatever q is, chance goes to 1 as experts are added: with quartiles, sixteen experts that know nothing have "
        "a diversity index of 0.98.",
    ),
    "7.3": Solution(
        my_correlation_backward,
        r"""
        With $u = \tilde x / \lVert \tilde x \rVert$ and $w = \tilde y / \lVert \tilde y \rVert$, $r = u \cdot w$ is a
        cosine, so with respect to $\tilde x$ the gradient is the one of the text,

        $$ d\tilde x = \frac{w - r\, u}{\lVert \tilde x \rVert} $$

        One step further back: $\tilde x_i = x_i - \frac1B \sum_j x_j$. All $\tilde x$ read $x_j$ through the mean,
        hence $dx_j = d\tilde x_j - \frac1B \sum_i d\tilde x_i$. But $u$ and $w$ are centred, $\sum_i d\tilde x_i = 0$,
        and the term for the mean is 0: $dx = d\tilde x$.
        """,
        (
            "Give the centred vectors names. Between them r is a cosine, and the text derives the gradient of a "
            "cosine: a unit vector with its part along another one taken away.",
            "In the text's formula, what stands for u, for w and for the length of o, and what is w . u called here? "
            "For the mean: add up the entries of what you get.",
        ),
        "The gradient is orthogonal to the centred x, so a step along it makes the unit longer, never shorter: a loss "
        "of correlations cannot be lowered by shrinking, the cheap way that CovLoss leaves open.",
    ),
}
