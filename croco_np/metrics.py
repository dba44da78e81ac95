"""AUC, gAUC and log loss; what is undefined is None with a reason, never 0.5 and never NaN."""

from typing import NamedTuple

import numpy as np

from .losses.bce import bce


class Ranking(NamedTuple):
    """A rank measure and how much of the data it speaks of.

    value   the measure, or None where it is undefined
    reason  why it is undefined, or ""
    share   share of the impressions that entered it: 1 for AUC, less for gAUC, which leaves out single-class users
    """

    value: float | None
    reason: str = ""
    share: float = 1.0


def auc(scores, labels):
    """Area under the ROC curve, P(positive scored above negative) + P(tie) / 2.

    scores (N,) any monotone score, best logits in float64; labels (N,) of 0 and 1 -> Ranking

    With average ranks r: AUC = (sum of r over positives - n1 (n1 + 1) / 2) / (n1 n0).
    """
    return gauc(scores, labels, np.zeros(len(scores), np.int64))


def gauc(scores, labels, users):
    """Group AUC: the AUC inside each user, averaged by the user's impressions.

        gAUC = sum_u n_u AUC_u / sum_u n_u        over the users that have both classes

    scores, labels, users (N,) -> Ranking, whose `share` is the share of impressions that belong to such users.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if len(scores) == 0:
        return Ranking(None, "no rows", 0.0)
    if not np.isfinite(scores).all():
        return Ranking(None, "scores contain NaN or infinity", 0.0)
    order = np.lexsort((scores, users))
    s, y, u = scores[order], labels[order].astype(np.float64), np.asarray(users)[order]

    new_user = np.r_[True, u[1:] != u[:-1]]
    new_tie = new_user | np.r_[True, s[1:] != s[:-1]]
    user = np.cumsum(new_user) - 1
    tie = np.cumsum(new_tie) - 1
    first = np.flatnonzero(new_tie)
    length = np.diff(np.r_[first, len(s)])
    rank = (first + (length - 1) / 2)[tie] - np.flatnonzero(new_user)[user] + 1  # average rank inside the user

    n = np.bincount(user).astype(np.float64)
    n1 = np.bincount(user, y)
    n0 = n - n1
    both = (n1 > 0) & (n0 > 0)
    if not both.any():
        return Ranking(None, "no positive label" if n1.sum() == 0 else "no group holds both classes", 0.0)
    area = (np.bincount(user, rank * y) - n1 * (n1 + 1) / 2)[both] / (n1 * n0)[both]
    return Ranking(float((n[both] * area).sum() / n[both].sum()), "", float(n[both].sum() / n.sum()))


def logloss(logits, labels):
    """Mean binary cross-entropy, in nats; None for no rows."""
    n = len(logits)
    return float(bce(logits.astype(np.float64), labels, np.full(n, 1 / n))[0]) if n else None


def evaluate(logits, labels, users):
    """The measures of one set of rows as a plain dict; undefined ones are None, and `reasons` says why."""
    rank, group = auc(logits, labels), gauc(logits, labels, users)
    result = {
        "auc": rank.value,
        "gauc": group.value,
        "logloss": logloss(logits, labels),
        "rows": len(labels),
        "positives": int(labels.sum()),
        "gauc_rows_share": group.share,
    }
    reasons = {"auc": rank.reason, "gauc": group.reason, "logloss": "" if len(labels) else "no rows"}
    return result | {"reasons": {name: why for name, why in reasons.items() if why}}


def evaluate_domains(logits, rows, names):
    """`evaluate` over all rows pooled and for each domain: {"overall": ..., "domains": {name: ...}}.

    The overall gAUC groups by user over all domains, as the paper does.
    """
    labels, domains, users = (np.asarray(a) for a in (rows.labels, rows.domains, rows.users))
    per_domain = {}
    for s, name in enumerate(names):
        own = domains == s
        per_domain[name] = evaluate(logits[own], labels[own], users[own])
    return {"overall": evaluate(logits, labels, users), "domains": per_domain}
