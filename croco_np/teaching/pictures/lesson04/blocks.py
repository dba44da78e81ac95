"""C = Z^T Z of two experts, entry by entry."""

import numpy as np

from ....losses import covariance
from ..grids import grid, signed
from ..scene import Control, Scene
from ..svg import Drawing

READINGS = ("p > q", "p \u2265 q")


class Parts:
    """CovLoss of o (B, M, K) in matrices of M K columns: Z, C = Z^T Z, its signs, the mask, the gradient dZ."""

    def __init__(self, o: np.ndarray, within: bool) -> None:
        n_rows, self.n_experts, self.width = o.shape
        self.Z = (o - o.mean(axis=0)).reshape(n_rows, -1)
        self.C = self.Z.T @ self.Z
        own = np.eye(self.n_experts)
        self.mask = np.kron(1 - own + (2 if within else 0) * own, np.ones((self.width, self.width)))
        self.signs = np.sign(self.C)
        self.value, do = covariance(o, within=within)
        self.dZ = do.reshape(n_rows, -1)

    def unit(self, a: int) -> str:
        """Which output of which expert column a is."""
        return f"output {a % self.width + 1} of expert {a // self.width + 1}"


def blocks(o: np.ndarray) -> Scene:
    """C = Z^T Z of two experts, o (B, 2, K): which outputs an entry multiplies, its sign, whether the loss counts it.

    Pointing at an entry lights the two columns of Z that it is the product of; in the view of the gradient, a column of
    Z and the column of dZ that it is added to.
    """
    parts = [Parts(o, within) for within in (False, True)]
    size, n_rows = len(parts[0].C), len(o)
    names = ("C = Z\u1d40Z", "sgn(C)", "mask \u03a9", "\u03a9 \u2217 sgn(C)")
    cell, left, top = 34, 212, 46
    below = top + cell * size + 62

    def draw(at, view, reading):
        a, b = divmod(at, size)
        one = parts[reading]
        shown = (one.C, one.signs, one.mask, one.mask * one.signs)[view] + 0.0
        drawing = Drawing(below + cell * n_rows + 24)
        columns = np.arange(size)
        grid(drawing, 8, top, one.Z, "Z", cell=cell, lit=(columns == a) | ((columns == b) & (view < 3)))
        _split(drawing, 8, top, cell, one.width, n_rows)
        drawing.text(150, 16, names[view], "name")
        grid(
            drawing,
            left,
            top,
            shown,
            cell=cell,
            lit=np.arange(size * size).reshape(size, size) == at,
            goes=lambda i, j: {"entry": size * i + j},
            title=lambda i, j: f"entry ({i + 1}, {j + 1}): {one.unit(i)} with {one.unit(j)}",
        )
        _experts(drawing, left, top, cell, one.width, size)
        drawing.text(8, below + 16, f"loss L = {one.value:g}", "name")
        drawing.text(left - 8, below + 16, "gradient dZ", "name", anchor="end")
        grid(drawing, left, below, one.dZ, cell=cell, lit=(columns == b) & (view == 3))
        _split(drawing, left, below, cell, one.width, n_rows)
        return drawing

    def say(at, view, reading):
        return _said(parts[reading], *divmod(at, size), view, reading)

    entries = [f"({a + 1}, {b + 1})" for a in range(size) for b in range(size)]
    return Scene(
        "the centred outputs Z of two experts side by side, the matrix C of the products of their columns in four"
        " blocks, its signs, the mask that says which blocks count, and the gradient",
        [
            Control("entry", entries, size**2 - size, "point"),
            Control("show", ("C", "signs", "mask", "gradient"), kind="choice"),
            Control("pairs", READINGS, kind="choice"),
        ],
        draw,
        say,
    )


def _experts(drawing, left, top, cell, width, size):
    """The experts' names at the blocks, frames around the two blocks that hold the pair, and what these are called."""
    wide = cell * width
    for m in range(2):
        drawing.text(left + wide * (m + 0.5), top - 8, f"expert {m + 1}", "soft", anchor="middle")
        drawing.text(left - 8, top + wide * (m + 0.5) + 4, f"expert {m + 1}", "soft", anchor="end")
        drawing.rect(left + wide * (1 - m), top + wide * m, wide, wide, "line green thick", pointer_events="none")
    drawing.text(left + cell * size, 16, "above the diagonal", "green", anchor="end")
    drawing.text(left, top + cell * size + 18, "below the diagonal", "green")


def _split(drawing, left, top, cell, width, n_rows):
    """A line between the columns of two experts, and their names below."""
    middle = left + cell * width
    drawing.line(middle, top - 4, middle, top + cell * n_rows + 4, "line ink")
    for m in range(2):
        drawing.text(
            left + cell * width * (m + 0.5), top + cell * n_rows + 18, f"expert {m + 1}", "soft", anchor="middle"
        )


def _said(one, a, b, view, reading):
    """What is seen at entry (a, b)."""
    place, c, weight = f"({a + 1}, {b + 1})", one.C[a, b], one.mask[a, b]
    own = a // one.width == b // one.width
    counted = {
        0: "An expert with itself, on the diagonal of blocks: not counted with p > q, so the mask is 0.",
        1: f"The pair is in C twice, here and at ({b + 1}, {a + 1}): the mask is 1, each counts a half.",
        2: "An expert with itself, on the diagonal of blocks: it is in C only once, so the mask is 2 against the 1/2.",
    }[int(weight)]
    if view == 0:
        terms = " + ".join(
            f"{signed(x, 'g')} \u00b7 {signed(y, 'g')}" for x, y in zip(one.Z[:, a], one.Z[:, b], strict=True)
        )
        return f"Entry {place}: {one.unit(a)} with {one.unit(b)}, {terms} = {signed(c, 'g')}."
    if view == 1:
        slope = (
            f"|C| grows with slope {signed(np.sign(c), 'g')}"
            if c
            else "|C| has its corner, and the library takes slope 0"
        )
        return f"Entry {place} of C is {signed(c, 'g')}: there {slope}."
    if view == 2:
        return counted
    value = weight * np.sign(c)
    if not value:
        return f"Entry {place} is 0: {'an expert does not pull on itself' if own and c else 'the corner of |C|'}."
    share = f"{signed(value, 'g')}/{one.width**2}"
    return f"Entry {place} is {signed(value, 'g')}: column {b + 1} of dZ gets {share} of column {a + 1} of Z."
