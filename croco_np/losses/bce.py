"""Binary cross-entropy on logits, and the two readings of Eq. (7)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ..arguments import as_array, expect, kind_of
from ..backend import KINDS, ON_HOST
from ..batch import check_domains, check_labels


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)) without overflow for large |z|; real or complex."""
    return _with_complement(z if type(z) in KINDS else np.asarray(z))[0]


def _with_complement(z):
    """p = sigmoid(z) and 1 - p, each to its own last digit: the difference has none left where p is close to 1."""
    e = np.exp(np.where(z.real > 0, -z, z))
    return np.where(z.real > 0, 1, e) / (1 + e), np.where(z.real > 0, e, 1) / (1 + e)


def bce(z: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray]:
    """Weighted binary cross-entropy, the first term of Eq. (7).

        L = sum_i w_i (max(z_i, 0) - z_i y_i + log(1 + exp(-|z_i|)))

    z (B,) logits, y (B,) labels in {0, 1}, w (B,) weights -> L, dz (B,) = w (sigmoid(z) - y)

    The sum in brackets is -y log p - (1-y) log(1-p) with p = sigmoid(z), written so that no exponential overflows, and
    dz is computed as w ((1 - y) p - y (1 - p)): p - 1 would be 0 or rounding for a positive that is sure.
    """
    expect("z", z, None)
    y, w = as_array("labels", y), as_array("weights", w)
    if y.shape != z.shape or w.shape != z.shape:
        raise ValueError(f"logits {z.shape}, labels {y.shape}, weights {w.shape}: want one of each a row")
    check_labels(y)
    if w.dtype.kind not in "fiu":
        raise TypeError(f"weights are {kind_of(w)}, want real numbers")
    p, complement = _with_complement(z)
    magnitude = np.where(z.real > 0, z, -z)
    value = np.where(z.real > 0, z, 0) - z * y + np.log1p(np.exp(-magnitude))
    return (w * value).sum(), w * ((1 - y) * p - y * complement)


def row_weights(
    domains: tuple[slice, ...],
    reduction: str,
    domain_rows: Sequence[int] | np.ndarray | None = None,
    dtype: DTypeLike = np.float64,
    like: np.ndarray = ON_HOST,
) -> np.ndarray:
    """The weight w_i of each row in Eq. (7), L = sum_s 1/N_s sum_{i in s} BCE_i, (B,).

    reduction
        "domain_mean"   N_s = rows of domain s in the batch: Eq. (7) taken literally in each batch
        "dataset_mean"  N_s = rows of domain s in the training set (`domain_rows`, (S,)): each step an unbiased estimate
                        of Eq. (7) over the whole training set
        "batch_mean"    1/B for every row: the mean over rows, where each domain counts by its size
    like  array of where the weights are made, on the host or on a device
    """
    check_domains(domains)
    sizes = np.array([rows.stop - rows.start for rows in domains])
    n = sizes.sum()
    if reduction == "domain_mean":
        per_domain = 1 / np.maximum(sizes, 1)
    elif reduction == "dataset_mean":
        counts = _row_counts(domain_rows, len(domains))
        per_domain = counts.sum() / max(n, 1) / np.maximum(counts, 1)
    elif reduction == "batch_mean":
        per_domain = np.full(len(sizes), 1 / max(n, 1))
    else:
        raise ValueError(f"reduction {reduction!r}: choose domain_mean, dataset_mean or batch_mean")
    each = zip(sizes.tolist(), per_domain.tolist(), strict=True)
    return np.concatenate([np.full_like(like, w, dtype, shape=(n_s,)) for n_s, w in each])


def _row_counts(counts, n_domains):
    """Rows of each domain as an array (S,) of finite numbers that are not negative."""
    counts = as_array("domain_rows", counts)
    if counts.shape != (n_domains,):
        raise ValueError(f"domain_rows has shape {counts.shape}, want ({n_domains},), one number a domain")
    if counts.dtype.kind not in "fiu":
        raise TypeError(f"domain_rows is {kind_of(counts)}, want numbers of rows")
    if not ((counts >= 0) & (counts < np.inf)).all():
        raise ValueError(f"domain_rows is {counts.tolist()}, want numbers of rows")
    return counts
