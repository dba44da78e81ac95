"""Known mistakes in the exercises of tutorial 8: stops, factors of weights, networks that trade, who teaches whom."""

import numpy as np

from . import Mistake


def do_mistakes(g: np.ndarray, o: np.ndarray, dh: np.ndarray, flow: np.ndarray, do: np.ndarray) -> list[Mistake]:
    """Exercise 8.1, the first of two gradients; do is that without a stop."""
    upstream = np.broadcast_to(dh[:, None], o.shape)
    return [
        (do, "do still teaches experts whose flow is 0."),
        (do * (1 - flow[:, :, None]), "do teaches the wrong experts: flow is 1 where the row may teach."),
        (upstream * flow[:, :, None], "do forgets the shares: expert m gets g_m dh."),
        (upstream, "do forgets the shares and the stop: expert m gets g_m dh, and nothing where flow is 0."),
        (
            np.broadcast_to((g * flow)[:, :, None], o.shape),
            "do forgets what arrives from above, dh: it is right only if dh is 1.",
        ),
    ]


def _through_softmax(g, dg):
    return g * (dg - (g * dg).sum(axis=1, keepdims=True))


def da_mistakes(g: np.ndarray, o: np.ndarray, dh: np.ndarray, flow: np.ndarray, da: np.ndarray) -> list[Mistake]:
    """Exercise 8.1, the second of two gradients; da is the right one."""
    dg = (o * dh[:, None]).sum(axis=2)
    return [
        (
            _through_softmax(g, flow * dg),
            "The stop closes the gate, too: da is that of a mixture without the closed experts. A stopped expert is "
            "not taught, but its value was read, and the gate learns from it.",
        ),
        (
            flow * da,
            "da is multiplied by flow at the end: the gate's logit of a stopped expert may still learn. Only the way "
            "into the expert is closed.",
        ),
        (
            g * (dg - (g * flow * dg).sum(axis=1, keepdims=True)),
            "In da, h is made of the open experts only: the forward mixed all of them.",
        ),
        (
            g * (flow * dg - (g * dg).sum(axis=1, keepdims=True)),
            "In da, dg of a stopped expert is 0, but not in the mean that is subtracted: neither should be closed.",
        ),
        (
            dg,
            "This is dg, the gradient of the shares. The shares come from logits through a softmax: one more step back "
            "to da.",
        ),
        (g * dg, "da lacks the mean: dg_m is compared with the mean of dg under the shares, since shares add up to 1."),
        (dg - (g * dg).sum(axis=1, keepdims=True), "da lacks its factor g_m in front."),
        (
            g * dg - (g * dg).sum(axis=1, keepdims=True),
            "The mean is subtracted too late: g_m multiplies the difference of dg_m and the mean, not dg_m alone.",
        ),
        (
            g * (dg - (g * dg).sum(axis=0)),
            "The mean in da runs over the rows of the batch; it belongs to each row, over its experts, axis 1.",
        ),
        (
            g * (dg - dg.mean(axis=1, keepdims=True)),
            "The mean in da is over experts, each counted alike; it has to be weighed by the shares g.",
        ),
    ]


def factor_mistakes(name: str, W: np.ndarray, r: np.ndarray, q: np.ndarray, dWs: np.ndarray) -> list[Mistake]:
    """Exercise 8.2, of one of three gradients: name is dW, dr or dq."""
    if name == "dW":
        return [
            (dWs, "dW is as for a sum: W* is a product, and each factor gets the others."),
            (dWs * W, "dW gets W itself, and not the other two factors."),
            (dWs * r[:, None], "dW forgets q: the other factor of W is the product r_i q_j."),
            (dWs * q, "dW forgets r: the other factor of W is the product r_i q_j."),
            (np.outer(r, q), "dW forgets what arrives from above, dWs."),
        ]
    axis, other, mine = (1, q, r[:, None]) if name == "dr" else (0, r[:, None], q)
    rest = "q" if name == "dr" else "r"
    return [
        (dWs.sum(axis), f"{name} is as for a sum: W* is a product, and each factor gets the others."),
        ((dWs * W).sum(axis), f"{name} forgets {rest}: entry by entry, the factor of {name[1]} is W times {rest}."),
        ((dWs * other).sum(axis), f"{name} forgets W: entry by entry, the factor of {name[1]} is W times {rest}."),
        (
            (dWs * W * other).mean(axis),
            f"{name} is a mean: a number that is used in many places gets the sum of what comes back from them.",
        ),
        ((dWs * W * other * mine).sum(axis), f"{name} multiplies by {name[1]} itself, too."),
        ((dWs * W * mine).sum(axis), f"{name} multiplies by {name[1]} in the place of {rest}."),
    ]


