"""HiNet on numbers small enough for a blackboard; and that, unlike elsewhere, absent domains are taught."""

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.datasets.splits import Schema
from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.layers import Embeddings, Experts, Linear, PerDomain, ScenarioAttention, Tower
from croco_np.models import Output
from croco_np.models.hinet import HiNet
from croco_np.tree import RowGrad, flatten, tree_map

LN2 = np.log(2)
KINDS = ("official", "renorm", "with_self")


def equal(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def leaf(x):
    return np.array(x, float)


@pytest.mark.parametrize(
    ("kind", "h", "do", "da"),
    [
        # Logits (0, ln 2, 0): shares 1/4, 1/2, 1/4. A row of domain 0 hears 4/2 + 12/4; q = 2 (0, 4, 12), sum p q = 10.
        ("official", 5, [0, 1, 0.5], [-2.5, -1, 3.5]),
        # Shares 2/3, 1/3 of the other two: 8/3 + 12/3; sum p q = 40/3, da = 2/3 (8 - 40/3), 1/3 (24 - 40/3)
        ("renorm", 20 / 3, [0, 4 / 3, 2 / 3], [0, -32 / 9, 32 / 9]),
        # 8/4 + 4/2 + 12/4; q = (16, 8, 24), sum p q = 14
        ("with_self", 7, [0.5, 1, 0.5], [0.5, -3, 2.5]),
    ],
)
def test_attention_by_hand(kind, h, do, da):
    layer = ScenarioAttention(n_in=1, n_domains=3, kind=kind)
    p = {"W": leaf([[0, LN2, 0]]), "b": leaf([0, 0, 0])}
    domains = slice(0, 1), slice(1, 1), slice(1, 1)
    y, cache = layer.forward(p, domains, leaf([[1]]), leaf([[[8], [4], [12]]]))
    equal(y, [[h]])
    (de, dforeign), grads = layer.backward(cache, leaf([[2]]))
    equal(dforeign[0, :, 0], do)
    equal(grads["W"], [da])
    equal(de, [[da[1] * LN2]])
    equal(sum(da), 0)  # shares can only be moved


@pytest.mark.parametrize(("kind", "heard"), [("official", 0), ("renorm", 0), ("with_self", 8)])
def test_one_domain_hears_nobody_else(kind, heard):
    layer = ScenarioAttention(1, 1, kind)
    h, cache = layer.forward({"W": leaf([[3]]), "b": leaf([0])}, (slice(0, 1),), leaf([[1]]), leaf([[[8]]]))
    equal(h, [[heard]])
    (de, do), _ = layer.backward(cache, leaf([[2]]))
    equal(de, [[0]])
    equal(do, [[[2 if heard else 0]]])


def by_hand():
    """One field, two domains, one sub-expert each, all widths 1; a row of the first domain."""
    model = HiNet(
        embeddings=Embeddings((2,), 1, 1),
        domain=Embeddings((2,), 1, 1),
        experts=Experts(3, (1, 1)),
        gates=Linear(1, 3),
        attention=ScenarioAttention(1, 2),
        towers=PerDomain(Tower((3,)), 2),
    )
    p = {
        "embeddings": {"table": leaf([7, 2]).reshape(2, 1, 1)},
        "domain": {"table": leaf([1, 7]).reshape(2, 1, 1)},
        "experts": {"0": {"W": leaf([[[1]], [[2]], [[3]]]), "b": np.zeros((3, 1))}},
        "gates": {"W": np.ones((1, 3)), "b": np.zeros(3)},
        "attention": {"W": np.zeros((1, 2)), "b": np.zeros(2)},
        "towers": {s: {"hidden": {}, "logit": {"W": leaf([[1], [10], [100]]), "b": np.zeros(1)}} for s in "01"},
    }
    row = np.array([[1]])
    return model, p, Batch(row, row, (slice(0, 1), slice(1, 1)), np.ones(1))


def test_forward_and_backward_by_hand():
    # x = 2: the SEIs say 2, 4 and, shared, 6. Equal shares: half of the foreign 4. z = 1 * 2 + 10 * 2 + 100 * 6
    model, p, batch = by_hand()
    out, cache = model.forward(p, batch)
    equal(out.logits, [622])
    equal(out.experts, [[[2], [4], [6]]])
    g = flatten(model.backward(cache, Output(np.ones(1))))
    # own 10, foreign 1/2, shared 100, each times x = 2; dx = 10 * 1 + 1/2 * 2 + 100 * 3
    equal(g["experts.0.W"].ravel(), [20, 1, 200])
    equal(g["embeddings.table"].values, [[[311]]])
    # attention: q = (0, 4), sum p q = 2, da = 1/2 (0 - 2), 1/2 (4 - 2)
    equal(g["attention.b"], [-1, 1])
    assert not g["gates.W"].any()  # a softmax over one sub-expert


def test_a_loss_pulls_on_the_experts():
    model, p, batch = by_hand()
    _, cache = model.forward(p, batch)
    g = flatten(model.backward(cache, Output(np.zeros(1), experts=leaf([[[1], [2], [3]]]))))
    equal(g["experts.0.W"].ravel(), [2, 4, 6])
    equal(g["embeddings.table"].values, [[[1 + 4 + 9]]])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_teach_every_domain(kind):
    """No stop-gradient: the experts of domain 2, absent from the batch, are taught all the same; its tower is not."""
    model = at_blackboard("hinet", attention=kind)
    rng = np.random.default_rng(0)
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    out, cache = model.forward(p, draw_batch(rng))
    grads = flatten(model.backward(cache, Output(rng.standard_normal(out.logits.shape))))
    n = HiNet.blackboard["n_sub_experts"]
    assert out.experts.shape == (12, 5 * n, 3)
    for path in ("experts.0.W", "experts.1.W", "experts.1.b"):
        assert grads[path][2 * n : 3 * n].any(axis=tuple(range(1, grads[path].ndim))).all(), path
    assert grads["gates.W"][:, 2 * n : 3 * n].any()
    absent = [path for path in grads if path.startswith("towers.2.")]
    assert len(absent) == 4
    assert not any(grads[path].any() for path in absent)
    assert grads["domain.table"].rows.tolist() == [0, 1, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_one_domain(kind):
    schema = Schema(("user", "item", "domain"), (4, 3, 2), "user", "item", "domain", ("a",))
    model = at_blackboard("hinet", schema, attention=kind)
    rng = np.random.default_rng(1)
    ids = np.stack([rng.integers(0, 4, 6), rng.integers(0, 3, 6), np.ones(6, int)], axis=1)
    batch = Batch(ids, ids, (slice(0, 6),), np.ones(6))
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    assert_ok(check(model, p, (batch,), rng))


def test_no_rows():
    model = at_blackboard("hinet")
    rng = np.random.default_rng(0)
    batch = draw_batch(rng).only(slice(0, 0))._replace(domains=(slice(0, 0),) * 4)
    out, cache = model.forward(model.init(rng), batch)
    assert out.logits.shape == (0,)
    for g in flatten(model.backward(cache, Output(out.logits))).values():
        assert not (g.values if isinstance(g, RowGrad) else g).any()


def test_unknown_attention():
    with pytest.raises(ValueError, match=r"^kind 'loud': choose one of official"):
        ScenarioAttention(1, 2, "loud")
