"""Checks of tutorial 6: AUC, the best possible AUC, a pairwise loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...gradcheck import check
from ...losses.bce import sigmoid
from ...metrics import auc
from ..compare import is_number, mistaken, same
from ..grading import exercise


@exercise("6.1", "my_auc(scores, labels): the share of pairs ranked right, a tie counting 1/2")
def auc_by_pairs(answer: Callable) -> str | None:
    rng = np.random.default_rng(61)
    for ties in (False, True):
        for _ in range(5):
            n = int(rng.integers(6, 30))
            labels = np.r_[1, 0, rng.integers(0, 2, n - 2)]
            scores = rng.integers(0, 4, n).astype(float) if ties else rng.standard_normal(n)
            said, right = answer(scores, labels), auc(scores, labels).value
            assert right is not None  # both classes are there
            if not is_number(said):
                return f"It has to return one number, the mean over all pairs; {_form(said)}."
            if same(said, right, atol=1e-12):
                continue
            if named := mistaken(said, *_auc_with_ties(scores, labels) if ties else _auc_mistakes(scores, labels)):
                return named
            if ties:
                return f"Right without ties, but with ties it says {said:.4f}, and {right:.4f} is right."
            return (
                f"On {n} scores without ties it says {said:.4f}, and {right:.4f} is right. Which pairs are counted, "
                "and divided by how many?"
            )
    return None


def _form(said: Any) -> str:
    return f"it returns {np.size(said)} of them, shape {np.shape(said)}" if np.ndim(said) else f"this is {said!r:.40}"


def _gaps(scores, labels):
    """(n_1, n_0): score of each clicked row - score of each other one."""
    return scores[labels == 1][:, None] - scores[labels == 0]


def _auc_mistakes(scores, labels):
    gaps, n = _gaps(scores, labels), len(scores)
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


def _auc_with_ties(scores, labels):
    gaps = _gaps(scores, labels)
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


@exercise("6.2", "my_best_auc(p): expected pairs that the true probabilities p (N,) rank right over expected pairs")
def best_possible_auc(answer: Callable) -> str | None:
    rng = np.random.default_rng(62)
    rounded = [np.round(rng.random(n), 1) * 0.9 + 0.05 for n in (3, 8, 30)]  # so that some rows are tied
    for p in (np.full(4, 0.3), *rounded):
        said, right = answer(p), _expected(p)["right"]
        if not is_number(said):
            return f"It has to return one number; {_form(said)}."
        if same(said, right, atol=1e-12):
            continue
        if named := mistaken(said, *_best_mistakes(p)):
            return named
        if (p == p[0]).all():
            return (
                f"If all rows have the same probability every pair is a tie, so the answer should be 0.5; it says "
                f"{said:.4f}."
            )
        return (
            f"For {len(p)} rows it says {said:.4f}, and {right:.4f} is right. Each ordered pair i, j weighs "
            "p_i (1 - p_j), above and below the line; a row makes no pair with itself."
        )
    return None


def _expected(p):
    """What the exercise's sums are made of, for all ordered pairs, and the right answer."""
    gaps, apart = p[:, None] - p, ~np.eye(len(p), dtype=bool)
    weight, credit = np.outer(p, 1 - p), (gaps > 0) + 0.5 * (gaps == 0)
    right = (weight * credit)[apart].sum() / weight[apart].sum()
    return {"gaps": gaps, "apart": apart, "weight": weight, "credit": credit, "right": right}


def _best_mistakes(p):
    gaps, apart, weight, credit, right = _expected(p).values()
    pairs, won = weight[apart].sum(), (weight * credit)[apart].sum()
    upper = np.triu(np.ones_like(weight), 1)
    return [
        (
            (weight * (gaps > 0))[apart].sum() / pairs,
            "Ties count nothing: a pair with p_i = p_j is right half of the time.",
        ),
        ((weight * (gaps >= 0))[apart].sum() / pairs, "Ties count as right: a pair with p_i = p_j is worth one half."),
        (1 - right, "It counts the pairs that are ranked wrong: i, the clicked row, should have the larger p."),
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


class PairwiseLoss:
    """L = mean over pairs of log(1 + exp(-(z_i - z_j))), i clicked and j not, with the answer as its backward."""

    def __init__(self, answer: Callable) -> None:
        self.answer = answer

    def forward(self, p: dict, z: np.ndarray, y: np.ndarray) -> tuple[float, tuple]:
        return np.log1p(np.exp(-_gaps(z, y))).mean(), (z, y)

    def backward(self, c: tuple, dvalue: float) -> tuple[np.ndarray, dict]:
        return dvalue * np.asarray(self.answer(*c)), {}


@exercise("6.3", "my_pairwise_backward(z, y): the gradient (B,) of the pairwise loss with respect to the logits")
def pairwise_backward(answer: Callable) -> str | None:
    rng = np.random.default_rng(63)
    for n in (5, 12):
        z, y = rng.standard_normal(n), np.r_[1, 0, 0, rng.integers(0, 2, n - 3)]
        said = np.asarray(answer(z, y))
        if said.shape == _gaps(z, y).shape:
            return (
                f"It has an entry for each of the {said.shape[0]} x {said.shape[1]} pairs. A row is in many pairs: its "
                "entry of the gradient, shape (B,), is the sum over the pairs it is in."
            )
        if said.shape != z.shape:
            return f"The gradient has shape {said.shape}, the logits {z.shape}: one entry for each row, clicked or not."
        wrong = [c for c in check(PairwiseLoss(answer), {}, (z, y), rng, name="your backward") if not c.ok]
        if wrong and (named := mistaken(said, *_pairwise_mistakes(z, y))):
            return named
        if wrong and abs(said.sum()) > 1e-9:
            return (
                f"Its entries add up to {said.sum():.4f}. The loss sees only differences: what if all logits rise by 1?"
            )
        if wrong:
            return f"The gradient checker says: {wrong[0].hint}."
    return None


def _gather(y, up, down):
    """(B,): -up of each clicked row, down of each other one."""
    dz = np.zeros(len(y))
    dz[y == 1], dz[y == 0] = -up, down
    return dz


def _pairwise_mistakes(z, y):
    pull = sigmoid(-_gaps(z, y))
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
