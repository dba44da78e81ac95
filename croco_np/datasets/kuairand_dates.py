"""Dates of KuaiRand: are they dates, and where do training, validation and test rows part?"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from ..errors import InputError
from .csv_lines import CsvLines
from .kuairand_files import span
from .oddities import share

FIRST, LAST = date(2022, 4, 8), date(2022, 5, 8)  # of the data set
SLACK = timedelta(days=1)  # `date` lags: in 0.9 % of the genuine rows it is a day later than `time_ms`
DAY_MS, BEIJING_MS = 86_400_000, 8 * 3_600_000
FAR = 7  # days between `date` and `time_ms` by the median; beyond, time_ms is no time of these rows
SURE = 10_000  # rows of a log; of so many, in any order, no day lacks all: each has 2 % of a genuine log or more
MANY = 0.1  # share of rows in which the two do not fit; beyond, neither says which is wrong


def as_day(number: int) -> date | None:
    """YYYYMMDD -> date, or None if there is no such day."""
    try:
        return _day(number)
    except (ValueError, OverflowError):
        return None


def _day(number):
    return date(number // 10_000, number // 100 % 100, number % 100)


def check(lines: CsvLines, dates: np.ndarray, path: Path) -> set[date]:
    """The days of some `CsvLines`, a set; InputError for the first date that is none, or not of those of the file."""
    first, last = span(path) or (FIRST, LAST)
    days = set()
    for value in np.unique(dates).tolist():
        day = as_day(value)
        if day is None:
            lines.fail(int((dates == value).argmax()), f"date is {value}, must be a day as YYYYMMDD")
        elif not first - SLACK <= day <= last + SLACK:
            holds = f"date is {{}}, but by its name the file holds {first} to {last}"
            lines.check(dates != value, f"{holds}; drop the line, or mend the name", dates)
        days.add(day)
    return days


def lacking(path: Path, days: set[date], rows: int) -> list[str]:
    """A note on the days that a log holds by its name and of which it has no row, as a list, or none.

    days  the days met, a set
    rows  how many rows the log has. With many of them it is no small sample but a file of which a part is lost, and
          other days would be validation and test: InputError
    """
    first, last = span(path) or (FIRST, FIRST)
    all_days = [first + timedelta(days=i) for i in range((last - first).days + 1)] if span(path) else []
    lost = [day for day in all_days if day not in days]
    if not lost:
        return []
    what = f"by its name it holds {first} to {last}, but {len(lost)} of these {len(all_days)} days have no row"
    if rows >= SURE:
        raise InputError(f"{path}: {what} (first: {lost[0]}); fetch it again, or name it by the days that it holds")
    return [f"{path.name}: {what} (first: {lost[0]}); is it complete?"]


def misfits(dates: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Which rows (N,) have a `date` more than a day off where `time_ms` puts it, compared with most rows; and a note.

    Where the two have nothing to do with each other, none is a misfit.
    """
    days, at = np.unique(dates, return_inverse=True)
    ordinals = np.array([_day(value).toordinal() for value in days.tolist()])
    lag = ordinals[at] - date(1970, 1, 1).toordinal() - (times + BEIJING_MS) // DAY_MS
    usual = int(np.median(lag))
    if abs(usual) > FAR:
        return np.zeros(len(dates), bool), [f"time_ms is {abs(usual):,} days from date; rows are in its order even so"]
    odd = np.abs(lag - usual) > 1
    notes = [f"rows whose date does not fit their time_ms: {share(odd.sum(), len(odd))}"] if odd.any() else []
    return odd & (odd.sum() <= max(1, MANY * len(odd))), notes


def split(
    dates: np.ndarray, train_until: int, valid_until: int, misfit: np.ndarray, place: Callable[[int], str]
) -> tuple[list[np.ndarray], list[str]]:
    """Positions of the training, validation and test rows; and notes.

    train_until, valid_until  last dates of the first two. 0: the last two days are test, the two before them validation
    misfit                    (N,) bool: rows that must not decide which days those are
    place                     function(row) -> where it is in the files, for the message
    """
    for flag, value in ("--train-until", train_until), ("--valid-until", valid_until):
        if value and as_day(value) is None:
            raise InputError(f"{flag} {value}: must be a day as YYYYMMDD")
    if train_until and valid_until and train_until >= valid_until:
        raise InputError(f"--train-until {train_until}: must be before --valid-until {valid_until}")
    days, notes = _days(dates)
    bounds = train_until or days[max(len(days) - 5, 0)], valid_until or days[max(len(days) - 3, 0)]
    if misfit.any():
        sure, _ = _days(dates[~misfit])
        surely = train_until or sure[max(len(sure) - 5, 0)], valid_until or sure[max(len(sure) - 3, 0)]
        if bounds != surely:
            moved = misfit & np.isin(dates, np.setxor1d(days, sure))
            row = int((moved if moved.any() else misfit).argmax())
            raise InputError(
                f"{place(row)}: date is {dates[row]}, far from its time_ms, and would move the split of all rows; "
                "mend or drop the line, or set --train-until and --valid-until"
            )
    first = dates <= bounds[0]
    second = ~first & (dates <= bounds[1])
    return [np.flatnonzero(part) for part in (first, second, ~first & ~second)], notes


def _days(dates):
    """The days that have rows enough to count as days, sorted; and notes on those that have not.

    One in twenty of what a day has by the median: the rows whose date lags behind, 0.9 % of the last genuine day, are
    no day of test.
    """
    days, counts = np.unique(dates, return_counts=True)
    counted = counts * 20 >= np.median(counts)
    few = [f"{day} ({n:,} rows)" for day, n in zip(days[~counted], counts[~counted], strict=True)]
    notes = [f"too few rows to be a day of validation or test: {', '.join(few)}"] if few else []
    return days[counted].tolist(), notes
