"""Checks of tutorial 6: AUC, the best possible AUC, a pairwise loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...gradcheck import check
from ...metrics import auc
from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..mistakes.lesson06 import (
    auc_mistakes,
    auc_mistakes_with_ties,
    best_auc_mistakes,
    gaps_of_pairs,
    pairwise_mistakes,
)
from ..said import in_words


@exercise("6.1", "my_auc(scores, labels): the share of pairs ranked right, a tie counting 1/2", wants="number")
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
            if named := mistaken(
                said, *auc_mistakes_with_ties(scores, labels) if ties else auc_mistakes(scores, labels)
            ):
                return named
            if ties:
                return f"Right without ties, but with ties it says {said:.4f}, and {right:.4f} is right."
            return (
                f"On {n} scores without ties it says {said:.4f}, and {right:.4f} is right. Which pairs are counted, "
                "and divided by how many?"
            )
    return None


def _form(said: Any) -> str:
    return (
        f"it returns {np.size(said)} of them, shape {np.shape(said)}" if np.ndim(said) else f"this is {in_words(said)}"
    )


@exercise(
    "6.2",
    "my_best_auc(p): expected pairs that the true probabilities p (N,) rank right over expected pairs",
    wants="number",
)
def best_possible_auc(answer: Callable) -> str | None:
    rng = np.random.default_rng(62)
    rounded = [np.round(rng.random(n), 1) * 0.9 + 0.05 for n in (3, 8, 30)]  # so that some rows are tied
    for p in (np.full(4, 0.3), *rounded):
        said, right = answer(p), _by_visiting(p)
        if not is_number(said):
            return f"It has to return one number; {_form(said)}."
        if same(said, right, atol=1e-12):
            continue
        if named := mistaken(said, *best_auc_mistakes(p)):
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


def _by_visiting(p):
    """Pair by pair, without broadcasting: expected pairs ranked right over expected pairs."""
    pairs = [(p[i] * (1 - p[j]), p[i] - p[j]) for i in range(len(p)) for j in range(len(p)) if i != j]
    return sum(w * (1 if gap > 0 else 0.5 if gap == 0 else 0) for w, gap in pairs) / sum(w for w, _ in pairs)


class PairwiseLoss:
    """L = mean over pairs of log(1 + exp(-(z_i - z_j))), i clicked and j not, with the answer as its backward."""

    def __init__(self, answer: Callable) -> None:
        self.answer = answer

    def forward(self, p: dict, z: np.ndarray, y: np.ndarray) -> tuple[float, tuple]:
        return np.log1p(np.exp(-gaps_of_pairs(z, y))).mean(), (z, y)

    def backward(self, c: tuple, dvalue: float) -> tuple[np.ndarray, dict]:
        return dvalue * np.asarray(self.answer(*c)), {}


@exercise(
    "6.3",
    "my_pairwise_backward(z, y): the gradient (B,) of the pairwise loss with respect to the logits",
    wants="array",
)
def pairwise_backward(answer: Callable) -> str | None:
    rng = np.random.default_rng(63)
    for n in (5, 12):
        z, y = rng.standard_normal(n), np.r_[1, 0, 0, rng.integers(0, 2, n - 3)]
        said = np.asarray(answer(z, y))
        if said.shape == gaps_of_pairs(z, y).shape:
            return (
                f"It has an entry for each of the {said.shape[0]} x {said.shape[1]} pairs. A row is in many pairs: its "
                "entry of the gradient, shape (B,), is the sum over the pairs it is in."
            )
        if said.shape != z.shape:
            return f"The gradient has shape {said.shape}, the logits {z.shape}: one entry for each row, clicked or not."
        wrong = [c for c in check(PairwiseLoss(answer), {}, (z, y), rng, name="your backward") if not c.ok]
        if wrong and (named := mistaken(said, *pairwise_mistakes(z, y))):
            return named
        if wrong and abs(said.sum()) > 1e-9:
            return (
                f"Its entries add up to {said.sum():.4f}. The loss sees only differences: what if all logits rise by 1?"
            )
        if wrong:
            return f"The gradient checker says: {wrong[0].hint}."
    return None
