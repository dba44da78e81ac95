"""Known mistakes in the exercises of tutorial 7: abundance backwards, diversity by chance, correlation backwards."""

import numpy as np

from . import Mistake


def abundance_mistakes(X: np.ndarray) -> list[Mistake]:
    """Exercise 7.1."""
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    largest, total = sigma[0], sigma.sum()
    above, below = U @ Vt / largest, total / largest**2 * np.outer(U[:, 0], Vt[0])  # the two terms of the gradient
    mistakes = [
        (
            above,
            "It treats sigma_1 below the line as a constant: how does the largest singular value, which every other "
            "one is divided by, move with X?",
        ),
        (U @ Vt, "It is the gradient of the sum of the singular values; IA divides that sum by sigma_1."),
        (-below, "Only the line below moves here: the singular values above it move with X as well."),
        (
            above - below - np.outer(U[:, 0], Vt[0]) / largest,
            "In the sum above the line sigma_1 is missing: it stands above as well as below.",
        ),
        (below - above, "The sign is flipped: a singular value above the line that grows makes IA grow."),
        (above + below, "The two terms are added: what grows below the line makes a quotient smaller."),
        (
            (above - below) * largest,
            "It is sigma_1 times too large: the quotient rule divides the sum by sigma_1, and its second term by "
            "sigma_1^2.",
        ),
        (
            above - below * largest,
            "The second term, for sigma_1 below the line, lacks a division: 1 / sigma_1 has the derivative "
            "-1 / sigma_1^2.",
        ),
        (
            above - np.outer(U[:, 0], Vt[0]) / largest,
            "The second term lacks a factor: the quotient rule leaves the whole quotient, IA, in front of u_1 v_1^T.",
        ),
        (above - below / total, "The second term lacks the sum of all singular values, which stands above the line."),
        (
            np.outer(U[:, 0], Vt[0]) / largest - below,
            "Only sigma_1 moves above the line here: each of the singular values does, by its own u_i v_i^T.",
        ),
    ]
    if len(Vt) == X.shape[1]:  # else the columns of Vt are too short to be taken for its rows
        mistakes += [
            (
                U @ Vt.T / largest - below,
                "In the first term V^T is wanted, and Vt is V^T already: it is transposed once too often.",
            ),
            (
                above - total / largest**2 * np.outer(U[:, 0], Vt[:, 0]),
                "v_1 is the first column of V, so it is the first row of Vt; the second term takes the first column "
                "of Vt.",
            ),
        ]
    return mistakes


def chance_mistakes(M: int, q: float) -> list[Mistake]:
    """Exercise 7.2."""
    no_large, neither = (1 - q) ** M, (1 - 2 * q) ** M
    return [
        (
            1 - 2 * no_large,
            "Rows with neither a large nor a small output went away twice, once as rows without a large one and once "
            "as rows without a small one: put them back once.",
        ),
        (
            (1 - no_large) ** 2,
            "It multiplies the chance of a large output by that of a small one, as if they were independent: an output "
            "that is large is not small.",
        ),
        (1 - 2 * 0.75**M + 0.5**M, "It has the quartiles built in: q is an argument."),
        (1 - no_large, "It counts the rows with a large output; a hit has a small one, too."),
        (1 - neither, "It counts the rows with a large or a small output; a hit has both."),
        (
            1 - 2 * no_large - neither,
            "Rows with neither went away twice already: they have to be added back, not taken away a third time.",
        ),
        (
            1 - 2 * no_large + (1 - q * q) ** M,
            "An output is neither large nor small with probability 1 - 2q, for the two exclude each other; here it is "
            "something else in the last term.",
        ),
        (
            M * (M - 1) * q * q,
            "It is the chance of one given pair of experts, one large and one small, times the number of pairs: rows "
            "with several such pairs count several times.",
        ),
        (1 - (1 - 2 * no_large + neither), "It is the share of rows that are no hits."),
    ]


def _cosine_backward(x, y):
    """The gradient of x . y / (|x| |y|) with respect to x."""
    nx, ny = np.linalg.norm(x), np.linalg.norm(y)
    return (y / ny - (x @ y) / (nx * ny) * x / nx) / nx


def correlation_mistakes(x: np.ndarray, y: np.ndarray) -> list[Mistake]:
    """Exercise 7.3."""
    a, b = x - x.mean(), y - y.mean()
    na, nb, right = np.linalg.norm(a), np.linalg.norm(b), _cosine_backward(a, b)
    return [
        (
            b / nb / na,
            "The length of the centred x is treated as a constant: the term that takes away the part along it is "
            "missing, as in the bug above.",
        ),
        (_cosine_backward(x, y), "It is the gradient of the cosine of x and y: subtract their means first."),
        (_cosine_backward(b, a), "It is the gradient with respect to y: here x moves, and y is held."),
        (-right, "The sign is flipped: an x that moves along the centred y becomes more like it."),
        (
            right * len(x),
            f"It is {len(x)} times too large: lengths are roots of sums of squares; a standard deviation is a root of "
            "their mean.",
        ),
        (
            right * (len(x) - 1),
            f"It is {len(x) - 1} times too large: lengths are roots of sums of squares; a standard deviation is a root "
            "of their mean, here with ddof=1.",
        ),
        (
            (b / nb - len(x) * (a @ b) / (na * nb) * a / na) / na * len(x),
            "Standard deviations stand where lengths should. The dot product over two of them is B r, not r.",
        ),
        (right * na, "The last division by the length of the centred x is missing."),
        (
            (b / nb - (a @ b) * a / na) / na,
            "The part along the centred x is taken away from the whole y, not from the unit vector of y: divide y by "
            "its length first, or multiply by r, not by the dot product.",
        ),
        ((b / nb + (a @ b) / (na * nb) * a / na) / na, "The part along x is added: it has to be taken away."),
        (
            (y / nb - (a @ b) / (na * nb) * a / na) / na,
            "y is not centred in the first term. Centring happens in the forward; in the backward it takes the mean "
            "away from the gradient, which a centred y has already done.",
        ),
        (
            (b / nb - (a @ b) / (na * nb) * x / na) / na,
            "In the term that takes the part along x away, the x is not centred.",
        ),
        (right * nb, "It is not divided by the length of the centred y."),
    ]
