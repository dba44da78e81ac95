"""Which rows of a table are for training, validation and test: by time, by chance, or by user.

Each way gives every row a score, and cuts the scores twice: low scores are for training, high ones for test. Rows of
one score stay together.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..errors import InputError
from .hashing import coin, combined
from .values import FOREIGN, MISSING, distinct

SPLITS = ("time", "random", "user")
NAMES = ("train", "valid", "test")


class Times(NamedTuple):
    """When each row was.

    at        (N,) float64 or int64, in the column's own unit, or in microseconds if it is one of dates
    known     (N,) bool: is there a time?
    is_date   whether the column is one of dates
    """

    at: np.ndarray
    known: np.ndarray
    is_date: bool


def read_times(raw, name: str, place) -> Times:
    """A raw column of numbers, of dates, or of texts that are dates as ISO 8601 has them.

    place  function(row) -> where it is, for the message

    Dates without a zone are taken as they are, others as UTC. Raises InputError for anything else, with its place.
    """
    if getattr(getattr(raw, "dtype", None), "kind", "") == "M":
        return _dates(pd.Series(raw).reset_index(drop=True), np.arange(len(raw)))
    for kind in ("integer", "number"):
        column = distinct(raw, kind, name)
        if (column.at != FOREIGN).all():
            return Times(column.take(column.values), column.at >= 0, False)
    column = distinct(raw, "text", name)
    times = _dates(pd.to_datetime(pd.Series(column.values), format="ISO8601", errors="coerce", utc=True), column.at)
    if (wrong := ~times.known & (column.at != MISSING)).any():
        row = int(wrong.argmax())
        text = column.values[column.at[row]]
        raise InputError(
            f"{place(row)}: {name} is {text!r:.60}, neither a number nor a date such as 2022-05-01 or "
            "2022-05-01T13:00:00"
        )
    return times


def _dates(dates, at):
    """The `Times` of dates (U,), of which row i has that at position at[i], or none where that is negative."""
    if dates.dt.tz is not None:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    at = np.asarray(at)
    nothing = dates.isna().to_numpy()
    moments = dates.to_numpy("datetime64[us]").view(np.int64)
    return Times(np.append(moments, 0)[at], ~np.append(nothing, True)[at], True)


def by_time(times: Times, shares, train_until=None, valid_until=None, names=("train_until", "valid_until")):
    """Scores (N,), and the two bounds given, None where the shares decide.

    train_until, valid_until  last time of the training and of the validation rows: a number where times are numbers;
                              where they are dates, a day as YYYYMMDD, with all its hours
    """
    bounds = [
        None if bound is None else _end_of(bound, times.is_date, name)
        for bound, name in zip((train_until, valid_until), names, strict=True)
    ]
    if None not in bounds and bounds[0] >= bounds[1]:
        raise InputError(f"{names[0]} {train_until}: must be before {names[1]} {valid_until}")
    return cut(times.at, shares, bounds, "times")


def _end_of(bound, is_date, name):
    """The last moment that counts: of a day, its last microsecond."""
    if not is_date:
        return bound
    try:
        day = datetime.strptime(str(bound), "%Y%m%d" if str(bound).isdigit() else "%Y-%m-%d")
        return (day + timedelta(days=1) - datetime(1970, 1, 1)) // timedelta(microseconds=1) - 1
    except (ValueError, OverflowError) as error:
        raise InputError(f"{name} {bound}: must be a day as YYYYMMDD") from error


def by_chance(keys: list[np.ndarray], shares, seed: int = 0):
    """Parts drawn at random, whatever the order of the rows.

    keys  columns of integers (N,) that say what a row is; the second, third, ... row of one key are drawn on their own
    """
    return cut(_row_coins(keys, seed), shares, (None, None), "rows")


def by_user(users: np.ndarray, keys: list[np.ndarray], shares, seed: int = 0):
    """All rows of a user (N,) in one part; rows of no user, -1, are drawn one by one."""
    of_users = coin(combined([users, np.full(len(users), seed)]))
    return cut(np.where(users < 0, _row_coins(keys, seed), of_users), shares, (None, None), "users")


def _row_coins(keys, seed):
    hashes = combined(keys)
    again = pd.Series(hashes).groupby(hashes).cumcount().to_numpy()
    return coin(combined([hashes, again, np.full(len(hashes), seed)]))


def cut(scores: np.ndarray, shares: tuple[float, float], bounds, what: str) -> list[np.ndarray]:
    """Positions of the training, validation and test rows, in order.

    scores  (N,) numbers; equal ones stay together, so parts are as large as their shares as near as can be
    shares  of validation and test
    bounds  last scores of the first two parts; None where the shares decide
    what    the scores are, in the plural, for the message

    Raises InputError for a part without rows.
    """
    valid, test = shares
    values, counts = np.unique(scores, return_counts=True)
    first, second = bounds
    if second is None:
        rest = values > first if first is not None else np.ones(len(values), bool)
        goal = valid / (valid + test) if first is not None else 1 - test
        second = _nearest(values[rest], counts[rest], goal, 1 if first is not None else 2)
    if first is None and second is not None:
        inside = values <= second
        first = _nearest(values[inside], counts[inside], (1 - valid - test) / (1 - test), 1)
    if first is None or second is None:
        raise InputError(f"{len(values)} different {what} cannot be parted into training, validation and test rows")
    train = scores <= first
    middle = ~train & (scores <= second)
    parts = [np.flatnonzero(part) for part in (train, middle, ~train & ~middle)]
    if empty := [name for name, part in zip(NAMES, parts, strict=True) if not len(part)]:
        raise InputError(f"no rows are left for {' and '.join(empty)}, of {len(scores):,} with {len(values):,} {what}")
    return parts


def _nearest(values, counts, goal, before):
    """The value that ends a part of about `goal` of all counts, with `before` values in it and one left; or None."""
    if len(values) < before + 1:
        return None
    share = np.cumsum(counts)[before - 1 : -1] / counts.sum()
    return values[before - 1 + int(np.abs(share - goal).argmin())]
