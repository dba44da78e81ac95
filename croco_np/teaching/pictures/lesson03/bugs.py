"""Broken backwards of a mixture beside the right one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..grids import grid
from ..scene import Control, Scene
from ..svg import Drawing

TOP = 46  # of the grids


def two_tests(
    layers: Sequence[Any], right: Any, a: np.ndarray, o: np.ndarray, upstream: Mapping[str, np.ndarray]
) -> Scene:
    """The da of broken backwards beside the right one, for several upstream gradients; what differs is framed.

    layers and right take a (B, M, K) and o to h; upstream {what it is: dh (B, K)}. Row 0 is drawn.
    """
    names, dhs = [type(layer).__name__ for layer in layers], list(upstream)

    def das(i, j):
        found = []
        for layer in (right, layers[i]):
            _, cache = layer.forward({}, a, o)
            (da, _), _ = layer.backward(cache, upstream[dhs[j]])
            found.append(da[0])
        return found

    cell, (n_experts, width) = 38, a.shape[1:]
    largest = max(np.abs(da).max() for i in range(len(layers)) for j in range(len(dhs)) for da in das(i, j))

    def draw(i, j):
        drawing = Drawing(TOP + cell * n_experts + 30 + cell + 6)
        da, own = das(i, j)
        drawing.text(8, 16, f"row 0 of {len(a)}: experts down, dimensions across", "soft")
        for x, values, name in ((8, da, "right da"), (24 + cell * width + 24, own, "this da")):
            off = ~np.isclose(values, da)
            grid(drawing, x, TOP, values.round(2) + 0, name, cell=cell, largest=largest, lit=off)
            below = TOP + cell * n_experts + 26
            grid(
                drawing, x, below, values.sum(axis=0).round(12) + 0, "sum over the experts", cell=cell, largest=largest
            )
        return drawing

    def say(i, j):
        da, own = das(i, j)
        verdict = "equals the right one: this dh sees no bug" if np.allclose(own, da) else "is wrong where framed"
        sums = "add up to 0 over the experts" if np.allclose(own.sum(axis=0), 0) else "do not add up to 0"
        return f"{names[i]}, dh {dhs[j]}, row 0: da {verdict}. Its entries {sums}."

    return Scene(
        "row 0 of the right da and of that of a broken backward, experts downwards and dimensions across, and their"
        " sums below",
        [Control("backward", names, kind="choice"), Control("dh", dhs, kind="choice")],
        draw,
        say,
    )
