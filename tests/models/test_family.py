"""Systems as relatives of each other: where two of them must agree, and what holds for all of them."""

from dataclasses import replace

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.errors import OptionError
from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import DOMAINS, SCHEMA, SIZES, at_blackboard, draw_batch
from croco_np.layers import Embeddings, Experts, Extraction, PerDomain, ScalarGate, Tower
from croco_np.models import MODELS, PLE, Output
from croco_np.models.assembly import shape_tree
from croco_np.tree import RowGrad, flatten, tree_map, with_leaves

N_DOMAINS, ABSENT = len(SCHEMA.domains), 2  # the batch has no rows of domain 2
N_SPECIFIC, N_SHARED = 2, 1  # experts of PLE and STEM at blackboard size
ONE_DOMAIN = replace(SCHEMA, domains=("all",))
DEEP = ({"n_levels": 3}, {"n_levels": 3, "n_shared": 2, "shared_gate": "shared_only"})
SYSTEMS = [*((name, {}) for name in MODELS), *(("ple", sizes) for sizes in DEEP), ("crocodile", {"gate": "scalar"})]
SYSTEMS.append(("crocodile", {"n_tables": 1}))
every_system = pytest.mark.parametrize(("name", "sizes"), SYSTEMS, ids=lambda x: x if isinstance(x, str) else str(x))


def build(name, schema=SCHEMA, **sizes):
    return at_blackboard(name, schema, **sizes)


def draw(model, seed=0):
    """Parameters away from where they start: biases are not 0."""
    rng = np.random.default_rng(seed)
    return flatten(tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng)))


def as_tree(model, p):
    """{path: leaf} of all parameters as the tree that the model takes."""
    tree = shape_tree(model)
    assert p.keys() == flatten(tree).keys()
    return with_leaves(tree, p)


def pulls(n):
    """Gradients at n logits."""
    return np.random.default_rng(2).standard_normal(n)


def run(model, p, batch, dlogits=None):
    """The output, and what pulls on the logits leave at each parameter, {path: full array}: gradient or new value."""
    out, cache = model.forward(as_tree(model, p), batch)
    grads = flatten(model.backward(cache, Output(pulls(len(out.logits)) if dlogits is None else dlogits)))
    for path, g in grads.items():
        if isinstance(g, RowGrad):
            grads[path] = g.dense(p[path].shape)
    return out, grads | model.tracked(cache)


