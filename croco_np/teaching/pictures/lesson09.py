"""Pictures of lesson 9: two limits, lines of memory, and who owns what is written."""

from math import log10

import numpy as np

from .scene import Control, Scene
from .svg import Drawing

ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


def operations_per_byte(m: int, k: int, n: int) -> float:
    """Of a float32 product (m, k) by (k, n) whose three arrays move once: 2 m k n / 4 (m k + k n + m n)."""
    return 2 * m * k * n / (4 * (m * k + k * n + m * n))


def roofline(k: int = 368, n: int = 512, gflops: float = 80, gbytes: float = 10) -> Scene:
    """The roofline: the best rate of a product over its operations a byte, and where m rows stand on it.

    gflops, gbytes  rates of a processor (10^9 operations a second) and of its memory (10^9 bytes a second)
    """
    left, right, top, bottom = 46, 350, 20, 196
    low, high = 0.05, 400.0

    def x(intensity):
        return left + (right - left) * log10(intensity / low) / log10(high / low)

    def y(rate):
        return bottom - (bottom - top) * log10(rate / (low * gbytes)) / log10(1.6 * gflops / (low * gbytes))

    def best(intensity):
        return min(gflops, gbytes * intensity)

    ridge = gflops / gbytes

    def draw(at):
        drawing = Drawing(240)
        drawing.line(left, bottom, right, bottom, "line soft")
        drawing.line(left, bottom, left, top, "line soft")
        drawing.path([(x(low), y(low * gbytes)), (x(ridge), y(gflops)), (x(high), y(gflops))], "line ink thick")
        for mark in (0.1, 1, 10, 100):
            drawing.text(x(mark), bottom + 16, f"{mark:g}", "number", anchor="middle")
        for mark in (1, 10, gflops):
            drawing.text(left - 6, y(mark) + 4, f"{mark:g}", "number", anchor="end")
        drawing.text(right, bottom + 34, "operations a byte", "soft", anchor="end")
        drawing.text(4, 12, "10\u2079 operations a second, at best", "soft")
        drawing.text(x(0.75), y(0.75 * gbytes) - 12, "memory limits", "orange", anchor="end")
        drawing.text(right, y(gflops) - 8, "arithmetic limits", "blue", anchor="end")
        relu = 1 / 12
        drawing.circle(x(relu), y(best(relu)), 5, "fill soft")
        drawing.text(x(relu) + 9, y(best(relu)) + 4, "ReLU backward")
        intensity = operations_per_byte(ROWS[at], k, n)
        colour = "blue" if intensity > ridge else "orange"
        drawing.line(x(intensity), bottom, x(intensity), y(best(intensity)), f"line {colour} dashed")
        drawing.circle(x(intensity), y(best(intensity)), 7, f"fill {colour}")
        return drawing

    def say(at):
        intensity = operations_per_byte(ROWS[at], k, n)
        side = "arithmetic" if intensity > ridge else "memory"
        share = best(intensity) / gflops
        return (
            f"{ROWS[at]} x {k} x {n}: {intensity:.3g} operations a byte. The limit is {side}: "
            f"{best(intensity):.3g} \u00b7 10\u2079 operations a second, {share:.0%} of what the processor could do."
        )

    return Scene(
        "roofline: the best rate of a matrix product grows with its operations a byte, up to the processor's own rate",
        [Control("rows m", [str(m) for m in ROWS], start=len(ROWS) - 1)],
        draw,
        say,
    )


