"""Pictures of lesson 5: the tree of parameters and that of gradients, and how much each row of a batch counts."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...losses import row_weights
from ...tree import RowGrad, Tree, entries, flatten
from .scene import Control, Scene
from .svg import Drawing

LINE, INDENT = 22, 16  # units: height of a line of the tree, and how far a child stands to the right
SAME = "as the one before"
READINGS = ("batch_mean", "domain_mean", "dataset_mean")
MISSING = (
    "",
    ", so its term of Eq. (7) is missing here, and nothing makes up for it",
    ", so its term of Eq. (7) is missing here; batches with many rows of Y make up for it",
)  # where a batch has no row of Y
ROWS, RARE, ACROSS = 64, (0, 3, 4, 5, 7, 9, 13, 19, 25, 32), 16  # of a batch; of the rare domain; squares in a line


def two_trees(params: dict, grads: dict) -> Scene:
    """The tree of parameters, a line for each branch and leaf, and beside each leaf its gradient.

    Pointing at a line says how the part is reached, in Python and as a path.
    """
    lines = list(_lines(params, grads))

    def draw(at):
        drawing = Drawing(len(lines) * LINE + 26)
        drawing.text(4, 14, "params", "name")
        drawing.text(252, 14, "gradient", "name")
        for i, (keys, leaf, grad) in enumerate(lines):
            top, x = 22 + i * LINE, 8 + INDENT * (len(keys) - 1)
            drawing.rect(
                0.5,
                top,
                359,
                LINE - 2,
                "box lit" if i == at else "box faint",
                goes={"part": i},
                title=".".join(map(str, keys)),
            )
            for level in range(1, len(keys)):
                drawing.line(1 + INDENT * level, top, 1 + INDENT * level, top + LINE - 2, "line faint")
            drawing.text(x, top + 15, f"[{keys[-1]}]" if isinstance(keys[-1], int) else keys[-1], "name")
            if grad is SAME:
                drawing.text(138, top + 15, f"as [{keys[-1] - 1}]", "soft")
            elif leaf is not None:
                drawing.text(138, top + 15, str(leaf.shape), "code")
                drawing.text(252, top + 15, _said(grad), "code")
        return drawing

    def say(at):
        keys, leaf, grad = lines[at]
        code = "".join(f"[{key!r}]" for key in keys)
        if grad is SAME:
            return f"params{code}: the same leaves as those of the one before, with numbers of its own."
        if leaf is None:
            return f"params{code} is a branch: a {'list' if isinstance(_at(params, keys), list) else 'dict'}."
        own = f"values for {len(grad.rows)} rows of it, {grad.values.shape}" if isinstance(grad, RowGrad) else "as many"
        size = "1 number" if leaf.size == 1 else f"{leaf.size} numbers"
        return f'params{code}, the leaf "{".".join(map(str, keys))}": {size}. Its gradient: {own}.'

    return Scene(
        "the tree of parameters as an indented list, a line for each branch and leaf, with the shape of each leaf and "
        "of its gradient",
        [Control("part", [".".join(map(str, keys)) for keys, _, _ in lines], start=4, kind="point")],
        draw,
        say,
    )


def _lines(params: Tree, grads: Any, keys: tuple = ()) -> Iterator[tuple[tuple, Any, Any]]:
    """(keys, leaf or None, gradient or None) of every branch and leaf below, in the tree's order.

    A branch of a list that has the leaves of the one before it is one line, with SAME in the place of the gradient.
    """
    for key, child in entries(params):
        own = (*keys, key)
        if isinstance(params, list) and key and _shapes(child) == _shapes(params[key - 1]):
            yield own, None, SAME
            continue
        branch = isinstance(child, (dict, list))
        yield own, None if branch else child, None if branch else grads[key]
        if branch:
            yield from _lines(child, grads[key], own)


def _shapes(tree):
    return {path: leaf.shape for path, leaf in flatten({"": tree}).items()}


def _at(tree, keys):
    for key in keys:
        tree = tree[key]
    return tree


def _said(grad):
    return f"{len(grad.rows)} rows" if isinstance(grad, RowGrad) else str(grad.shape)


def weighted_rows(data: Sequence[int] = (900, 100)) -> Scene:
    """Eq. (7) in a batch of 64 rows: weights of the rows, and how many equal rows they are worth, as Y gets rarer.

    data  rows of the domains X and Y in the data set
    """

    def weights(reading, at):
        rare = RARE[at]
        return row_weights((slice(0, ROWS - rare), slice(ROWS - rare, ROWS)), READINGS[reading], tuple(data))

    largest = max(weights(r, at).max() for r in range(len(READINGS)) for at in range(len(RARE)))

    def draw(reading, at):
        w, rare, cell = weights(reading, at), RARE[at], 22
        drawing = Drawing(ROWS / ACROSS * cell + 120)
        for i in range(ROWS):
            y, x = divmod(i, ACROSS)
            side = (cell - 2) * np.sqrt(w[i] / largest)
            drawing.rect(4 + x * cell, 2 + y * cell, cell - 2, cell - 2, "box cell")
            middle = 3 + (x + 0.5) * cell, 1 + (y + 0.5) * cell
            colour = "fill orange" if i >= ROWS - rare else "fill blue"
            drawing.rect(middle[0] - side / 2, middle[1] - side / 2, side, side, colour, rx=1)
        base = ROWS / ACROSS * cell + 22
        of_x = w[: ROWS - rare].sum() / w.sum()
        percent = round(100 * of_x)
        bars = (("share of X", of_x, percent), ("share of Y", 1 - of_x, 100 - percent))
        for i, (name, share, said) in enumerate(bars):
            drawing.text(4, base + 26 * i + 12, name)
            drawing.rect(92, base + 26 * i, 200 * share, 16, "fill orange" if i else "fill blue")
            drawing.text(92 + 200 * share + 6, base + 26 * i + 12, f"{said}%")
        n = w.sum() ** 2 / (w**2).sum()
        drawing.text(4, base + 64 + 12, "worth, in rows")
        drawing.rect(92, base + 64, 200, 16, "box")
        drawing.rect(92, base + 64, 200 * n / ROWS, 16, "fill soft")
        drawing.text(298, base + 64 + 12, f"{n:.0f} of {ROWS}")
        return drawing

    def say(reading, at):
        w, rare = weights(reading, at), RARE[at]
        of_y = f", a row of Y {w[-1]:.3f}" if rare else f"; there is no row of Y{MISSING[reading]}"
        return (
            f"{READINGS[reading]}: {rare} of {ROWS} rows are of domain Y. A row of X weighs {w[0]:.3f}{of_y}. "
            f"All weights add up to {w.sum():.3g}."
        )

    return Scene(
        "the 64 rows of a batch as squares, whose areas are the weights of the rows, blue of domain X, orange of Y; "
        "below, the share of each domain in the objective and how many equal rows the batch is worth",
        [
            Control("reading", READINGS, start=1, kind="choice"),
            Control("rows of Y", [str(n) for n in RARE], start=2),
        ],
        draw,
        say,
    )
