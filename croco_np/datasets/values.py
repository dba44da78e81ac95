"""Raw columns, from wherever they come, as distinct values of one kind.

    integer   1, 1.0, "1", "1.0" and True are one value
    number    a finite or infinite float64; 0.5 and "0.5" are one value
    text      the text as it is, blanks and case included; 7 and 7.0 are "7"
    duration  milliseconds, in quarter octaves of 1 + seconds

None, NaN, NA and the texts of MISSING_TEXT stand for no value, in every kind. What cannot be a value of the kind, such
as "abc" or 1.5 of an integer column, is a value that no vocabulary holds.
"""

import hashlib
import math
import re
from typing import Any, NamedTuple

import numpy as np

from .whole_numbers import whole_number

KINDS = ("integer", "number", "text", "duration")
MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")  # what stands for no value
MISSING, FOREIGN = -1, -2  # in `Values.at`
_TRUTH = {"true": 1, "True": 1, "TRUE": 1, "false": 0, "False": 0, "FALSE": 0}
_PLAIN = re.compile(r"[ \t]*[+-]?\d{1,19}[ \t]*", re.ASCII)  # ids may need all of 64 bits
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
    found, at = _factorised(_one_dimension(raw, name), kind == "text", name)
    values, state = _states(found, kind)
    good = state == 0
    values, state[good] = _merged(values[good])
    return Values(values, np.append(state, MISSING).astype(np.int32)[at])


def inferred(raw: Any, name: str = "a column") -> tuple[str, Values]:
    """The kind of a raw column, and the column as `distinct` has it.

    It is of integers if all its values are; else of numbers, if they are and a float64 tells them apart; else of text.
    """
    column = _one_dimension(raw, name)
    some, _ = _factorised(getattr(column, "iloc", column)[:_SAMPLE], False, name)
    for kind in ("integer", "number"):
        if (_states(some, kind)[1] != FOREIGN).all():  # most columns of text fail here, before all of them is looked at
            column = distinct(raw, kind, name)
            exact = kind == "integer" or (np.abs(column.values[np.isfinite(column.values)]) < _EXACT).all()
            if exact and (column.at != FOREIGN).all():
                return kind, column
    return "text", distinct(raw, "text", name)


def _factorised(column, as_text, name):
    """What is found in a column (U,), and which row has which (N,); MISSING for None, NaN and NA.

    as_text  whether objects that are equal, such as 1 and True, are to be told apart by their texts
    """
    import pandas as pd  # half a second that only those who bring raw columns have to wait

    if as_text and column.dtype == object and pd.api.types.infer_dtype(column) not in ("string", "empty"):
        missing = pd.isna(column)
        column = _objects([None if no else _text(value) for value, no in zip(column, missing, strict=True)])
    try:
        at, found = pd.factorize(column)
    except TypeError as error:
        raise ValueError(f"{name}: holds what is no value ({error!s:.60})") from error
    dtype = getattr(found.dtype, "numpy_dtype", found.dtype)  # what is behind a nullable dtype
    plain = isinstance(dtype, np.dtype) and dtype.kind in "biuf"
    return np.asarray(found, dtype if plain else object), at


def _states(found, kind):
    """Values (U,) of what was found, and 0, FOREIGN or MISSING for each."""
    values, state = _CONVERT[kind](found)
    if found.dtype == object:
        state[[isinstance(value, str) and value in MISSING_TEXT for value in found]] = MISSING
    return values, state


def _one_dimension(raw, name):
    """A column as pandas or NumPy holds it; lists keep what they hold, so whole numbers beside None stay whole."""
    if isinstance(raw, (list, tuple)):
        return _objects(raw)
    if np.ma.isMaskedArray(raw):
        raw = raw.astype(object).filled(None)
    column = raw if hasattr(raw, "dtype") else np.asarray(raw)
    if getattr(column, "ndim", 1) != 1:
        raise ValueError(f"{name}: has {column.ndim} dimensions, want a column of one value a row")
    if column.dtype == object:
        return np.asarray(column)
    return np.char.decode(column, "utf-8", "backslashreplace").astype(object) if column.dtype.kind == "S" else column


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
    if isinstance(value, bytes):
        value = _text(value)
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
    try:
        if isinstance(value, str):
            return float(_TRUTH.get(value, value)) if "_" not in value else math.nan
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _texts(found):
    """Texts (U,), each of them good."""
    texts = [value if type(value) is str else _text(value) for value in found.tolist()]
    return _objects(texts), np.zeros(len(texts), np.int64)


def _text(value):
    """One object as text. Whole floats are written as whole numbers, since a column of them with gaps is of floats."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (float, np.floating)) and value == np.floor(value) and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def _merged(values):
    """The distinct ones of some values, and which is which: "1" and 1 have become one value."""
    if values.dtype != object:
        return np.unique(values, return_inverse=True)
    met = {}
    at = np.array([met.setdefault(text, len(met)) for text in values], np.int64)
    return _objects(list(met)), at


def _objects(items):
    """A list as an array (N,) of objects, whatever they are."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


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
        digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in values)
        keys = np.frombuffer(b"".join(digests), "<i8").astype(np.int64)
    else:
        keys = values.view(np.int64)
    return column.take(keys & _POSITIVE, -1)