def near(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def near_at(a, b, *starts):
    """The gradients whose paths begin in one of these ways, which both sides must have."""
    for start in starts:
        paths = [path for path in b if path.startswith(start)]
        assert paths, start
        for path in paths:
            near(a[path], b[path])


@pytest.fixture
def batch():
    return draw_batch(np.random.default_rng(1))


@pytest.fixture
def rows_of_d(batch):
    """Only the rows of the last domain, in a batch that knows all four."""
    rows = DOMAINS[3]
    n = rows.stop - rows.start
    domains = (slice(0, 0), slice(0, 0), slice(0, 0), slice(0, n))
    return Batch(batch.ids[rows], batch.prior_ids[rows], domains, batch.labels[rows])


# Two systems that agree


def test_single_domain_is_as_many_shared_bottoms(batch):
    model, one = build("single_domain"), build("shared_bottom", ONE_DOMAIN)
    p = draw(model)
    out, grads = run(model, p, batch)
    dlogits = pulls(len(batch.labels))
    for s, rows in enumerate(batch.domains):
        own = {path.removeprefix(f"{s}."): w for path, w in p.items() if path.startswith(f"{s}.")}
        out_s, grads_s = run(one, own, batch.only(rows), dlogits[rows])
        near(out.logits[rows], out_s.logits)
        near_at({path.removeprefix(f"{s}."): g for path, g in grads.items() if path.startswith(f"{s}.")}, grads_s, "")


def test_mmoe_with_one_expert_is_shared_bottom(batch):
    mmoe, bottom = build("mmoe", n_experts=1), build("shared_bottom")
    p = draw(mmoe)
    # A softmax over one expert is 1, whatever the gate says.
    q = {path.replace("experts", "bottom"): w[0] if "experts" in path else w for path, w in p.items()}
    q = {path: w for path, w in q.items() if not path.startswith("gates")}
    (out, grads), (out_q, grads_q) = run(mmoe, p, batch), run(bottom, q, batch)
    near(out.logits, out_q.logits)
    near_at(grads, grads_q, "embeddings", "towers")
    near_at({path.replace("experts", "bottom"): g[0] for path, g in grads.items() if g.ndim}, grads_q, "bottom")
    for path, g in grads.items():
        if path.startswith("gates"):
            near(g, 0)


def test_ple_with_one_domain_by_hand():
    # x = 2; specific expert relu(2x) = 4, shared expert relu(3x + 2) = 8; gate logits (ln 3, 0): shares 3/4 and 1/4;
    # h = 3 + 2 = 5; tower 2h + 1 = 11.
    model = PLE(
        embeddings=Embeddings((3,), 1, 1),
        levels=(),
        specific=PerDomain(Experts(1, (1, 1)), 1),
        shared=Experts(1, (1, 1)),
        gates=ScalarGate(1, 2, 1, bias=True),
        towers=PerDomain(Tower((1,)), 1),
    )
    p = {
        "embeddings": {"table": np.array([[[7.0]], [[2.0]], [[7.0]]])},
        "levels": [],
        "specific": [[{"W": np.array([[[2.0]]]), "b": np.array([[0.0]])}]],
        "shared": [{"W": np.array([[[3.0]]]), "b": np.array([[2.0]])}],
        "gates": [{"W": np.zeros((1, 2)), "b": np.array([np.log(3), 0])}],
        "towers": [{"hidden": [], "logit": {"W": np.array([[2.0]]), "b": np.array([1.0])}}],
    }
    ids = np.array([[1]])
    out, cache = model.forward(p, Batch(ids, ids, (slice(0, 1),), np.ones(1)))
    near(out.logits, [11])
    # dz = 1: dh = 2; do = (3/4, 1/4) 2; da = 3/4 * 2 * (4 - 5) and 1/4 * 2 * (8 - 5); dx = 1.5 * 2 + 0.5 * 3 = 4.5
    grads = flatten(model.backward(cache, Output(np.ones(1))))
    near(grads["specific.0.0.W"], [[[1.5 * 2]]])
    near(grads["shared.0.W"], [[[0.5 * 2]]])
    near(grads["gates.0.b"], [-1.5, 1.5])
    near(grads["gates.0.W"], [[-3, 3]])
    near(grads["embeddings.table"].values, [[[4.5]]])


def test_ple_with_one_domain_is_mmoe(batch):
    ple, mmoe = build("ple", ONE_DOMAIN), build("mmoe", ONE_DOMAIN, n_experts=N_SPECIFIC + N_SHARED)
    p, batch = draw(ple), batch.only(slice(0, len(batch.labels)))

    def as_mmoe(tree):
        layers = [path.removeprefix("shared.") for path in tree if path.startswith("shared.")]
        experts = {f"experts.{k}": np.concatenate([tree[f"specific.0.{k}"], tree[f"shared.{k}"]]) for k in layers}
        return experts | {path: w for path, w in tree.items() if not path.startswith(("specific", "shared"))}

    (out, grads), (out_q, grads_q) = run(ple, p, batch), run(mmoe, as_mmoe(p), batch)
    near(out.logits, out_q.logits)
    near(out.gates, out_q.gates)
    near_at(as_mmoe(grads), grads_q, "")


@pytest.mark.parametrize("name", ["mmoe", "ple", "crocodile"])
def test_equal_tables_are_one_table(batch, name):
    if name == "crocodile":
        single, multi = build(name, n_tables=1), build(name)
    else:
        single, multi = build(name), build(f"me_{name}")
    p = draw(single)
    q = p | {"embeddings.table": np.repeat(p["embeddings.table"], multi.embeddings.n_tables, axis=1)}
    (out, grads), (out_q, grads_q) = run(single, p, batch), run(multi, q, batch)
    near(out_q.logits, out.logits)
    grads_q["embeddings.table"] = grads_q["embeddings.table"].sum(axis=1, keepdims=True)
    near_at(grads_q, grads, "")


def test_one_table_an_expert_is_the_default():
    n_experts = SIZES["n_experts"]
    assert build("crocodile", n_tables=0) == build("crocodile") == build("crocodile", n_tables=n_experts)
    for wrong in (2, n_experts + 1):
        with pytest.raises(OptionError, match=f"^n_tables {wrong}: must be 1, one for all experts, or 0, one for each"):
            build("crocodile", n_tables=wrong)


def test_peg_with_equal_shares_in_all_dimensions_is_pg(batch):
    element, scalar = build("crocodile"), build("crocodile", gate="scalar")
    p = draw(scalar)
    n_experts, width = SIZES["n_experts"], SIZES["expert_sizes"][-1]
    q = {path: np.repeat(w, width, axis=1) if path.startswith("gates") else w for path, w in p.items()}
    (out, grads), (out_q, grads_q) = run(scalar, p, batch), run(element, q, batch)
    near(out_q.logits, out.logits)
    near(out_q.gates, np.repeat(out.gates[:, :, None], width, axis=2))
    for path, g in grads_q.items():  # one logit for K dimensions collects the gradients of all K
        near(g.reshape(len(g), n_experts, width).sum(axis=2) if path.startswith("gates") else g, grads[path])


# STEM and its stop-gradient


def stem_and_open():
    """STEM, and STEM without the stop: every row teaches every expert."""
    stem = build("stem")
    return stem, replace(stem, stop=False)


def test_open_stem_is_differentiated_rightly(batch):
    _, model = stem_and_open()
    rng = np.random.default_rng(3)
    assert_ok(check(model, as_tree(model, draw(model)), (batch,), rng, methods=("complex step",)))


def test_the_stop_changes_no_value(batch):
    stem, model = stem_and_open()
    p = draw(stem)
    out, out_open = (m.forward(as_tree(m, p), batch)[0] for m in (stem, model))
    for tap, tap_open in zip(out[:3], out_open[:3], strict=True):
        assert np.array_equal(tap, tap_open)


def test_the_stop_closes_foreign_experts_and_their_tables_and_nothing_else(rows_of_d):
    # With rows of one domain alone, each gradient is either the open one or exactly 0.
    stem, model = stem_and_open()
    p = draw(stem)
    (_, grads), (_, opened) = run(stem, p, rows_of_d), run(model, p, rows_of_d)
    n_foreign = (N_DOMAINS - 1) * N_SPECIFIC
    for path, g in opened.items():
        if path.startswith("experts"):
            assert g[:n_foreign].any()
            assert not grads[path][:n_foreign].any()
            near(grads[path][n_foreign:], g[n_foreign:])
        elif path.startswith("embeddings"):
            assert g[:, : N_DOMAINS - 1].any()
            assert not grads[path][:, : N_DOMAINS - 1].any()
            near(grads[path][:, N_DOMAINS - 1 :], g[:, N_DOMAINS - 1 :])
        else:  # gates and towers; the gate learns from foreign experts as well
            near(grads[path], g)
    assert grads["gates.3.b"][:n_foreign].all()


def test_the_stop_holds_for_a_loss_on_the_experts(rows_of_d):
    stem, _ = stem_and_open()
    out, cache = stem.forward(as_tree(stem, draw(stem)), rows_of_d)
    grads = stem.backward(cache, Output(np.zeros_like(out.logits), experts=np.ones_like(out.experts)))
    db = grads["experts"][0]["b"]
    n_foreign = (N_DOMAINS - 1) * N_SPECIFIC
    assert not db[:n_foreign].any()
    assert db[n_foreign:].any()


def test_stem_whose_gates_shut_out_foreign_experts_is_me_ple(batch):
    # The gates look at their biases alone, since STEM's reads x_s + x_sh and ME-PLE's x_s.
    stem, ple = build("stem"), build("me_ple")
    p = draw(stem)

    def open_to(s):
        return [*range(s * N_SPECIFIC, (s + 1) * N_SPECIFIC), *range(N_DOMAINS * N_SPECIFIC, len(p["gates.0.b"]))]

    for s in range(N_DOMAINS):
        p[f"gates.{s}.W"][:] = 0
        p[f"gates.{s}.b"][[m for m in range(len(p["gates.0.b"])) if m not in open_to(s)]] = -1e4

    def as_ple(tree):
        q = {path: w for path, w in tree.items() if path.startswith(("embeddings", "towers"))}
        for path, w in tree.items():
            if path.startswith("experts"):
                k = path.removeprefix("experts.")
                q |= {f"specific.{s}.{k}": w[open_to(s)[:N_SPECIFIC]] for s in range(N_DOMAINS)}
                q[f"shared.{k}"] = w[-N_SHARED:]
            elif path.startswith("gates"):
                q[path] = w[..., open_to(int(path.split(".")[1]))]
        return q

    (out, grads), (out_q, grads_q) = run(stem, p, batch), run(ple, as_ple(p), batch)
    near(out.logits, out_q.logits)
    gates = tuple(f"gates.{s}.b" for s in range(N_DOMAINS))
    near_at(as_ple(grads), grads_q, "embeddings", "towers", "specific", "shared", *gates)


# PLE's levels


@pytest.mark.parametrize("shared_only", [False, True])
def test_a_level_is_its_formula(shared_only):
    # Row by row and path by path, with an input of its own for each path, which only levels after the first have.
    n_domains, n_specific, n_shared = 2, 2, 3
    layer = Extraction(n_domains, n_specific, n_shared, (4, 3), shared_only)
    p = as_tree(layer, draw(layer))
    x = np.random.default_rng(5).standard_normal((6, n_domains + 1, 4))
    W, b = p["experts"][0]["W"], p["experts"][0]["b"]
    specific, shared = [[0, 1], [2, 3]], [4, 5, 6]
    path_of = {m: j for j, own in enumerate([*specific, shared]) for m in own}
    y, _ = layer.forward(p, x)
    for i in range(len(x)):
        for j, used in enumerate([specific[0] + shared, specific[1] + shared, shared if shared_only else range(7)]):
            o = [np.maximum(x[i, path_of[m]] @ W[m] + b[m], 0) for m in used]
            e = np.exp(x[i, j] @ p["gates"][j]["W"] + p["gates"][j]["b"])
            near(y[i, j], sum(e_m * o_m for e_m, o_m in zip(e, o, strict=True)) / e.sum())


@pytest.mark.parametrize("sizes", DEEP, ids=str)
def test_levels_are_differentiated_rightly(batch, sizes):
    model = build("ple", **sizes)
    rng = np.random.default_rng(3)
    assert_ok(check(model, as_tree(model, draw(model)), (batch,), rng, methods=("complex step",)))


@pytest.mark.parametrize("shared_gate", ["all", "shared_only"])
def test_rows_teach_foreign_experts_through_the_shared_path_only(rows_of_d, shared_gate):
    model = build("ple", n_levels=2, n_shared=2, shared_gate=shared_gate)
    _, grads = run(model, draw(model), rows_of_d)
    n_foreign = (N_DOMAINS - 1) * N_SPECIFIC
    foreign = grads["levels.0.experts.1.b"][:n_foreign]
    assert foreign.any() == (shared_gate == "all")
    assert grads["levels.0.gates.4.b"].any()  # the shared path's own gate learns either way


# All systems


@pytest.mark.parametrize(
    ("name", "sizes", "owns"),
    [
        ("single_domain", {}, ("2.",)),
        ("shared_bottom", {}, ("towers.2.",)),
        ("mmoe", {}, ("towers.2.", "gates.2.")),
        ("me_mmoe", {}, ("towers.2.", "gates.2.")),
        ("ple", {}, ("towers.2.", "gates.2.", "specific.2.")),
        ("ple", {"n_levels": 2}, ("towers.2.", "gates.2.", "specific.2.", "levels.0.gates.2.")),
        ("me_ple", {}, ("towers.2.", "gates.2.", "specific.2.")),
        ("stem", {}, ("towers.2.", "gates.2.")),
        ("crocodile", {}, ("towers.2.", "gates.2.")),
    ],
)
def test_an_absent_domain_learns_nothing(batch, name, sizes, owns):
    model = build(name, **sizes)
    _, grads = run(model, draw(model), batch)
    for own in owns:
        assert [path for path in grads if path.startswith(own)]
    assert not any(g.any() for path, g in grads.items() if path.startswith(owns))
    if name in ("me_ple", "stem"):
        moved = grads["embeddings.table"].any(axis=(0, 2))
        assert not moved[ABSENT]
        assert moved[[0, 3, N_DOMAINS]].all()  # domain 1 has a single row, which may be off everywhere


@every_system
def test_permuting_rows_inside_a_domain_permutes_the_outputs(batch, name, sizes):
    model = build(name, **sizes)
    p, rng = draw(model), np.random.default_rng(4)
    order = np.concatenate([rng.permutation(np.arange(d.start, d.stop)) for d in batch.domains])
    permuted = Batch(batch.ids[order], batch.prior_ids[order], batch.domains, batch.labels[order])
    dlogits = pulls(len(order))
    (out, grads), (out_q, grads_q) = run(model, p, batch, dlogits), run(model, p, permuted, dlogits[order])
    for tap, tap_q in zip(out[:3], out_q[:3], strict=True):
        if tap is not None:
            near(tap_q, tap[order])
    near_at(grads_q, grads, "")  # parameters do not know the order


@every_system
def test_a_row_alone_has_the_same_outputs(batch, name, sizes):
    # In evaluation: while training, STAR normalises a row by the others of its domain.
    model, batch = build(name, **sizes), batch._replace(training=False)
    p = as_tree(model, draw(model))
    out, _ = model.forward(p, batch)
    for i in range(len(batch.labels)):
        domains = tuple(slice(int(d.start > i), int(d.stop > i)) for d in batch.domains)
        one = Batch(batch.ids[i : i + 1], batch.prior_ids[i : i + 1], domains, batch.labels[i : i + 1], training=False)
        for tap, tap_i in zip(out[:3], model.forward(p, one)[0][:3], strict=True):
            if tap is not None:
                near(tap_i, tap[i : i + 1])


@every_system
def test_a_batch_without_rows(batch, name, sizes):
    model = build(name, **sizes)
    p = draw(model)
    empty = Batch(batch.ids[:0], batch.prior_ids[:0], (slice(0, 0),) * N_DOMAINS, batch.labels[:0])
    out, grads = run(model, p, empty)
    assert out.logits.shape == (0,)
    assert {path: g.shape for path, g in grads.items()} == {path: w.shape for path, w in p.items()}


@every_system
@pytest.mark.parametrize("training", [True, False])
def test_running_values_are_those_that_are_tracked(batch, name, sizes, training):
    # They are parameters without a gradient; all others have one.
    model = build(name, **sizes)
    p = draw(model)
    out, cache = model.forward(as_tree(model, p), batch._replace(training=training))
    tracked = model.tracked(cache)
    assert tuple(tracked) == model.running
    assert {path: value.shape for path, value in tracked.items()} == {path: p[path].shape for path in model.running}
    assert flatten(model.backward(cache, Output(np.ones_like(out.logits)))).keys() == p.keys() - tracked.keys()
