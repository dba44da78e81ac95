"""Answers to tutorial 6."""

import numpy as np

from croco_np.losses.bce import sigmoid

from . import Answer


def _gaps(scores, labels):
    return scores[labels == 1][:, None] - scores[labels == 0]


def right_auc(scores, labels):
    gaps = _gaps(scores, labels)
    return ((gaps > 0) + 0.5 * (gaps == 0)).mean()


def right_best_auc(p):
    weight = np.outer(p, 1 - p)
    np.fill_diagonal(weight, 0)
    gaps = p[:, None] - p
    return (weight * ((gaps > 0) + 0.5 * (gaps == 0))).sum() / weight.sum()


def with_itself(p):
    weight, gaps = np.outer(p, 1 - p), p[:, None] - p
    return (weight * ((gaps > 0) + 0.5 * (gaps == 0))).sum() / weight.sum()


def unweighted(p):
    gaps = (p[:, None] - p)[~np.eye(len(p), dtype=bool)]
    return ((gaps > 0) + 0.5 * (gaps == 0)).mean()


def no_ties(p):
    weight = np.outer(p, 1 - p)
    np.fill_diagonal(weight, 0)
    return (weight * (p[:, None] > p)).sum() / weight.sum()


def right_pairwise(z, y):
    pull = sigmoid(-_gaps(z, y))
    pull = pull / pull.size
    dz = np.zeros_like(z)
    dz[y == 1], dz[y == 0] = -pull.sum(axis=1), pull.sum(axis=0)
    return dz


def clicked_only(z, y):
    return np.where(y == 1, right_pairwise(z, y), 0)


ANSWERS = {
    "6.1": Answer(
        right_auc,
        {
            "ties count nothing": lambda scores, labels: (_gaps(scores, labels) > 0).mean(),
            "ties count as right": lambda scores, labels: (_gaps(scores, labels) >= 0).mean(),
            "the wrong pairs": lambda scores, labels: 1 - right_auc(scores, labels),
            "over all pairs of rows": lambda scores, labels: (_gaps(scores, labels) > 0).sum() / len(scores) ** 2,
        },
    ),
    "6.2": Answer(
        right_best_auc,
        {
            "a row against itself": with_itself,
            "pairs not weighed": unweighted,
            "ties count nothing": no_ties,
        },
    ),
    "6.3": Answer(
        right_pairwise,
        {
            "only clicked rows": clicked_only,
            "sign": lambda z, y: -right_pairwise(z, y),
            "sum for mean": lambda z, y: right_pairwise(z, y) * (y == 1).sum() * (y == 0).sum(),
            "a matrix of pairs": lambda z, y: -sigmoid(-_gaps(z, y)),
        },
    ),
}
