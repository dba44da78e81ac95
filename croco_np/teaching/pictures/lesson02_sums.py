"""Pictures of lesson 2: sums by row, in the order in which they are done, which may lose something."""

import numpy as np

from .grids import CELL, brief, grid
from .scene import Control, Scene
from .svg import Drawing


def add_in_place(ids: np.ndarray, dx: np.ndarray, n_rows: int) -> Scene:
    """`dT[ids] += dx` beside `np.add.at(dT, ids, dx)`, in steps: what each place reads, and what stands there after it.

    ids (B,) int, dx (B, E); n_rows is the height of dT.
    """
    n = len(ids)
    ways = ("dT[ids] += dx", "np.add.at(dT, ids, dx)")
    told = [_lossy(ids, dx, n_rows), _one_by_one(ids, dx, n_rows)]
    steps = ["before", *(f"place {i}" for i in range(n))]
    largest = np.abs(told[1][-1][1]).max()

    def draw(at, way):
        seen, sums = told[way][at]
        drawing = Drawing(24 + max(n, n_rows) * CELL + 6)
        place = np.arange(n)[:, None] == at - 1
        for r, value in enumerate(ids):
            drawing.text(14, 24 + (r + 0.5) * CELL + 4, str(value), "code", anchor="middle")
        drawing.text(2, 19, "ids", "name")
        before = len(drawing.root)
        grid(drawing, 40, 24, np.nan_to_num(seen), "read", largest=largest, lit=place)
        there = np.repeat(~np.isnan(seen).ravel(), 2)
        for element, shown in zip(list(drawing.root)[before + 1 :], there, strict=True):
            if not shown:
                element.set("class", f"{element.get('class')} hidden")
        grid(drawing, 140, 24, dx, "+ dx", largest=largest, lit=place)
        grid(
            drawing, 276, 24, sums, "dT", largest=largest, lit=np.arange(n_rows)[:, None] == (ids[at - 1] if at else -1)
        )
        for v in range(n_rows):
            drawing.text(268, 24 + (v + 0.5) * CELL + 4, str(v), "soft", anchor="end")
        row = max(at - 1, 0)
        ends = (140 + dx.shape[1] * CELL + 4, 24 + (row + 0.5) * CELL, 254, 24 + (ids[row] + 0.5) * CELL)
        drawing.arrow(*ends, "line blue thick", hidden=at == 0)
        return drawing

    def say(at, way):
        if at == 0:
            return ("All places read dT at once, before any has written.", "Nothing has been read yet.")[way]
        seen, sums = told[way][at]
        i = at - 1
        was = told[way][at - 1][1][ids[i]]
        lost = not np.array_equal(seen[i], was)
        end = f" It had held {brief(was[0])} by now, which is lost." if lost else ""
        read, added, new = (brief(a[0]) for a in (seen[i], dx[i], sums[ids[i]]))
        return f"Place {i} read {read}, adds {added} and writes {new} to row {ids[i]}.{end}"

    return Scene(
        "what each place reads from dT, the dx it adds, and dT after it has written",
        [Control("step", steps, start=n, kind="steps"), Control("line", ways, kind="choice")],
        draw,
        say,
    )


def _lossy(ids, dx, n_rows):
    """(what was read, sums) before and after each write of `sums[ids] += dx`: NumPy reads all, then writes all."""
    sums = np.zeros((n_rows, dx.shape[1]))
    seen = sums[ids]
    states = [(seen, sums.copy())]
    for i, added in zip(ids, seen + dx, strict=True):
        sums[i] = added
        states.append((seen, sums.copy()))
    return states


def _one_by_one(ids, dx, n_rows):
    """The same of `np.add.at`: each place reads when it is its turn. NaN where nothing has been read yet."""
    sums, seen = np.zeros((n_rows, dx.shape[1])), np.full(dx.shape, np.nan)
    states = [(seen.copy(), sums.copy())]
    for place, i in enumerate(ids):
        seen[place] = sums[i]
        np.add.at(sums, ids[place : place + 1], dx[place : place + 1])
        states.append((seen.copy(), sums.copy()))
    return states


def sort_and_reduce(ids: np.ndarray, d: np.ndarray) -> Scene:
    """Places of a batch as they come, sorted by id, and reduced to a sum for each id that occurs. ids, d (B,)."""
    order = np.argsort(ids, kind="stable")
    rows, starts = np.unique(ids[order], return_index=True)
    sums = np.add.reduceat(d[order], starts)
    stretches = list(zip(starts, [*starts[1:], len(ids)], strict=True))
    rank = np.argsort(order)
    pitch, largest = 300 / len(ids), np.abs(sums).max()

    def draw(at):
        drawing = Drawing(188)
        for y, name in ((35, "id"), (75, "dx")):
            drawing.text(4, y, name, "name")
        for i in range(len(ids)):
            x = 48 + (rank[i] if at else i) * pitch
            drawing.rect(x, 14, CELL, CELL, "box")
            drawing.text(x + CELL / 2, 35, str(ids[i]), "number", anchor="middle")
            drawing.rect(x, 54, CELL, CELL, "fill orange cell", fill_opacity=0.75 * abs(d[i]) / largest)
            drawing.text(x + CELL / 2, 75, brief(d[i]), "number", anchor="middle")
        for (first, last), row, total in zip(stretches, rows, sums, strict=True):
            x1, x2 = 48 + first * pitch, 48 + (last - 1) * pitch + CELL
            middle = (x1 + x2) / 2
            drawing.path([(x1, 94), (x1, 100), (x2, 100), (x2, 94)], hidden=at < 2)
            drawing.arrow(middle, 100, middle, 112, hidden=at < 2)
            drawing.rect(
                middle - CELL / 2,
                114,
                CELL,
                CELL,
                "fill orange lit",
                fill_opacity=0.75 * abs(total) / largest,
                hidden=at < 2,
            )
            drawing.text(middle, 135, brief(total), "number", anchor="middle", hidden=at < 2)
            drawing.text(middle, 164, f"row {row}", "soft", anchor="middle", hidden=at < 2)
        drawing.text(4, 135, "sums", "name", hidden=at < 2)
        return drawing

    def say(at):
        if at == 2:
            return f"Each stretch is summed by itself; {len(rows)} rows have a gradient, the others are not there."
        return (
            "Places as the batch has them; equal ids are scattered.",
            "Sorted by id, all places of one row stand together.",
        )[at]

    return Scene(
        "ids with their gradients, sorted by id, and one sum for each id",
        [Control("step", ["as they come", "sorted", "summed"], start=2, kind="steps")],
        draw,
        say,
    )
