"""Right answers that look other than the worked solution: loops, other shares of work, other forms are right, too."""

from math import comb

import numpy as np
import pytest

from croco_np.teaching.grading import verdict


def auc_by_loops(scores, labels):
    right = pairs = 0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if labels[i] == 1 and labels[j] == 0:
                pairs += 1
                right += 1 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0
    return right / pairs


def best_by_loops(p):
    pairs = [(i, j) for i in range(len(p)) for j in range(len(p)) if i != j]
    weight = sum(p[i] * (1 - p[j]) for i, j in pairs)
    return sum(p[i] * (1 - p[j]) * (0.5 + 0.5 * np.sign(p[i] - p[j])) for i, j in pairs) / weight


def pairwise_by_loops(z, y):
    dz = [0.0] * len(z)
    pairs = [(i, j) for i in range(len(z)) for j in range(len(z)) if y[i] == 1 and y[j] == 0]
    for i, j in pairs:
        pull = 1 / (1 + np.exp(z[i] - z[j])) / len(pairs)
        dz[i] -= pull
        dz[j] += pull
    return dz  # a list of numbers will do


def abundance_from_all_of_U(X):
    U, sigma, Vt = np.linalg.svd(X)
    dX = np.zeros_like(X)
    for i in range(len(sigma)):
        dX += (1 / sigma[0] - (i == 0) * sigma.sum() / sigma[0] ** 2) * np.outer(U[:, i], Vt[i])
    return dX


def chance_by_summing(M, q):
    """Over the number of large outputs, k of M."""
    return sum(comb(M, k) * q**k * ((1 - q) ** (M - k) - (1 - 2 * q) ** (M - k)) for k in range(1, M + 1))


def correlation_with_a_mean(x, y):
    a, b = x - x.mean(), y - y.mean()
    da = b / np.sqrt((a @ a) * (b @ b)) - (a @ b) / np.sqrt((a @ a) ** 3 * (b @ b)) * a
    return da - da.mean()


def stopped_as_in_tutorial_3(g, o, dh, flow):
    h = np.einsum("bm,bmk->bk", g, o)
    return np.einsum("bm,bk->bmk", g * flow, dh), np.einsum("bm,bk,bmk->bm", g, dh, o - h[:, None])


def cross_stitch_as_a_layer(u, v, A, du2, dv2):
    d, x = np.stack([du2, dv2]), np.stack([u, v])
    du, dv = np.tensordot(A.T, d, 1)
    return du, dv, np.tensordot(d, x, ([1, 2], [1, 2])).tolist()


def add_stretches(sums, slots, d, worker, n_workers):
    size = -(-len(sums) // n_workers)
    for i, row in enumerate(slots):
        if row // size == worker:
            sums[row] += d[i]


def add_shares_of_what_occurs(sums, slots, d, worker, n_workers):
    for row in np.array_split(np.unique(slots), n_workers)[worker]:
        sums[row] += d[slots == row].sum(axis=0)


def add_at(sums, slots, d, worker, n_workers):
    mine = slots % n_workers == worker
    np.add.at(sums, slots[mine], d[mine])
    return sums  # not asked for, and no harm


def catch_up_term_by_term(w, m, k, lr, beta):
    travelled = np.array([sum(beta**j for j in range(1, steps + 1)) for steps in k])
    return w - lr * m * travelled, m * beta**k


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("6.1", auc_by_loops),
        ("6.2", best_by_loops),
        ("6.3", pairwise_by_loops),
        ("7.1", abundance_from_all_of_U),
        ("7.2", chance_by_summing),
        ("7.3", correlation_with_a_mean),
        ("8.1", stopped_as_in_tutorial_3),
        ("8.2", lambda dWs, W, r, q: (dWs * r[:, None] * q, (dWs * W * q).sum(1), (dWs * W * r[:, None]).sum(0))),
        ("8.3", cross_stitch_as_a_layer),
        ("8.4", np.ones((2, 3))),
        ("8.4", [[True] * 3] * 2),
        ("9.1", lambda m, k, n: (6.0 * m * k * n, 12.0 * (m * k + k * n + m * n))),
        ("9.2", add_stretches),
        ("9.2", add_shares_of_what_occurs),
        ("9.2", add_at),
        ("9.3", catch_up_term_by_term),
    ],
)
def test_it_is_right(number, answer):
    right, told = verdict(number, answer)
    assert right, told
