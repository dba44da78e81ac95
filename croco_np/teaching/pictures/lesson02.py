"""Pictures of lesson 2: rows of tables, looked up by the ids of a batch, and gradients that fall back into them."""

from collections.abc import Sequence

import numpy as np

from ...layers import Embeddings
from .grids import CELL, grid
from .scene import Control, Scene
from .svg import Drawing


def look_up(table: np.ndarray, ids: np.ndarray, dx: np.ndarray) -> Scene:
    """x = T[ids] row by row, then dT: each row of dx is added to the row of the table that its id names.

    table (V, E), ids (B,) int, dx (B, E); all small enough to be read.
    """
    n = len(ids)
    left, middle, right = 40, 184, 296  # T and dT; x and dx; ids
    below = 24 + max(table.shape[0], n) * CELL + 38
    sums = [np.zeros_like(table)]
    for i, row in zip(ids, dx, strict=True):
        sums.append(sums[-1].copy())
        sums[-1][i] += row
    steps = [f"look up {i}" for i in range(n)] + [f"send back {i}" for i in range(n)]

    def draw(at):
        drawing = Drawing(below + max(table.shape[0], n) * CELL + 4)
        i, back = at % n, at >= n
        in_table = np.arange(len(table))[:, None] == ids[i]
        in_batch = np.arange(n)[:, None] == i
        largest = max(np.abs(dx).max(), np.abs(sums[-1]).max())
        for top, names, arrays, here, strongest in (
            (24, ("T", "x = T[ids]"), (table, table[ids]), not back, np.abs(table).max()),
            (below, ("dT", "dx"), (sums[at - n + 1] if back else sums[0], dx), back, largest),
        ):
            for v in range(len(table)):
                drawing.text(left - 8, top + (v + 0.5) * CELL + 4, str(v), "soft", anchor="end")
            grid(drawing, left, top, arrays[0], names[0], largest=strongest, lit=in_table & here)
            there = i + 1 if top < below and not back else n
            _some(drawing, middle, top, arrays[1], names[1], strongest, in_batch & here, there)
            drawing.text(right, top - 5, "ids", "name")
            for r, value in enumerate(ids):
                drawing.rect(right, top + r * CELL + 0.5, CELL, CELL - 1, "box lit" if here and r == i else "box")
                drawing.text(right + CELL / 2, top + (r + 0.5) * CELL + 4, str(value), "number", anchor="middle")
            ends = [
                (left + table.shape[1] * CELL + 4, top + (ids[i] + 0.5) * CELL),
                (middle - 4, top + (i + 0.5) * CELL),
            ]
            (x1, y1), (x2, y2) = ends[::-1] if top == below else ends
            drawing.arrow(x1, y1, x2, y2, "line thick " + ("blue" if top == below else "orange"), hidden=not here)
        return drawing

    def say(at):
        i = at % n
        if at < n:
            return f"Row {i} of the batch has id {ids[i]}: it gets a copy of row {ids[i]} of the table."
        others = [r for r in range(i) if ids[r] == ids[i]]
        more = f" Row {others[-1]} has been there before: both add up." if others else ""
        return f"Backward: row {i} of dx is added to row {ids[i]} of dT, where the copy came from.{more}"

    return Scene(
        "a table T and the rows x that a batch looks up in it; below, dx and the gradient dT of the table",
        [Control("step", steps, start=n - 1, kind="steps")],
        draw,
        say,
    )


def _some(drawing, x, y, array, name, largest, lit, rows):
    """A grid of which only the first rows are there yet."""
    before = len(drawing.root)
    grid(drawing, x, y, array, name, largest=largest, lit=lit)
    for element in list(drawing.root)[before + 1 + 2 * rows * array.shape[1] :]:
        element.set("class", f"{element.get('class')} hidden")


