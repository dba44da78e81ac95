"""The rows of a table: what they hold, which of them can be used, and which are there twice."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from .hashing import combined
from .table_options import Options
from .table_split import Times, read_times
from .values import FOREIGN, Values, distinct, inferred

_FEW_ROWS = 32


def read_labels(raw: Any, name: str, place: Callable[[int], str]) -> np.ndarray:
    """Clicks (N,) int8, -1 where there is none."""
    try:
        column = distinct(raw, "integer", name)
    except ValueError as error:
        raise InputError(f"{error}") from error
    labels = column.take(column.values, -1)
    wrong = ((labels != 0) & (labels != 1) & (column.at >= 0)) | (column.at == FOREIGN)
    if wrong.any():
        row = int(wrong.argmax())
        value = raw.iloc[row] if hasattr(raw, "iloc") else raw[row]
        value = value.item() if isinstance(value, np.generic) else value
        raise InputError(f"{place(row)}: {name} is {value!r:.60}, want 0 or 1; is it the column of clicks?")
    if not (column.at >= 0).any():
        raise InputError(f"no row has {name if ' ' in name else f'a {name}'}" if len(labels) else "no rows")
    return labels.astype(np.int8)


def read_fields(columns: dict[str, Any], options: Options, n: int) -> tuple[dict[str, str], dict[str, Values]]:
    """Kinds {field: kind} and `Values` {field: values} of all fields, in order."""
    kinds, table = {}, {}
    for name in options.seen(list(columns)):
        try:
            if name in options.kinds:
                kinds[name], table[name] = options.kinds[name], distinct(columns[name], options.kinds[name], name)
            else:
                kinds[name], table[name] = inferred(columns[name], name)
        except ValueError as error:
            raise InputError(f"column {error}") from error
        if len(table[name].at) != n:
            raise InputError(f"column {name}: {len(table[name].at):,} rows, {options.count_of_labels(n)}")
    return kinds, table


def check_leaks(table: dict[str, Values], labels: np.ndarray, keep: np.ndarray, domain: str) -> None:
    """Raise InputError for a field that says the same as the labels: a model that sees it learns nothing else.

    Such a field has two values, one of them for all clicks and the other for all else, be they 0 and 1, "no" and "yes",
    or something and nothing. In a few rows that may be chance.

    keep  (N,) bool: which rows are used
    """
    if np.count_nonzero(keep) < _FEW_ROWS:
        return
    clicked, passed = keep & (labels == 1), keep & (labels == 0)
    for name, values in table.items():
        if name == domain:
            continue
        ones, others = (_the_only_one(values.at[rows]) for rows in (clicked, passed))
        if None not in (ones, others) and ones != others:
            raise InputError(f"column {name!r} says the same as the labels; leave it out of the fields")


def _the_only_one(at):
    """The value that all of some rows have; None if they have several, or if there are no rows."""
    return int(at[0]) if len(at) and (at == at[0]).all() else None


def usable(
    columns: dict[str, Any],
    options: Options,
    labels: np.ndarray,
    table: dict[str, Values],
    place: Callable[[int], str],
) -> tuple[np.ndarray, dict[str, int], Times | None]:
    """Which rows (N,) can be used; {why: rows} that cannot; and the `Times`, or None where they do not matter."""
    keep, dropped, times = np.ones(len(labels), bool), {}, None
    lacking = {options.label_called: labels < 0, options.domain: table[options.domain].at < 0}
    if options.time and options.how == "time":
        times = read_times(columns[options.time], options.time, place)
        if len(times.at) != len(labels):
            rows = f"{len(times.at):,} rows, {options.count_of_labels(len(labels))}"
            raise InputError(f"column {options.time}: {rows}")
        lacking[options.time] = ~times.known
    for name, without in lacking.items():
        dropped[f"without {name}"] = int((keep & without).sum())
        keep &= ~without
    if not keep.any():
        raise InputError(f"no row has all of {', '.join(lacking)}")
    return keep, dropped, times


def repeated(columns: list[np.ndarray], keep: np.ndarray) -> np.ndarray:
    """Which rows (N,) to keep equal an earlier one of them."""
    import pandas as pd  # it hashes where NumPy sorts, ten times as fast

    again = np.zeros(len(keep), bool)
    again[keep] = pd.Series(combined(columns)[keep]).duplicated()
    return again
