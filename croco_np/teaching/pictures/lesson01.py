"""Pictures of lesson 1: what a number of dW is made of, the matrix J behind it, and the square of the adjoint law."""

from typing import NamedTuple

import numpy as np

from .grids import CELL, brief, grid
from .scene import Control, Scene
from .svg import Drawing

T, MINUS = "\u1d40", "\N{MINUS SIGN}"  # the first is the sign of a transpose


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
            f"dW = x{T} dy",
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
            [(right + (j + 0.5) * CELL, top - 18), (right + (j + 0.5) * CELL, 24 + inputs * CELL + 3)],
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


def jacobian(x: np.ndarray, dy: np.ndarray) -> Scene:
    """J, the matrix of all dy[i, l] / dW[k, j] of y = xW: a row for each output, a column for each weight.

    Both are ordered by their second index first, so that J falls into blocks: x where l = j, zeros elsewhere. Pointing
    at an entry lights its column, which times dy is one number of dW. x (B, N), dy (B, K).
    """
    rows, inputs = x.shape
    outputs = dy.shape[1]
    J = np.kron(np.eye(outputs), x)
    stacked = dy.T.reshape(-1, 1)
    dW = (J.T @ stacked).T
    left, top = 46, 36
    under, beside = top + len(J) * CELL + 30, left + J.shape[1] * CELL + 26
    largest = max(np.abs(a).max() for a in (x, dy, dW))

    def draw(at):
        row, column = divmod(at, J.shape[1])
        drawing = Drawing(under + CELL + 4)
        in_column = np.arange(J.shape[1]) == column
        drawing.text(left - 6, 12, "weight: k,j", "soft")
        for c in range(J.shape[1]):
            j, k = divmod(c, inputs)
            drawing.text(left + (c + 0.5) * CELL, 30, f"{k},{j}", "code", anchor="middle")
        for r in range(len(J)):
            out, i = divmod(r, rows)
            drawing.text(left - 6, top + (r + 0.5) * CELL + 4, f"{i},{out}", "code", anchor="end")
        drawing.text(2, 30, "i,l", "soft")
        there = np.zeros(J.shape, bool)
        there[row, column] = True
        grid(
            drawing,
            left,
            top,
            J,
            largest=largest,
            lit=in_column,
            goes=lambda a, b: {"entry": a * J.shape[1] + b},
            title=lambda a, b: said(a, b)[0],
        )
        drawing.rect(left + column * CELL + 4, top + row * CELL + 4, CELL - 8, CELL - 8, "line orange thick")
        for block in range(1, outputs):
            drawing.line(left, top + block * rows * CELL, left + J.shape[1] * CELL, top + block * rows * CELL)
            drawing.line(left + block * inputs * CELL, top, left + block * inputs * CELL, top + len(J) * CELL)
        grid(drawing, beside, top, stacked, "dy", largest=largest, lit=True)
        drawing.text(left - 6, under + CELL / 2 + 4, "dW", "name", anchor="end")
        grid(drawing, left, under, dW, largest=largest, lit=in_column)
        x_middle = left + (column + 0.5) * CELL
        drawing.arrow(x_middle, under - 24, x_middle, under - 4, "line soft")
        return drawing

    def said(row, column):
        (out, i), (j, k) = divmod(row, rows), divmod(column, inputs)
        why = (
            f"x[{i}, {k}] = {J[row, column]:g}" if out == j else f"0, since column {j} of W does not reach output {out}"
        )
        return f"the slope of y[{i}, {out}] in W[{k}, {j}] is {why}", f"dW[{k}, {j}]"

    def say(at):
        row, column = divmod(at, J.shape[1])
        what, name = said(row, column)
        return f"In the small frame: {what}. Column times dy: {name} = {_sum_of(J[:, column], stacked[:, 0])}."

    entries = [said(*divmod(at, J.shape[1]))[0] for at in range(J.size)]
    return Scene(
        "J as a matrix of blocks, a row for each output and a column for each weight, with dy beside it and dW below",
        [Control("entry", entries, start=1, kind="point")],
        draw,
        say,
    )


class Backward(NamedTuple):
    """A backward pass to try in the square: its name, and the dW it gives."""

    name: str
    dW: np.ndarray


