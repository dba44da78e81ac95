"""Checks of tutorial 7: information abundance backwards, the diversity index by chance, correlation backwards."""

from collections.abc import Callable

import numpy as np

from ...gradcheck import check
from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..mistakes.lesson07 import abundance_mistakes, chance_mistakes, correlation_mistakes

DIFFERENCES = ("central differences",)  # a singular value is no analytic function of a complex matrix


class Abundance:
    """IA(X) = sum of the singular values / the largest, with the answer as its backward."""

    def __init__(self, answer: Callable) -> None:
        self.answer = answer

    def forward(self, p: dict, X: np.ndarray) -> tuple[float, np.ndarray]:
        sigma = np.linalg.svd(X, compute_uv=False)
        return sigma.sum() / sigma[0], X

    def backward(self, X: np.ndarray, dvalue: float) -> tuple[np.ndarray, dict]:
        return dvalue * np.asarray(self.answer(X)), {}


@exercise("7.1", "my_abundance_backward(X): the gradient of IA with respect to X (V, E), like X", wants="array")
def abundance_backward(answer: Callable) -> str | None:
    rng = np.random.default_rng(71)
    for shape in ((9, 4), (3, 5)):
        X = rng.standard_normal(shape)
        said = np.asarray(answer(X))
        if said.shape == X.shape[::-1]:
            return f"The gradient has shape {said.shape}, X has {X.shape}: it is transposed."
        if said.shape != X.shape:
            return f"The gradient has shape {said.shape}, X has {X.shape}: one entry for each entry of X."
        wrong = [c for c in check(Abundance(answer), {}, (X,), rng, methods=DIFFERENCES) if not c.ok]
        if wrong and (named := mistaken(said, *abundance_mistakes(X))):
            return named
        along = (said * X).sum()
        if wrong and abs(along) > 1e-9:
            return f"Its part along X is {along:.4f}, and stretching X changes nothing: " + (
                "how does the largest singular value, below the line, move?"
                if along > 0
                else "sigma_1 stands above the line as well as below it."
            )
        if wrong:
            return f"The gradient checker says: {wrong[0].hint}."
    return None


@exercise(
    "7.2",
    "my_chance_level(M, q): the diversity index of M independent experts, large and small a share q each",
    wants="number",
)
def chance(answer: Callable) -> str | None:
    for M, q in ((1, 0.25), (2, 0.25), (3, 0.1), (5, 0.5), (8, 0.3)):
        said, right = answer(M, q), _by_counting(M, q)
        if not is_number(said):
            return f"It has to return one number; it returns {type(said).__name__}."
        if same(said, right, atol=1e-12):
            continue
        if named := mistaken(said, *chance_mistakes(M, q)):
            return named
        if M == 1:
            return f"One expert is never large and small at once, and for M = 1 it says {said:.4f}."
        return (
            f"For M = {M}, q = {q} it says {said:.4f}, and {right:.4f} is right. Start from 1 and take away the "
            "rows without a large and those without a small one; which rows went away twice?"
        )
    return None


def _by_counting(M, q):
    """Expert by expert, without the formula: the chance of having seen a large and a small output."""
    kinds = np.array([1.0, 0, 0, 0])  # chances after some experts: neither so far, large only, small only, both
    for _ in range(M):
        none, large, small, both = kinds
        kinds = np.array(
            [
                none * (1 - 2 * q),
                none * q + large * (1 - q),
                none * q + small * (1 - q),
                large * q + small * q + both,
            ]
        )
    return kinds[3]


class Correlation:
    """r(x, y), with the answer as its backward with respect to x."""

    def __init__(self, y: np.ndarray, answer: Callable) -> None:
        self.y, self.answer = y, answer

    def forward(self, p: dict, x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = x - x.mean(), self.y - self.y.mean()
        return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), x

    def backward(self, x: np.ndarray, dvalue: float) -> tuple[np.ndarray, dict]:
        return dvalue * np.asarray(self.answer(x, self.y)), {}


@exercise(
    "7.3", "my_correlation_backward(x, y): the gradient of the correlation with respect to x, (B,)", wants="array"
)
def correlation_backward(answer: Callable) -> str | None:
    rng = np.random.default_rng(73)
    for n in (4, 15):
        x, y = rng.standard_normal(n) + 2, rng.standard_normal(n) - 1
        said = np.asarray(answer(x, y))
        if said.shape != x.shape:
            return f"The gradient has shape {said.shape}, x has {x.shape}: one entry for each row."
        wrong = [c for c in check(Correlation(y, answer), {}, (x,), rng) if not c.ok]
        if wrong and (named := mistaken(said, *correlation_mistakes(x, y))):
            return named
        if wrong and abs(said.sum()) > 1e-9:
            return f"Its entries add up to {said.sum():.4f}, but adding a number to all of x changes no correlation."
        if wrong and abs((said * (x - x.mean())).sum()) > 1e-9:
            return "It has a part along the centred x, but stretching x changes no correlation."
        if wrong:
            return f"The gradient checker says: {wrong[0].hint}."
    return None
