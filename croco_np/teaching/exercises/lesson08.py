"""Lesson 8: stop-gradients, factors of weights, two networks that trade, who teaches whom."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...batch import Batch
from ...datasets.splits import Schema
from ...gradcheck import check
from ...kernels.mix import mix_scalars, mix_scalars_backward
from ...models import PLE
from ...models.output import Output
from ...tree import tree_map
from ..compare import same
from ..grading import exercise
from ..guard import parts


@exercise("8.1", "do and da of a mixture whose experts are taught only where flow is 1")
def stopped(answer: Callable) -> str | None:
    rng = np.random.default_rng(81)
    for B, M, K in ((6, 4, 3), (3, 2, 5)):
        a, o, dh = rng.standard_normal((B, M)), rng.standard_normal((B, M, K)), rng.standard_normal((B, K))
        flow = (rng.random((B, M)) < 0.5).astype(float)
        g, h = mix_scalars(a, o)
        do, da = mix_scalars_backward(g, o, h, dh)
        said = parts(answer(g, o, dh, flow), "do", "da")
        if np.shape(said[0]) != do.shape or np.shape(said[1]) != da.shape:
            return f"do must have the shape of o, {o.shape}, and da that of g, {g.shape}."
        if same(said[0], do):
            return "do still teaches experts whose flow is 0."
        if not same(said[0], do * flow[:, :, None]):
            return "do is wrong: an open expert gets its share of dh, a closed one exactly 0."
        if not same(said[1], da):
            return "da is wrong. May the gate learn from the value of a stopped expert?"
    return None


class RankOne:
    """W * (r q^T) as a layer of three leaves, with an answer for its backward."""

    def __init__(self, answer: Callable) -> None:
        self.answer = answer

    def forward(self, p: dict) -> tuple[np.ndarray, dict]:
        return p["W"] * p["r"][:, None] * p["q"], p

    def backward(self, p: dict, dWs: np.ndarray) -> dict:
        dW, dr, dq = parts(self.answer(dWs, p["W"], p["r"], p["q"]), "dW", "dr", "dq")
        return {"W": dW, "r": dr, "q": dq}


@exercise("8.2", "dW, dr and dq of the weights W * (r q^T)")
def rank_one(answer: Callable) -> str | None:
    rng = np.random.default_rng(82)
    params = {"W": rng.standard_normal((4, 3)), "r": rng.standard_normal(4), "q": rng.standard_normal(3)}
    checks = check(RankOne(answer), params, (), rng)
    return _wrong(checks, "Each of the three factors gets the product of the other two")


class CrossStitch:
    """Two inputs mixed by a 2 x 2 matrix, with an answer for its backward."""

    def __init__(self, answer: Callable) -> None:
        self.answer = answer

    def forward(self, p: dict, u: np.ndarray, v: np.ndarray) -> tuple[tuple, tuple]:
        A = p["A"]
        return (A[0, 0] * u + A[0, 1] * v, A[1, 0] * u + A[1, 1] * v), (u, v, A)

    def backward(self, c: tuple, d: tuple) -> tuple[tuple, dict]:
        du, dv, dA = parts(self.answer(*c, *d), "du", "dv", "dA")
        return (du, dv), {"A": dA}


@exercise("8.3", "du, dv and dA of a cross-stitch unit")
def cross_stitch(answer: Callable) -> str | None:
    rng = np.random.default_rng(83)
    inputs = rng.standard_normal((7, 3)), rng.standard_normal((7, 3))
    checks = check(CrossStitch(answer), {"A": rng.standard_normal((2, 2))}, inputs, rng)
    return _wrong(checks, "Which outputs did each input reach, and by which entry of A? input 0 is u, input 1 is v")


def _wrong(checks, advice):
    wrong = next((c for c in checks if not c.ok), None)
    return wrong and f"{wrong.name.removeprefix(': ')} is wrong ({wrong.hint}). {advice}."


@exercise("8.4", "a table of 0 and 1, two domains by three experts of the middle level")
def middle_level(answer: Any) -> str | None:
    answer = np.asarray(answer, float)
    if answer.shape != (2, 3):
        return f"The table has shape {answer.shape}; it must have a row for each of 2 domains, a column for 3 experts."
    truth = _taught()
    if (answer == truth).all():
        return None
    s, e = (int(i) for i in np.argwhere(answer != truth)[0])
    return (
        f"Look again at domain {'AB'[s]} and expert {('A', 'B', 'shared')[e]}. "
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
