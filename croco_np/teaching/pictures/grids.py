"""Arrays as grids of coloured cells: orange above 0, blue below, the stronger the larger, with the numbers inside."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .svg import Drawing

STRONGEST = 0.55  # opacity of the largest number's colour: with more, the number is hard to read on a dark page
CELL = 34  # units: a number of three digits fits in 12-unit text


def grid_size(array: np.ndarray, cell: float = CELL) -> tuple[float, float]:
    """Width and height of the grid of a matrix or vector, without its name."""
    rows, columns = np.atleast_2d(array).shape
    return columns * cell, rows * cell


def grid(
    drawing: Drawing,
    x: float,
    y: float,
    array: np.ndarray,
    name: str = "",
    *,
    cell: float = CELL,
    tall: float | None = None,
    largest: float | None = None,
    numbers: bool = True,
    lit: Any = False,
    goes: Callable[[int, int], dict[str, int]] | None = None,
    title: Callable[[int, int], str] | None = None,
) -> None:
    """Draw a matrix (a vector is one row) with its upper left corner at x, y and its name above.

    cell     width of a cell, and its height if `tall` is None
    largest  value of the strongest colour; the array's own if None
    numbers  whether they are written in the cells
    lit      booleans of the array's shape: cells with a frame
    goes     (row, column) -> the setting that pointing at a cell shows
    title    (row, column) -> what a reader sees who points at it
    """
    values = np.atleast_2d(np.asarray(array, float))
    high = cell if tall is None else tall
    strongest = largest or np.abs(values).max(initial=0) or 1.0
    frames = np.broadcast_to(lit, values.shape)
    if name:
        drawing.text(x, y - 5, name, "name")
    for (i, j), value in np.ndenumerate(values):
        left, top = x + j * cell, y + i * high
        drawing.rect(
            left + 0.5,
            top + 0.5,
            cell - 1,
            high - 1,
            ("fill orange" if value > 0 else "fill blue") + (" lit" if frames[i, j] else " cell"),
            fill_opacity=STRONGEST * min(abs(value) / strongest, 1),
            goes=goes and goes(i, j),
            title=title(i, j) if title else None,
        )
        if numbers:
            said = brief(value)
            drawing.text(left + cell / 2, top + high / 2 + 4, said, "number", anchor="middle", **_fitting(said, cell))


def _fitting(said: str, cell: float) -> dict[str, Any]:
    """Attributes that squeeze a number into a cell, so that it does not run into the next one in a wide font."""
    wide = sum({".": 4.0, "\N{MINUS SIGN}": 10.0}.get(character, 7.7) for character in said)  # of DejaVu Sans
    return {"textLength": cell - 6, "lengthAdjust": "spacingAndGlyphs"} if wide > cell - 5 else {}


def brief(value: float) -> str:
    """A number in at most five characters, for a cell."""
    size = abs(value)
    if value == int(value) and size < 1000:
        said = f"{value:.0f}"
    elif size >= 100:
        said = f"{value:.0f}" if size < 1000 else f"{value:.0e}".replace("e+0", "e")
    elif size >= 0.005:
        said = f"{value:.2f}" if size < 10 else f"{value:.1f}"
    else:
        said = f"{value:.0e}".replace("e-0", "e-")
    return said.replace("-", "\N{MINUS SIGN}")


def signed(value: float, form: str = ".2f") -> str:
    """A number for a sentence, in a format such as ".2f" or "g", with a true minus sign, and none before a zero."""
    said = f"{value:{form}}"
    return said.replace("-", "\N{MINUS SIGN}") if float(said) else said.lstrip("-")
