"""Solutions of tutorial 6, Train on real clicks."""

import numpy as np

from . import Solution


def my_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """The share of pairs ranked right, a tie counting 1/2."""
    clicked, others = scores[labels == 1], scores[labels == 0]
    gaps = clicked[:, None] - others  # (n_1, n_0): one entry for each pair
    credit = (gaps > 0) + 0.5 * (gaps == 0)
    return credit.mean()  # over n_1 n_0 pairs


def my_best_auc(p: np.ndarray) -> float:
    """Expected pairs that the true probabilities rank right over expected pairs."""
    weight = np.outer(p, 1 - p)  # [i, j]: the chance that i is clicked and j is not
    np.fill_diagonal(weight, 0)  # a row makes no pair with itself
    gaps = p[:, None] - p
    credit = (gaps > 0) + 0.5 * (gaps == 0)
    return (weight * credit).sum() / weight.sum()


def my_pairwise_backward(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dL/dz, (B,)."""
    gaps = z[y == 1][:, None] - z[y == 0]  # (n_1, n_0)
    pull = 1 / (1 + np.exp(gaps)) / gaps.size  # sigma(-gap), with the weight of a pair in the mean
    dz = np.zeros(len(z))
    dz[y == 1] = -pull.sum(axis=1)  # a clicked row sums over its n_0 pairs
    dz[y == 0] = pull.sum(axis=0)  # any other one over its n_1 pairs
    return dz


SOLUTIONS = {
    "6.1": Solution(
        my_auc,
        r"""
        The definition, symbol by symbol: the two sums run over the pairs of a clicked row $i$ and another one $j$, so
        put the $n_1$ clicked scores in a column and the $n_0$ others in a row. Broadcasting subtracts each from each:

        $$ t_{ij} = z_i - z_j, \qquad \mathrm{AUC} = \frac{1}{n_1 n_0} \sum_{ij}
        \left( [t_{ij} > 0] + \tfrac12 [t_{ij} = 0] \right) $$

        and dividing a sum over all $n_1 n_0$ entries by $n_1 n_0$ is a mean. On the blackboard's four rows
        $t = \begin{pmatrix} 0.3 & 0.4 \\ -0.1 & 0 \end{pmatrix}$, with credits 1, 1, 0 and $\tfrac12$: $2.5 / 4$.
        """,
        (
            "Take the scores of clicked rows and those of the others apart first. Every score of the first kind meets "
            "every score of the second, and no pair is made inside a kind.",
            "Index one of the two with [:, None]: their difference has shape (n_1, n_0), an entry for each pair. "
            "Which credit does an entry get, of three, and how do the credits become a share of all pairs?",
        ),
        "AUC is the chance that a clicked row drawn at random scores above another one drawn at random; times the "
        "number of pairs it is the U statistic of Mann and Whitney (1947), which tests whether one of two groups tends "
        "to have larger values.",
    ),
    "6.2": Solution(
        my_best_auc,
        r"""
        Let $y_i$ be 1 with probability $p_i$, independently of all others. Rows $i \ne j$ are a pair with $i$ clicked
        and $j$ not if $y_i (1 - y_j) = 1$, which has the expected value $p_i (1 - p_j)$. Expectations add up, so

        $$ \text{expected pairs} = \sum_{i \ne j} p_i (1 - p_j), \qquad
        \text{expected right ones} = \sum_{i \ne j} p_i (1 - p_j) \left( [p_i > p_j] + \tfrac12 [p_i = p_j] \right) $$

        The diagonal has to go: $p_i (1 - p_i)$ is not 0, but a row is not clicked and skipped at once. (The quotient
        of two expected values is not the expected value of the quotient; with many rows the two come together.)
        """,
        (
            "Both sums run over the same ordered pairs with the same weights. What distinguishes the one above the "
            "line is a factor for each pair: 1, one half or 0.",
            "All weights of pairs are an outer product, of what with what? A row makes no pair with itself. The "
            "factor comes from comparing all p with all p, as in exercise 6.1 for scores.",
        ),
        "If probabilities are spread evenly from 0 to 1, which no click log comes near, the ceiling is 5/6 with many "
        "rows: no model, however good, gets beyond an AUC of 0.83 there, but by luck.",
    ),
    "6.3": Solution(
        my_pairwise_backward,
        r"""
        One pair first, with $t = z_i - z_j$:

        $$ \frac{d}{dt} \log(1 + e^{-t}) = \frac{-e^{-t}}{1 + e^{-t}} = -\sigma(-t), \qquad
        \frac{\partial t}{\partial z_i} = 1, \quad \frac{\partial t}{\partial z_j} = -1 $$

        A logit is in many pairs, and what they say adds up:

        $$ \frac{\partial L}{\partial z_i} = -\frac{1}{n_1 n_0} \sum_j \sigma(z_j - z_i) \;\; (y_i = 1), \qquad
        \frac{\partial L}{\partial z_j} = \frac{1}{n_1 n_0} \sum_i \sigma(z_j - z_i) \;\; (y_j = 0) $$

        Each pair adds one number to one row and takes it from another, so all entries add up to 0.
        """,
        (
            "Begin with a single pair and t = z_i - z_j. What is the derivative of log(1 + exp(-t))? It should be near "
            "0 where t is large, and near -1 where the pair is ranked wrong by far.",
            "That derivative is -sigma(-t). In an (n_1, n_0) array of it a clicked row has a row of entries and "
            "another one a column. What has to be summed for each, with which sign, and divided by what?",
        ),
        "This is the loss of RankNet (Burges and others, 2005). As its gradient adds up to 0, it never learns how "
        "often people click: its scores rank, and are no probabilities.",
    ),
}
