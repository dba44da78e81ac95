"""The diversity index (Section 3.2, footnote 2): how often experts differ where preferences of two domains conflict.

Eq. (1) is for all-forward models, whose experts every row runs through, Eq. (2) for specific-forward ones, with experts
of each domain: the share of preference-conflict samples whose expert outputs have both a large and a small
l2 norm. The paper does not say which samples conflict, nor what is large or small. Both are our choices, and each is
said where it is made. The conflicts depend on the data only: one set for all models compared.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ..arguments import INTEGERS, as_array, integers, kind_of
from ..batch import Batch
from ..datasets.splits import Splits
from ..models import System
from ..tree import Tree

LEVELS = ("user and item", "user and category")
EVERY = "all test rows"  # no level: conflict or not
FEW_ROWS = 200  # a pair with fewer conflict rows says little
MIN_IMPRESSIONS, PRIOR_IMPRESSIONS, MIN_GAP = 5, 5, 0.1  # of the coarse level
LARGE, SMALL = 0.75, 0.25  # quantiles of the norms


class Conflicts(NamedTuple):
    """Rows where two domains disagree.

    level  which key: one of LEVELS; or EVERY, for the rows of `every_row`
    rows   {(s, t): positions of the test rows of domain s or t whose key is in conflict between them}, s < t
    exact  {(s, t): how many they are at the finer level}
    """

    level: str
    rows: dict
    exact: dict


def conflicts(splits: Splits, category: str | None = None) -> Conflicts:
    """Preference conflicts in the test rows of a data set: D_st for each pair of domains -> Conflicts.

    splits    impressions and clicks are counted over train, valid and test together
    category  field of a coarser key, such as author or category; it is used if most pairs have less than 200 rows at
              the level of (user, item), and if it finds more rows than that level does

    (user, item): the key occurs in both domains and its click rate is above 1/2 in one and below in the other.
    (user, category): at least 5 impressions in both; with the smoothed rate p_s = (c + 5 mu_s) / (n + 5), where mu_s is
    the click rate of domain s, and delta_s = p_s - mu_s: delta_s delta_t < 0 and both at least 0.1 in size.

    Users are the raw ones. A key with id 0 of an item or category, which stands for all rare ones, is in no conflict,
    and neither is a row without a user (-1).
    """
    schema, parts = splits.schema, (splits.train, splits.valid, splits.test)
    labels, domains, users = (
        np.concatenate([np.asarray(getattr(part, name)) for part in parts]) for name in ("labels", "domains", "users")
    )
    known, users = users >= 0, np.unique(users, return_inverse=True)[1]
    first = len(labels) - splits.test.n  # of the test rows

    def find(field, opposed):
        column = schema.fields.index(field)
        values = np.concatenate([np.asarray(part.ids[:, column]) for part in parts])
        keys = np.unique(users * schema.vocabulary[column] + values, return_inverse=True)[1]
        n, c = _counts(keys, domains, labels, len(schema.domains))
        found = {}
        for s, t in combinations(range(len(schema.domains)), 2):
            hit = opposed(n, c, s, t)[keys[first:]] & (values[first:] != 0) & known[first:]
            found[s, t] = np.flatnonzero(hit & np.isin(domains[first:], (s, t)))
        return found

    exact = find(schema.item, _opposed_majorities)
    sizes = {pair: len(rows) for pair, rows in exact.items()}
    if category is None or 2 * sum(size < FEW_ROWS for size in sizes.values()) <= len(sizes):
        return Conflicts(LEVELS[0], exact, sizes)
    coarse = find(category, _opposed_leanings)
    if sum(map(len, coarse.values())) <= sum(sizes.values()):
        return Conflicts(LEVELS[0], exact, sizes)
    return Conflicts(LEVELS[1], coarse, sizes)


def every_row(splits: Splits) -> Conflicts:
    """All test rows of domain s or t for each pair of domains, in conflict or not -> Conflicts.

    The index on them rests on no definition of a conflict, and on as many rows as there are: where a data set has few
    conflicts, this is the one that can tell models apart.
    """
    domains = np.asarray(splits.test.domains)
    pairs = combinations(range(len(splits.schema.domains)), 2)
    rows = {(s, t): np.flatnonzero((domains == s) | (domains == t)) for s, t in pairs}
    return Conflicts(EVERY, rows, {pair: len(at) for pair, at in rows.items()})


def _counts(keys, domains, labels, n_domains):
    """Impressions and clicks of each key in each domain: two arrays (keys, S)."""
    cells, shape = keys * n_domains + domains, (keys.max(initial=-1) + 1, n_domains)
    return tuple(np.bincount(cells, w, shape[0] * shape[1]).reshape(shape) for w in (None, labels))


def _opposed_majorities(n, c, s, t):
    lean = np.sign(2 * c - n)  # 0 where the key does not occur
    return lean[:, s] * lean[:, t] < 0


def _opposed_leanings(n, c, s, t):
    mu = c.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    delta = (c + PRIOR_IMPRESSIONS * mu) / (n + PRIOR_IMPRESSIONS) - mu
    strong = (n >= MIN_IMPRESSIONS) & (np.abs(delta) >= MIN_GAP)
    return strong[:, s] & strong[:, t] & (delta[:, s] * delta[:, t] < 0)


def diversity_index(norms: np.ndarray, found: Conflicts, pooled: bool = False) -> dict[str, Any]:
    """Share of the conflict rows whose experts give both a large and a small output (Eqs. 1, 2).

    norms   l2 norms of the expert outputs on all test rows, in the order of these
            (N, M): all-forward models, whose experts every row runs through, Eq. (1). A hit is a row where one of the M
            is large and another small.
            (N, S, n): specific-forward models, see `of_every_domain`, Eq. (2). A hit for the pair (s, t) is a row where
            one of the n experts of s is large and one of t small, or the other way round.
    found   `conflicts` of the data, or `every_row`
    pooled  large is above an expert's own upper quartile, small below its own lower one; if set, quartiles are those of
            the norms of all experts pooled. Then an expert that is always large and one that is always small make every
            row a hit.

    returns a dict: "overall" = sum of hits / sum of |D_st|, "pairs" {(s, t): {"value", "rows", "hits"}}, "level" and
    "thresholds", and "chance", the value of experts whose norms are independent and alike. It grows with the number of
    experts, so compare models of equally many. Undefined values are None, with a "reason".
    """
    norms = as_array("norms", norms)
    if norms.dtype.kind not in "fiu":
        raise TypeError(f"norms are {kind_of(norms)}, want real numbers")
    norms = norms.astype(np.float64)
    if norms.ndim not in (2, 3):
        raise ValueError(f"norms have shape {norms.shape}, want (N, M) or (N, S, n)")
    if not np.isfinite(norms).all():
        raise ValueError("norms contain NaN or infinity")
    axis = None if pooled else 0
    if norms.size:
        large, small = norms > np.quantile(norms, LARGE, axis), norms < np.quantile(norms, SMALL, axis)
    else:
        large = small = np.zeros(norms.shape, bool)
    pairs = {}
    for (s, t), rows in found.rows.items():
        _check_pair(s, t, norms.shape[1] if norms.ndim == 3 else np.inf)
        rows = integers("conflict rows", rows)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(norms)):
            raise IndexError(f"conflict rows from {rows.min()} to {rows.max()}, there are norms of {len(norms)}")
        if norms.ndim == 2:
            hit = large[rows].any(axis=1) & small[rows].any(axis=1)
        else:
            some_large, some_small = large[rows].any(axis=2), small[rows].any(axis=2)
            hit = (some_large[:, s] & some_small[:, t]) | (some_large[:, t] & some_small[:, s])
        pairs[s, t] = {"rows": len(rows), "hits": int(hit.sum()), **_share(hit.sum(), len(rows))}
    total = {name: sum(pair[name] for pair in pairs.values()) for name in ("rows", "hits")}
    return {
        "overall": total | _share(total["hits"], total["rows"]),
        "pairs": pairs,
        "level": found.level,
        "thresholds": "pooled" if pooled else "per expert",
        "chance": chance_level(*norms.shape[1:]),
    }


def _check_pair(s, t, n_domains):
    """A negative number would count from the end."""
    if type(s) not in INTEGERS or type(t) not in INTEGERS or not 0 <= s < t < n_domains:
        raise IndexError(f"pair ({s}, {t}): want two domains, the smaller number first, of {n_domains}")


def _share(hits, rows):
    return {"value": float(hits / rows)} if rows else {"value": None, "reason": "no conflict rows"}


def chance_level(*experts: int) -> float:
    """Diversity index of experts whose norms are independent and continuous, each with its own quartiles.

    chance_level(M), all-forward: P(some large and some small) = 1 - P(none large) - P(none small) + P(neither)
                                                               = 1 - 2 (3/4)^M + (1/2)^M
    chance_level(S, n), specific-forward: 2 a^2 - b^2, where a = 1 - (3/4)^n, that one of the n of a domain is large (or
    small), and b, the line above for n, that a domain has both kinds: both ways round at once need both in s and in t.
    """
    n = experts[-1]
    both = 1 - 2 * LARGE**n + (LARGE - SMALL) ** n
    return both if len(experts) == 1 else 2 * (1 - LARGE**n) ** 2 - both**2


def of_every_domain(model: System, params: Tree, batch: Batch, read: Callable) -> np.ndarray:
    """Run all rows of a batch through the parameters of each domain in turn: (B, S, n) norms for `diversity_index`.

    read(cache, s) -> (B, n, K) or (B, K), what counts as the experts of domain s: the model's `stand_in`, which is of
    PLE its specific experts, of a model without experts what the domain's logit reads. The ids stay as they are; only
    the routing changes.
    """
    norms, n = [], len(batch.labels)
    for s in range(len(batch.domains)):
        slices = [slice(0, 0)] * s + [slice(0, n)] + [slice(n, n)] * (len(batch.domains) - s - 1)
        _, cache = model.forward(params, batch._replace(domains=tuple(slices), training=False))
        o = read(cache, s)
        norms.append(np.linalg.norm(o if o.ndim == 3 else o[:, None], axis=2))
    return np.stack(norms, axis=1)
