"""PEPNet on numbers small enough for a blackboard, and what a batch without some domain leaves alone."""

from dataclasses import replace

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.datasets import aliccp_join, kuairand
from croco_np.datasets.splits import Schema
from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import SCHEMA, at_blackboard, draw_batch
from croco_np.layers import Dense, Embeddings, GateUnit, Linear, PerDomain
from croco_np.models import Output
from croco_np.models.pepnet import PEPNet
from croco_np.tree import RowGrad, flatten, tree_map

LN3 = np.log(3)


def equal(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def leaf(x):
    return np.array(x, float)


def test_gate_unit_by_hand():
    # v = relu(1 + 2 - 1) = 2; u = 2 (ln 3)/2 = ln 3; sigmoid 3/4, delta 3/2. The other domain's block: u = 0, delta 1.
    unit = GateUnit(n_in=2, n_hidden=1, n_out=1, n_domains=2)
    p = {
        "first": {"W": leaf([[1], [1]]), "b": leaf([-1])},
        "second": [{"W": leaf([[LN3 / 2]]), "b": leaf([0])}, {"W": leaf([[0]]), "b": leaf([0])}],
    }
    delta, cache = unit.forward(p, (slice(0, 1), slice(1, 1)), leaf([[1, 2]]))
    equal(delta, [[1.5]])
    # du = 4 * 3/2 * (1 - 3/4) = 3/2; dW2 = 2 * 3/2; dv = 3/2 (ln 3)/2; dx = dv (1, 1); dW1 = (1, 2) dv
    dx, grads = unit.backward(cache, leaf([[4]]))
    equal(dx, [[0.75 * LN3, 0.75 * LN3]])
    equal(grads["second"][0]["W"], [[3]])
    equal(grads["first"]["W"], [[0.75 * LN3], [1.5 * LN3]])
    assert not grads["second"][1]["W"].any()
    equal(unit.forward(p, (slice(0, 0), slice(0, 1)), leaf([[1, 2]]))[0], [[1]])


def test_gate_unit_stays_between_0_and_gamma():
    unit = GateUnit(1, 1, 2)
    p = {
        "first": {"W": leaf([[1]]), "b": leaf([0])},
        "second": [{"W": leaf([[1e4, -1e4]]), "b": leaf([0, 0])}],
    }
    with np.errstate(all="raise"):
        equal(unit.forward(p, (slice(None),), leaf([[1]]))[0], [[2, 0]])


def by_hand(gate_at, stop=True, n_towers=1):
    """One field, one hidden layer, all widths 1: a model, its parameters and a row of the first of two domains."""
    n_gates = {"input": 2, "output": 1}[gate_at]
    model = PEPNet(
        embeddings=Embeddings((2,), 1, 1),
        domain=Embeddings((2,), 1, 1),
        prior=Embeddings((2,), 1, 1),
        epnet=GateUnit(2, 1, 1),
        gates=(GateUnit(2, 1, 1, n_towers),) * n_gates,
        layers=(PerDomain(Dense(1, 1), n_towers),),
        logit=PerDomain(Linear(1, 1), n_towers),
        personal_fields=(0,),
        stop=stop,
    )
    both = leaf([[1], [1]]), leaf([0])

    def unit(w, n_blocks):
        return {
            "first": dict(zip("Wb", both, strict=True)),
            "second": [{"W": leaf([[w]]), "b": leaf([0])} for _ in range(n_blocks)],
        }

    p = {
        "embeddings": {"table": leaf([7, 3]).reshape(2, 1, 1)},
        "domain": {"table": leaf([1, 7]).reshape(2, 1, 1)},
        "prior": {"table": leaf([7, 0.5]).reshape(2, 1, 1)},
        "epnet": unit(LN3 / 4, 1),
        "gates": [unit(-LN3 / 5, n_towers) for _ in range(n_gates)],
        "layers": [[{"W": leaf([[2]]), "b": leaf([1])} for _ in range(n_towers)]],
        "logit": [{"W": leaf([[2]]), "b": leaf([0.5])} for _ in range(n_towers)],
    }
    row = np.array([[1]])
    return model, p, Batch(row, row, (slice(0, 1), slice(1, 1)), np.ones(1))


def backward(model, p, batch):
    out, cache = model.forward(p, batch)
    return out.logits, flatten(model.backward(cache, Output(np.ones(1))))


@pytest.mark.parametrize("n_towers", [1, 2])
def test_forward_and_backward_by_hand(n_towers):
    # EPNet: v = e + x = 1 + 3, u = 4 (ln 3)/4, delta = 3/2, o = 9/2. PPNet: v = r + o = 5, u = -ln 3, delta = 1/2.
    # h = relu(2 * (1/2 * 9/2) + 1) = 11/2, z = 2 * (1/2 * 11/2) + 1/2
    z, g = backward(*by_hand("input", n_towers=n_towers))
    equal(z, [6])
    # Logit: dW = 11/4; d(delta h) = 2: ddelta = 2 * 11/2 = 11, dh = 2 * 1/2 = 1
    equal(g["logit.0.W"], [[2.75]])
    # Hidden layer: dW = 1 * 9/4; d(delta o) = 2: ddelta = 2 * 9/2 = 9, do = 2 * 1/2 = 1
    equal(g["layers.0.0.W"], [[2.25]])
    # PPNet's gates: du = ddelta * 1/2 * (1 - 1/4) = 27/8 and 33/8; dW2 = 5 du
    equal(g["gates.0.second.0.W"], [[16.875]])
    equal(g["gates.1.second.0.W"], [[20.625]])
    # Both read r: dr = (27/8 + 33/8) (-(ln 3)/5), the same for o: dropped
    equal(g["prior.table"].values, [[[-1.5 * LN3]]])
    # EPNet's gate: ddelta = 1 * 3, du = 3 * 3/2 * 1/4 = 9/8; dW2 = 4 du; de = du (ln 3)/4; dx = 1 * 3/2 and no more
    equal(g["epnet.second.0.W"], [[4.5]])
    equal(g["domain.table"].values, [[[0.28125 * LN3]]])
    equal(g["embeddings.table"].values, [[[1.5]]])


def test_open_stops_add_what_the_gates_say():
    _, g = backward(*by_hand("input", stop=False))
    do = 1 - 1.5 * LN3  # from the tower, and from PPNet's gates
    du = do * 3 * 1.5 * 0.25
    equal(g["epnet.second.0.W"], [[4 * du]])
    equal(g["embeddings.table"].values, [[[do * 1.5 + du * LN3 / 4]]])


def test_gate_at_the_output_by_hand():
    # h = 1/2 relu(2 * 9/2 + 1) = 5, z = 2 * 5 + 1/2; dh = 2: ddelta = 2 * 10, the layer gets 2 * 1/2, do = 1 * 2
    z, g = backward(*by_hand("output"))
    equal(z, [10.5])
    equal(g["gates.0.second.0.b"], [20 * 0.5 * 0.75])
    equal(g["layers.0.0.W"], [[4.5]])
    equal(g["embeddings.table"].values, [[[2 * 1.5]]])


@pytest.mark.parametrize(("gate_at", "n_gates"), [("input", 4), ("output", 3)])
def test_an_absent_domain_gets_exactly_zero(gate_at, n_gates):
    model = at_blackboard("pepnet", task_towers="domain", gate_at=gate_at)
    rng = np.random.default_rng(0)
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    out, cache = model.forward(p, draw_batch(rng))
    grads = flatten(model.backward(cache, Output(rng.standard_normal(out.logits.shape))))
    for domain, arrives in ("0", True), ("2", False):
        blocks = [path for path in grads if path.startswith(("gates", "layers", "logit")) and path[-3] == domain]
        assert len(blocks) == 2 * (n_gates + 3 + 1)  # W and b of the gates, three hidden layers and the logit
        assert all(grads[path].any() == arrives for path in blocks)
    assert grads["domain.table"].rows.tolist() == [0, 1, 3]


def test_a_shared_tower_knows_the_domain_by_epnet_alone():
    """What a domain has to itself is its row of the domain table: were the rows alike, so were the scores."""
    model, rng = at_blackboard("pepnet"), np.random.default_rng(0)
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    assert {len(layer) for layer in (*p["layers"], p["logit"])} == {1}
    batch = draw_batch(rng)
    ids = np.repeat(batch.ids[:1], len(batch.ids), axis=0)  # one impression, in every domain
    scores = model.forward(p, batch._replace(ids=ids))[0].logits
    assert len({round(scores[rows.start], 9) for rows in batch.domains if rows.stop > rows.start}) == 3
    p["domain"]["table"][:] = 1
    scores = model.forward(p, batch._replace(ids=ids))[0].logits
    equal(scores, np.full(12, scores[0]))


def test_one_domain_and_no_context():
    schema = Schema(("user", "item", "domain"), (4, 3, 2), "user", "item", "domain", ("a",))
    model = at_blackboard("pepnet", schema)
    rng = np.random.default_rng(1)
    ids = np.stack([rng.integers(0, 4, 6), rng.integers(0, 3, 6), np.ones(6, int)], axis=1)
    batch = Batch(ids, ids, (slice(0, 6),), np.ones(6))
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    assert_ok(check(replace(model, stop=False), p, (batch,), rng))


def test_no_rows():
    model = at_blackboard("pepnet")
    rng = np.random.default_rng(0)
    batch = draw_batch(rng).only(slice(0, 0))._replace(domains=(slice(0, 0),) * 4)
    out, cache = model.forward(model.init(rng), batch)
    assert out.logits.shape == (0,)
    for g in flatten(model.backward(cache, Output(out.logits))).values():
        assert not (g.values if isinstance(g, RowGrad) else g).any()


def test_prior_fields_are_user_item_and_whose_it_is():
    assert [SCHEMA.fields[f] for f in SCHEMA.personal_fields] == ["user", "item", "category"]
    assert aliccp_join.SHOP in aliccp_join.FIELDS
    assert "author_id" in kuairand.FIELDS


def test_unknown_gate_position():
    with pytest.raises(ValueError, match=r"^gate_at middle: choose one of input, output$"):
        at_blackboard("pepnet", gate_at="middle")
