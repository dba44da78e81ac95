"""Lesson 8."""

import numpy as np

from . import Answer


def _mix(g, o, dh):
    do = g[:, :, None] * dh[:, None]
    h = (g[:, :, None] * o).sum(axis=1)
    return do, (do * (o - h[:, None])).sum(axis=2)


def stopped(g, o, dh, flow):
    do, da = _mix(g, o, dh)
    return do * flow[:, :, None], da


def stop_closes_the_gate(g, o, dh, flow):
    do, _ = _mix(g, o, dh)
    dg = flow * (dh[:, None] * o).sum(axis=2)
    return do * flow[:, :, None], g * (dg - (g * dg).sum(axis=1, keepdims=True))


def rank_one(dWs, W, r, q):
    return dWs * np.outer(r, q), (dWs * W) @ q, (dWs * W).T @ r


def cross_stitch(u, v, A, du2, dv2):
    dA = np.array([[(d * x).sum() for x in (u, v)] for d in (du2, dv2)])
    return A[0, 0] * du2 + A[1, 0] * dv2, A[0, 1] * du2 + A[1, 1] * dv2, dA


ANSWERS = {
    "8.1": Answer(
        stopped,
        {
            "no stop": lambda g, o, dh, flow: _mix(g, o, dh),
            "the stop closes the gate, too": stop_closes_the_gate,
            "da multiplied by flow": lambda g, o, dh, flow: (
                stopped(g, o, dh, flow)[0],
                stopped(g, o, dh, flow)[1] * flow,
            ),
            "only do": lambda g, o, dh, flow: stopped(g, o, dh, flow)[0],
        },
    ),
    "8.2": Answer(
        rank_one,
        {
            "as for a sum": lambda dWs, W, r, q: (dWs, dWs.sum(axis=1), dWs.sum(axis=0)),
            "dr forgets q": lambda dWs, W, r, q: (dWs * np.outer(r, q), (dWs * W).sum(axis=1), (dWs * W).T @ r),
            "means for sums": lambda dWs, W, r, q: (dWs * np.outer(r, q), (dWs * W) @ q / len(q), (dWs * W).T @ r),
        },
    ),
    "8.3": Answer(
        cross_stitch,
        {
            "A not transposed": lambda u, v, A, du2, dv2: cross_stitch(u, v, A.T, du2, dv2),
            "dA transposed": lambda u, v, A, du2, dv2: (
                *cross_stitch(u, v, A, du2, dv2)[:2],
                cross_stitch(u, v, A, du2, dv2)[2].T,
            ),
            "one road only": lambda u, v, A, du2, dv2: (
                A[0, 0] * du2,
                A[1, 1] * dv2,
                cross_stitch(u, v, A, du2, dv2)[2],
            ),
        },
    ),
    "8.4": Answer(
        [[1, 1, 1], [1, 1, 1]],
        {
            "as in the last level": [[1, 0, 1], [0, 1, 1]],
            "own only": [[1, 0, 0], [0, 1, 0]],
            "columns for rows": [[1, 1], [1, 1], [1, 1]],
        },
    ),
}