def adjoint_square(x: np.ndarray, dy: np.ndarray, v: np.ndarray) -> Scene:
    """<dy, Jv> and <J^T dy, v>, two ways to one number: up with v and then dy, or down with dy and then v.

    x (B, N), dy (B, K), v (N, K). Of the three backward passes to choose from, two are wrong.
    """
    Jv, dW = x @ v, x.T @ dy
    swapped = dW.copy()
    swapped[[0, 1]] = dW[[1, 0]]
    choices = [
        Backward("right", dW),
        Backward("divided by B", dW / len(x)),
        Backward("two rows swapped", swapped),
    ]
    tall, low = CELL * dy.shape[0], CELL * dW.shape[0]
    above, below = 22, 22 + tall + 62
    left, right = 20, 340 - CELL * dy.shape[1]
    up = float((dy * Jv).sum())
    largest = max(np.abs(a).max() for a in (Jv, dW, dy, v))
    steps = ("draw v and dy", "forward: J v", "times dy", "backward: J\u1d40 dy", "times v")

    def draw(at, which):
        given = choices[which].dW
        drawing = Drawing(below + low + 6)
        middle = (left + right + CELL * dy.shape[1]) / 2
        grid(drawing, left, below, v, "v", largest=largest, lit=at in (0, 4))
        grid(drawing, right, above, dy, "dy", largest=largest, lit=at in (0, 2))
        _late(drawing, at >= 1, left, above, Jv, "J v", largest, at in (1, 2))
        _late(drawing, at >= 3, right, below, given, f"J{T} dy", largest, at in (3, 4))
        center = CELL * dy.shape[1] / 2
        for x_at, start, end, way, shown in (
            (left + center, below - 22, above + tall + 6, "forward", at >= 1),
            (right + center, above + tall + 6, below - 22, "backward", at >= 3),
        ):
            drawing.arrow(x_at, start, x_at, end, "line orange" if start > end else "line blue", hidden=not shown)
            side = 8 if start > end else -8
            drawing.text(
                x_at + side,
                (start + end) / 2 + 4,
                way,
                anchor="start" if start > end else "end",
                hidden=not shown,
            )
        for y, name, value, shown in (
            (above + tall / 2, "\u27e8dy, J v\u27e9", up, at >= 2),
            (below + low / 2, f"\u27e8J{T} dy, v\u27e9", float((given * v).sum()), at >= 4),
        ):
            drawing.text(middle, y - 4, name, "name", anchor="middle", hidden=not shown)
            drawing.text(middle, y + 14, f"= {brief(value)}", anchor="middle", hidden=not shown)
        return drawing

    def say(at, which):
        same = np.isclose((choices[which].dW * v).sum(), up)
        verdict = "The same: nothing is wrong." if same else f"Not {up:g}: this backward is wrong.".replace("-", MINUS)
        return (
            "v says how the weights are moved, dy how fast the objective rises with each output: both drawn at random.",
            "Up on the left, the forward pass: J v = x v, how much each output moves.",
            f"Sum of all products with dy: the objective rises by {_sum_of(dy, Jv)}.",
            f"Down on the right, the backward pass: J{T} dy, which is its dW.",
            f"Sum of all products with v: {_sum_of(choices[which].dW, v)}. {verdict}",
        )[at]

    return Scene(
        "a square of four arrays: v below J v on the left, J transposed dy below dy on the right",
        [
            Control("step", steps, start=len(steps) - 1, kind="steps"),
            Control("backward", [choice.name for choice in choices], kind="choice"),
        ],
        draw,
        say,
    )


def _late(drawing, shown, x, y, array, name, largest, lit):
    """A grid that is only there from some step on."""
    before = len(drawing.root)
    grid(drawing, x, y, array, name, largest=largest, lit=lit)
    if not shown:
        for element in list(drawing.root)[before:]:
            element.set("class", f"{element.get('class', '')} hidden".strip())


def _sum_of(a, b):
    """The sum of all products of entries, written out."""
    written = " + ".join(f"{_signed(p)} \u00b7 {_signed(q)}" for p, q in zip(np.ravel(a), np.ravel(b), strict=True))
    return f"{written} = {float(np.sum(np.asarray(a) * b)):g}".replace("-", MINUS)


def _signed(value):
    return f"({value:g})" if value < 0 else f"{value:g}"
