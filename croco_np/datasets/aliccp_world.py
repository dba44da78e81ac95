"""The world behind the simulated AliCCP: users and items with a planted truth.

The truth is a preference that changes sign between domains. Impression of user u and item i in domain s:

    logit = b_s + sum_k w_sk U_uk V_ik + main effects           P(click) = sigmoid(logit)

    U_u   (2,)  gender decides factor 1 and age factor 2; other profile fields and the person add a little
    V_i   (2,)  the item's category decides both, one of four kinds; its brand and the item itself add a little
    w_s   (2,)  how hard each factor pulls, and which way. Factor 1 turns round between the first two domains and the
                third, factor 2 between the first and the second: whoever shares a preference unseparated is wrong
    b_s         makes the mean of the truth the click rate of the domain

Most of the variance sits in values that occur often, so a good model can come close to the truth.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

SHARES = (0.378, 0.0075, 0.6145)  # of the impressions, by domain
RATES = (0.046, 0.053, 0.041)  # of clicks
PULL = np.array([[1, 0.3], [1, -0.3], [-1, 0.3]])  # w: domain by factor
N_FACTORS = PULL.shape[1]

# Profile fields: number of values, weight of a random factor of each value. Missing is a value too.
PROFILE = {"121": (97, 0.05), "122": (13, 0.1), "124": (2, 0.1), "125": (7, 0.1), "126": (3, 0.1), "127": (3, 0.1),
           "128": (2, 0.1), "129": (4, 0.1)}  # fmt: skip
CATEGORY, PERSONAL, BRAND, OWN = 0.3, 0.05, 0.05, 0.05  # weights of the random parts of the factors
POPULARITY = 0.15  # weight in the item's main effect, next to 1 for the category
INTERACTION, MAIN, ACTIVITY, HISTORY = 1.2, 0.4, 0.05, 0.3  # weights in the logit
MISSING = {"profile": 0.1298, "126": 0.5842, "129": 0.3631, "216": 0.2886}  # shares of rows
PER_CONTEXT, PER_USER, PER_ITEM = 55, 350, 180  # impressions, on average, as in the genuine data
VISITS = 0.015  # share of contexts in which a user is not in the home domain
N_CATEGORIES = 300


class Users(NamedTuple):
    """U users: profile (U, 8) levels of PROFILE, 0 = missing; factors (U, 2); weight (U,) how often; effect (U,).

    pools  for each domain, the slice of the users who are at home there
    """

    profile: np.ndarray
    factors: np.ndarray
    weight: np.ndarray
    effect: np.ndarray
    pools: list[slice]


class Items(NamedTuple):
    """I items: category, shop, brand (I,) levels from 1, 0 = missing; factors (I, 2); weight, effect (I,)."""

    category: np.ndarray
    shop: np.ndarray
    brand: np.ndarray
    factors: np.ndarray
    weight: np.ndarray
    effect: np.ndarray


class Draw(NamedTuple):
    """N impressions in C contexts: context, user, item, domain (N,) and context_user (C,)."""

    context: np.ndarray
    user: np.ndarray
    item: np.ndarray
    domain: np.ndarray
    context_user: np.ndarray


def make_users(rng: np.random.Generator, rows: int) -> Users:
    """Users for so many impressions. Age and gender decide 122, which decides 121 up to eight variants."""
    sizes = [max(30, round(rows * share / PER_USER)) for share in SHARES]
    bounds = np.cumsum([0, *sizes])
    n = bounds[-1]
    gender, age = rng.integers(2, size=n), rng.choice(7, n, p=zipf(7, 0.5, 0))
    group = np.minimum(gender * 7 + age, 12)
    levels = {
        "121": np.minimum(group * 8 + rng.choice(8, n, p=zipf(8, 1, 0)), 96),
        "122": group,
        "124": gender,
        "125": age,
    }
    for name in ("126", "127", "128", "129"):
        size = PROFILE[name][0]
        levels[name] = rng.choice(size, n, p=zipf(size, 0.5, 0))
    hidden = rng.random(n) < MISSING["profile"]
    profile = np.zeros((n, len(PROFILE)), np.intp)
    factors = np.stack([2.0 * gender - 1, age / 3.0 - 1], axis=1) + PERSONAL * rng.normal(size=(n, N_FACTORS))
    factors[hidden] = 0
    for f, (name, (size, spread)) in enumerate(PROFILE.items()):
        also = (MISSING.get(name, 0) - MISSING["profile"]) / (1 - MISSING["profile"])
        profile[:, f] = np.where(hidden | (rng.random(n) < also), 0, levels[name] + 1)
        factors += spread * rng.normal(size=(size + 1, N_FACTORS))[profile[:, f]]
    weight = np.concatenate([rng.permutation(zipf(size, 0.6, 0)) for size in sizes])
    pools = [slice(a, b) for a, b in pairwise(bounds)]
    return Users(profile, factors, weight, ACTIVITY * standard(np.log(weight)), pools)


def make_items(rng: np.random.Generator, rows: int) -> Items:
    """Items for so many impressions, the same in all domains."""
    n = min(max(500, rows // PER_ITEM), 2_000_000)  # upper bounds: what the blocks of raw ids hold
    n_shops, n_brands = min(n // 6, 150_000), min(n // 12, 20_000)
    category = 1 + rng.choice(N_CATEGORIES, n, p=zipf(N_CATEGORIES, 2, 3))
    shop = 1 + rng.choice(n_shops, n, p=zipf(n_shops, 0.9, 5))
    brand = 1 + rng.choice(n_brands, n, p=zipf(n_brands, 1, 5))
    brand[rng.random(n) < MISSING["216"]] = 0
    kind = np.stack([category % 2, category // 2 % 2], axis=1) * 2 - 1
    factors = kind + OWN * rng.normal(size=(n, N_FACTORS))
    factors += CATEGORY * rng.normal(size=(N_CATEGORIES + 1, N_FACTORS))[category]
    factors += BRAND * rng.normal(size=(n_brands + 1, N_FACTORS))[brand]
    weight = zipf(n, 1, 10)
    effect = rng.normal(size=N_CATEGORIES + 1)[category] + POPULARITY * standard(np.log(weight))
    return Items(category, shop, brand, factors, weight, effect)


def draw(rng: np.random.Generator, users: Users, items: Items, rows: int) -> Draw:
    """So many impressions, those of a context together, contexts of all domains mixed."""
    per_domain = np.rint(rows * np.cumsum([0, *SHARES])).astype(int)
    contexts, context_users, n = [], [], 0
    for here, count in enumerate(np.diff(per_domain)):
        size = max(1, count // PER_CONTEXT)
        home = np.where(rng.random(size) < VISITS, rng.integers(len(SHARES), size=size), here)
        user = np.zeros(size, np.intp)
        for s, pool in enumerate(users.pools):
            weight = users.weight[pool]
            user[home == s] = pool.start + rng.choice(len(weight), (home == s).sum(), p=weight / weight.sum())
        contexts.append(n + np.sort(rng.integers(size, size=count)))
        context_users.append(user)
        n += size
    context, context_user = np.concatenate(contexts), np.concatenate(context_users)
    domain = np.repeat(np.arange(len(SHARES)), np.diff(per_domain))
    order = np.argsort(rng.random(n)[context], kind="stable")
    item = rng.choice(len(items.weight), rows, p=items.weight)
    return Draw(context[order], context_user[context[order]], item, domain[order], context_user)


def truth(draws: list[Draw], users: Users, items: Items, history: list[np.ndarray]) -> list[np.ndarray]:
    """Click probabilities (N,) of each of several draws; the biases are common to them.

    history  for each draw (N,), how many of the item's category and shop the user has met before: 0, 1 or 2
    """
    user, item, domain = (np.concatenate([getattr(d, name) for d in draws]) for name in ("user", "item", "domain"))
    interaction = (PULL[domain] * users.factors[user] * items.factors[item]).sum(axis=1)
    logit = MAIN * standard(items.effect[item]) + users.effect[user] + HISTORY * np.concatenate(history)
    for s, rate in enumerate(RATES):
        here = domain == s
        logit[here] += INTERACTION * standard(interaction[here])
        logit[here] += _bias(logit[here], rate)
    return np.split(sigmoid(logit), np.cumsum([len(d.user) for d in draws])[:-1])


def _bias(logit, rate):
    """What to add to the logits for their mean probability to be the rate, by bisection."""
    low, high = -30.0, 30.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(logit + middle).mean() < rate else (low, middle)
    return low


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Probability of a logit."""
    return 1 / (1 + np.exp(-x))


def zipf(n: int, power: float, flat: float) -> np.ndarray:
    """Weights of n ranks, sum 1: (rank + flat) ** -power."""
    weight = (np.arange(n) + 1.0 + flat) ** -power
    return weight / weight.sum()


def standard(x: np.ndarray) -> np.ndarray:
    """x with mean 0 and deviation 1."""
    return (x - x.mean()) / x.std()
