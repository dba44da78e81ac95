"""A mini-batch, sorted by domain: domain s is a slice, so routing is slicing and its backward is concatenation."""

from typing import NamedTuple

import numpy as np


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

    def only(self, rows):
        """The rows of one domain as a batch that knows no other."""
        n = rows.stop - rows.start
        return Batch(self.ids[rows], self.prior_ids[rows], (slice(0, n),), self.labels[rows], self.training)


def make_batch(rows, at, schema, dtype=np.float64, training=True):
    """The rows `at` (positions, any order) of a `Rows` as a `Batch`, and the positions in the batch's own order.

    The sort is stable: inside a domain the order of `at` is kept.
    """
    domains = np.asarray(rows.domains[at])
    order = np.argsort(domains, kind="stable")
    at = at[order]
    ids = np.ascontiguousarray(rows.ids[at])
    ends = np.cumsum(np.bincount(domains, minlength=len(schema.domains)))
    batch = Batch(
        ids=ids,
        prior_ids=ids[:, schema.prior_fields],
        domains=tuple(slice(int(a), int(b)) for a, b in zip([0, *ends[:-1]], ends, strict=True)),
        labels=rows.labels[at].astype(dtype),
        training=training,
    )
    return batch, at
