"""Wrong answers to tutorial 2, Look up and sum."""

import numpy as np

from croco_np.teaching.solutions.lesson02 import narrow_backward as narrow
from croco_np.teaching.solutions.lesson02 import two_uses_backward as two_uses


def two_uses_not_merged(a, c, dx, dz):
    return np.r_[a, c], np.r_[dx, dz]


def two_uses_last_wins(a, c, dx, dz):
    rows, values = two_uses(a, c, 0 * dx, 0 * dz)
    values[np.searchsorted(rows, a)] += dx
    values[np.searchsorted(rows, c)] += dz
    return rows, values


def two_uses_first_only(a, c, dx, dz):
    return two_uses(a, c, dx, 0 * dz)


def two_uses_mean(a, c, dx, dz):
    rows, values = two_uses(a, c, dx, dz)
    return rows, values / np.maximum(np.bincount(np.r_[a, c], minlength=7)[rows], 1)[:, None]


def two_uses_by_reduceat(a, c, dx, dz):
    ids, d = np.r_[a, c], np.r_[dx, dz]
    order = np.argsort(ids, kind="stable")
    rows, starts = np.unique(ids[order], return_index=True)
    return rows, np.add.reduceat(d[order], starts, axis=0) if len(rows) else d[0]


def two_uses_unsorted(a, c, dx, dz):
    rows, values = two_uses(a, c, dx, dz)
    return rows[::-1], values[::-1]


def two_uses_misses_c(a, c, dx, dz):
    return two_uses(a, a, dx, 0 * dz)


def two_uses_dense(a, c, dx, dz):
    rows, values = two_uses(a, c, dx, dz)
    full = np.zeros((7, dx.shape[1]))
    full[rows] = values
    return rows, full


def two_uses_up_to_the_largest(a, c, dx, dz):
    """A row for each id up to the largest, used or not: right where the ids have no gap."""
    ids, d = np.r_[a, c], np.r_[dx, dz]
    table = np.zeros((ids.max(initial=-1) + 1, dx.shape[1]))
    np.add.at(table, ids, d)
    return np.arange(len(table)), table


def two_uses_that_do_not_cancel(a, c, dx, dz):
    rows, table = two_uses_up_to_the_largest(a, c, dx, dz)
    moved = table.any(axis=1)
    return rows[moved], table[moved]


def tags_weighted(weigh):
    """The backward pass in which tag l of video i counts weigh(real)[i, l]."""

    def backward(n_rows, ids, real, dx):
        dT = np.zeros((n_rows, dx.shape[1]))
        np.add.at(dT, ids, weigh(real)[..., None] * dx[:, None])
        return dT

    return backward


def share(real):
    return real / real.sum(axis=1, keepdims=True)


def tags_last_wins(n_rows, ids, real, dx):
    dT = np.zeros((n_rows, dx.shape[1]))
    dT[ids] += share(real)[..., None] * dx[:, None]
    return dT


def tags_not_summed(n_rows, ids, real, dx):
    return share(real)[..., None] * dx[:, None]


def narrow_last_wins(T, W, ids, dz):
    dP = np.zeros((len(T), W.shape[1]))
    dP[ids] += dz
    return dP, dP @ W.T, T.T @ dP


def narrow_by_rows_of_data(T, W, ids, dz):
    return dz, dz @ W.T, T[ids].T @ dz


def narrow_mean(T, W, ids, dz):
    dP = narrow(T, W, ids, dz)[0] / len(ids)
    return dP, dP @ W.T, T.T @ dP


def narrow_dT_of_the_data(T, W, ids, dz):
    dP, _, dW = narrow(T, W, ids, dz)
    return dP, dz @ W.T, dW


def narrow_dW_forgets_T(T, W, ids, dz):
    dP, dT, _ = narrow(T, W, ids, dz)
    return dP, dT, np.ones_like(T).T @ dP


WRONG = {
    "2.1": {
        "duplicates left": two_uses_not_merged,
        "the last gradient wins": two_uses_last_wins,
        "the first use only": two_uses_first_only,
        "the second use only": lambda a, c, dx, dz: two_uses(a, c, 0 * dx, dz),
        "a mean for a sum": two_uses_mean,
        "no empty batch": two_uses_by_reduceat,
        "descending": two_uses_unsorted,
        "rows of one use": two_uses_misses_c,
        "values of all rows": two_uses_dense,
        "all rows up to the largest": two_uses_up_to_the_largest,
        "rows that do not cancel": two_uses_that_do_not_cancel,
    },
    "2.2": {
        "no 1 / n": tags_weighted(lambda real: real.astype(float)),
        "1 / columns": tags_weighted(lambda real: real / real.shape[1]),
        "fillers count": tags_weighted(lambda real: np.ones(real.shape) / real.sum(axis=1, keepdims=True)),
        "the last gradient wins": tags_last_wins,
        "no sum by row": tags_not_summed,
        "keepdims forgotten": tags_weighted(lambda real: real / real.sum(axis=1)),
    },
    "2.3": {
        "the last gradient wins": narrow_last_wins,
        "no sum by row": narrow_by_rows_of_data,
        "a mean for a sum": narrow_mean,
        "dT of the rows of data": narrow_dT_of_the_data,
        "dT forgets W": lambda T, W, ids, dz: (*narrow(T, W, ids, dz)[:1], T, narrow(T, W, ids, dz)[2]),
        "dW without T": narrow_dW_forgets_T,
    },
    "2.4": {"each round loses one": 3, "nothing lost": 6, "all but one lost": 1, "one round saved": 4},
}
