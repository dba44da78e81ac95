"""The laboratory: simulated clicks of a world with dials, drawn in memory, whose true click probabilities are known.

The dial that matters most is the conflict: whether a user wants the same of an item in one domain as in another.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..errors import OptionError
from ..options import Option, check_value, plain
from .splits import Rows, Schema, Splits, on_labels, with_fingerprint
from .vocabulary import Vocabulary

FIELDS = ("user", "item", "domain", "category", "group")
CALIBRATED_ON = 2**15  # pairs of a user and an item, for each domain: the click rate is met to some 0.002
_STREAMS = ("tastes", "calibration", "train", "valid", "test")  # each with random numbers of its own


def _dial(default: Any, text: str, **limits: Any) -> Any:
    return field(default=default, metadata={"option": Option(text, **limits), "only": ("laboratory",)})


class Tastes(NamedTuple):
    """What users want and what items are, in each domain.

    wants      (n_users, r)       U
    has        (S, n_items, r)    V^s, the factors of the items
    appeal     (S, n_items)       a^s
    group      (n_users,) int     group of each user
    category   (n_items,) int     category of each item
    users, items
               S arrays of those that occur in a domain
    """

    wants: np.ndarray
    has: np.ndarray
    appeal: np.ndarray
    group: np.ndarray
    category: np.ndarray
    users: tuple[np.ndarray, ...]
    items: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class World:
    """A world of users, items and domains, described by its dials; `draw` makes clicks in it.

        U_u     = sqrt(h) G[group of u] + sqrt(1-h) own_u         what user u wants: r factors
        X_i     = sqrt(h) C[category of i] + sqrt(1-h) own_i      what item i is in all domains: r factors and an appeal
        Y^s_i     the same once more, drawn anew for each domain s
        X^s_i   = sqrt(1-c) X_i + sqrt(c) Y^s_i                   V^s_i are its first r entries, a^s_i is the last
        logit   = b_s + kappa / sqrt(r) <U_u, V^s_i> + mu a^s_i   y ~ Bernoulli(sigmoid(logit))

    G, C and all that is a user's or an item's own are independent N(0, 1). So preferences in two domains correlate by
    1 - c: at conflict 0 all domains agree; at conflict 1 what an item is in one says nothing about it in another, and
    only the users' factors are common. b_s is such that the mean click probability in domain s is `click_rate`.

    Worlds that differ in a dial only use the same random numbers for all else, so differences between them are paired.
    Raises `OptionError`, a ValueError, for a dial beyond its limits.
    """

    conflict: float = _dial(0.0, "c: preferences correlate by 1 - c between two domains", low=0, most=1)
    tail_share: float = _dial(0.0, "share of the last, smallest domain in the training rows; 0 = as the others", low=0)
    signal: float = _dial(2.5, "kappa: how much the match of user and item decides", low=0, most=20)
    appeal: float = _dial(0.7, "mu: how much an item's appeal to everybody decides", low=0, most=20)
    click_rate: float = _dial(0.5, "mean click probability of each domain", low=0.001, most=0.999)
    user_overlap: float = _dial(1.0, "share of users that occur in all domains; others in one only", low=0, most=1)
    item_overlap: float = _dial(1.0, "share of items that occur in all domains; others in one only", low=0, most=1)
    coherence: float = _dial(0.5, "h: share of a user's or item's variance that is its group's", low=0, most=1)
    rank: int = _dial(4, "r: number of factors that preferences are made of", low=1, high=1000)
    n_domains: int = _dial(4, "domains", low=2, high=100)
    n_users: int = _dial(400, "users", low=2, high=1_000_000)
    n_items: int = _dial(200, "items", low=2, high=1_000_000)
    n_groups: int = _dial(20, "groups of users", low=1, high=1_000_000)
    n_categories: int = _dial(20, "categories of items", low=1, high=1_000_000)
    world_rows: int = _dial(
        60_000, "training rows; a fifth as many for validation, and for test in each domain", low=1000, high=10**7
    )
    world_seed: int = _dial(0, "seed of the world and its clicks", low=0, high=2**63 - 1)

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, value := plain(getattr(self, f.name)))
            check_value(f.name, f.type, value, f.metadata["option"])
        S = self.n_domains
        if self.tail_share * S > 1:
            self._refuse("tail_share", f"at most {1 / S:.4g}, or the last of {S} domains is not the smallest")
        for name in ("n_users", "n_items"):
            if getattr(self, name) < S:
                self._refuse(name, f"at least {S}, the number of domains")

    def _refuse(self, name, limit):
        """Raise `OptionError` for a dial that does not go with the others."""
        raise OptionError(lambda called: f"{called(name)} {getattr(self, name)}: must be {limit}")

    @cached_property
    def tastes(self) -> Tastes:
        """What users want and what items are: all that is drawn before any row is."""
        rng, r, S = self._stream("tastes"), self.rank, self.n_domains
        group = rng.integers(self.n_groups, size=self.n_users)
        category = rng.integers(self.n_categories, size=self.n_items)
        homes = [_homes(rng, n, S, share) for n, share in self._crowds]
        wants = self._coherent(rng, group, self.n_groups, r)
        common = self._coherent(rng, category, self.n_categories, r + 1)
        own = np.stack([self._coherent(rng, category, self.n_categories, r + 1) for _ in range(S)])
        items = np.sqrt(1 - self.conflict) * common + np.sqrt(self.conflict) * own
        return Tastes(wants, items[..., :r], items[..., r], group, category, *homes)

    def logits(self, user: np.ndarray, item: np.ndarray, domain: np.ndarray) -> np.ndarray:
        """(N,) logits of the true click probabilities, but for b_s, of users, items and domains (N,) int."""
        t = self.tastes
        match = np.einsum("nr,nr->n", t.wants[user], t.has[domain, item])
        return self.signal / np.sqrt(self.rank) * match + self.appeal * t.appeal[domain, item]

    def probabilities(self, user: np.ndarray, item: np.ndarray, domain: np.ndarray) -> np.ndarray:
        """(N,) true click probabilities of users, items and domains (N,) int."""
        return _sigmoid(self._intercepts[domain] + self.logits(user, item, domain))

    def draw(self, min_count: int = 1) -> Splits:
        """Clicks of this world: the same dials and seed give the same rows.

        min_count  values of a field that occur less often in the training rows become id 0

        Domain s has the id s + 1. Validation has the domains' shares of the training rows; in test all domains have
        equally many rows, so that the smallest is measured as well as the others.
        """
        rows = {name: self._rows(name) for name in ("train", "valid", "test")}
        learnt = {f: Vocabulary.learn(rows["train"][0][f], min_count) for f in FIELDS}
        learnt["domain"] = Vocabulary(np.arange(self.n_domains))  # whatever their numbers of rows
        parts = {name: _encoded(learnt, *drawn[:2]) for name, drawn in rows.items()}
        dials = ", ".join(f"{f.name} {getattr(self, f.name)}" for f in fields(self))
        splits = Splits(
            name="laboratory",
            simulated=True,
            schema=Schema(
                fields=FIELDS,
                vocabulary=tuple(learnt[f].size for f in FIELDS),
                user="user",
                item="item",
                domain="domain",
                domains=tuple(f"domain {s + 1}" for s in range(self.n_domains)),
            ),
            **parts,
            truth=rows["test"][2],
            notes=(f"SIMULATED clicks of a world with {dials}", *on_labels(parts)),
        )
        return with_fingerprint(splits)

    def counts(self, part: str) -> np.ndarray:
        """(S,) rows of each domain in "train", "valid" or "test"."""
        S, fifth = self.n_domains, self.world_rows // 5
        if part == "test":
            return np.full(S, fifth)
        n = self.world_rows if part == "train" else fifth
        if not self.tail_share:
            return _dealt(n, S)
        tail = max(1, round(self.tail_share * n))
        return np.append(_dealt(n - tail, S - 1), tail)

    @property
    def _crowds(self):
        """How many users and items there are, and the share of them that occurs in all domains."""
        return (self.n_users, self.user_overlap), (self.n_items, self.item_overlap)

    @cached_property
    def _intercepts(self):
        """(S,) b_s of each domain, found on pairs drawn from its users and items."""
        rng, found = self._stream("calibration"), []
        for s in range(self.n_domains):
            domain = np.full(CALIBRATED_ON, s)
            found.append(_intercept(self.logits(*self._pairs(rng, domain), domain), self.click_rate))
        return np.array(found)

    def _rows(self, part):
        """The raw columns {field: (n,)}, labels (n,) and true click probabilities (n,) of a part."""
        rng = self._stream(part)
        domain = rng.permutation(np.repeat(np.arange(self.n_domains), self.counts(part)))
        user, item = self._pairs(rng, domain)
        p = self.probabilities(user, item, domain)
        columns = user, item, domain, self.tastes.category[item], self.tastes.group[user]
        return dict(zip(FIELDS, columns, strict=True)), rng.random(len(p)) < p, p

    def _pairs(self, rng, domain):
        """A user and an item for each of some domains (N,), any of the domain's as likely as any other."""
        chosen = []
        for members in (self.tastes.users, self.tastes.items):
            at, found = rng.random(len(domain)), np.empty(len(domain), np.int64)
            for s, there in enumerate(members):
                here = domain == s
                found[here] = there[(at[here] * len(there)).astype(np.int64)]
            chosen.append(found)
        return chosen

    def _coherent(self, rng, group, n_groups, width):
        """(n, width) of variance 1, of which the members of a group share h."""
        shared, own = rng.standard_normal((n_groups, width)), rng.standard_normal((len(group), width))
        return np.sqrt(self.coherence) * shared[group] + np.sqrt(1 - self.coherence) * own

    def _stream(self, name):
        """A generator of its own for each purpose, so that a dial of one does not change what another draws."""
        return np.random.default_rng([self.world_seed, _STREAMS.index(name)])


def _homes(rng, n, n_domains, overlap):
    """S arrays of members: a share of n occurs in all domains, the others are dealt out, each to one."""
    order, n_common = rng.permutation(n), round(overlap * n)
    common, others = order[:n_common], order[n_common:]
    return tuple(np.sort(np.concatenate([common, others[s::n_domains]])) for s in range(n_domains))


def _dealt(n, parts):
    """n as a sum of so many numbers that differ by 1 at most."""
    return n // parts + (np.arange(parts) < n % parts)


def _intercept(z, rate):
    """b such that the mean of sigmoid(b + z) is the rate, by bisection."""
    low, high = -np.abs(z).max() - 10, np.abs(z).max() + 10  # rates from 0.001 to 0.999 lie between
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if _sigmoid(middle + z).mean() > rate else (middle, high)
    return middle


def _sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2  # overflows nowhere


def _encoded(vocabularies, columns, labels):
    """The `Rows` of raw columns {field: (n,)}."""
    ids = np.stack([vocabularies[f].encode(columns[f]) for f in FIELDS], axis=1)
    return Rows(ids, labels.astype(np.uint8), columns["domain"].astype(np.uint8), columns["user"])
