"""Routing: a batch of one domain leaves what belongs to another domain exactly alone.

What belongs to a domain is read off the shapes here, not off gradients: this schema has four domains and the sizes have
no other four, so a parameter with four numbered children, or an axis of four, has a part for each domain.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.gradcheck.cases import SCHEMA, at_blackboard
from croco_np.models import MODELS, Output
from croco_np.tree import RowGrad, flatten, tree_map

S, N_ROWS = 4, 9
FREE_OF_FOURS = {
    "n_experts": 5,
    "embedding_width": 3,
    "expert_sizes": (6, 7),
    "tower_sizes": (9, 8, 10),  # with the two of the experts no four layers, nor three and one
    "prior_width": 2,
    "gate_width": 11,
    "n_specific": 2,
    "n_sub_experts": 3,
}
VARIANTS = [
    *((name, {}) for name in MODELS),
    ("crocodile", {"gate": "scalar"}),
    ("ple", {"shared_gate": "shared_only", "n_levels": 2}),
    ("ple", {"n_levels": 2}),
    ("ple", {"n_levels": 3}),
    ("pepnet", {"gate_at": "output"}),
    *((name, {"gate_sizes": (8, 9)}) for name in ("mmoe", "me_mmoe", "ple", "me_ple", "stem")),
    ("pepnet", {"task_towers": "domain"}),
    ("pepnet", {"task_towers": "domain", "gate_at": "output"}),
]


def stacked(leaf, axis, size):
    """Parts of domain s in a leaf that stacks `size` of them along an axis, in the order of the domains."""
    return lambda s: {leaf: (slice(None),) * axis + (slice(s * size, (s + 1) * size),)}


# Parts that no four gives away: S + 1 tables, and experts stacked with the shared ones.
STACKS = {
    "me_ple": [stacked("embeddings.table", 1, 1)],
    "stem": [stacked("embeddings.table", 1, 1)]
    + [stacked(f"experts.{i}.{leaf}", 0, 2) for i in (0, 1) for leaf in ("W", "b")],
}

# Where a row trains foreign parts by definition: HiNet's rows ask all domains' experts and weigh them by the attention;
# the shared path of PLE's early levels mixes all domains' experts ("shared_only" does not).
LEAKS = {
    "hinet": [stacked(f"experts.{i}.{leaf}", 0, 3) for i in (0, 1) for leaf in ("W", "b")]
    + [stacked("gates.W", 1, 3), stacked("gates.b", 0, 3), stacked("attention.W", 1, 1), stacked("attention.b", 0, 1)],
    "ple": [stacked(f"levels.0.experts.{i}.{leaf}", 0, 2) for i in (0, 1) for leaf in ("W", "b")],
}


def build(name, change):
    own = {size: value for size, value in FREE_OF_FOURS.items() if size in MODELS[name].keywords()}
    return at_blackboard(name, **own | change)


def owned(model, params, name):
    """For each domain {path: index of its part}."""
    parts = [{} for _ in range(S)]
    for path, w in flatten(params).items():
        keys = path.split(".")
        node, numbered = params, None
        for i, key in enumerate(keys[:-1]):
            is_list = isinstance(node, list)
            if is_list and len(node) == S:
                numbered = i
            node = node[int(key) if is_list else key]
        axes = [axis for axis, n in enumerate(w.shape) if n == S]
        if numbered is not None:
            parts[int(keys[numbered])][path] = ...
        elif axes:
            for s in range(S):
                parts[s][path] = (slice(None),) * axes[0] + (s,)
    for stack in STACKS.get(name, []):
        for s in range(S):
            parts[s].update(stack(s))
    return parts


def gradients(model, params, domain, seed=0):
    """What a batch of one domain does to each leaf: its gradient, or for a tracked value the way it moves."""
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.integers(0, n, N_ROWS) for n in SCHEMA.vocabulary], axis=1)
    slices = [slice(0, 0)] * domain + [slice(0, N_ROWS)] + [slice(N_ROWS, N_ROWS)] * (S - domain - 1)
    out, cache = model.forward(params, Batch(ids, ids[:, SCHEMA.prior_fields], tuple(slices), np.zeros(N_ROWS)))
    pull = Output(*(None if y is None else rng.standard_normal(np.shape(y)) for y in out))  # random at every tap
    pull = pull._replace(experts=None, penalty=None if out.penalty is None else 1.0)  # CovLoss trains all experts
    flat, leaves = flatten(model.backward(cache, pull)), flatten(params)
    for path, g in flat.items():
        if isinstance(g, RowGrad):
            flat[path] = g.dense(leaves[path].shape)
    return flat | {path: value - leaves[path] for path, value in model.tracked(cache).items()}


@pytest.fixture(params=VARIANTS, ids=lambda v: "-".join([v[0], *map(str, v[1].values())]))
def case(request):
    name, change = request.param
    model = build(name, change)
    rng = np.random.default_rng(1)
    params = tree_map(lambda w: np.abs(w + 0.2 * rng.standard_normal(w.shape)), model.init(rng))  # no dead ReLU
    parts = owned(model, params, name)
    leaks = LEAKS.get(name, []) if name != "ple" or change.get("n_levels", 1) > 1 else []
    leaks = [] if change.get("shared_gate") else leaks
    foreign = [{} for _ in range(S)]
    for leak in leaks:
        for s in range(S):
            foreign[s].update(leak(s))
    strict = [{p: at for p, at in part.items() if p not in leak} for part, leak in zip(parts, foreign, strict=True)]
    return SimpleNamespace(name=name, change=change, model=model, params=params, parts=strict, leaks=foreign)


def test_foreign_parameters_stay_exactly_alone(case):
    for s in range(S):
        flat = gradients(case.model, case.params, s)
        for t in set(range(S)) - {s}:
            touched = [path for path, at in case.parts[t].items() if np.any(flat[path][at])]
            assert not touched, f"rows of domain {s} train {touched} of domain {t}"


def test_own_parameters_are_trained(case):
    """Else zeros elsewhere would prove nothing."""
    for s in range(S):
        flat = gradients(case.model, case.params, s)
        assert case.parts[s]
        idle = [path for path, at in case.parts[s].items() if not np.any(flat[path][at])]
        assert not idle, f"rows of domain {s} do not train its own {idle}"


def test_leaks_by_definition_are_there(case):
    for s in range(S):
        flat = gradients(case.model, case.params, s)
        for t in set(range(S)) - {s}:
            dry = [path for path, at in case.leaks[t].items() if not np.any(flat[path][at])]
            assert not dry, f"rows of domain {s} do not train {dry} of domain {t}"


def test_early_gates_leak_from_the_third_level_on():
    """PLE: the gate of domain t in level 0 is read by t's path in level 1, which a third level's shared path reads."""
    for n_levels, leaks in ((2, False), (3, True)):
        model = build("ple", {"n_levels": n_levels})
        params = tree_map(np.abs, model.init(np.random.default_rng(1)))
        flat = gradients(model, params, 0)
        assert np.any(flat["levels.0.gates.1.W"]) == leaks


def test_the_heuristic_finds_what_is_known():
    def found(name, **change):
        model = build(name, change)
        parts = owned(model, model.init(np.random.default_rng(0)), name)
        return {path.split(".")[0] for path in parts[1]}

    assert found("crocodile") == {"gates", "towers"}
    assert found("single_domain") == {"1"}
    assert found("stem") == {"embeddings", "experts", "gates", "towers"}
    assert found("star") == {"domain", "norm", "network"}
    assert found("adasparse") == {"domain"}
    assert found("pepnet") == {"domain"}
    assert found("pepnet", task_towers="domain") == {"domain", "gates", "layers", "logit"}
