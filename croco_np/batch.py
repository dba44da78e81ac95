"""A mini-batch, sorted by domain: domain s is a slice, so routing is slicing and its backward is concatenation."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from .arguments import INTEGERS, REAL, as_array, integers, kind_of, plain
from .backend import on_device


class Batch(NamedTuple):
    """B impressions of S domains.

    ids        (B, F) int   encoded fields, one column a field
    prior_ids  (B, 3) int   the columns of user, item and domain again (Eq. 9)
    domains    S slices     rows of each domain; empty where a domain is absent
    labels     (B,)   float 1 = click
    training   whether the rows are trained on; layers with running statistics use those only when they are not
    """

    ids: np.ndarray
    prior_ids: np.ndarray
    domains: tuple[slice, ...]
    labels: np.ndarray
    training: bool = True

    def brought(self, bring: Callable[[np.ndarray], Any]) -> "Batch":
        """The same rows with their arrays elsewhere, such as on a device; the slices stay what they are.

        bring  makes of an array of the host one that lies there
        """
        return self._replace(ids=bring(self.ids), prior_ids=bring(self.prior_ids), labels=bring(self.labels))

    def only(self, rows: slice) -> "Batch":
        """The rows of one domain as a batch that knows no other."""
        n = rows.stop - rows.start
        return Batch(self.ids[rows], self.prior_ids[rows], (slice(0, n),), self.labels[rows], self.training)


def check_domains(
    domains: tuple[slice, ...], n_domains: int | None = None, n_rows: int | None = None, may_be_open: bool = False
) -> None:
    """Raise unless slices cut `n_rows` rows into `n_domains` parts, one after the other: TypeError or ValueError.

    Where a number is not given, any will do. With `may_be_open`, for who only slices with them and does not count rows,
    a bound of None is the beginning or the end, as in any slice.
    """
    if n_domains not in (None, len(domains)):
        raise ValueError(f"{len(domains)} slices of rows, want {n_domains}, one a domain")
    end = 0
    for rows in domains:
        if not isinstance(rows, slice):
            raise TypeError(f"rows of a domain are a {type(rows).__name__}, want a slice")
        start, stop = rows.start, rows.stop
        if may_be_open:
            start, stop = 0 if start is None else start, n_rows if stop is None else stop
        if type(start) not in INTEGERS or type(stop) not in INTEGERS:
            raise TypeError(f"{rows}: the bounds of a domain's rows must be integers")
        if start != end or stop < start or rows.step not in (None, 1):
            raise ValueError(f"{rows} after row {end}: the domains' rows must follow on each other")
        end = stop
    if n_rows not in (None, end):
        raise ValueError(f"the domains have {end} rows, there are {n_rows}")


def check_ids(ids: np.ndarray, vocabulary: Sequence[int], names: Sequence[str] | None = None, first: int = 0) -> None:
    """Raise unless ids (N, F) are integers with 0 <= ids[:, f] < vocabulary[f]; larger ones are rows of the next field.

    names  of the F fields, for the message; without, they are numbered
    first  number of the first row, where these are a block of more

    Raises TypeError for a dtype, ValueError for anything else. Takes some bytes an id: what is on disk should come
    block by block. Of ids on a device only the shape is looked at: `make_batch` checks them before they go there.
    """
    ids = integers("ids", ids)
    if ids.ndim != 2 or ids.shape[1] != len(vocabulary):
        raise ValueError(f"ids have shape {ids.shape}, want (N, {len(vocabulary)}), one column a field")
    if on_device(ids):
        return
    wrong = (ids < 0) | (ids >= np.asarray(vocabulary))
    if wrong.any():
        row, f = np.argwhere(wrong)[0].tolist()
        name = f"field {f}" if names is None else f"field {names[f]}"
        raise ValueError(f"row {first + row}: {name}: id {ids[row, f]}, vocabulary {vocabulary[f]}")


def check_rows(rows: Any, schema: Any, first: int = 0, labels: bool = True) -> None:
    """Raise unless a `Rows`, or a block of one, is what a schema says: ids, domains, labels, and equal lengths.

    first   number of the first row, for the message
    labels  whether the labels must be 0 or 1; set it off where nobody has clicked yet

    Raises TypeError or ValueError.
    """
    check_ids(rows.ids, schema.vocabulary, schema.fields, first)
    _check_lengths(rows)
    check_domain_ids(rows.domains, len(schema.domains), first)
    if labels:
        check_labels(rows.labels, first)


def _check_lengths(rows):
    for name in ("labels", "domains", "users"):
        if (shape := plain(name, getattr(rows, name)).shape) != (len(rows.ids),):
            raise ValueError(f"{name} have shape {shape} beside {len(rows.ids)} rows of ids, want one a row")


def check_domain_ids(domains: np.ndarray, n_domains: int, first: int = 0) -> None:
    """Raise unless domains (N,) are integers from 0 to `n_domains` - 1."""
    domains = integers("domains", domains)
    wrong = np.flatnonzero((domains < 0) | (domains >= n_domains))
    if len(wrong):
        raise ValueError(f"row {first + int(wrong[0])}: domain {domains[wrong[0]]}, there are {n_domains}")


def check_labels(labels: np.ndarray, first: int = 0) -> None:
    """Raise unless labels (N,) are numbers or bools that are 0 or 1; on a device only their dtype is looked at."""
    labels = plain("labels", labels)
    if labels.dtype.kind not in "biuf":
        raise TypeError(f"labels are {kind_of(labels)}, want an array of 0 and 1")
    if on_device(labels):
        return
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise ValueError(f"row {first + int(wrong[0])}: label {labels[wrong[0]]}, want 0 or 1")


def domain_slices(domains: np.ndarray, n_domains: int) -> tuple[slice, ...]:
    """The slices of rows that are sorted by domain: domains (B,) int -> S slices, empty where a domain is absent."""
    ends = np.cumsum(np.bincount(domains, minlength=n_domains)).tolist()
    return tuple(map(slice, [0, *ends[:-1]], ends))


def make_batch(
    rows: Any, at: np.ndarray, schema: Any, dtype: DTypeLike = np.float64, training: bool = True
) -> tuple[Batch, np.ndarray]:
    """The rows `at` (positions, any order) of a `Rows` as a `Batch`, and the positions in the batch's own order.

    The sort is stable: inside a domain the order of `at` is kept. Raises ValueError, TypeError or IndexError for rows
    that do not fit the schema or are not there (`check_rows`); labels are looked at in training alone.
    """
    at = as_array("positions", at)
    if np.dtype(dtype) not in REAL:
        raise TypeError(f"labels as {np.dtype(dtype)}, want float32 or float64")
    if at.ndim != 1 or at.dtype.kind not in "iu":
        raise TypeError(f"positions of rows are {kind_of(at)} of shape {at.shape}, want integers (B,)")
    if at.size and at.min() < 0:
        raise IndexError(f"position {at.min()}: there are rows 0 to {len(rows.ids) - 1}")
    if plain("ids", rows.ids).ndim != 2:
        raise ValueError(f"ids have shape {rows.ids.shape}, want (N, {len(schema.fields)}), one column a field")
    _check_lengths(rows)
    domains = np.asarray(rows.domains[at])
    order = np.argsort(domains, kind="stable")
    at = at[order]
    ids, labels = np.ascontiguousarray(rows.ids[at]), np.asarray(rows.labels[at])
    check_ids(ids, schema.vocabulary, schema.fields)
    check_domain_ids(domains, len(schema.domains))
    if training:
        check_labels(labels)
    batch = Batch(
        ids=ids,
        prior_ids=ids[:, schema.prior_fields],
        domains=domain_slices(domains, len(schema.domains)),
        labels=labels.astype(dtype),
        training=training,
    )
    return batch, at
