"""Pictures of lesson 4: the matrix of all pairs and its blocks, experts while CovLoss drives them, a sample of rows."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from ...diagnostics import covariance_map
from ...diagnostics.covariance import between_experts
from ...losses import covariance
from .grids import grid, signed
from .scene import Control, Scene
from .svg import WIDTH, Drawing

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
    cell, left, top = 32, 196, 46
    below = top + cell * size + 62

    def draw(at, view, reading):
        a, b = divmod(at, size)
        one = parts[reading]
        shown = (one.C, one.signs, one.mask, one.mask * one.signs)[view]
        drawing = Drawing(below + cell * n_rows + 24)
        drawing.text(8, 20, names[view], "name")
        drawing.text(8, 40, f"L = {one.value:g}")
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
        frames = np.arange(size)
        grid(drawing, 8 + cell, below, one.Z, "Z", cell=cell, lit=(frames == a) | ((frames == b) & (view < 3)))
        _split(drawing, 8 + cell, below, cell, one.width, n_rows)
        first = len(drawing.root)
        grid(drawing, left, below, one.dZ, "dZ", cell=cell, lit=frames == b)
        _split(drawing, left, below, cell, one.width, n_rows)
        if view < 3:
            _hide(list(drawing.root)[first:])
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


def _hide(elements: Sequence[Element]):
    for element in elements:
        element.set("class", f"{element.get('class', '')} hidden".strip())


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


def fading(frames: Sequence[int], runs: Mapping[str, Sequence[np.ndarray]], n_points: int = 40) -> Scene:
    """Experts during training on CovLoss: |C| of all their outputs, two outputs against each other, and two curves.

    frames  the steps that can be shown
    runs    {reading of the index: outputs (B, M, K) at the start and after each step}
    """
    names = list(runs)
    start = runs[names[0]][0]
    _, n_experts, width = start.shape
    maps = {name: [covariance_map(o) for o in outputs] for name, outputs in runs.items()}
    strongest = np.abs(maps[names[0]][0][:width, width : 2 * width])
    i, j = np.unravel_index(int(strongest.argmax()), strongest.shape)  # the pair of experts 1 and 2 to look at
    largest = strongest.max()  # so that variances, which are larger, have the strongest colour, too
    reach = max(start[:n_points, 0, i].max(), start[:n_points, 1, j].max())
    between = {name: [between_experts(c, n_experts) for c in maps[name]] for name in names}
    curves = {
        name: ([b.covariance or 0 for b in between[name]], [np.diag(c).mean() for c in maps[name]]) for name in names
    }
    cell = 156 / (n_experts * width)

    def draw(at, reading):
        name, step = names[reading], frames[at]
        drawing = Drawing(326)
        drawing.text(16, 14, "|C| / B", "name")
        lit = np.zeros((n_experts * width,) * 2, bool)
        lit[i, width + j] = lit[width + j, i] = True
        grid(drawing, 16, 36, np.abs(maps[name][step]), cell=cell, largest=largest, numbers=False, lit=lit)
        for m in range(n_experts):
            middle = cell * width * (m + 0.5)
            drawing.text(16 + middle, 30, f"expert {m + 1}" if m == 0 else f"{m + 1}", "soft", anchor="middle")
            drawing.text(10, 36 + middle + 4, f"{m + 1}", "soft", anchor="end")
        for m in range(1, n_experts):
            edge = cell * width * m
            drawing.line(16 + edge, 36, 16 + edge, 192)
            drawing.line(16, 36 + edge, 172, 36 + edge)
        _scatter(drawing, runs[name][step][:n_points, 0, i], runs[name][step][:n_points, 1, j], reach, (i, j))
        _both_curves(drawing, curves[name], max(curves[names[0]][1][0], 1e-12), step)
        return drawing

    def say(at, reading):
        name, step = names[reading], frames[at]
        c, one = maps[name][step], between[name][step]
        spread = (c[i, i] * c[width + j, width + j]) ** 0.5
        pair = f"has correlation {signed(c[i, width + j] / spread)}" if spread > 0 else "holds a constant output"
        return (
            f"After {step} steps with {name}: mean |covariance| between experts {one.covariance:.4f}, variance of an "
            f"output {np.diag(c).mean():.3f}. The framed pair, drawn on the right, {pair}."
        )

    return Scene(
        "covariances of all outputs of the experts, two outputs as a scatter, and curves over the steps: with p > q the"
        " covariances between experts fade and variance is left, with p \u2265 q both go",
        [
            Control("steps done", [str(step) for step in frames], kind="steps"),
            Control("pairs", names, kind="choice"),
        ],
        draw,
        say,
    )


def _scatter(drawing, x, y, reach, units):
    """One output of expert 1 to the right, one of expert 2 upwards, a dot for each row."""
    left, bottom, side = 206, 192, 146
    drawing.arrow(left, bottom, left + side + 4, bottom, "line soft")
    drawing.arrow(left, bottom, left, bottom - side - 6, "line soft")
    drawing.text(left + side + 4, bottom + 16, f"output {units[0] + 1} of expert 1", "soft", anchor="end")
    drawing.text(left - 6, bottom - side - 14, f"output {units[1] + 1} of expert 2", "soft")
    for a, b in zip(x, y, strict=True):
        across, up = np.minimum((a, b), reach) * side / reach
        drawing.circle(round(left + across, 1), round(bottom - up, 1), 3.5, "fill blue", fill_opacity=0.6)


def _both_curves(drawing, curves, largest, step):
    """The mean |covariance| between experts and the mean variance over the steps, with a point at one step."""
    left, top, wide, high = 40, 232, WIDTH - 56, 70
    drawing.line(left, top + high, left + wide, top + high, "line faint")
    drawing.line(left, top, left, top + high, "line faint")
    drawing.text(left - 5, top + 8, f"{largest:.2g}", "soft", anchor="end")
    drawing.text(left - 5, top + high, "0", "soft", anchor="end")
    drawing.text(left, top + high + 18, "over the steps:", "soft")
    drawing.text(left + 96, top + high + 18, "variance of an output", "green")
    drawing.text(left + wide, top + high + 18, "|covariance|", "purple", anchor="end")
    for values, colour in zip(curves, ("purple", "green"), strict=True):
        last = len(values) - 1
        points = [
            (round(left + wide * t / last, 1), round(top + high * (1 - min(v / largest, 1)), 1))
            for t, v in enumerate(values)
        ]
        drawing.path(points[:12] + points[12:-1:6] + points[-1:], f"line {colour}")
        drawing.circle(*points[step], 4.5, f"fill {colour}")


def samples(pairs: Mapping[str, np.ndarray], sizes: Sequence[int], rng: np.random.Generator, n: int = 60) -> Scene:
    """Covariances of two outputs on samples of the rows: scattered around the true one, and what |.| makes of them.

    pairs  {true correlation, in words: outputs (B, 2)}
    sizes  how many rows a sample has; n samples of each are drawn
    """
    names, reach = list(pairs), 0.7

    def drawn(o, size):
        rows = [rng.choice(len(o), size, replace=False) for _ in range(n)]
        return np.array([covariance_map(o[some, :, None])[0, 1] for some in rows])

    measured = {(a, b): drawn(pairs[name], size) for a, name in enumerate(names) for b, size in enumerate(sizes)}
    full = [covariance_map(o[:, :, None])[0, 1] for o in pairs.values()]

    def place(value):
        return 180 + 236 * float(np.clip(value, -reach, reach))

    def draw(a, b):
        values = measured[a, b]
        drawing = Drawing(210)
        drawing.text(8, 14, f"covariance on {n} samples", "name")
        drawing.text(8, 116, "its absolute value", "name")
        for top, folded in ((24, False), (126, True)):
            drawing.line(place(-reach), top + 60, place(reach), top + 60, "line soft")
            for tick in (-0.5, 0, 0.5):
                drawing.text(place(tick), top + 76, signed(tick, "g"), "soft", anchor="middle")
            for at, value in enumerate(values):
                x = place(abs(value) if folded else value)
                drawing.circle(x, top + 8 + 44 * (at * 0.618 % 1), 3.5, f"fill {'orange' if value < 0 else 'blue'}")
            truth = abs(full[a]) if folded else full[a]
            drawing.line(place(truth), top, place(truth), top + 60, "line thick green")
            mean = np.abs(values).mean() if folded else values.mean()
            drawing.line(place(mean), top - 4, place(mean), top + 64, "line thick ink dashed")
        drawing.text(352, 14, "dashed: their mean", anchor="end")
        drawing.text(352, 116, "green: all rows", "green", anchor="end")
        return drawing

    def say(a, b):
        values, truth = measured[a, b], abs(full[a])
        return (
            f"True correlation {names[a]}, samples of {sizes[b]} of {len(pairs[names[a]])} rows: the mean covariance "
            f"is {signed(values.mean())}, the mean |covariance| {np.abs(values).mean():.3f}; on all rows |covariance| "
            f"is {truth:.3f}. Orange dots are negative, and are folded over below."
        )

    return Scene(
        "covariances of two outputs on samples of rows as dots around the true value, and their absolute values, whose"
        " mean is too large where the true value is near 0",
        [
            Control("true correlation", names, kind="choice"),
            Control("rows of a sample", [str(size) for size in sizes]),
        ],
        draw,
        say,
    )
