"""One copy of a layer for each domain, and one table of several for each domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arguments import INTEGERS, expect, kind_of
from ..backend import ON_HOST
from ..batch import check_domains
from ..tree import in_row


class DomainCache(NamedTuple):
    domains: tuple[slice, ...]
    parts: tuple


@dataclass(frozen=True)
class PerDomain:
    """S copies of a layer with one input; copy s sees the rows of domain s only.

    Batches are sorted by domain, so routing is slicing: forward cuts x into slices and joins the outputs, backward cuts
    dy and joins the dx. A domain absent from the batch leaves its copy a gradient of exactly 0. Params are a list, one
    entry a domain.
    """

    layer: Any
    n_domains: int

    def init(self, rng: np.random.Generator) -> list:
        return [self.layer.init(rng) for _ in range(self.n_domains)]

    def forward(self, p: list, domains: tuple[slice, ...], x: np.ndarray) -> tuple[np.ndarray, DomainCache]:
        check_domains(domains, self.n_domains, len(x), may_be_open=True)
        own = in_row(p, self.n_domains, "copies of a layer")
        parts = [self.layer.forward(p_s, x[rows]) for p_s, rows in zip(own, domains, strict=True)]
        outputs, caches = zip(*parts, strict=True)
        return np.concatenate(outputs), DomainCache(domains, caches)

    def backward(self, c: DomainCache, dy: np.ndarray) -> tuple[np.ndarray, list]:
        check_domains(c.domains, self.n_domains, len(dy), may_be_open=True)
        parts = [self.layer.backward(cache, dy[rows]) for cache, rows in zip(c.parts, c.domains, strict=True)]
        dxs, grads = zip(*parts, strict=True)
        return np.concatenate(dxs), list(grads)


def domain_ids(domains: tuple[slice, ...], like: np.ndarray = ON_HOST) -> np.ndarray:
    """(B, 1) number of the domain of each row, to look up in a table of domains; made where the array `like` lies."""
    check_domains(domains)
    parts = [np.full_like(like, s, np.int64, shape=(rows.stop - rows.start,)) for s, rows in enumerate(domains)]
    return np.concatenate(parts)[:, None]


def own(x: np.ndarray, domains: tuple[slice, ...], tables: Sequence[int] | np.ndarray) -> np.ndarray:
    """From each row the table of its domain, x[i, tables[domain of i]]: x (B, M, n), tables (S,) -> (B, n)."""
    expect("x", x, None, None, None)
    check_domains(domains, len(tables), len(x), may_be_open=True)
    _check_tables(tables, x.shape[1])
    return np.concatenate([x[rows, m] for rows, m in zip(domains, tables, strict=True)])


def add_own(dx: np.ndarray, domains: tuple[slice, ...], tables: Sequence[int] | np.ndarray, down: np.ndarray) -> None:
    """Backward of `own`: add down (B, n) to the places of dx (B, M, n) that were read, in place."""
    expect("dx", dx, None, None, None)
    check_domains(domains, len(tables), len(dx), may_be_open=True)
    _check_tables(tables, dx.shape[1])
    expect("down", down, len(dx), dx.shape[2])
    if np.may_share_memory(dx, down):
        raise ValueError("dx is changed in place and shares memory with down; hand in a copy")
    for rows, m in zip(domains, tables, strict=True):
        dx[rows, m] += down[rows]


def _check_tables(tables, n_tables):
    """A negative number would count from the end."""
    for m in tables:
        if type(m) not in INTEGERS:
            raise TypeError(f"table of a domain is {kind_of(m)}, want an int")
        if not 0 <= m < n_tables:
            raise IndexError(f"table {m}: there are tables 0 to {n_tables - 1}")
