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
        "second": {"0": {"W": leaf([[LN3 / 2]]), "b": leaf([0])}, "1": {"W": leaf([[0]]), "b": leaf([0])}},
    }
    delta, cache = unit.forward(p, (slice(0, 1), slice(1, 1)), leaf([[1, 2]]))
    equal(delta, [[1.5]])
    # du = 4 * 3/2 * (1 - 3/4) = 3/2; dW2 = 2 * 3/2; dv = 3/2 (ln 3)/2; dx = dv (1, 1); dW1 = (1, 2) dv
    dx, grads = unit.backward(cache, leaf([[4]]))
    equal(dx, [[0.75 * LN3, 0.75 * LN3]])
    equal(grads["second"]["0"]["W"], [[3]])
    equal(grads["first"]["W"], [[0.75 * LN3], [1.5 * LN3]])
    assert not grads["second"]["1"]["W"].any()
    equal(unit.forward(p, (slice(0, 0), slice(0, 1)), leaf([[1, 2]]))[0], [[1]])


def test_gate_unit_stays_between_0_and_gamma():
    unit = GateUnit(1, 1, 2)
    p = {
        "first": {"W": leaf([[1]]), "b": leaf([0])},
        "second": {"0": {"W": leaf([[1e4, -1e4]]), "b": leaf([0, 0])}},
    }
    with np.errstate(all="raise"):
        equal(unit.forward(p, (slice(None),), leaf([[1]]))[0], [[2, 0]])


def by_hand(gate_at, stop=True):
    """One field, one layer, all widths 1: a model, its parameters and a row of the first of two domains."""
    model = PEPNet(
        embeddings=Embeddings((2,), 1, 1),
        domain=Embeddings((2,), 1, 1),
        prior=Embeddings((2,), 1, 1),
        epnet=GateUnit(2, 1, 1),
        gates=(GateUnit(2, 1, 1, 2),),
        layers=(PerDomain(Dense(1, 1), 2),),
        logit=PerDomain(Linear(1, 1), 2),
        personal_fields=(0,),
        gate_at=gate_at,
        stop=stop,
    )
    both = leaf([[1], [1]]), leaf([0])

    def unit(w, blocks):
        return {
            "first": dict(zip("Wb", both, strict=True)),
            "second": {s: {"W": leaf([[w]]), "b": leaf([0])} for s in blocks},
        }

    p = {
        "embeddings": {"table": leaf([7, 3]).reshape(2, 1, 1)},
        "domain": {"table": leaf([1, 7]).reshape(2, 1, 1)},
        "prior": {"table": leaf([7, 0.5]).reshape(2, 1, 1)},
        "epnet": unit(LN3 / 4, "0"),
        "gates": {"0": unit(-LN3 / 5, "01")},
        "layers": {"0": {s: {"W": leaf([[2]]), "b": leaf([1])} for s in "01"}},
        "logit": {s: {"W": leaf([[2]]), "b": leaf([0.5])} for s in "01"},
    }
    row = np.array([[1]])
    return model, p, Batch(row, row, (slice(0, 1), slice(1, 1)), np.ones(1))


def backward(model, p, batch):
    out, cache = model.forward(p, batch)
    return out.logits, flatten(model.backward(cache, Output(np.ones(1))))


def test_forward_and_backward_by_hand():
    # EPNet: v = e + x = 1 + 3, u = 4 (ln 3)/4, delta = 3/2, o = 9/2. PPNet: v = r + o = 5, u = -ln 3, delta = 1/2.
    # h = relu(2 * (1/2 * 9/2) + 1) = 11/2, z = 2 * 11/2 + 1/2
    z, g = backward(*by_hand("input"))
    equal(z, [11.5])
    # dh = 2; dW = 2 * 9/4; d(delta h) = 4: ddelta = 4 * 9/2 = 18, do = 4 * 1/2 = 2
    equal(g["logit.0.W"], [[5.5]])
    equal(g["layers.0.0.W"], [[4.5]])
    # PPNet's gate: du = 18 * 1/2 * (1 - 1/4) = 27/4; dW2 = 5 du; dr = du (-(ln 3)/5), the same for o: dropped
    equal(g["gates.0.second.0.W"], [[33.75]])
    equal(g["prior.table"].values, [[[-1.35 * LN3]]])
    # EPNet's gate: ddelta = 2 * 3, du = 6 * 3/2 * 1/4 = 9/4; dW2 = 4 du; de = du (ln 3)/4; dx = 2 * 3/2 and no more
    equal(g["epnet.second.0.W"], [[9]])
    equal(g["domain.table"].values, [[[0.5625 * LN3]]])
    equal(g["embeddings.table"].values, [[[3]]])


def test_open_stops_add_what_the_gates_say():
    _, g = backward(*by_hand("input", stop=False))
    do = 2 - 1.35 * LN3  # from the tower, and from PPNet's gate
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


@pytest.mark.parametrize("gate_at", ["input", "output"])
def test_an_absent_domain_gets_exactly_zero(gate_at):
    model = at_blackboard("pepnet", gate_at=gate_at)
    rng = np.random.default_rng(0)
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    out, cache = model.forward(p, draw_batch(rng))
    grads = flatten(model.backward(cache, Output(rng.standard_normal(out.logits.shape))))
    for domain, arrives in ("0", True), ("2", False):
        blocks = [path for path in grads if path.startswith(("gates", "layers", "logit")) and path[-3] == domain]
        assert len(blocks) == 2 * (3 + 3 + 1)  # W and b of three gates, three layers and the logit
        assert all(grads[path].any() == arrives for path in blocks)
    assert grads["domain.table"].rows.tolist() == [0, 1, 3]


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
