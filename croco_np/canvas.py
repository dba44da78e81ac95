"""Matplotlib as this package draws with it: without pyplot, without the user's settings, in colours all can tell apart.

A user's style, LaTeX or backend would change pictures or stop them, and a notebook's own figures are left alone. Who
draws takes what it needs of Matplotlib from here, for it has to be imported here first.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

if "matplotlib" not in sys.modules and "MPLBACKEND" in os.environ:  # one that it does not know would stop it
    asked = os.environ.pop("MPLBACKEND")
    try:
        import matplotlib
    finally:
        os.environ["MPLBACKEND"] = asked
    with suppress(ValueError):
        matplotlib.rcParams["backend"] = asked  # of pyplot, which others may use
import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "Figure", "MaxNLocator", "PowerNorm", "canvas", "matplotlib"]
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#999999"  # Okabe & Ito


@contextmanager
def canvas(width: float, height: float, **settings: Any) -> Iterator[Figure]:
    """A figure of this size in inches; inside the `with` block Matplotlib has its own defaults and these settings."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for name, value in settings.items():
            matplotlib.rcParams[name] = value  # type: ignore[index]  # names are spelled out in its stubs
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