def fields_of_a_table(layer: Embeddings, table: np.ndarray, ids: np.ndarray) -> Scene:
    """The tables of all fields in one array, and a batch that goes through it row by row, up and down.

    Forward, the rows of the table that a row of the batch looks up, and the x_m that they make. Backward, with ones for
    dx: the gradient so far, which counts how often each row was used. table (V, M, E), ids (B, F).
    """
    size, left, top = 18, 86, 42
    flat = table.reshape(len(table), -1)
    rows = ids + layer.offsets
    x = layer.forward({"table": table}, ids)[0]
    names = [f"field {f}, id {v}" for f, count in enumerate(layer.vocabulary) for v in range(count)]
    over = left + flat.shape[1] * size

    def draw(at, way):
        drawing = Drawing(top + len(flat) * size + 6)
        counts = np.bincount(rows[: at + 1].ravel(), minlength=len(flat))
        shown = np.repeat(counts[:, None], flat.shape[1], axis=1) if way else flat
        strongest = np.bincount(rows.ravel()).max() if way else np.abs(flat).max()
        used = np.isin(np.arange(len(flat)), rows[at])
        drawing.text(left, 14, "gradient of the table" if way else "the table", "name")
        for m in range(layer.n_tables):
            drawing.text(left + (m + 0.5) * layer.width * size, 34, f"m = {m}", "soft", anchor="middle")
        for v, name in enumerate(names):
            drawing.text(left - 6, top + (v + 0.5) * size + 4, name, "soft", anchor="end")
            drawing.text(over + 8, top + (v + 0.5) * size + 4, "\u2190" if way else "\u2192", hidden=not used[v])
            drawing.text(over + 26, top + (v + 0.5) * size + 4, f"{counts[v]}", "number", hidden=not way)
        grid(drawing, left, top, shown, cell=size, largest=strongest, numbers=False, lit=used[:, None])
        for offset in layer.offsets[1:]:
            drawing.line(left - 80, top + offset * size, over + 36, top + offset * size)
        drawing.line(left + layer.width * size, top, left + layer.width * size, top + len(flat) * size)
        drawing.text(246, 14, "ids", "name")
        grid_of_ids(drawing, 246, 20, ids, at)
        for m in range(layer.n_tables):
            y = 20 + len(ids) * 26 + 28 + m * 46
            given = np.ones_like(x[at, m]) if way else x[at, m]
            name = f"{'d' if way else ''}x, m = {m}"
            grid(drawing, 246, y, given, name, cell=12, largest=np.abs(given).max(), numbers=False)
        return drawing

    def say(at, way):
        if way:
            return (
                f"Backward, rows 0 to {at} of the batch: each sent ones back to the rows that it had used, where they "
                f"add up. {int((np.bincount(rows[: at + 1].ravel(), minlength=len(flat)) == 0).sum())} of {len(flat)} "
                "rows have no gradient."
            )
        named, offset, found = (", ".join(map(str, a)) for a in (ids[at], layer.offsets, rows[at]))
        return (
            f"Forward, row {at} of the batch: ids {named} and offsets {offset} name rows {found}. "
            "One look-up brings both tables."
        )

    return Scene(
        "a table of three fields below each other and two tables side by side; the rows that a row of a batch uses",
        [
            Control("row of the batch", [str(i) for i in range(len(ids))], kind="steps"),
            Control("pass", ["forward", "backward"], kind="choice"),
        ],
        draw,
        say,
    )


def grid_of_ids(drawing: Drawing, x: float, y: float, ids: np.ndarray, at: int) -> None:
    """Ids as numbers in boxes, with row `at` in frames."""
    for (i, f), value in np.ndenumerate(ids):
        drawing.rect(x + 26 * f, y + 26 * i + 0.5, 25, 25, "box lit" if i == at else "box")
        drawing.text(x + 26 * f + 12.5, y + 26 * i + 17, str(value), "number", anchor="middle")


def two_brackets(batch: int, width: int, outputs: int, vocabularies: Sequence[int]) -> Scene:
    """(N T) W beside N (T W), drawn to scale: how many rows are multiplied, for a field of so many values."""
    scale = 130 / batch

    def draw(at):
        values = vocabularies[at]
        drawing = Drawing(222)
        for x, name, rows in ((10, "T[ids] W", batch), (196, "(T W)[ids]", values)):
            high, copied = max(rows * scale, 1.5), x > 100
            drawing.text(x, 14, name, "name")
            drawing.rect(x, 28, 20, high, "fill orange cell", rx=0, title="what is multiplied")
            drawing.text(x + 36, 42, "W", anchor="middle")
            drawing.rect(x + 26, 28, 20, 20, "line soft", rx=0)
            drawing.rect(x + 56, 28, 40, high, "fill orange cell", rx=0, title="products")
            drawing.rect(x + 116, 28, 40, 130, "fill faint", rx=0, hidden=not copied)
            drawing.arrow(x + 99, 60, x + 113, 60, hidden=not copied)
            drawing.text(x, 178, f"{rows:,} rows multiplied")
            drawing.text(x, 196, f"{rows * width * outputs:,}", "number")
            drawing.text(x, 212, "multiplications", "soft")
        return drawing

    def say(at):
        values = vocabularies[at]
        times = batch / values
        what = f"{times:,.0f} times less to multiply" if times > 1 else "nothing is saved"
        return f"A field with {values:,} values, a batch of {batch:,}: {what}; grey is only copied."

    return Scene(
        "two ways to a product, as bars as high as the rows that are multiplied",
        [Control("values of the field", [f"{v:,}" for v in vocabularies], start=len(vocabularies) // 2)],
        draw,
        say,
    )
