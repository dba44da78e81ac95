"""Checks of tutorial 8: stop-gradients, factors of weights, two networks that trade, who teaches whom."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...batch import Batch
from ...datasets.splits import Schema
from ...kernels.mix import mix_scalars, mix_scalars_backward
from ...models import PLE
from ...models.output import Output
from ...tree import tree_map
from ..compare import mistaken, same
from ..grading import exercise
from ..guard import parts
from ..mistakes.lesson08 import TABLES, cross_stitch_mistakes, da_mistakes, do_mistakes, factor_mistakes


@exercise("8.1", "do and da of a mixture whose experts are taught only where flow is 1")
def stopped(answer: Callable) -> str | None:
    rng = np.random.default_rng(81)
    for B, M, K in ((6, 4, 3), (3, 2, 5)):
        a, o, dh = rng.standard_normal((B, M)), rng.standard_normal((B, M, K)), rng.standard_normal((B, K))
        flow = (rng.random((B, M)) < 0.5).astype(float)
        g, h = mix_scalars(a, o)
        do, da = mix_scalars_backward(g, o, h, dh)
        said = parts(answer(g, o, dh, flow), "do", "da")
        if np.shape(said[0]) == da.shape and np.shape(said[1]) == do.shape:
            return "do and da are the other way round: first the gradient of the experts' outputs."
        if np.shape(said[0]) != do.shape or np.shape(said[1]) != da.shape:
            return (
                f"do must have the shape of o, {o.shape}, and da that of g, {g.shape}; it returns {np.shape(said[0])} "
                f"and {np.shape(said[1])}."
            )
        right = do * flow[:, :, None]
        if not same(said[0], right):
            told = mistaken(said[0], *do_mistakes(g, o, dh, flow, do))
            return told or "do is wrong: an open expert gets its share of dh, a closed one exactly 0."
        if not same(said[1], da):
            told = mistaken(said[1], *da_mistakes(g, o, dh, flow, da))
            return told or "da is wrong. May the gate learn from the value of a stopped expert?"
    return None


@exercise("8.2", "dW, dr and dq of the weights W * (r q^T)")
def rank_one(answer: Callable) -> str | None:
    rng = np.random.default_rng(82)
    for n, k in ((4, 3), (2, 5)):
        W, r, q, dWs = rng.standard_normal((n, k)), rng.standard_normal(n), rng.standard_normal(k), rng.random((n, k))
        said = parts(answer(dWs, W, r, q), "dW", "dr", "dq")
        right = {"dW": dWs * np.outer(r, q), "dr": (dWs * W) @ q, "dq": (dWs * W).T @ r}
        if same(said[1], right["dq"]) and same(said[2], right["dr"]):
            return "dr and dq are the other way round."
        for (name, value), it in zip(right.items(), said, strict=True):
            if np.shape(it) == W.shape != value.shape:
                return (
                    f"{name} has an entry for each entry of W*: one number of {name[1]} multiplies a whole "
                    f"{'row' if name == 'dr' else 'column'}, so its gradient is a sum over it."
                )
            if name != "dW" and np.shape(it) == (k if name == "dr" else n,):
                return (
                    f"{name} is summed over the wrong axis: it has {len(it)} entries, and {name[1]} has {len(value)}."
                )
            if np.shape(it) != value.shape:
                return f"{name} must have the shape of {name[1]}, {value.shape}; it has {np.shape(it)}."
            if not same(it, value):
                told = mistaken(it, *factor_mistakes(name, W, r, q, dWs))
                return told or f"{name} is wrong. Each of the three factors gets the product of the other two."
    return None


@exercise("8.3", "du, dv and dA of a cross-stitch unit")
def cross_stitch(answer: Callable) -> str | None:
    rng = np.random.default_rng(83)
    for B, K in ((7, 3), (2, 4)):
        u, v, du2, dv2 = rng.standard_normal((4, B, K))
        A = rng.standard_normal((2, 2))
        said = parts(answer(u, v, A, du2, dv2), "du", "dv", "dA")
        dA = np.array([[(d * x).sum() for x in (u, v)] for d in (du2, dv2)])
        right = {"du": A[0, 0] * du2 + A[1, 0] * dv2, "dv": A[0, 1] * du2 + A[1, 1] * dv2, "dA": dA}
        if same(said[0], right["dv"]) and same(said[1], right["du"]):
            return "du and dv are the other way round."
        for (name, value), it in zip(right.items(), said, strict=True):
            if np.shape(it) != value.shape:
                return _cross_shape(name, np.shape(it), value.shape)
            if not same(it, value):
                told = mistaken(it, *cross_stitch_mistakes(name, u, v, A, du2, dv2))
                return told or (
                    "dA is wrong: which input did A_01 multiply, and in which output did that end up?"
                    if name == "dA"
                    else f"{name} is wrong. Which outputs did {name[1]} reach, and by which entry of A?"
                )
    return None


def _cross_shape(name, found, wanted):
    told = f"{name} must have the shape of {name[1]}, {wanted}; it has {found}."
    if name == "dA" and found[:2] == wanted:
        return f"{told} One number of A multiplies all rows and all dimensions: its gradient sums over both."
    return told


EXPERTS = ("A's", "B's", "the shared one")


@exercise("8.4", "a table of 0 and 1, two domains by three experts of the middle level")
def middle_level(answer: Any) -> str | None:
    try:
        answer = np.asarray(answer, float)
    except (TypeError, ValueError, OverflowError):
        return "Write the table as two rows of three numbers, a list of two lists: [[..., ..., ...], [..., ..., ...]]."
    if answer.shape == (3, 2):
        return "The table has a row for each expert: turn it, so that it has a row for each of the 2 domains."
    if answer.shape != (2, 3):
        return f"The table has shape {answer.shape}; it must have a row for each of 2 domains, a column for 3 experts."
    if not np.isin(answer, (0, 1)).all():
        return "The table asks for 0 or 1 only: does a row of the domain teach the expert, or does it not?"
    truth = _taught()
    if (answer == truth).all():
        return None
    told = mistaken(answer, *TABLES)
    s, e = (int(i) for i in np.argwhere(answer != truth)[0])
    return told or (
        f"Look again at domain {'AB'[s]} and this expert: {EXPERTS[e]}. "
        "Which path of the next level reads the shared path, and what does that one mix?"
    )


def _taught():
    """(2, 3): 1 where rows of a domain alone leave a gradient at an expert of the middle level."""
    schema = Schema(("user", "item", "domain"), (4, 4, 3), "user", "item", "domain", ("A", "B"))
    small = {"embedding_width": 2, "embedding_std": 1.0, "expert_sizes": (4,), "tower_sizes": ()}
    model, rng = PLE.build(schema, **small, n_levels=3), np.random.default_rng(84)
    params = tree_map(lambda w: np.abs(w) + 0.1, model.init(rng))  # positive, so that no expert is dead
    table = np.zeros((2, 3))
    for s, domains in enumerate(((slice(0, 8), slice(8, 8)), (slice(0, 0), slice(0, 8)))):
        ids = np.stack([rng.integers(0, n, 8) for n in schema.vocabulary], axis=1)
        _, cache = model.forward(params, Batch(ids, ids, domains, np.zeros(8)))
        W = model.backward(cache, Output(np.ones(8)))["levels"][1]["experts"][0]["W"]
        table[s] = np.abs(W).max(axis=(1, 2)) > 0
    return table
