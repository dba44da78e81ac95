"""Spectra of tables and expert outputs: how many directions of an embedding are in use, or have collapsed."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..arguments import INTEGERS, REAL, as_array, expect, integers, kind_of
from ..batch import check_domain_ids, check_ids
from ..datasets.splits import Rows, Schema
from ..tree import Tree, flatten

Owners = list[int | None] | None  # for each table, the domain that alone trains it, or None; None: no owners


class Measure(NamedTuple):
    """A measure, or None with the reason why it is undefined."""

    value: float | np.ndarray | None
    reason: str = ""


def _singular_values(matrix):
    """Singular values of a matrix (V, k), descending -> Measure.

    By QR, then the SVD of the small R: singular values of Q R are those of R, for Q has orthonormal columns. The
    eigenvalues of the Gram matrix would lose all that is below 1e-8 of the largest.
    """
    matrix = as_array("matrix", matrix)
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"matrix is {kind_of(matrix)}, want real numbers")
    matrix = matrix.astype(np.float64)
    expect("matrix", matrix, None, None)
    if matrix.size == 0:
        return Measure(None, "no rows" if len(matrix) == 0 else "no columns")
    if not np.isfinite(matrix).all():
        return Measure(None, "the matrix contains NaN or infinity")
    scale = np.abs(matrix).max()
    if scale == 0:
        return Measure(None, "the matrix is zero")
    small = np.linalg.qr(matrix / scale, mode="r") if len(matrix) > matrix.shape[1] else matrix / scale
    return Measure(np.linalg.svd(small, compute_uv=False))  # up to `scale`, which no caller needs


def singular_spectrum(matrix: np.ndarray) -> Measure:
    """Singular values of a matrix (V, k), descending and divided by the largest: (min(V, k),) -> Measure.

    Neither centred nor normalised. Undefined for a matrix of zeros or without rows.
    """
    sigma = _singular_values(matrix)
    return sigma if sigma.value is None else Measure(sigma.value / sigma.value[0])


def information_abundance(matrix: np.ndarray) -> Measure:
    """Information abundance (Guo et al. 2024), IA = sum_i sigma_i / max_i sigma_i of a matrix (V, k) -> Measure.

    1 <= IA <= min(V, k): 1 if all rows are multiples of one, k if the columns are orthogonal and equally long. The sum
    of `singular_spectrum`, so it, too, is neither centred nor normalised.
    """
    spectrum = singular_spectrum(matrix)
    return spectrum if spectrum.value is None else Measure(float(np.sum(spectrum.value)))


def mean_abundance(matrices: Iterable[np.ndarray]) -> Measure:
    """Mean IA of several matrices, those left out where it is undefined -> Measure; undefined if all are."""
    measures = [information_abundance(m) for m in matrices]
    values: list = [m.value for m in measures if m.value is not None]
    if values:
        return Measure(float(np.mean(values)))
    return Measure(None, measures[0].reason if measures else "no tables")


def expert_abundance(o: np.ndarray) -> tuple[list[Measure], Measure]:
    """IA of each expert's outputs, and of every dimension of all experts side by side: o (B, M, K) -> list, Measure."""
    expect("o", o, None, None, None, dtypes=REAL)
    alone = [information_abundance(o[:, m]) for m in range(o.shape[1])]
    return alone, information_abundance(o.reshape(len(o), o.shape[1] * o.shape[2]))


def field_tables(params: Tree, schema: Schema, field: str) -> list[np.ndarray]:
    """The embedding tables of one field, of any model: a list of (V_f, E), in the order of the parameters.

    All tables of a model lie in arrays `embeddings.table` (sum of vocabulary, M, E); the single-domain baseline has one
    such array for each domain. Tables of another kind (prior, domain) are not in the list.
    """
    at = schema.fields.index(field)
    first = sum(schema.vocabulary[:at])
    arrays = [t for path, t in flatten(params).items() if f".{path}".endswith(".embeddings.table")]
    for t in arrays:
        expect("embeddings.table", t, sum(schema.vocabulary), None, None)
    return [t[first : first + schema.vocabulary[at], m] for t in arrays for m in range(t.shape[1])]


def exposures(rows: Rows, schema: Schema, field: str) -> np.ndarray:
    """How often each value of a field occurs in each domain: (S, V_f). Hand it the training rows."""
    at, n = schema.fields.index(field), (len(schema.domains), schema.vocabulary[schema.fields.index(field)])
    domains, values = integers("domains", rows.domains), integers("ids", rows.ids)[:, at]
    check_domain_ids(domains, n[0])
    check_ids(values[:, None], n[1:], (field,))
    if domains.shape != values.shape:
        raise ValueError(f"domains {domains.shape} beside {len(values)} rows of ids")
    cells = domains.astype(np.int64) * n[1] + values
    return np.bincount(cells, minlength=n[0] * n[1]).reshape(n)


