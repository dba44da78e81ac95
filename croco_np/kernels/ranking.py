"""For each group, count the (positive, negative) pairs that the scores rank correctly: gAUC is computed from them."""

import numpy as np

from ..arguments import SIZE, finite, flags, ids, real
from .twin import kernel, prange

SHORT = 24  # runs up to here are sorted by insertion, without a call


@kernel
def right_pairs(
    scores: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positives, rows, and pairs ranked right, for each group.

    scores (N,) finite, labels (N,) bool, groups (N,) int in 0 .. n_groups - 1
    -> positives (G,) int, rows (G,) int, pairs (G,) float64; a tie counts 1/2

    By average ranks r inside the group: pairs = sum of r over the positives - n1 (n1 + 1) / 2, for a positive of rank r
    stands above r - 1 rows, and n1 (n1 - 1) / 2 of these pairs are of two positives.
    """
    order = np.lexsort((scores, groups))
    s, y, u = scores[order], labels[order], groups[order]
    new_group = np.r_[True, u[1:] != u[:-1]][: len(u)]
    new_tie = new_group | np.r_[True, s[1:] != s[:-1]][: len(u)]
    first = np.flatnonzero(new_tie)
    ties = np.diff(np.r_[first, len(u)])
    middle = (first + (ties - 1) / 2)[np.cumsum(new_tie) - 1]  # mean place of a row's tie
    start = np.flatnonzero(new_group)[np.cumsum(new_group) - 1]
    positives, rows = (np.bincount(x, minlength=n_groups) for x in (u[y], u))
    ranks = np.bincount(u[y], (middle - start + 1)[y], n_groups)
    return positives, rows, ranks - positives * (positives + 1) / 2


right_pairs.takes(scores=real("N", finite), labels=flags("N"), groups=ids("N", "n_groups"), n_groups=SIZE)


@right_pairs.numba
def right_pairs(
    scores: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Counting sort: the scores of each group side by side, its negatives first. Then the groups are independent.
    bounds = np.zeros(2 * n_groups + 1, np.int64)
    for i in range(len(groups)):
        bounds[2 * groups[i] + labels[i] + 1] += 1
    for j in range(2 * n_groups):
        bounds[j + 1] += bounds[j]
    free, s = bounds[:-1].copy(), np.empty_like(scores)
    for i in range(len(groups)):
        j = 2 * groups[i] + labels[i]
        s[free[j]] = scores[i]
        free[j] += 1
    positives, rows, pairs = np.empty(n_groups, np.int64), np.empty(n_groups, np.int64), np.zeros(n_groups)
    for g in prange(n_groups):
        a, b, c = bounds[2 * g], bounds[2 * g + 1], bounds[2 * g + 2]
        positives[g], rows[g] = c - b, c - a
        if a < b < c:
            for lo, hi in ((a, b), (b, c)):
                if hi - lo > SHORT:
                    s[lo:hi] = np.sort(s[lo:hi])
                else:
                    for i in range(lo + 1, hi):
                        x, j = s[i], i
                        while j > lo and s[j - 1] > x:
                            s[j] = s[j - 1]
                            j -= 1
                        s[j] = x
            below = not_above = a  # negatives under the positive, and those under it or level with it
            for i in range(b, c):
                while below < b and s[below] < s[i]:
                    below += 1
                while not_above < b and s[not_above] <= s[i]:
                    not_above += 1
                pairs[g] += (below - a + not_above - a) / 2
    return positives, rows, pairs
