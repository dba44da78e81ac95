"""Wrong answers to tutorial 6, Train on real clicks."""

import numpy as np

from croco_np.losses.bce import sigmoid
from croco_np.teaching.solutions.lesson06 import my_auc, my_pairwise_backward


def gaps(scores, labels):
    return scores[labels == 1][:, None] - scores[labels == 0]


def by_gaps(change):
    """change(gaps, n) of the gaps (n_1, n_0) and the number of rows."""
    return lambda scores, labels: change(gaps(scores, labels), len(scores))


def labels_ignored(scores, labels):
    return (scores[:, None] > scores).sum() / (len(scores) * (len(scores) - 1))


def by_ranks(scores, labels):
    """The sum of ranks, without mean ranks for ties."""
    ranks, n1 = np.argsort(np.argsort(scores, kind="stable")), (labels == 1).sum()
    return (ranks[labels == 1].sum() - n1 * (n1 - 1) / 2) / (n1 * (labels == 0).sum())


def best(credit=lambda t: (t > 0) + 0.5 * (t == 0), weigh=lambda p: np.outer(p, 1 - p), keep=None, per_pair=True):
    """The best possible AUC with one of its parts changed."""

    def answer(p):
        weight = weigh(p)
        kept = ~np.eye(len(p), dtype=bool) if keep is None else keep(len(p))
        won = (weight * credit(p[:, None] - p))[kept].sum()
        return won / (weight[kept].sum() if per_pair else kept.sum())

    return answer


def expected_number(p):
    weight = np.outer(p, 1 - p)
    np.fill_diagonal(weight, 0)
    t = p[:, None] - p
    return (weight * ((t > 0) + 0.5 * (t == 0))).sum()


def pairwise(change):
    """change(dz, z, y) of the right gradient dz."""
    return lambda z, y: change(my_pairwise_backward(z, y), z, y)


def n_pairs(y):
    return (y == 1).sum() * (y == 0).sum()


def pull_of_the_right_ones(z, y):
    """sigma(t) for sigma(-t)."""
    pull = sigmoid(gaps(z, y)) / n_pairs(y)
    dz = np.zeros(len(z))
    dz[y == 1], dz[y == 0] = -pull.sum(axis=1), pull.sum(axis=0)
    return dz


WRONG = {
    "6.1": {
        "ties count nothing": by_gaps(lambda t, n: (t > 0).mean()),
        "ties count as right": by_gaps(lambda t, n: (t >= 0).mean()),
        "ties left out": by_gaps(lambda t, n: (t > 0).sum() / max((t != 0).sum(), 1)),
        "the wrong pairs": lambda scores, labels: 1 - my_auc(scores, labels),
        "a number of pairs": by_gaps(lambda t, n: (t > 0).sum() + 0.5 * (t == 0).sum()),
        "over all pairs of rows": by_gaps(lambda t, n: (t > 0).sum() / n**2),
        "over all pairs of two different rows": by_gaps(lambda t, n: 2 * (t > 0).sum() / (n * (n - 1))),
        "over the rows": by_gaps(lambda t, n: (t > 0).sum() / n),
        "over the clicked rows": by_gaps(lambda t, n: (t > 0).sum() / t.shape[0]),
        "signs": by_gaps(lambda t, n: np.sign(t).mean()),
        "a share for each clicked row": by_gaps(lambda t, n: (t > 0).mean(axis=1)),
        "labels ignored": labels_ignored,
        "labels for a mask": lambda scores, labels: (scores[labels][:, None] > scores[~labels]).mean(),
        "ties by place": by_ranks,
        "no return": lambda scores, labels: None,
    },
    "6.2": {
        "a row against itself": best(keep=lambda n: np.ones((n, n), bool)),
        "pairs not weighed": best(weigh=lambda p: np.ones((len(p), len(p)))),
        "ties count nothing": best(credit=lambda t: t > 0),
        "ties count as right": best(credit=lambda t: t >= 0),
        "weighed above the line only": best(per_pair=False),
        "a number of pairs": expected_number,
        "both clicked": best(weigh=lambda p: np.outer(p, p)),
        "each pair once": best(keep=lambda n: np.triu(np.ones((n, n), bool), 1)),
        "the wrong pairs": best(credit=lambda t: (t < 0) + 0.5 * (t == 0)),
        "for each row": lambda p: p,
    },
    "6.3": {
        "only clicked rows": pairwise(lambda dz, z, y: np.where(y == 1, dz, 0)),
        "only the other rows": pairwise(lambda dz, z, y: np.where(y == 0, dz, 0)),
        "sign": pairwise(lambda dz, z, y: -dz),
        "all of one sign": pairwise(lambda dz, z, y: np.abs(dz)),
        "sum for mean": pairwise(lambda dz, z, y: dz * n_pairs(y)),
        "mean over the rows": pairwise(lambda dz, z, y: dz * n_pairs(y) / len(z)),
        "each row's own mean": pairwise(lambda dz, z, y: dz * np.where(y == 1, (y == 1).sum(), (y == 0).sum())),
        "sigma of the wrong side": pull_of_the_right_ones,
        "clicked rows first": pairwise(lambda dz, z, y: np.r_[dz[y == 1], dz[y == 0]]),
        "cross-entropy": lambda z, y: (sigmoid(z) - y) / len(z),
        "a matrix of pairs": lambda z, y: -sigmoid(-gaps(z, y)),
        "one number": pairwise(lambda dz, z, y: dz.sum()),
    },
}