def trained_rows(counts: np.ndarray, owner: int | None = None) -> np.ndarray:
    """The rows of a table that training moved: bool (V,), from the `exposures` (S, V).

    owner  the domain that alone trains the table, None if all do

    Our choice, not in the paper: id 0, which stands for all rare values, and rows that no training row named are left
    out: those are still the noise they were initialised with, which fills every direction and would inflate IA.
    """
    counts = integers("counts", counts)
    if counts.ndim != 2 or counts.size == 0:
        raise ValueError(f"counts have shape {counts.shape}, want (S, V), neither of them 0")
    if owner is not None and type(owner) not in INTEGERS:
        raise TypeError(f"owner is {kind_of(owner)}, want a domain's number")
    if owner is not None and not 0 <= owner < len(counts):
        raise IndexError(f"owner {owner}: there are domains 0 to {len(counts) - 1}")
    seen = (counts.sum(axis=0) if owner is None else counts[owner]) > 0
    seen[0] = False
    return seen


def table_abundance(tables: list[np.ndarray], counts: np.ndarray, owners: Owners = None) -> Measure:
    """IA of the trained rows of the tables of a field, its mean over the tables -> Measure.

    tables  list of (V, E), see `field_tables`
    counts  (S, V), see `exposures`
    owners  for each table, the domain that alone trains it, or None (`costs.budget.table_owners`); None: no owners
    """
    owners = owners or [None] * len(tables)
    return mean_abundance([t[trained_rows(counts, o)] for t, o in zip(tables, owners, strict=True)])


def abundance_by_exposure(
    tables: list[np.ndarray], counts: np.ndarray, owners: Owners = None, n_groups: int = 5
) -> list[Measure]:
    """Mean IA over the tables for groups of equally many values, from the least exposed to the most -> list of Measure.

    Our choice, not in the paper: five groups, of values and not of impressions. Values trained anywhere are ranked by
    their exposures over all domains; equal ones by id. Inside a group, a table's IA is of the rows that trained it.
    """
    owners = owners or [None] * len(tables)
    total = counts.sum(axis=0)
    values = np.flatnonzero(trained_rows(counts))
    values = values[np.argsort(total[values], kind="stable")]
    groups = np.array_split(values, n_groups)
    parts = ([t[g[trained_rows(counts, o)[g]]] for t, o in zip(tables, owners, strict=True)] for g in groups)
    return [mean_abundance(part) for part in parts]


def serving(domain: int, tables: list[np.ndarray], owners: Owners = None) -> list[np.ndarray]:
    """The tables that serve a domain: those that it alone trains, or, if it has none, those that all domains share."""
    owners = owners or [None] * len(tables)
    mine = [t for t, o in zip(tables, owners, strict=True) if o == domain]
    return mine or [t for t, o in zip(tables, owners, strict=True) if o is None]


def abundance_by_domain(tables: list[np.ndarray], counts: np.ndarray, owners: Owners = None) -> list[Measure]:
    """Mean IA over the tables that serve a domain -> list of S Measure.

    A domain with tables of its own is measured on those; other domains on the tables that all share, of which only
    the rows of values that the domain exposed count (our choice; the paper does not say which rows it took).
    """
    rows = (trained_rows(counts, s) for s in range(len(counts)))
    return [mean_abundance([t[seen] for t in serving(s, tables, owners)]) for s, seen in enumerate(rows)]


def spectra_by_domain(tables: list[np.ndarray], counts: np.ndarray, owners: Owners = None) -> list[Measure]:
    """Singular spectrum of the tables that serve a domain -> list of S Measure, each (min(V_s, E),), descending.

    The k-th value is the mean over the tables of their k-th singular values, each table's divided by its largest; the
    same tables and rows as in `abundance_by_domain`, which is the sum of it. Tables of which it is undefined are left
    out.
    """
    result = []
    for s in range(len(counts)):
        seen = trained_rows(counts, s)
        spectra = [singular_spectrum(t[seen]) for t in serving(s, tables, owners)]
        defined: list = [m.value for m in spectra if m.value is not None]
        none = Measure(None, spectra[0].reason if spectra else "no tables")
        result.append(Measure(np.mean(defined, axis=0)) if defined else none)
    return result
