"""Raw columns, from wherever they come, as distinct values of one kind.

    integer   1, 1.0, "1", "1.0" and True are one value
    number    a finite or infinite float64; 0.5 and "0.5" are one value
    text      the text as it is, blanks and case included; 7 and 7.0 are "7"; dates have one form, see `date_texts`
    duration  milliseconds, in quarter octaves of 1 + seconds

None, NaN, NA, NaT, masked entries and "" stand for no value, in every kind. Where numbers are wanted, the texts of
MISSING_TEXT do, too; as texts they are values, since NA may be Namibia. What cannot be a value of the kind, such as
"abc" or 1.5 of an integer column, is a value that no vocabulary holds.
"""

import hashlib
import math
import re
from typing import Any, NamedTuple

import numpy as np

from .date_texts import DATES, one_form
from .raw_columns import MISSING, factorised, objects, one_dimension, text
from .whole_numbers import whole_number

KINDS = ("integer", "number", "text", "duration")
MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")  # what stands for no number
FOREIGN = -2  # in `Values.at`, as MISSING is
_TRUTH = {"true": 1, "True": 1, "TRUE": 1, "false": 0, "False": 0, "FALSE": 0}
_PLAIN = re.compile(r"[ \t]*[+-]?\d{1,19}[ \t]*", re.ASCII)  # ids may need all of 64 bits
_WHOLE = re.compile(r"(0|-?[1-9]\d*)(\.0)?", re.ASCII)  # as programs write whole numbers, and fractions
_FRACTION = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)
_SAMPLE = 100  # rows that tell most columns of text
_EXACT = 1 << 53  # whole numbers below it are told apart by float64
_LARGEST = 1 << 63  # whole numbers are int64
_POSITIVE = _LARGEST - 1  # the bits of a number from 0


class Values(NamedTuple):
    """A raw column of N rows: its U distinct values, and which row has which.

    values  (U,) int64 of an integer or a duration, float64 of a number, objects (str) of a text; in any order
    at      (N,) integers: position in `values`; MISSING; or FOREIGN, something that is no value of the kind
    """

    values: np.ndarray
    at: np.ndarray

    def take(self, of_values: np.ndarray, otherwise: int = 0) -> np.ndarray:
        """What belongs to each row (N,), given what belongs to each distinct value (U,)."""
        return np.append(of_values, np.array([otherwise, otherwise], of_values.dtype))[self.at]


def distinct(raw: Any, kind: str, name: str = "a column") -> Values:
    """A raw column as `Values` of a kind: a pandas Series of any dtype, an array or a list.

    Raises ValueError, with `name`, for what has not one dimension, and for lists and the like in place of values.
    """
    return _values(*factorised(one_dimension(raw, name), kind == "text", name), kind)


def _values(found, at, kind):
    """The `Values` of what was found (U,), of which row i has that at position at[i]."""
    values, state = _states(found, kind)
    good = state == 0
    values, state[good] = _merged(values[good])
    return Values(values, np.append(state, MISSING).astype(np.int32)[at])


def inferred(raw: Any, name: str = "a column") -> tuple[str, Values]:
    """The kind of a raw column, and the column as `distinct` has it.

    It is of integers if all its values are; else of numbers, if they are and a float64 tells them apart; else of text.
    Texts are numbers only as programs write them: "7" and "7.0", but not "007", "+7" or " 7", which as codes may be
    something else than "7".
    """
    column = one_dimension(raw, name)
    some, _ = factorised(getattr(column, "iloc", column)[:_SAMPLE], False, name)
    if any(_are(some, kind) for kind in ("integer", "number")):  # most columns of text are told by a few of their rows
        found, at = factorised(column, False, name)
        for kind in ("integer", "number"):
            if _are(found, kind):
                return kind, _values(found, at, kind)
    return "text", distinct(raw, "text", name)


def _are(found, kind):
    """Whether all that was found (U,) is of a kind of numbers, and stays distinct as such."""
    values, state = _states(found, kind)
    if (state == FOREIGN).any() or not _written_as_numbers(found, kind):
        return False
    return kind == "integer" or bool((np.abs(values[np.isfinite(values)]) < _EXACT).all())


def _written_as_numbers(found, kind):
    """Whether the texts in what was found are written as programs write numbers, so that no two become one value.

    Only "3" and "3.0" do: a column of whole numbers with gaps is written so.
    """
    if found.dtype != object:
        return True
    texts = [text(value) for value in found if isinstance(value, (str, bytes)) and value]
    if all(value in _TRUTH for value in texts):
        return True
    others = [value for value in texts if not _WHOLE.fullmatch(value)]
    if kind == "integer" or not all(_FRACTION.fullmatch(value) or _is_shortest(value) for value in others):
        return not others
    return len({float(value) for value in others}) == len(others)  # 1.1 and 1.10 may be versions


