"""Differentiate one layer by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...gradcheck import check
from ..compare import is_number
from ..grading import exercise
from ..guard import parts

SIZES = ({"B": 6, "N": 4, "K": 3}, {"B": 3, "N": 2, "K": 5}, {"B": 5, "N": 7, "K": 2})  # one draw each


@dataclass(frozen=True)
class Answered:
    """A layer of one input whose backward is a student's: answer(cache, dy) -> (dx, one gradient for each of names)."""

    run: Callable
    answer: Callable
    names: tuple[str, ...]

    def forward(self, p: dict, x: np.ndarray) -> tuple:
        return self.run(x, **p)

    def backward(self, c: Any, dy: np.ndarray) -> tuple[np.ndarray, dict]:
        dx, *grads = map(np.asarray, parts(self.answer(c, dy), "dx", *(f"d{name}" for name in self.names)))
        return dx, dict(zip(self.names, grads, strict=True))


def hint(run: Callable, answer: Callable, **shapes: str) -> str | None:
    """What the checker says of the first wrong gradient of `answer`, None if all are right.

    shapes  of the parameters, in letters of SIZES
    """
    layer = Answered(run, answer, tuple(shapes))
    for seed, sizes in enumerate(SIZES):
        rng = np.random.default_rng(seed)
        params = {name: rng.standard_normal([sizes[size] for size in shape]) for name, shape in shapes.items()}
        x = rng.standard_normal((sizes["B"], sizes["N"]))
        for c in check(layer, params, (x,), rng):
            if not (c.ok or c.kink):
                leaf = c.name.removeprefix(": ")
                return f"d{'x' if leaf == 'input 0' else leaf}: {c.hint}."
    return None


@exercise("1.1", "the backward pass of y = a * x + c, as (dx, da, dc)")
def scale(answer: Callable) -> str | None:
    def run(x, a, c):
        return a * x + c, (a, x)

    return hint(run, answer, a="N", c="N")


@exercise("1.2", "the backward pass of y = x W W^T, as (dx, dW)")
def tied(answer: Callable) -> str | None:
    def run(x, W):
        return x @ W @ W.T, (W, x)

    told = hint(run, answer, W="NK")
    if told and told.startswith("dW"):
        return f"{told} With y = (x U) V^T: what are dU and dV? Then U = V = W."
    return told


@exercise("1.3", "the backward pass of y = relu(x W + b) ** 2, as (dx, dW, db)")
def squared_relu(answer: Callable) -> str | None:
    def run(x, W, b):
        z = x @ W + b
        return np.where(z.real > 0, z, 0) ** 2, (W, x, z)

    told = hint(run, answer, W="NK", b="K")
    return told and f"{told} Look at dz first: at its slope, and at where it has to be 0; dx, dW and db follow from it."


@exercise("1.4", "a step for central differences in float32, a number")
def float32_step(answer: Any) -> str | None:
    if not is_number(answer):
        return "One number is wanted."
    best = (3 * np.finfo(np.float32).eps) ** (1 / 3)  # where eps / s + s^2 / 6 is least
    if answer > 4 * best:
        return "Too long: the truncation error s^2 / 6 is far above the rounding error eps / s."
    if answer < best / 4:
        return "Too short: the rounding error eps / s is far above the truncation error s^2 / 6."
    return None
