"""A Matplotlib figure as a picture of the tutorials: SVG with real text, in the colours of the page around it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .scene import figure

SETTINGS = {"legend.frameon": False, "legend.fontsize": 10}


class Chart:
    """A figure to draw on (`.figure`, `.axes()`), shown as SVG when the `with` block of `chart` has ended."""

    def __init__(self, drawing: Any, label: str) -> None:
        self._drawing, self.label = drawing, label
        self.figure = drawing.figure

    def axes(self, rows: int = 1, columns: int = 1, **options: Any) -> Any:
        """Axes of the figure, as Matplotlib's `subplots` gives them."""
        return self.figure.subplots(rows, columns, **options)

    def __repr__(self) -> str:
        return f"[picture: {self.label}]"

    def _repr_html_(self) -> str:
        from ...report.svg import with_own_ids

        prefix = f"c{sum(map(ord, self.label)) % 9973}-"
        return figure(with_own_ids(self._drawing.svg, prefix), self.label, self.label)


@contextmanager
def chart(label: str, height: float = 2.6, width: float = 4.0) -> Iterator[Chart]:
    """A Matplotlib figure of this size in inches; `label` says what it shows, for those who cannot see it.

    4 inches are the width of a phone's page, on which text of 10 points is still read: stack axes, do not widen.
    """
    from cycler import cycler

    from ...report.svg import CYCLE, drawing

    with drawing(width, height, **SETTINGS, **{"axes.prop_cycle": cycler(color=CYCLE)}) as made:
        yield Chart(made, label)
        for axes in made.figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                if axis.get_scale() == "log":  # raised exponents would be too small to read on a phone
                    axis.set_major_formatter(lambda value, place: f"{value:g}")
                    axis.set_minor_formatter("")
