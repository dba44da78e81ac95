"""The rows of a table: what they hold, which of them can be used, and which are there twice."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from .hashing import combined
from .table_options import Options
from .table_split import Times, read_times
from .values import FOREIGN, Values, distinct, inferred


def read_labels(raw: Any, name: str, place: Callable[[int], str]) -> np.ndarray:
    """Clicks (N,) int8, -1 where there is none."""
    try:
        column = distinct(raw, "integer", name)
    except ValueError as error:
        raise InputError(f"label {error}") from error
    labels = column.take(column.values, -1)
    wrong = ((labels != 0) & (labels != 1) & (column.at >= 0)) | (column.at == FOREIGN)
    if wrong.any():
        row = int(wrong.argmax())
        value = raw.iloc[row] if hasattr(raw, "iloc") else raw[row]
        value = value.item() if isinstance(value, np.generic) else value
        raise InputError(f"{place(row)}: {name} is {value!r:.60}, want 0 or 1; is it the column of clicks?")
    if not (column.at >= 0).any():
        raise InputError(f"no row has a {name}" if len(labels) else "no rows")
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
            raise InputError(f"column {name}: {len(table[name].at):,} rows, {options.label} has {n:,}")
    return kinds, table


def usable(
    columns: dict[str, Any],
    options: Options,
    labels: np.ndarray,
    table: dict[str, Values],
    place: Callable[[int], str],
) -> tuple[np.ndarray, dict[str, int], Times | None]:
    """Which rows (N,) can be used; {why: rows} that cannot; and the `Times`, or None where they do not matter."""
    keep, dropped, times = np.ones(len(labels), bool), {}, None
    lacking = {options.label: labels < 0, options.domain: table[options.domain].at < 0}
    if options.time and options.how == "time":
        times = read_times(columns[options.time], options.time, place)
        if len(times.at) != len(labels):
            raise InputError(f"column {options.time}: {len(times.at):,} rows, {options.label} has {len(labels):,}")
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
