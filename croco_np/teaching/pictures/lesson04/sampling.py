"""Covariances on samples of the rows, and what the absolute value makes of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from ....diagnostics import covariance_map
from ..grids import signed
from ..scene import Control, Scene
from ..svg import Drawing


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