def _is_shortest(value):
    """Whether a text is what `repr` makes of a float, such as 1e-05 or inf."""
    number = _float(value)
    return number == number and repr(number) == value


def _states(found, kind):
    """Values (U,) of what was found, and 0, FOREIGN or MISSING for each."""
    values, state = _CONVERT[kind](found)
    if found.dtype == object:
        nothing = ("",) if kind == "text" else MISSING_TEXT
        state[[isinstance(value, str) and value in nothing for value in found]] = MISSING
    return values, state


def _integers(found):
    """Whole numbers (U,) int64, and 0 or FOREIGN for each."""
    if found.dtype.kind == "f":
        good = (np.abs(found) < _LARGEST) & (np.floor(found) == found)
        return np.where(good, found, 0).astype(np.int64), np.where(good, 0, FOREIGN)
    if found.dtype.kind in "biu":
        good = found <= _POSITIVE if found.dtype.kind == "u" else np.ones(len(found), bool)
        return np.where(good, found, 0).astype(np.int64), np.where(good, 0, FOREIGN)
    numbers = [_whole(value) for value in found]
    values = np.array([number or 0 for number in numbers], np.int64)
    return values, np.array([FOREIGN if number is None else 0 for number in numbers], np.int64)


def _whole(value):
    """One object as a whole number of 64 bits, or None."""
    if isinstance(value, DATES):
        return None
    if isinstance(value, bytes):
        value = text(value)
    if isinstance(value, str):
        value = int(value) if _PLAIN.fullmatch(value) else _TRUTH.get(value, whole_number(value))
    try:
        number = None if value is None else int(value)
        return number if number == value and -_LARGEST <= number < _LARGEST else None
    except (TypeError, ValueError, OverflowError):
        return None


def _floats(found):
    """Numbers (U,) float64, and 0 or FOREIGN for each."""
    if found.dtype.kind in "biuf":
        return found.astype(np.float64) + 0.0, np.zeros(len(found), np.int64)
    values = np.array([_float(value) for value in found], np.float64) + 0.0  # no -0.0
    return values, np.where(np.isnan(values), FOREIGN, 0)


def _float(value):
    """One object as a float, NaN where it is none."""
    if isinstance(value, DATES):
        return math.nan
    try:
        if isinstance(value, (np.float16, np.float32)):
            return float(str(value))
        if isinstance(value, str):
            return float(_TRUTH.get(value, value)) if "_" not in value else math.nan
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _texts(found):
    """Texts (U,), each of them good."""
    texts = [one_form(value if type(value) is str else text(value)) for value in found.tolist()]
    return objects(texts), np.zeros(len(texts), np.int64)


def _merged(values):
    """The distinct ones of some values, and which is which: "1" and 1 have become one value."""
    if values.dtype != object:
        return np.unique(values, return_inverse=True)
    met: dict[str, int] = {}
    at = np.array([met.setdefault(value, len(met)) for value in values], np.int64)
    return objects(list(met)), at


def _durations(found):
    ms, state = _floats(found)
    good = (state == 0) & (ms >= 0) & np.isfinite(ms)
    return duration_bucket(np.where(good, ms, 0)), np.where(good, 0, FOREIGN)


def duration_bucket(ms: np.ndarray) -> np.ndarray:
    """Length in ms -> bucket number: quarter octaves of 1 + seconds; 0 ms (unknown) is bucket 0."""
    return np.floor(4 * np.log2(1 + np.asarray(ms) / 1000)).astype(np.int64)


_CONVERT = {"integer": _integers, "number": _floats, "text": _texts, "duration": _durations}


def group_keys(column: Values) -> np.ndarray:
    """Numbers (N,) int64 from 0 that are equal for equal values, and -1 for none: whom a row belongs to, in gAUC.

    They depend on nothing but the value, so blocks of rows that are read one by one agree. Whole numbers from 0 are
    their own keys; a text gets 63 bits of its BLAKE2.
    """
    values = column.values
    if values.dtype == object:
        digests = (hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest() for value in values)
        keys = np.frombuffer(b"".join(digests), "<i8").astype(np.int64)
    else:
        keys = values.view(np.int64)
    return column.take(keys & _POSITIVE, -1)
