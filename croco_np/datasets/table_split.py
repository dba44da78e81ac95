"""Which rows of a table are for training, validation and test: by time, by chance, or by user.

Each way gives every row a score, and cuts the scores twice: low scores are for training, high ones for test. Rows of
one score stay together.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, OptionError
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


def read_times(raw: Any, name: str, place: Callable[[int], str]) -> Times:
    """A raw column of numbers, of dates, or of texts that are dates as ISO 8601 has them.

    place  function(row) -> where it is, for the message

    Dates without a zone are taken as they are, others as UTC. Raises InputError for anything else, with its place.
    """
    import pandas as pd  # half a second that only those who bring a table have to wait; a browser has none

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


def by_time(
    times: Times,
    shares: tuple[float, float],
    train_until: float | str | None = None,
    valid_until: float | str | None = None,
) -> list[np.ndarray]:
    """Parts by time; see `cut`.

    train_until, valid_until  last time of the training and of the validation rows: a number where times are numbers;
                              where they are dates, a day as YYYYMMDD, with all its hours
    """
    first = _end_of(train_until, times.is_date, "train_until")
    second = _end_of(valid_until, times.is_date, "valid_until")
    if None not in (first, second) and first >= second:
        raise OptionError(
            lambda called: f"{called('train_until')} {train_until}: not before {called('valid_until')} {valid_until}"
        )
    return cut(times.at, shares, (first, second), "times")


def _end_of(bound, is_date, name):
    """The last moment that counts: of a day, its last microsecond."""
    if bound is None or not is_date:
        return bound
    try:
        day = datetime.strptime(str(bound), "%Y%m%d" if str(bound).isdigit() else "%Y-%m-%d")
        return (day + timedelta(days=1) - datetime(1970, 1, 1)) // timedelta(microseconds=1) - 1
    except (ValueError, OverflowError) as error:
        raise OptionError(lambda called: f"{called(name)} {bound}: must be a day as YYYYMMDD") from error


def by_chance(keys: list[np.ndarray], shares: tuple[float, float], seed: int = 0) -> list[np.ndarray]:
    """Parts drawn at random, whatever the order of the rows.

    keys  columns of integers (N,) that say what a row is; the second, third, ... row of one key are drawn on their own
    """
    return cut(_row_coins(keys, seed), shares, (None, None), "rows")


def by_user(users: np.ndarray, keys: list[np.ndarray], shares: tuple[float, float], seed: int = 0) -> list[np.ndarray]:
    """All rows of a user (N,) in one part; rows of no user, -1, are drawn one by one."""
    of_users = coin(combined([users, np.full(len(users), seed)]))
    return cut(np.where(users < 0, _row_coins(keys, seed), of_users), shares, (None, None), "users")


def _row_coins(keys, seed):
    import pandas as pd

    hashes = combined(keys)
    again = pd.Series(hashes).groupby(hashes, sort=False).cumcount().to_numpy()
    return coin(combined([hashes, again, np.full(len(hashes), seed)]))


def cut(
    scores: np.ndarray,
    shares: tuple[float, float],
    bounds: tuple[float | None, float | None],
    what: str,
) -> list[np.ndarray]:
    """Positions of the training, validation and test rows, in order.

    scores  (N,) numbers; equal ones stay together, so parts are as large as their shares as near as can be
    shares  of validation and test; a share of 0 means no such rows
    bounds  last scores of the first two parts; None where the shares decide
    what    the scores are, in the plural, for the message

    Raises InputError for a part without rows.
    """
    valid, test = shares
    values, counts = np.unique(scores, return_counts=True)
    first, second = bounds
    if second is None:
        rest = values > first if first is not None else np.ones(len(values), bool)
        goal = 1 - test if first is None else valid / (valid + test) if valid + test else 1
        second = _nearest(values[rest], counts[rest], goal, (first is None) + (valid > 0), test > 0)
    if first is None:
        inside = values <= second
        first = _nearest(values[inside], counts[inside], (1 - valid - test) / (1 - test), 1, valid > 0)
    train = scores <= first
    middle = ~train & (scores <= second)
    parts = [np.flatnonzero(part) for part in (train, middle, ~train & ~middle)]
    wanted = zip(NAMES, parts, (1, *shares), strict=True)
    if empty := [name for name, part, wish in wanted if wish and not len(part)]:
        raise InputError(f"no rows are left for {' and '.join(empty)}, of {len(scores):,} with {len(values):,} {what}")
    return parts


def _nearest(values, counts, goal, before, after):
    """The value that ends a part of about `goal` of all counts.

    Up to it there are `before` values or more, as many as there are parts, and beyond it there are `after`; as far as
    there are enough of them.
    """
    if len(values) == 0:
        return -np.inf
    low, high = before - 1, len(values) - after
    if low < 0 and goal == 0:
        return -np.inf
    low = min(max(low, 0), len(values) - 1)
    share = np.cumsum(counts)[low : max(high, low + 1)] / counts.sum()
    return values[low + int(np.abs(share - goal).argmin())]
