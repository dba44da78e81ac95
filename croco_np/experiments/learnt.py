"""What the models of a table learnt, as columns: abundance, diversity, covariance between experts, dead units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..report import Cell, Table
from .compare import seeds_in
from .frames import by_seed
from .statistics import mean

COLUMNS = {
    "ia": ("IA of item tables", ".2f"),
    "expert_ia": ("IA of experts", ".2f"),
    "di": ("DI, conflict rows", ".3f"),
    "di_all_rows": ("DI, all rows", ".3f"),
    "di_chance": ("DI by chance", ".3f"),
    "covariance": ("mean abs. covariance", ".2g"),
    "correlation": ("mean abs. correlation, live pairs", ".3f"),
    "dead": ("dead units", ".1%"),
}


def learnt_table(frame: pd.DataFrame, label: str, rows: Sequence[str], names: dict[str, str], caption: str) -> Table:
    """Means over the seeds of what was found in the trained models; empty where a system has no such thing."""
    seeds = seeds_in(frame)
    columns = [c for c in COLUMNS if c in frame]
    cells = []
    for row in rows:
        line: list[Cell | str] = [names.get(row, row)]
        for column in columns:
            m = mean(by_seed(frame, label, row, column, seeds))
            form = COLUMNS[column][1]
            spread = f" ± {m.deviation:{form}}" if np.isfinite(m.deviation) and column != "di_chance" else ""
            line.append(Cell(m.mean, f"{m.mean:{form}}{spread}") if np.isfinite(m.mean) else Cell(None))
        cells.append(line)
    return Table(caption, [label, *(COLUMNS[c][0] for c in columns)], cells)