def cross_stitch_mistakes(
    name: str, u: np.ndarray, v: np.ndarray, A: np.ndarray, du2: np.ndarray, dv2: np.ndarray
) -> list[Mistake]:
    """Exercise 8.3, of one of three gradients: name is du, dv or dA."""
    if name == "dA":
        dA = np.array([[(d * x).sum() for x in (u, v)] for d in (du2, dv2)])
        return [
            (np.diag(np.diag(dA)), "dA has its diagonal only: A_01 and A_10 are read as well."),
            (dA.T, "dA is transposed: A_01 takes v into u', so its gradient pairs du2 with v."),
            (
                dA / len(u),
                "dA is a mean over rows: one number of A is used in all of them, and its gradient is the sum.",
            ),
            (dA / u.size, "dA is a mean: one number of A is used in every entry, and its gradient is the sum."),
            (
                np.array([[(d * x).sum() for x in (u, v)] for d in _inputs_backward(A, du2, dv2)]),
                "dA pairs the wrong things, u and v with du and dv: A_00 multiplied u and came out in u', so it gets "
                "du2 times u.",
            ),
        ]
    own, mine, other = (0, du2, dv2) if name == "du" else (1, dv2, du2)
    x, out, theirs = name[1], f"{name[1]}'", "v'" if name == "du" else "u'"
    transposed = A[own, own] * mine + A[own, 1 - own] * other
    return [
        (
            transposed,
            f"{name} takes A as in the forward: {x} came into u' by A_0{own} and into v' by A_1{own}, a column of A, "
            "not a row.",
        ),
        (A[own, own] * mine, f"{name} knows one road only: {x} reached {out} and {theirs}."),
        (A[1 - own, own] * other, f"{name} knows only the road over {theirs}: {x} reached {out}, too."),
        (mine, f"{name} is what arrives at {out}, without A."),
        (mine + other, f"{name} adds what arrives at u' and v' without A: each road has its factor."),
        (A[own, own] * mine * A[1 - own, own] * other, f"{name} forgets the sum of the two roads: it multiplies them."),
    ]


def _inputs_backward(A, du2, dv2):
    return A[0, 0] * du2 + A[1, 0] * dv2, A[0, 1] * du2 + A[1, 1] * dv2


TABLES: list[Mistake] = [
    (
        [[1, 0, 1], [0, 1, 1]],
        "That is the last level, where path s mixes the experts of s and the shared ones, and nothing follows. Behind "
        "the middle level there is one more level: what do its shared experts read?",
    ),
    (
        [[1, 0, 0], [0, 1, 0]],
        "A domain teaches more than its own expert: which experts does its own path mix, in any level?",
    ),
    (
        [[0, 0, 1], [0, 0, 1]],
        "Only the shared expert, you say: but path A mixes A's expert with the shared one, and it leads to A's tower.",
    ),
    (
        [[0, 1, 1], [1, 0, 1]],
        "The columns are A's expert, B's and the shared one: here a domain teaches the other's expert and not its own.",
    ),
    (
        [[0, 0, 0], [0, 0, 0]],
        "Nothing is stopped in PLE: where there is a road forward, there is one back. Does nothing lead from the "
        "middle level to a tower?",
    ),
    (
        [[1, 1, 0], [1, 1, 0]],
        "The shared expert is missing: path A of every level mixes A's experts with the shared ones.",
    ),
]
