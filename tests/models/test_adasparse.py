"""AdaSparse: neurons cut to zero, a pruned share that is steered, and what goes straight through the step."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.layers import Pruner
from croco_np.models import Output
from croco_np.optim import Adam
from croco_np.tree import RowGrad, flatten, tree_map

LN3 = np.log(3)
ALPHA = 2.0


def equal(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def build(**sizes):
    return at_blackboard("adasparse", **sizes)


def drawn(seed=0, **sizes):
    """A model with noise on every parameter, these, a generator, and a batch in which domain c is absent."""
    rng, model = np.random.default_rng(seed), build(**sizes)
    params = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    return model, params, rng, draw_batch(rng)


def prune(mode, epsilon):
    """One row, two neurons 2 and 4; biases make sigmoid 3/4 and 1/4 at alpha = 1, and W is 0."""
    layer = Pruner(1, 2, mode, epsilon)
    p = {"W": np.zeros((3, 2)), "b": np.array([LN3, -LN3])}
    return layer, *layer.forward(p, np.ones((1, 1)), np.array([[2.0, 4]]), 1.0)


@pytest.mark.parametrize(
    ("mode", "epsilon", "pi", "share"),
    [
        ("fusion", 1.0, (1.5, 0), 0.5),  # v = 2 sigmoid = 1.5 and 0.5
        ("fusion", 0.25, (1.5, 0.5), 0),
        ("binarization", 0.5, (1, 0), 0.5),  # v = sigmoid = 0.75 and 0.25
        ("scaling", 1.0, (1.5, 0.5), 0),
    ],
)
def test_pruner_by_hand(mode, epsilon, pi, share):
    _, y, cache = prune(mode, epsilon)
    equal(y, [[2 * pi[0], 4 * pi[1]]])  # a pruned neuron is 0, not negated
    assert cache.share == share


def test_fusion_backward_by_hand():
    # dv = dy h live = 2, 0; da = dv v (1 - v / 2) = 2 * 1.5 * 0.25, 0; dh = dy pi, since W is 0.
    layer, _, cache = prune("fusion", 1.0)
    (de, dh), grads = layer.backward(cache, np.ones((1, 2)))
    equal(grads["b"], [0.75, 0])
    equal(grads["W"], [[0.75, 0], [1.5, 0], [3, 0]])  # inputs 1, 2, 4
    equal(dh, [[1.5, 0]])
    equal(de, [[0]])


def test_share_goes_straight_through_the_step_by_hand():
    # r = mean(1 - live) over 2 neurons: dv = -1/2 each; da = dv v (1 - v / 2) = -0.5 * 0.375 for v = 1.5 and 0.5.
    layer, _, cache = prune("fusion", 1.0)
    _, grads = layer.backward(cache, np.zeros((1, 2)), 1.0)
    equal(grads["b"], [-0.1875, -0.1875])


def test_binarization_goes_straight_through_the_step_by_hand():
    # dv = dy h = 2, 4, pruned or not; da = dv v (1 - v) = 2 * 3/16, 4 * 3/16.
    layer, _, cache = prune("binarization", 0.5)
    _, grads = layer.backward(cache, np.ones((1, 2)))
    equal(grads["b"], [0.375, 0.75])


@dataclass(frozen=True)
class Straight:
    """A pruner with a line in the place of its step: live + v - v0, equal to the step at v0 and of slope 1.

    That is what "straight through" means, and this is smooth, so it can be measured.
    """

    pruner: Pruner
    v0: np.ndarray
    live: np.ndarray

    def forward(self, p, e, h):
        _, cache = self.pruner.forward(p, e, h, ALPHA)
        line = self.live + cache.v - self.v0
        pi = line if self.pruner.mode == "binarization" else cache.v * self.live
        return (h * pi, 1 - line.mean()), cache

    def backward(self, c, d):
        return self.pruner.backward(c, *d)


@pytest.mark.parametrize("mode", ["fusion", "binarization"])
@pytest.mark.parametrize("seed", range(3))
def test_straight_through_is_the_gradient_of_a_line(mode, seed):
    rng, pruner = np.random.default_rng(seed), Pruner(3, 4, mode, epsilon=0.5 if mode == "binarization" else 1.0)
    p, e, h = pruner.init(rng), rng.standard_normal((6, 3)), rng.standard_normal((6, 4))
    y, cache = pruner.forward(p, e, h, ALPHA)
    straight = Straight(pruner, cache.v, cache.live)
    (same, share), _ = straight.forward(p, e, h)
    equal(same, y)
    equal(share, cache.share)
    assert 0 < share < 1
    assert_ok(check(straight, p, (e, h), rng))


@pytest.mark.parametrize("mode", ["fusion", "binarization"])
def test_the_true_gradient_of_the_share_is_zero(mode):
    """Closed: what is said is not what can be measured, and that is meant."""
    rng, pruner = np.random.default_rng(0), Pruner(3, 4, mode, epsilon=0.5)
    p, e, h = pruner.init(rng), rng.standard_normal((6, 3)), rng.standard_normal((6, 4))
    _, cache = pruner.forward(p, e, h, ALPHA)
    moved = pruner.forward(p | {"b": p["b"] + 1e-9}, e, h, ALPHA)[1]
    assert moved.share == cache.share
    assert (pruner.backward(cache, np.zeros_like(h), 1.0)[1]["b"] < 0).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mode", ["fusion", "scaling"])
def test_backward_where_it_is_exact(seed, mode):
    model, params, rng, batch = drawn(seed, prune_mode=mode)
    out, cache = model.forward(params, batch)
    assert out.penalty is None
    assert all(0 < c.share < 1 for c in cache.pruners) == (mode == "fusion")
    assert_ok(check(model, params, (batch,), rng))


def test_penalty_by_hand():
    # Lambda is 0.505. Shares 0.5, 0.2, 0.16 and 0.1: the second and the third are
    # within [0.15, 0.25], the others 0.3 and -0.1 from 0.2.
    model = build(prune_penalty=1.0)
    gap, weights = model.control([SimpleNamespace(share=r) for r in (0.5, 0.2, 0.16, 0.1)], 0.505)
    equal(gap, [0.3, 0, -0.04, -0.1])
    equal(weights, [0.505 * 0.3, 0, 0, 0.505 * 0.1])


@pytest.mark.parametrize(("bias", "low", "high"), [(1.0, -np.inf, 0), (-1.0, 0, np.inf)])
def test_the_penalty_steers_the_share(bias, low, high):
    """Biases up: nothing is pruned, so the gradient is positive and descent prunes. Biases down: the other way."""
    model, params, _, batch = drawn(prune_penalty=1.0)
    params["pruners"] = tree_map(np.zeros_like, params["pruners"])
    for p in params["pruners"]:
        p["b"] += bias
    out, cache = model.forward(params, batch)
    gaps = [c.share - 0.2 for c in cache.pruners]
    assert all(low < gap < high for gap in gaps)
    weight = model.schedule(params["step"], params["ramp"])[1]
    equal(out.penalty, weight * np.square(gaps).mean())
    last = flatten(model.backward(cache, Output(np.zeros(12), penalty=1.0)))["pruners.1.b"]
    # The last pruner's dv is -lambda_l sgn(gap) / (L B n), the same for every row and neuron.
    v, alpha, n = cache.pruners[1].v, model.schedule(params["step"], params["ramp"])[0], 3
    dv = -weight * gaps[1] / (2 * 12 * n)
    equal(last, (dv * alpha * v * (1 - v / 2)).sum(axis=0))
    assert (np.sign(last) == np.sign(bias)).all()


def test_schedules_follow_training_steps_and_stop():
    """Two epochs of 50 steps, then of 10: the parameters keep the pace that they began with."""
    model = build(prune_penalty=2.0, prune_epochs=2.0).paced(50)
    ramp = model.init(np.random.default_rng(0))["ramp"]
    for said in (model, model.paced(10)):
        equal(said.schedule(np.array([0.0]), ramp), (0.1, 0.02))
        equal(said.schedule(np.array([50.0]), ramp), (2.55, 1.01))
        equal(said.schedule(np.array([1e6]), ramp), (5, 2))
    assert model.paced(10).init(np.random.default_rng(0))["ramp"] == 20
    assert build(prune_epochs=0.0).init(np.random.default_rng(0))["ramp"] == 1  # from the second step on


def test_training_counts_steps_and_evaluation_does_not():
    model, params, _, batch = drawn()
    params["step"][:] = 0
    optimiser = Adam()
    state = optimiser.init(params)
    for t in range(3):
        for training in (False, True):
            out, cache = model.forward(params, batch._replace(training=training))
            assert params["step"] == t
        grads = model.backward(cache, Output(np.ones_like(out.logits)))
        optimiser.step(params, grads, state, tracked=model.tracked(cache))
    assert params["step"] == 3


def test_an_absent_domain_keeps_its_embedding():
    model, params, rng, batch = drawn()
    out, cache = model.forward(params, batch)
    grads = model.backward(cache, Output(rng.standard_normal(out.logits.shape)))
    assert grads["domain"]["table"].rows.tolist() == [0, 1, 3]


@pytest.mark.parametrize("n", [0, 12])
@pytest.mark.parametrize("mode", ["fusion", "binarization", "scaling"])
def test_no_rows_and_single_precision(n, mode):
    model, params, _, batch = drawn(prune_mode=mode, prune_penalty=1.0)
    params = tree_map(lambda w: w.astype(np.float32), params)
    batch = batch if n else Batch(batch.ids[:0], batch.prior_ids[:0], (slice(0, 0),) * 4, batch.labels[:0])
    out, cache = model.forward(params, batch)
    grads = flatten(model.backward(cache, Output(np.ones(n, np.float32), penalty=1.0)))
    assert out.logits.shape == (n,)
    assert out.logits.dtype == np.float32
    assert (out.penalty is None) == (mode == "scaling")
    tracked = model.tracked(cache)
    assert grads.keys() == flatten(params).keys() - tracked.keys()
    for array in [*(g.values if isinstance(g, RowGrad) else g for g in grads.values()), *tracked.values()]:
        assert array.dtype == np.float32
