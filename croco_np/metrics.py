"""AUC, expected AUC, gAUC and log loss. A measure that is undefined is None with a reason, never 0.5 and never NaN.

Columns of other lengths, labels other than 0 and 1, and users or domains that are no integers raise ValueError or
TypeError.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .arguments import as_array, is_a, kind_of
from .batch import check_domain_ids, check_labels
from .datasets.splits import Rows
from .kernels.ranking import right_pairs
from .losses.bce import bce


class Ranking(NamedTuple):
    """A rank measure, and the share of the rows that it covers.

    value   the measure, or None where it is undefined
    reason  why it is undefined, or ""
    share   share of the impressions that entered it: 1 for AUC, less for gAUC, which leaves out single-class users
    """

    value: float | None
    reason: str = ""
    share: float = 1.0


def auc(scores: np.ndarray, labels: np.ndarray) -> Ranking:
    """Area under the ROC curve, P(positive scored above negative) + P(tie) / 2.

    scores (N,) any monotone score, best logits in float64: float32 makes ties; labels (N,) of 0 and 1 -> Ranking

    Exact, ties included: each positive is looked up in the sorted negatives, once from the left and once from the
    right, and the mean of the two places is the number of negatives under it, a tie counting 1/2.
    """
    scores, labels = _columns(scores, labels)
    why = _unusable(scores)
    if why:
        return Ranking(None, why, 0.0)
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])  # sorted look-ups stay in the cache
    if len(positives) == 0 or len(negatives) == 0:
        return Ranking(None, _one_class(len(positives), len(scores)), 0.0)
    places = sum(np.searchsorted(negatives, positives, side).sum() for side in ("left", "right"))
    return Ranking(float(places / 2 / (len(positives) * len(negatives))))


def expected_auc(scores: np.ndarray, probabilities: np.ndarray) -> Ranking:
    """Expected AUC: how often a click is scored above a non-click, where clicks fall with known probabilities.

        sum over i != j of p_i (1 - p_j) ([s_i > s_j] + [s_i = s_j] / 2)  /  sum over i != j of p_i (1 - p_j)

    Only a simulator knows the p. Labels drawn from them would give an `auc` that scatters about this value; here no
    label is drawn, so far fewer rows tell two models apart. No scores reach more than the probabilities themselves.

    scores (N,) any monotone score; probabilities (N,) true click probabilities, from 0 to 1 -> Ranking

    Exact, ties included, by one sort: the rows of equal score stand together, and each such group meets the sum of
    1 - p of all rows below it.
    """
    scores, p = as_array("scores", scores), as_array("probabilities", probabilities)
    for name, a in (("scores", scores), ("probabilities", p)):
        if a.dtype.kind not in "fiu":
            raise TypeError(f"{name} are {kind_of(a)}, want real numbers")
    if scores.shape != (p.size,) or p.shape != (p.size,):
        raise ValueError(f"scores {scores.shape}, probabilities {p.shape}: want one of each a row, (N,)")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("probabilities: must be from 0 to 1, and no NaN")
    why = _unusable(scores)
    if why:
        return Ranking(None, why, 0.0)
    order = np.argsort(scores, kind="stable")
    s, p = scores[order], p[order].astype(np.float64)
    q = 1 - p
    pairs = p.sum() * q.sum() - (p * q).sum()
    if len(p) == 1 or not pairs > 0:
        return Ranking(None, "no pair of rows can be a click and a non-click", 0.0)
    first = np.flatnonzero(np.r_[True, s[1:] != s[:-1]])  # of each group of equal scores
    p_group, q_group, same_row = (np.add.reduceat(x, first) for x in (p, q, p * q))
    below = np.cumsum(q_group) - q_group
    return Ranking(float((p_group * below + (p_group * q_group - same_row) / 2).sum() / pairs))


def gauc(scores: np.ndarray, labels: np.ndarray, users: np.ndarray) -> Ranking:
    """Group AUC: the AUC inside each user, averaged by the user's impressions.

        gAUC = sum_u n_u AUC_u / sum_u n_u        over the users that have both classes

    scores, labels, users (N,) -> Ranking, whose `share` is the share of all impressions that belong to such users.
    Users may be any integers. A negative one, such as -1, says that the user is unknown: those rows may be anybody's,
    so they are no group and are left out. Exact, ties included; the counting is in `kernels.ranking`.
    """
    scores, labels, users = _columns(scores, labels, users)
    why = _unusable(scores)
    if why:
        return Ranking(None, why, 0.0)
    n_rows, known = len(scores), users >= 0
    if not known.any():
        return Ranking(None, "no row has a user", 0.0)
    if not known.all():
        scores, labels, users = scores[known], labels[known], users[known]
    groups, n_groups = _numbered(users)
    n1, n, pairs = right_pairs(_exact(scores), labels, groups, n_groups)
    both = (n1 > 0) & (n1 < n)
    if not both.any():
        return Ranking(None, _one_class(n1.sum(), len(scores)), 0.0)
    n1, n, pairs = n1[both].astype(np.float64), n[both].astype(np.float64), pairs[both]
    return Ranking(float((n * pairs / (n1 * (n - n1))).sum() / n.sum()), "", float(n.sum() / n_rows))


def _columns(scores, labels, users=None):
    """The columns as arrays of one length (N,), labels as bool; raises ValueError or TypeError where they are not."""
    scores, labels = as_array("scores", scores), as_array("labels", labels)
    if scores.dtype.kind not in "fiu":
        raise TypeError(f"scores are {kind_of(scores)}, want real numbers")
    columns = {"scores": scores, "labels": labels} | ({} if users is None else {"users": as_array("users", users)})
    if {a.shape for a in columns.values()} != {(labels.size,)}:
        raise ValueError(", ".join(f"{n} {a.shape}" for n, a in columns.items()) + ": want one of each a row, (N,)")
    if users is None:
        return scores, _as_bool(labels)
    users = columns["users"]
    if users.dtype.kind not in "iu" and users.size:
        raise TypeError(f"users are {kind_of(users)}, want integers")
    return scores, _as_bool(labels), users


def _as_bool(labels):
    """Labels of 0 and 1 as bool; ValueError for others."""
    check_labels(labels)
    return labels.astype(bool)


def _exact(scores):
    """Scores in a dtype that `right_pairs` takes, in the same order: those of others are replaced by their ranks."""
    return scores if is_a("real", scores.dtype) else np.unique(scores, return_inverse=True)[1].astype(np.float64)


def _unusable(scores):
    """Why no rank can be measured on these scores, or ""."""
    if len(scores) == 0:
        return "no rows"
    return "" if np.isfinite(scores).all() else "scores contain NaN or infinity"


def _one_class(positives, rows):
    """Why no pair of a positive and a negative was found among so many rows."""
    if positives == 0:
        return "no positive label"
    if positives == rows:
        return "no negative label"
    return "no group holds both classes"


def _numbered(users):
    """Users as small numbers: (N,) int64 in 0 .. n - 1, and n. Numbers may stay unused.

    Close-lying ids, the usual case, are only shifted; scattered ones (hashes) are sorted, which takes longer than the
    rest of gAUC.
    """
    low, high = int(users.min()), int(users.max())
    if users.dtype != np.uint64 and high - low < 2 * len(users) + 1024:
        return users.astype(np.int64) - low, high - low + 1
    values, numbers = np.unique(users, return_inverse=True)
    return numbers, len(values)


def logloss(logits: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean binary cross-entropy, in nats; None for no rows, and for logits that are NaN or infinite."""
    logits, labels = _columns(logits, labels)
    if _unusable(logits):
        return None
    n = len(logits)
    return float(bce(logits.astype(np.float64), labels.astype(np.float64), np.full(n, 1 / n))[0])


