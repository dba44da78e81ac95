"""Known mistakes in the exercises of tutorial 6: AUC, the best possible AUC, a pairwise loss."""

import numpy as np

from ...losses.bce import sigmoid
from . import Mistake


def gaps_of_pairs(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n_1, n_0): score of each clicked row - score of each other one."""
    return scores[labels == 1][:, None] - scores[labels == 0]


def auc_mistakes(scores: np.ndarray, labels: np.ndarray) -> list[Mistake]:
    """Exercise 6.1, where no scores are equal."""
    gaps, n = gaps_of_pairs(scores, labels), len(scores)
    won, (n1, n0) = (gaps > 0).sum(), gaps.shape
    blind = scores[:, None] > scores
    return [
        ((gaps < 0).mean(), "It counts the pairs that are ranked wrong: the clicked row should have the higher score."),
        (won, "It is the number of pairs ranked right: divide it by the number of pairs, n_1 n_0."),
        (
            won / n**2,
            f"It divides by n^2, all {n * n} pairs of two rows. Only a clicked row and one that was not clicked make a "
            f"pair: here {n1} x {n0}.",
        ),
        (
            won / (n * (n - 1)),
            f"It divides by n (n - 1), which counts pairs of two clicked rows, too; there are {n1} x {n0} pairs of a "
            "clicked row and one that was not.",
        ),
        (
            2 * won / (n * (n - 1)),
            f"It divides by n (n - 1) / 2, which counts pairs of two clicked rows, too; there are {n1} x {n0} pairs of "
            "a clicked row and one that was not.",
        ),
        (won / n, f"It divides by {n}, the number of rows: AUC is a share of pairs, n_1 n_0 of them."),
        (won / n1, f"It divides by {n1}, the number of clicked rows; each of them makes {n0} pairs."),
        (won / n0, f"It divides by {n0}, the number of rows that were not clicked; each of them makes {n1} pairs."),
        (np.sign(gaps).mean(), "A pair that is ranked wrong counts 0, not -1: this is 2 AUC - 1."),
        (
            blind.sum() / (n * (n - 1)),
            "It compares every row with every other one and does not look at the labels: keep the pairs of a clicked "
            "row and one that was not clicked.",
        ),
        (
            (scores[labels][:, None] > scores[1 - labels]).mean(),
            "scores[labels] takes scores number 0 and 1 again and again: labels are numbers, not True and False. Ask "
            "labels == 1.",
        ),
        (
            (scores[labels][:, None] > scores[~labels]).mean(),
            "scores[labels] takes scores number 0 and 1 again and again, and ~labels is -1 and -2: labels are numbers, "
            "not True and False. Ask labels == 1.",
        ),
        (blind.mean(), "It compares every row with every row, itself included, and does not look at the labels."),
    ]


def auc_mistakes_with_ties(scores: np.ndarray, labels: np.ndarray) -> list[Mistake]:
    """Exercise 6.1, of answers that are right where no scores are equal."""
    gaps = gaps_of_pairs(scores, labels)
    (clicked,), (others,) = np.nonzero(labels == 1), np.nonzero(labels == 0)
    below = others < clicked[:, None]  # (n_1, n_0): whether the clicked row stands behind the other one
    sorted_out = "Right without ties; here sorting decides ties by which row comes first, and each is worth one half."
    return [
        *((((gaps > 0) | (gaps == 0) & first).mean(), sorted_out) for first in (below, ~below)),
        (
            (gaps > 0).mean(),
            "Right without ties; here pairs of equal scores count nothing, and each is worth one half.",
        ),
        (
            (gaps >= 0).mean(),
            "Right without ties; here pairs of equal scores count as ranked right (>= for >?); each is worth one half.",
        ),
        (
            (gaps > 0).sum() / max((gaps != 0).sum(), 1),
            "Right without ties; here pairs of equal scores are left out above and below the line. They are pairs like "
            "others, and each counts one half above.",
        ),
    ]


def best_auc_mistakes(p: np.ndarray) -> list[Mistake]:
    """Exercise 6.2."""
    gaps, apart = p[:, None] - p, ~np.eye(len(p), dtype=bool)
    weight, credit = np.outer(p, 1 - p), (gaps > 0) + 0.5 * (gaps == 0)
    pairs, won = weight[apart].sum(), (weight * credit)[apart].sum()
    upper = np.triu(np.ones_like(weight), 1)
    return [
        (
            (weight * (gaps > 0))[apart].sum() / pairs,
            "Ties count nothing: a pair with p_i = p_j is right half of the time.",
        ),
        ((weight * (gaps >= 0))[apart].sum() / pairs, "Ties count as right: a pair with p_i = p_j is worth one half."),
        (1 - won / pairs, "It counts the pairs that are ranked wrong: i, the clicked row, should have the larger p."),
        (won, "It is the expected number of pairs ranked right; divide it by the expected number of pairs."),
        (
            won / apart.sum(),
            "Below the line it counts the pairs of rows; there, too, a pair weighs p_i (1 - p_j), the chance that it "
            "is one.",
        ),
        (
            won / len(p) ** 2,
            "Below the line it counts n^2 pairs; there, too, a pair weighs p_i (1 - p_j), the chance that it is one.",
        ),
        ((weight * credit).sum() / weight.sum(), "A row makes a pair with itself here: leave i = j out of both sums."),
        (
            0.5,
            "It is one half whatever p is: i, j and j, i weigh the same here. A pair has the chance that i is clicked "
            "and j is not, p_i (1 - p_j).",
        ),
        (
            (weight * credit * upper).sum() / (weight * upper).sum(),
            "It visits each pair of rows once, i < j. Either of the two may be the clicked one: visit i, j and j, i.",
        ),
    ]


def _gather(y, up, down):
    """(B,): -up of each clicked row, down of each other one."""
    dz = np.zeros(len(y))
    dz[y == 1], dz[y == 0] = -up, down
    return dz


def pairwise_mistakes(z: np.ndarray, y: np.ndarray) -> list[Mistake]:
    """Exercise 6.3."""
    pull = sigmoid(-gaps_of_pairs(z, y))
    right = _gather(y, pull.sum(axis=1) / pull.size, pull.sum(axis=0) / pull.size)
    push = (1 - pull) / pull.size
    return [
        (
            np.where(y == 1, right, 0),
            "Only clicked rows have a gradient here: in every pair there is a row that was not clicked, and raising "
            "its logit makes the loss grow.",
        ),
        (
            np.where(y == 0, right, 0),
            "Only rows that were not clicked have a gradient here: each pair pulls on its clicked row, too.",
        ),
        (
            -right,
            "The sign is flipped: raising the logit of a clicked row makes the loss smaller, so its entry is negative.",
        ),
        (
            np.abs(right),
            "Both rows of a pair have the same sign here. They are pulled in opposite directions: z_i - z_j has the "
            "derivative 1 for z_i and -1 for z_j.",
        ),
        (right * pull.size, "It is n_1 n_0 times too large: the loss is the mean over the pairs, not their sum."),
        (right * pull.size / len(z), "It divides by B, the number of rows; the loss is a mean over n_1 n_0 pairs."),
        (
            _gather(y, pull.mean(axis=1), pull.mean(axis=0)),
            "It takes for each row the mean over its own pairs: every pair has the same weight in the loss, "
            "1 / (n_1 n_0).",
        ),
        (
            _gather(y, push.sum(axis=1), push.sum(axis=0)),
            "Look at the derivative of log(1 + exp(-t)) again: for a pair that is ranked right by far, t large, the "
            "loss is flat; here the pull is then largest.",
        ),
        (
            np.r_[right[y == 1], right[y == 0]],
            "The entries are right, but stand in other rows: clicked rows first, then the others. Row i of the "
            "gradient belongs to row i of z.",
        ),
        (
            (sigmoid(z) - y) / len(z),
            "This is the gradient of cross-entropy, which looks at one row at a time; here the loss is a mean over "
            "pairs.",
        ),
    ]
