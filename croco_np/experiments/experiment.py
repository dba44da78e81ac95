"""What an experiment is: how its frames are collected, and how sections are made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from ..report import Section
from .study import Study


class Results(NamedTuple):
    """What an experiment found.

    frames  {name: table of numbers}, each a CSV file; tables and figures are made of these alone
    about   what they are: data set, rows, seeds, budget, command
    """

    frames: dict[str, pd.DataFrame]
    about: dict[str, Any]


class Experiment(NamedTuple):
    """One table or figure of the paper, or a question beside them.

    title    as it is headed
    what     what it shows, in a line, for `--help`
    dataset  the data set it is run on where no other is named; "": it needs none
    collect  makes or finds the runs -> {name: frame}
    present  the frames, as read from their CSV files -> sections of tables and figures
    seeds    how many, where no number is named; 0: it trains nothing
    sets     settings of a run that it sets itself, beside model, seed and threads: a flag could say nothing of them
    tuned    whether its rows are tuned
    """

    title: str
    what: str
    dataset: str
    collect: Callable[[Study], dict[str, pd.DataFrame]]
    present: Callable[[Results], list[Section]]
    seeds: int = 6
    sets: tuple[str, ...] = ()
    tuned: bool = True