def auc_error(auc: float, n1: int, n0: int) -> float:
    """Standard error of an AUC from n1 positives and n0 negatives (Hanley & McNeil 1982, Eq. 1)."""
    # With Q1 - A^2 = A (1 - A)^2 / (2 - A) and Q2 - A^2 = A^2 (1 - A) / (1 + A): near 1 the differences would cancel.
    spread = auc * (1 - auc) * (1 + (n1 - 1) * (1 - auc) / (2 - auc) + (n0 - 1) * auc / (1 + auc))
    return float(np.sqrt(spread / (n1 * n0)))


def evaluate(logits: np.ndarray, labels: np.ndarray, users: np.ndarray) -> dict[str, Any]:
    """The measures of one set of rows as a plain dict; undefined ones are None, and `reasons` says why."""
    logits, labels, users = _columns(logits, labels, users)
    rank, group = auc(logits, labels), gauc(logits, labels, users)
    result = {
        "auc": rank.value,
        "gauc": group.value,
        "logloss": logloss(logits, labels),
        "rows": len(labels),
        "positives": int(labels.sum()),
        "gauc_rows_share": group.share,
    }
    reasons = {"auc": rank.reason, "gauc": group.reason, "logloss": _unusable(logits)}
    return result | {"reasons": {name: why for name, why in reasons.items() if why}}


def evaluate_domains(logits: np.ndarray, rows: Rows, names: Sequence[str]) -> dict[str, Any]:
    """`evaluate` over all rows pooled and for each domain: {"overall": ..., "domains": {name: ...}}.

    The overall gAUC groups by user over all domains, as the paper does.
    """
    domains = as_array("domains", rows.domains)
    check_domain_ids(domains, len(names))
    logits, labels, users = _columns(logits, rows.labels, rows.users)
    if domains.shape != labels.shape:
        raise ValueError(f"domains {domains.shape}, labels {labels.shape}: want one of each a row, (N,)")
    per_domain = {}
    for s, name in enumerate(names):
        own = domains == s
        per_domain[name] = evaluate(logits[own], labels[own], users[own])
    return {"overall": evaluate(logits, labels, users), "domains": per_domain}
