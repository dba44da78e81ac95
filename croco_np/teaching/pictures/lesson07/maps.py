"""The covariance between all expert outputs of trained models, as maps in one scale."""

from collections.abc import Mapping

import numpy as np

from ..scene import Control, Scene
from ..svg import Drawing

LEFT, TOP, SIDE = 66, 26, 264
LEVELS = 8  # shades: the square root of |covariance| in eighths of the strongest


def shades(cov: np.ndarray, top: float) -> np.ndarray:
    """|cov| (n, n) as whole numbers from 0 to 8, by the square root of its share of `top`."""
    return np.rint(LEVELS * np.sqrt(np.minimum(np.abs(cov) / top, 1))).astype(int)


def maps_of_covariance(maps: Mapping[str, np.ndarray], said: Mapping[str, str], n_experts: int) -> Scene:
    """|covariance| of every pair of units, stronger where it is larger, and frames around the experts' own blocks.

    maps  {model: (n, n)}, the first of which sets the scale; said {model: what to tell of it}
    """
    names = list(maps)
    top = np.quantile(np.abs(maps[names[0]]), 0.99)
    n = len(maps[names[0]])
    cell, block = SIDE / n, SIDE / n_experts

    def draw(at):
        drawing = Drawing(TOP + SIDE + 6)
        shade = shades(maps[names[at]], top)
        drawing.rect(LEFT, TOP, SIDE, SIDE, "line soft", rx=0)
        for level in range(1, LEVELS + 1):
            d = "".join(
                f"M{LEFT + cell * j:g} {TOP + cell * i:g}h{cell:g}v{cell:g}h-{cell:g}z"
                for i, j in np.argwhere(shade == level)
            )
            drawing.add("path", "fill ink", d=d, fill_opacity=level / LEVELS)
        for m in range(n_experts):
            middle = block * (m + 0.5)
            drawing.rect(LEFT + block * m, TOP + block * m, block, block, "line orange thick", rx=0)
            drawing.text(LEFT + middle, TOP - 10, f"expert {m}", "soft", anchor="middle")
            drawing.text(LEFT - 8, TOP + middle + 4, f"expert {m}", "soft", anchor="end")
        return drawing

    return Scene(
        "size of the covariance between every two outputs of the experts, as a chessboard of blocks; the blocks of an"
        " expert with itself are framed",
        [Control("model", names, kind="choice")],
        draw,
        lambda at: f"{names[at]}: {said[names[at]]}",
    )
