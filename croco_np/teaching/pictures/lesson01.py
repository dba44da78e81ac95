"""Pictures of lesson 1: what a number of dW is made of."""

import numpy as np

from .grids import CELL, grid
from .scene import Control, Scene
from .svg import Drawing


def weight_gradient(x: np.ndarray, dy: np.ndarray) -> Scene:
    """dW = x^T dy, one number at a time: pointing at dW[k, j] lights column k of x and column j of dy.

    x (B, N), dy (B, K); both small enough to be read.
    """
    rows, inputs = x.shape
    outputs = dy.shape[1]
    dW = x.T @ dy
    places = [f"dW[{k}, {j}]" for k in range(inputs) for j in range(outputs)]
    largest = max(np.abs(a).max() for a in (x, dy, dW))

    def draw(at):
        k, j = divmod(at, outputs)
        top = 24 + inputs * CELL + 40
        drawing = Drawing(top + rows * CELL + 6)
        lit = np.zeros(dW.shape, bool)
        lit[k, j] = True
        right = 20 + inputs * CELL + 60
        grid(
            drawing,
            right,
            24,
            dW,
            "dW = x\u1d40 dy",
            largest=largest,
            lit=lit,
            goes=lambda a, b: {"number": a * outputs + b},
            title=lambda a, b: f"dW[{a}, {b}] = {dW[a, b]:g}",
        )
        grid(drawing, 20, top, x, "x", largest=largest, lit=np.arange(inputs) == k)
        grid(drawing, right, top, dy, "dy", largest=largest, lit=np.arange(outputs) == j)
        middle = 20 + (k + 0.5) * CELL
        across = 24 + (k + 0.5) * CELL
        drawing.path([(middle, top - 18), (middle, across), (right - 8, across)], "line soft dashed")
        drawing.path(
            [(right + (j + 0.5) * CELL, top - 18), (right + (j + 0.5) * CELL, across + CELL / 2 + 2)],
            "line soft dashed",
        )
        return drawing

    def say(at):
        k, j = divmod(at, outputs)
        sum_of = " + ".join(f"{x[i, k]:g} \u00b7 {dy[i, j]:g}" for i in range(rows))
        return (
            f"dW[{k}, {j}] = {sum_of} = {dW[k, j]:g}: input {k} times the gradient of output {j}, summed over the rows."
        )

    return Scene(
        "x, dy and dW as grids of numbers: each number of dW is made of a column of x and a column of dy",
        [Control("number", places, start=outputs, kind="point")],
        draw,
        say,
    )
