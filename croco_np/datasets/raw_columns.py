"""Raw columns as their containers hold them: what is found in one, and which row has which."""

from typing import Any

import numpy as np

from .date_texts import DATES, date_text

MISSING = -1  # position of a row without a value
_EXACT = 1 << 53  # whole numbers below it are told apart by float64


def one_dimension(raw: Any, name: str) -> Any:
    """A column of N rows as pandas or NumPy holds it; ValueError, with `name`, for what is none.

    Lists keep what they hold, so whole numbers beside None stay whole.
    """
    if isinstance(raw, (list, tuple)):
        return objects([None if value is np.ma.masked else value for value in raw])
    column = raw if hasattr(raw, "dtype") else np.asarray(raw)
    if getattr(column, "ndim", 1) != 1:
        is_one = column.ndim == 0
        found = f"is a single value, {_shown(raw)}" if is_one else f"has {column.ndim} dimensions"
        raise ValueError(f"{name}: {found}; want a column of one value a row")
    if np.ma.isMaskedArray(column):
        return column
    if column.dtype == object:
        return np.asarray(column)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "Mm":
        return _of_dates(column, name)
    if isinstance(column.dtype, np.dtype) and not column.dtype.isnative:
        column = column.astype(column.dtype.newbyteorder("="))
    if column.dtype == np.float16:  # which pandas cannot factorise
        values, at = np.unique(np.asarray(column), return_inverse=True)
        return _shortest(values)[at]
    return np.char.decode(column, "utf-8", "backslashreplace").astype(object) if column.dtype.kind == "S" else column


def _shown(raw):
    """A single value for a message, without NumPy's wrapping."""
    return repr(raw.item() if isinstance(raw, np.generic) else raw)[:40]


def _of_dates(column, name):
    """An array of dates or durations of any unit as pandas has them."""
    import pandas as pd

    try:
        unit = np.datetime_data(column.dtype)[0]
        if unit in ("ps", "fs", "as"):
            column = np.asarray(column).astype(f"{column.dtype.kind}8[ns]")
        return pd.Series(column)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: dates that cannot be read ({error!s:.60})") from error


def factorised(column: Any, as_text: bool, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What is found in a column of `one_dimension` (U,), and which row has which (N,); MISSING where there is nothing.

    Nothing is None, NaN, NA, NaT and a masked entry. What is found is an array of bool, integers or float64, or of
    objects.

    as_text  whether objects that are equal, such as 1 and True, are to be told apart by their texts
    """
    import pandas as pd  # half a second that only those who bring raw columns have to wait

    if np.ma.isMaskedArray(column):
        there = ~np.ma.getmaskarray(column)
        found, of_those = factorised(one_dimension(np.ma.getdata(column)[there], name), as_text, name)
        at = np.full(len(there), MISSING, np.int64)
        at[there] = of_those
        return found, at
    if as_text and column.dtype == object and pd.api.types.infer_dtype(column) not in ("string", "empty"):
        missing = pd.isna(column)
        column = objects([None if no else text(value) for value, no in zip(column, missing, strict=True)])
    try:
        at, found = pd.factorize(column)
    except TypeError as error:
        raise ValueError(f"{name}: holds what is no value ({error!s:.60})") from error
    return _plain(found), at


def _plain(found):
    """Distinct values as an array of NumPy's numbers, or of objects.

    A short float stands for its shortest decimal: the float32 0.1 is 0.1, not 0.10000000149.
    """
    import pandas as pd

    if isinstance(found.dtype, pd.CategoricalDtype):
        found = found.categories[found.codes]
    dtype = getattr(found.dtype, "numpy_dtype", found.dtype)  # what is behind a nullable dtype
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biuf":
        return np.asarray(pd.Series(found).astype(object), object)
    found = np.asarray(found, dtype)
    return _shortest(found) if dtype == np.float32 else found


def _shortest(values):
    """Short floats (U,) as the float64 of their shortest decimals."""
    return values.astype(str).astype(np.float64)


def text(value: Any) -> str:
    """One object as text. Whole floats are written as whole numbers, since a column of them with gaps is of floats."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, DATES):
        return date_text(value)
    if isinstance(value, (float, np.floating)) and value == np.floor(value) and abs(float(value)) < _EXACT:
        return str(int(value))
    return str(value)


def objects(items: list[Any]) -> np.ndarray:
    """A list as an array (N,) of objects, whatever they are."""
    array = np.empty(len(items), object)
    array[:] = items
    return array
