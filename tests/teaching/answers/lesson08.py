"""Wrong answers to tutorial 8, Read a baseline."""

import numpy as np

from croco_np.teaching.solutions.lesson08 import cross_stitch_backward, rank_one_backward, stopped_backward


def softmax_backward(g, dg):
    return g * (dg - (g * dg).sum(axis=1, keepdims=True))


def with_do(change):
    """change(g, o, dh, flow) for do, and the right da."""
    return lambda g, o, dh, flow: (change(g, o, dh, flow), stopped_backward(g, o, dh, flow)[1])


def with_da(change):
    """The right do, and change(g, dg, flow, da) for da."""

    def answer(g, o, dh, flow):
        do, da = stopped_backward(g, o, dh, flow)
        return do, change(g, (o * dh[:, None]).sum(axis=2), flow, da)

    return answer


def rank_one(**changes):
    """The right gradients, but for those of `changes`, {name: function of (dWs, W, r, q)}."""

    def answer(*args):
        right = dict(zip(("dW", "dr", "dq"), rank_one_backward(*args), strict=True))
        return tuple((right | {name: change(*args) for name, change in changes.items()}).values())

    return answer


def cross_stitch(**changes):
    """The right gradients, but for those of `changes`, {name: function of (u, v, A, du2, dv2)}."""

    def answer(*args):
        right = dict(zip(("du", "dv", "dA"), cross_stitch_backward(*args), strict=True))
        return tuple((right | {name: change(*args) for name, change in changes.items()}).values())

    return answer


def unsummed(u, v, A, du2, dv2):
    return np.array([[d * x for x in (u, v)] for d in (du2, dv2)])


WRONG = {
    "8.1": {
        "no stop": with_do(lambda g, o, dh, flow: g[:, :, None] * dh[:, None]),
        "the stop the other way round": with_do(
            lambda g, o, dh, flow: (1 - flow)[:, :, None] * g[:, :, None] * dh[:, None]
        ),
        "do without the shares": with_do(lambda g, o, dh, flow: flow[:, :, None] * dh[:, None]),
        "do without dh": with_do(lambda g, o, dh, flow: (flow * g)[:, :, None] * np.ones_like(o)),
        "the stop closes the gate, too": with_da(lambda g, dg, flow, da: softmax_backward(g, flow * dg)),
        "da multiplied by flow": with_da(lambda g, dg, flow, da: flow * da),
        "a mixture of the open ones": with_da(
            lambda g, dg, flow, da: g * (dg - (flow * g * dg).sum(axis=1, keepdims=True))
        ),
        "dg for da": with_da(lambda g, dg, flow, da: dg),
        "no mean in da": with_da(lambda g, dg, flow, da: g * dg),
        "the mean too late": with_da(lambda g, dg, flow, da: g * dg - (g * dg).sum(axis=1, keepdims=True)),
        "a mean over rows": with_da(lambda g, dg, flow, da: g * (dg - (g * dg).sum(axis=0))),
        "a mean without weights": with_da(lambda g, dg, flow, da: g * (dg - dg.mean(axis=1, keepdims=True))),
        "only do": lambda g, o, dh, flow: stopped_backward(g, o, dh, flow)[0],
        "da first": lambda *args: stopped_backward(*args)[::-1],
    },
    "8.2": {
        "as for a sum": lambda dWs, W, r, q: (dWs, dWs.sum(axis=1), dWs.sum(axis=0)),
        "dr forgets q": rank_one(dr=lambda dWs, W, r, q: (dWs * W).sum(axis=1)),
        "dr forgets W": rank_one(dr=lambda dWs, W, r, q: dWs @ q),
        "dr a mean": rank_one(dr=lambda dWs, W, r, q: (dWs * W) @ q / len(q)),
        "dr not summed": rank_one(dr=lambda dWs, W, r, q: dWs * W * q),
        "dq not summed": rank_one(dq=lambda dWs, W, r, q: dWs * W * r[:, None]),
        "dr over the wrong axis": rank_one(dr=lambda dWs, W, r, q: (dWs * W * q).sum(axis=0)),
        "dq with q itself": rank_one(dq=lambda dWs, W, r, q: ((dWs * W).T @ r) * q),
        "dW forgets q": rank_one(dW=lambda dWs, W, r, q: dWs * r[:, None]),
        "dW without dWs": rank_one(dW=lambda dWs, W, r, q: np.outer(r, q)),
        "dr and dq changed": lambda *args: (rank_one_backward(*args)[0], *rank_one_backward(*args)[:0:-1]),
        "W only": lambda *args: rank_one_backward(*args)[0],
    },
    "8.3": {
        "A not transposed": lambda u, v, A, du2, dv2: cross_stitch_backward(u, v, A.T, du2, dv2),
        "dA transposed": cross_stitch(dA=lambda *args: cross_stitch_backward(*args)[2].T),
        "one road only": cross_stitch(
            du=lambda u, v, A, du2, dv2: A[0, 0] * du2, dv=lambda u, v, A, du2, dv2: A[1, 1] * dv2
        ),
        "the crossing road only": cross_stitch(du=lambda u, v, A, du2, dv2: A[1, 0] * dv2),
        "no A": cross_stitch(du=lambda u, v, A, du2, dv2: du2 + dv2),
        "the diagonal of dA": cross_stitch(dA=lambda *args: np.diag(np.diag(cross_stitch_backward(*args)[2]))),
        "dA a mean": cross_stitch(dA=lambda *args: unsummed(*args).mean(axis=(2, 3))),
        "dA not summed": cross_stitch(dA=unsummed),
        "dA summed over rows only": cross_stitch(dA=lambda *args: unsummed(*args).sum(axis=2)),
        "dv first": lambda *args: (*cross_stitch_backward(*args)[1::-1], cross_stitch_backward(*args)[2]),
        "dA left out": lambda *args: cross_stitch_backward(*args)[:2],
    },
    "8.4": {
        "as in the last level": [[1, 0, 1], [0, 1, 1]],
        "own only": [[1, 0, 0], [0, 1, 0]],
        "shared only": [[0, 0, 1], [0, 0, 1]],
        "the other's": [[0, 1, 1], [1, 0, 1]],
        "nothing": [[0, 0, 0], [0, 0, 0]],
        "B never": [[1, 0, 1], [1, 0, 1]],
        "columns for rows": [[1, 1], [1, 1], [1, 1]],
        "how often": [[2, 1, 2], [1, 2, 2]],
        "words": "all of them",
        "rows of unequal length": [[1, 1, 1], [1, 1]],
    },
}
