"""Dates, times and durations as text: one form for each moment, whatever the container that holds it.

    day          2022-05-01, also of a date with the time 00:00:00 and no zone
    time of day  2022-05-01T10:00:00.5; the seconds are written, zeros at the end of their fraction are not
    with a zone  2022-05-01T10:00:00+02:00, the offset as it is given; Z is +00:00
    length       1 days 02:00:00, as pandas writes it

CSV files hold texts, a DataFrame may hold datetime64: values of the one are found again in the other.
"""

import re
from datetime import date, timedelta

import numpy as np

DATES = (date, timedelta, np.datetime64, np.timedelta64)  # types of single values; pandas' own are among them
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(?:(Z)|([+-]\d\d):?(\d\d))?", re.ASCII)
_SHORTEST = len("2022-05-01T10:00")


def date_text(value: date | timedelta | np.datetime64 | np.timedelta64) -> str:
    """A date, a time or a duration as text."""
    import pandas as pd

    if isinstance(value, (timedelta, np.timedelta64)):
        return str(pd.Timedelta(value))
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    return one_form(value.isoformat())


def one_form(text: str) -> str:
    """A text, in the form above if it is a date with a time as ISO 8601 has them; any other text as it is.

    >>> one_form("2022-05-01 10:00:00.500Z"), one_form("2022-05-01 00:00:00"), one_form("10:00")
    ('2022-05-01T10:00:00.5+00:00', '2022-05-01', '10:00')
    """
    if len(text) < _SHORTEST or text[4] != "-":  # nearly all texts
        return text
    moment = _MOMENT.fullmatch(text)
    if not moment:
        return text
    day, minute, second, fraction, utc, hours, minutes = moment.groups()
    zone = "+00:00" if utc else f"{hours}:{minutes}" if hours else ""
    fraction = (fraction or "").rstrip("0")
    clock = minute + (second or ":00") + (f".{fraction}" if fraction else "")
    return f"{day}T{clock}{zone}" if zone or clock != "00:00:00" else day
