"""Differentiate one layer by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...gradcheck import check
from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts
from ..mistakes.lesson01 import scale_mistakes, squared_relu_mistakes, tied_mistakes
from ..said import form
from ..solutions.lesson01 import scale_backward, squared_relu_backward, tied_backward

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


def hint(run: Callable, answer: Callable, right: Callable, mistakes: Callable, **shapes: str) -> str | None:
    """What to say of the first wrong gradient of `answer`: what is known of its mistake, else what the checker says.

    right    the worked solution, which knows the sizes of what is wanted
    mistakes (cache, dy) -> {name of a gradient: its known mistakes}
    shapes   of the parameters, in letters of SIZES
    """
    layer = Answered(run, answer, tuple(shapes))
    for seed, sizes in enumerate(SIZES):
        rng = np.random.default_rng(seed)
        params = {name: rng.standard_normal([sizes[size] for size in shape]) for name, shape in shapes.items()}
        x = rng.standard_normal((sizes["B"], sizes["N"]))
        y, cache = layer.forward(params, x)
        dy = rng.standard_normal(y.shape)
        wanted = Answered(run, right, layer.names).backward(cache, dy)
        if told := _known(layer.backward(cache, dy), wanted, mistakes(cache, dy)):
            return told
        for c in check(layer, params, (x,), rng):
            if not (c.ok or c.kink):
                leaf = c.name.removeprefix(": ")
                return f"d{'x' if leaf == 'input 0' else leaf}: {c.hint}."
    return None


def _known(said, right, mistakes):
    """What to say of the first gradient whose form is wrong, or whose values are those of a known mistake."""
    names = ["x", *right[1]]
    for name, g, wanted in zip(names, (said[0], *said[1].values()), (right[0], *right[1].values()), strict=True):
        if g.shape != wanted.shape:
            told = f"d{name} has shape {g.shape}, and must have that of {name}, {wanted.shape}."
            return f"{told} {_axes(name, g, wanted, len(right[0]))}"
        if same(g, wanted):
            continue
        told = mistaken(
            g,
            *mistakes.get(f"d{name}", ()),
            (
                wanted / len(right[0]),
                "1/B of what it should be: rows add up; if L is a mean, its 1/B is in dy.",
            ),
            (-wanted, "right but for its sign."),
        )
        if told:
            return f"d{name}: {told}"
    return None


def _axes(name, g, wanted, rows):
    """What a wrong shape looks like."""
    if [n for n in g.shape if n != 1] == list(wanted.shape):
        return "There is an axis of length 1 too many: keepdims=True keeps the axis that a sum runs over."
    if name == "x" and g.ndim == 2 and len(g) == rows:
        return "It stands at the columns of something further up: which matrix is still on its way down to x?"
    if name == "x":
        return "Every row of x has a gradient of its own."
    if not g.ndim:
        return f"This is a sum over everything; each entry of {name} has a gradient of its own."
    if g.shape[1:] == wanted.shape and g.shape[0] == rows:
        return f"All rows share {name}: their contributions add up."
    if g.shape[1:] == wanted.shape:
        return f"These are {len(g)} gradients of one {name}: what it does in several places adds up."
    if g.shape == wanted.shape[::-1]:
        return "It is turned over: which of its indices comes first?"
    return "Which indices does it have, and over which is there a sum?"


@exercise("1.1", "the backward pass of y = a * x + c, as (dx, da, dc)")
def scale(answer: Callable) -> str | None:
    def run(x, a, c):
        return a * x + c, (a, x)

    return hint(run, answer, scale_backward, scale_mistakes, a="N", c="N")


@exercise("1.2", "the backward pass of y = x W W^T, as (dx, dW)")
def tied(answer: Callable) -> str | None:
    def run(x, W):
        return x @ W @ W.T, (W, x)

    told = hint(run, answer, tied_backward, tied_mistakes, W="NK")
    if told and told.startswith("dW: wrong"):
        return f"{told} With y = (x U) V^T: what are dU and dV? Then U = V = W."
    return told


@exercise("1.3", "the backward pass of y = relu(x W + b) ** 2, as (dx, dW, db)")
def squared_relu(answer: Callable) -> str | None:
    def run(x, W, b):
        z = x @ W + b
        return np.where(z.real > 0, z, 0) ** 2, (W, x, z)

    told = hint(run, answer, squared_relu_backward, squared_relu_mistakes, W="NK", b="K")
    if told and ": wrong" in told:
        return f"{told} Look at dz first: at its slope, and at where it has to be 0; dx, dW and db follow from it."
    return told


@exercise("1.4", "a step for central differences in float32, a number")
def float32_step(answer: Any) -> str | None:
    if not is_number(answer):
        return f"One number is wanted, and this is {form(answer)}."
    if answer <= 0:
        return "A step is a number above 0."
    eps = np.finfo(np.float32).eps
    best = (3 * eps) ** (1 / 3)  # where eps / s + s^2 / 6 is least
    if 1e-6 < answer < 2e-5:
        return "This suits float64, whose eps is far smaller. Here eps / s, the rounding error, is a per cent or more."
    if 0.5 < answer / np.sqrt(eps) < 2:
        return "The square root of eps suits one-sided differences; those to both sides take a longer one."
    if answer > 4 * best:
        return "Too long: the truncation error s^2 / 6 is far above the rounding error eps / s."
    if answer < best / 4:
        return "Too short: the rounding error eps / s is far above the truncation error s^2 / 6."
    return None
