"""Part 2: forward outputs and all gradients of every layer, loss and system are the host's, but for rounding.

Differences are relative to the largest entry of each array. In float64 they may be 1e-12, some thousand times the
rounding of one operation, for sums in another order and the device's own exponential. In float32 they may be 2e-5, some
hundred times its rounding. Not more: a wrong index, a lost row or a product on tensor cores in tf32 (1e-3) must show.
The gradient of a bias is a sum over rows, whose terms may cancel to a ten-thousandth of their size and leave their
rounding: an array counts as no smaller than `LEAST` of the largest. One that is wrong throughout still shows, down to a
five-millionth of the largest.
Batches are small enough that none of a few thousand ReLUs or signs of covariances lies within rounding of its kink.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from croco_np.batch import Batch, domain_slices
from croco_np.gradcheck.cases import SCHEMA, at_blackboard
from croco_np.kernels.twin import using
from croco_np.models import MODELS
from croco_np.objective import Objective
from croco_np.tree import tree_map

from ..moved import moved
from ..one_pass import GROUPS, cast, run
from .item import PRECISIONS, Found, Item, Place, furthest

TOLERANCE = {"float64": 1e-12, "float32": 2e-5}
LEAST = 0.01
COUNTS = (37, 1, 0, 62)  # rows of the domains: more than a warp, one, none
ODD = {"n_experts": 5, "embedding_width": 3, "expert_sizes": (33, 17), "tower_sizes": (9,), "prior_width": 3}


def parity(place: Place) -> Iterator[Item]:
    wanted = [group for group in GROUPS if group not in MODELS or group in place.systems]
    if set(place.systems) != set(MODELS):
        wanted = list(place.systems)
    for side, kernels in place.sides.items():
        for dtype in PRECISIONS:
            for group in wanted:
                measure = partial(blackboard, place, group, dtype, kernels)
                yield Item(f"{group}, {dtype}, {side}", measure, TOLERANCE[dtype])
            for name in place.systems:
                measure = partial(odd, place, name, dtype, kernels)
                yield Item(f"{name}, 100 rows, {dtype}, {side}", measure, TOLERANCE[dtype])


def blackboard(place: Place, group: str, dtype: str, kernels: str) -> Found:
    """All cases of a group at blackboard size: the worst, and its name."""
    worst = Found(0.0)
    for label, draw in GROUPS[group]().items():
        here = run(draw, lambda x: x, dtype)
        with using(kernels):
            there = run(draw, lambda x: moved(x, place.gpu), dtype)
        found = furthest(there, here, LEAST)
        if not found.figure <= worst.figure:
            worst = Found(found.figure, f"{label}: {found.where}")
    return worst


def odd(place: Place, name: str, dtype: str, kernels: str) -> Found:
    """A system at sizes that fill no warp and no block, under its objective."""
    model, rng = at_blackboard(name, **fitting(name)), np.random.default_rng(2)
    params, batch = cast(model.init(rng), dtype), rows(rng, dtype)
    params = tree_map(lambda w: w + (0.1 * rng.standard_normal(w.shape)).astype(dtype), params)
    objective = Objective("domain_mean", alpha=0.1)

    def step(bring):
        some = batch.brought(bring)
        out, cache = model.forward(tree_map(bring, params), some)
        parts, d, _ = objective(out, some)
        return out, parts["total"], model.backward(cache, d)

    here = step(lambda a: a)
    with using(kernels):
        there = step(place.gpu.bring)
    return furthest(there, here, LEAST)


def fitting(name: str) -> dict:
    """Those of the odd sizes that a system has and does not choose itself."""
    system = MODELS[name]
    return {key: size for key, size in ODD.items() if key in system.keywords() and key not in system.blackboard}


def rows(rng: np.random.Generator, dtype: str) -> Batch:
    """100 rows over four domains, one of a single row, one absent."""
    domains = np.repeat(np.arange(4), COUNTS)
    ids = np.stack([rng.integers(0, n, len(domains)) for n in SCHEMA.vocabulary], axis=1)
    ids[:, 3] = domains + 1
    labels = rng.integers(0, 2, len(domains)).astype(dtype)
    return Batch(ids, ids[:, SCHEMA.prior_fields], domain_slices(domains, 4), labels)