def lines_of_memory(size: int = 8, line: int = 4, held: int = 4) -> Scene:
    """A walk over an array along its rows or down its columns, and the lines of memory that it fetches.

    size  rows and columns;  line  numbers in a line of memory;  held  lines that the cache holds, the oldest goes first
    """
    cell = 30
    ways = ("along rows", "down columns")
    walks = []
    for way in range(2):
        cache: list[tuple[int, int]] = []
        fetched, steps = 0, []
        for first in range(size):
            for second in range(size):
                i, j = (first, second) if way == 0 else (second, first)
                here = (i, j // line)
                if here not in cache:
                    fetched += 1
                    cache = [*cache, here][-held:]
                steps.append(((i, j), list(cache), fetched))
        walks.append(steps)

    def draw(way, at):
        place, cache, fetched = walks[way][at]
        drawing = Drawing(size * cell + 34)
        left = (drawing.width - size * cell) / 2
        for i in range(size):
            for j in range(size):
                now = (i, j) == place
                in_cache = (i, j // line) in cache
                fill = "fill orange" if now else "fill sky" if in_cache else "fill faint"
                drawing.rect(left + j * cell + 1, i * cell + 1, cell - 2, cell - 2, fill, fill_opacity=0.9)
            for start in range(0, size, line):
                drawing.rect(left + start * cell, i * cell, line * cell, cell, "line soft", rx=0)
        drawing.text(left, size * cell + 22, f"{at + 1} numbers used, {fetched} lines fetched", "name")
        return drawing

    def say(way, at):
        fetched = walks[way][at][2]
        told = (
            f"{ways[way]}: {at + 1} numbers used, {fetched} lines of {line} fetched, {(at + 1) / fetched:.2g} a line."
        )
        return f"{told} The cache (light blue) holds {held} lines."

    return Scene(
        f"an array of {size} x {size} numbers in lines of {line}, and which of them are in the cache during a walk",
        [
            Control("walk", ways, kind="choice"),
            Control("step", [str(i + 1) for i in range(size * size)], start=size * size - 1, kind="steps"),
        ],
        draw,
        say,
    )


def owners(slots: tuple[int, ...] = (1, 0, 2, 1, 3, 1, 2, 0)) -> Scene:
    """Two workers add the rows of a batch into sums: each half of the batch, or each its own sums.

    slots  the sum that each row goes to. Who splits the batch may read a sum while the other changes it.
    """
    half, sums = len(slots) // 2, max(slots) + 1
    splits = ("the batch", "the sums")

    def plan(way, at):
        """What each worker adds at a step: row of the batch or None."""
        if way == 0:
            return (at, at + half)
        own = [[i for i, slot in enumerate(slots) if slot % 2 == worker] for worker in range(2)]
        return tuple(rows[at] if at < len(rows) else None for rows in own)

    def totals(way, upto):
        held, clash = np.zeros(sums, int), []
        for at in range(upto + 1):
            rows = [row for row in plan(way, at) if row is not None]
            before = held.copy()
            for row in rows:  # both have read before either writes
                held[slots[row]] = before[slots[row]] + 1
            if len(rows) == 2 and slots[rows[0]] == slots[rows[1]]:
                clash.append(slots[rows[0]])
        return held, clash

    n_steps = max(half, *(sum(slot % 2 == worker for slot in slots) for worker in range(2)))

    def draw(way, at):
        drawing = Drawing(190)
        held, clash = totals(way, min(at, half - 1) if way == 0 else at)
        rows = plan(way, min(at, half - 1)) if way == 0 else plan(way, at)
        colours = ("orange", "blue")
        drawing.text(4, 14, "batch", "name")
        drawing.text(4, 174, "sums", "name")
        for i, slot in enumerate(slots):
            worker = (i >= half) if way == 0 else slot % 2
            drawing.rect(
                56 + 37 * i, 2, 33, 26, f"fill {colours[worker]}" + (" lit" if i in rows else ""), fill_opacity=0.35
            )
            drawing.text(72 + 37 * i, 20, f"to {slot}", "number", anchor="middle")
        for worker in range(2):
            row = rows[worker]
            x1, x2 = 72 + 37 * (row or 0), 92 + 66 * slots[row or 0]
            drawing.arrow(x1, 32, x2 + 12 * worker - 6, 146, f"line {colours[worker]} thick", hidden=row is None)
        for slot in range(sums):
            wrong = slot in clash
            drawing.rect(64 + 66 * slot, 150, 56, 36, "box wrong" if wrong else "box")
            drawing.text(92 + 66 * slot, 173, f"{held[slot]}", "name", anchor="middle")
        return drawing

    def say(way, at):
        held, clash = totals(way, min(at, half - 1) if way == 0 else at)
        done = at + 1 if way else min(at, half - 1) + 1
        share = "every other sum" if way else "half of the batch"
        told = f"Each worker owns {share}. Steps done: {done}; sums {held.tolist()}."
        if clash:
            return f"{told} Both read sum {clash[-1]} before either wrote, so one addition is lost."
        return f"{told} No sum was read by two at once."

    return Scene(
        "two workers add rows of a batch into sums, divided by rows or by sums",
        [
            Control("divided by", splits, kind="choice"),
            Control("step", [str(i + 1) for i in range(n_steps)], kind="steps"),
        ],
        draw,
        say,
    )
