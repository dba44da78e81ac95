"""Look up and sum."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts
from ..said import form
from ..stops import first_line

SEEDS = range(3)
B, V, E, N = 12, 7, 3, 4  # more rows of data than values, so ids repeat; two values never occur
USED = 5
NAMED = np.array([0, 1, 3, 4])  # with a gap, which a table of all rows up to the largest has, too
CANCELS = 6  # named once in a and once in c, with gradients that add up to 0


def agree(a: Any, b: Any) -> bool:
    return same(a, b, rtol=0, atol=1e-10)


def sum_by_id(ids: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The reference, N^T d with the one-hot matrix N: ids (B,), d (B, E) -> (V, E)."""
    return np.eye(V)[ids].T @ d


def last_by_id(ids: np.ndarray, d: np.ndarray) -> np.ndarray:
    """What `table[ids] += d` leaves."""
    table = np.zeros((V, d.shape[1]))
    table[ids] += d
    return table


@exercise("2.1", "the gradient of a table that is looked up twice, as (rows, values)")
def two_uses(answer: Callable) -> str | None:
    for seed, size in ((0, B), (1, B), (2, 0)):
        rng = np.random.default_rng(seed)
        a, c = NAMED[rng.integers(0, 3, size)], NAMED[rng.integers(1, 4, size)]
        dx, dz = rng.standard_normal((2, size, E))
        a[:1], c[:1], dz[:1] = CANCELS, CANCELS, -dx[:1]
        try:
            returned = answer(a, c, dx, dz)
        except (IndexError, ValueError) as error:
            if size:
                raise
            return f"Right where the batch has rows; if it is empty, it stops with {first_line(error)}."
        rows, values = parts(returned, "rows", "values")
        used = np.unique(np.r_[a, c])
        if np.ndim(rows) != 1 or (len(rows) and np.asarray(rows).dtype.kind not in "iu"):
            return "rows is an array of integers, (R,): the table is indexed with it."
        if not np.array_equal(np.sort(rows), used):
            return _wrong_rows(rows, used)
        if not np.array_equal(rows, used):
            return "All rows are there, but not in ascending order."
        if np.shape(values) != (len(used), E):
            return f"values has shape {np.shape(values)}, and {len(used)} rows of width {E} were used."
        if agree(values, (sum_by_id(a, dx) + sum_by_id(c, dz))[used]):
            continue
        both, places = sum_by_id(a, dx) + sum_by_id(c, dz), np.bincount(np.r_[a, c], minlength=V)
        told = mistaken(
            values,
            ((last_by_id(a, dx) + last_by_id(c, dz))[used], "Repeated ids keep only their last gradient."),
            (last_by_id(np.r_[a, c], np.r_[dx, dz])[used], "Repeated ids keep only their last gradient."),
            (sum_by_id(a, dx)[used], "The rows are right, but only x = T[a] teaches them: what about z = T[c]?"),
            (sum_by_id(c, dz)[used], "The rows are right, but only z = T[c] teaches them: what about x = T[a]?"),
            (
                both[used] / places[used, None],
                "These are means over the places of a row; each place pulls, so sum.",
            ),
        )
        return told or "The rows are right, some values are not: each sums over all places that name it, in a and in c."
    return None


def _wrong_rows(rows, used):
    if len(np.unique(rows)) < len(rows):
        return "A row occurs more than once: each has one place in rows, and in values all of its gradient."
    if np.isin(used, rows).all():
        return "There are rows that neither a nor c names: their gradient is 0, and they are left out."
    if np.array_equal(np.sort(rows), used[used != CANCELS]):
        return "A row is missing that a and c name: its gradients add up to 0 here, and yet it was used."
    return "The rows are not those that a and c name."


@exercise("2.2", "the gradient of a table whose rows are averaged over the tags of a video", wants="array")
def tags(answer: Callable) -> str | None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        ids = rng.integers(0, USED, (B, 4))
        real = np.arange(4) < rng.integers(1, 5, B)[:, None]
        dx = rng.standard_normal((B, E))
        said = answer(V, ids, real, dx)

        def pulled(weights, ids=ids, dx=dx):
            """The gradient if tag l of video i counted weights[i, l] in its embedding."""
            return sum(sum_by_id(ids[:, i], weights[:, i, None] * dx) for i in range(4))

        if agree(said, pulled(real.astype(float))):
            return "Every tag gets all of dx; but x is a mean, so by how much does it move when one tag moves by 1?"
        if agree(said, pulled(real / 4)) or agree(said, pulled(np.full((B, 4), 0.25))):
            return "You divide by the number of columns; videos have different numbers of tags."
        if agree(said, pulled(1 / real.sum(axis=1, keepdims=True) * np.ones((B, 4)))):
            return "Tags that only fill up the array get a gradient, too."
        share = real / real.sum(axis=1, keepdims=True)
        lost = np.zeros((V, E))
        lost[ids] += share[:, :, None] * dx[:, None]
        if agree(said, lost):
            return "Ids that repeat, in one video or in several, keep only their last gradient."
        if np.shape(said) != (V, E):
            return f"dT has shape {np.shape(said)}, the table {(V, E)}. Each row collects from all places that name it."
        if not agree(said, pulled(share)):
            return "dT is wrong. What does one place (i, l) send to its row? Then: do places with the same id add up?"
    return None


@exercise("2.3", "the backward pass of z = (T W)[ids], as (dP, dT, dW)")
def narrow(answer: Callable) -> str | None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        T, W = rng.standard_normal((V, E)), rng.standard_normal((E, N))
        ids, dz = rng.integers(0, USED, B), rng.standard_normal((B, N))
        dP, dT, dW = parts(answer(T, W, ids, dz), "dP", "dT", "dW")
        right = sum_by_id(ids, dz)
        if np.shape(dP) != (V, N):
            return f"dP has shape {np.shape(dP)}; P has a row for every value, not for every row of data: {(V, N)}."
        if agree(dP, last_by_id(ids, dz)):
            return "dP: repeated ids keep only their last gradient."
        if agree(dP * B, right):
            return "dP is 1/B of what it should be: places that look up one row add up, as they do in tutorial 1's db."
        if not agree(dP, right):
            return "dP is wrong: what is the backward pass of the look-up z = P[ids]?"
        if np.shape(dT) == (B, E):
            return f"dP is right. dT has shape {(B, E)}, a row for each row of data. T {(V, E)} sees dP, not dz."
        if np.shape(dT) != T.shape:
            return f"dP is right. dT has shape {np.shape(dT)}, T has {T.shape}: y = x W gave dx = dy W^T."
        if not agree(dT, right @ W.T):
            return "dP is right, dT is not: P = T W is a linear layer whose input is T."
        if not agree(dW, T.T @ right):
            return "dP and dT are right, dW is not: P = T W is a linear layer whose weights are W."
    return None


@exercise("2.4", "the smallest sum that two workers, each adding 1 three times, can end at")
def worst_schedule(answer: Any) -> str | None:
    if not is_number(answer):
        return f"One number is wanted, and this is {form(answer)}."
    if answer == 2:
        return None
    if answer < 2:
        return "Too small: the worker who writes last has read after a write of its own, so it has read at least 1."
    if answer >= 6:
        return "This is the sum if nothing is lost; look for schedules in which writes undo what was written before."
    if answer == 3:
        return "Three: each turn of one worker loses one of the other's. A write can undo more than one turn, though."
    return "It can end lower: let one worker read and then sleep, while the other does nearly all of its work."
