"""Checks of tutorial 6: AUC, the best possible AUC, a pairwise loss."""

from collections.abc import Callable

import numpy as np

from ...gradcheck import check
from ...metrics import auc
from ..compare import is_number, same
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
                return "It has to return one number."
            if same(said, right, atol=1e-12):
                continue
            if not ties and same(said, 1 - right, atol=1e-12):
                return "It counts the pairs that are ranked wrong: the clicked row should have the higher score."
            if not ties:
                return (
                    f"On {n} scores without ties it says {said:.4f}, and {right:.4f} is right. Divide by which pairs?"
                )
            return f"Right without ties, but with ties it says {said:.4f}, and {right:.4f} is right."
    return None


@exercise("6.2", "my_best_auc(p): expected pairs that the true probabilities p (N,) rank right over expected pairs")
def best_possible_auc(answer: Callable) -> str | None:
    if not is_number(answer(np.full(4, 0.3))):
        return "It has to return one number."
    if not same(answer(np.full(4, 0.3)), 0.5):
        return "If all rows have the same probability every pair is a tie, so the answer should be 0.5."
    rng = np.random.default_rng(62)
    for n in (3, 8, 30):
        p = np.round(rng.random(n), 1) * 0.9 + 0.05  # rounded: some rows are tied
        pairs = [(p[i] * (1 - p[j]), p[i] - p[j]) for i in range(n) for j in range(n) if i != j]
        right = sum(w * (1 if gap > 0 else 0.5 if gap == 0 else 0) for w, gap in pairs) / sum(w for w, _ in pairs)
        said = answer(p)
        if not same(said, right, atol=1e-12):
            return (
                f"For {n} rows it says {said:.4f}, and {right:.4f} is right. Each ordered pair i, j weighs "
                "p_i (1 - p_j), above and below the line; a row makes no pair with itself."
            )
    return None


class PairwiseLoss:
    """L = mean over pairs of log(1 + exp(-(z_i - z_j))), i clicked and j not, with the answer as its backward."""

    def __init__(self, answer: Callable) -> None:
        self.answer = answer

    def forward(self, p: dict, z: np.ndarray, y: np.ndarray) -> tuple[float, tuple]:
        gaps = z[y == 1][:, None] - z[y == 0]
        return np.log1p(np.exp(-gaps)).mean(), (z, y)

    def backward(self, c: tuple, dvalue: float) -> tuple[np.ndarray, dict]:
        return dvalue * np.asarray(self.answer(*c)), {}


@exercise("6.3", "my_pairwise_backward(z, y): the gradient (B,) of the pairwise loss with respect to the logits")
def pairwise_backward(answer: Callable) -> str | None:
    rng = np.random.default_rng(63)
    for n in (5, 12):
        z, y = rng.standard_normal(n), np.r_[1, 0, 0, rng.integers(0, 2, n - 3)]
        said = np.asarray(answer(z, y))
        if said.shape != z.shape:
            return f"The gradient has shape {said.shape}, the logits {z.shape}: one entry for each row, clicked or not."
        wrong = [c for c in check(PairwiseLoss(answer), {}, (z, y), rng, name="your backward") if not c.ok]
        if wrong and abs(said.sum()) > 1e-9:
            return (
                f"Its entries add up to {said.sum():.4f}. The loss sees only differences: what if all logits rise by 1?"
            )
        if wrong:
            return f"The gradient checker says: {wrong[0].hint}."
    return None
